//! InfoGAN (Chen et al. 2016, arXiv:1606.03657): a code in the prior, and a discriminator that
//! recovers it from the sample.

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, Module};
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::activation::leaky_relu;
use burn_gan::burn::tensor::backend::Backend;
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::models::{MlpGenerator, MlpGeneratorConfig};
use burn_gan::network::{Discriminator, Generator, Verdict};
use burn_gan::nn::{Linear, LinearConfig};
use burn_gan::objective::{Loss, Objective, Term};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{Run, Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, burn};

/// Points of the plane to a logit, and to the mode that the code meant.
#[derive(Module, Debug)]
struct Reader<B: Backend> {
    hidden: Linear<B>,
    logit: Linear<B>,
    mode: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Reader<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let hidden = leaky_relu(self.hidden.forward(sample), 0.2);
        let mode = self.mode.forward(hidden.clone());
        Verdict::from(self.logit.forward(hidden)).with_output("mode", mode)
    }
}

type B = Autodiff<Flex>;
type Networks = Gan<MlpGenerator<B, 2>, Reader<B>, B>;

fn prior() -> Latent {
    Latent::normal(2).with_categorical("mode", 4)
}

fn networks(latent: usize) -> Networks {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(latent, [2])
        .with_hidden([32])
        .init(&device)
        .expect("valid sizes");
    let discriminator = Reader {
        hidden: LinearConfig::new(2, 32).init(&device),
        logit: LinearConfig::new(32, 1).init(&device),
        mode: LinearConfig::new(32, 4).init(&device),
    };
    Gan::seeded(generator, discriminator, 3, &device)
}

fn trained(steps: u64, prior: Latent, codes: &[&str]) -> burn_gan::Result<Run<Networks>> {
    let corners = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]];
    let corners = corners.iter().map(|corner| corner.to_vec()).collect();
    let points = Mixture::new(corners, 0.1, None)?.sample(512, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::mutual_information(1.0, codes.iter().copied()));
    let latent = prior.dimensions();
    let config = TrainerConfig::new(steps, 64, prior)
        .with_seed(4)
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(3e-3));
    Trainer::new(config, &Default::default())?.run(networks(latent), &data)
}

#[test]
fn the_code_can_be_recovered_from_samples() {
    let run = trained(200, prior(), &["mode"]).expect("a run");
    assert!(run.ending.is_finished());
    let latent = prior().draw(400, &mut Stream::new(9, "latent"), &Default::default());
    let code = prior().code("mode").expect("a code of the prior");
    let drawn = code.of(&latent).argmax(1);
    let samples = run.state.sampler().generate(latent, &());
    let discriminator = run.state.gan.discriminator.valid();
    let verdict = discriminator.discriminate(samples.clone(), &());
    let recovered = verdict.output("mode").expect("what it returns").clone();
    let right = recovered.argmax(1).equal(drawn).float().mean();
    let right = f64::from(right.into_scalar());
    // By chance it is 1/4; five standard errors above that are 0.36.
    println!("{right} of the codes are recovered");
    assert!(right > 0.7, "{right}");
}

#[test]
fn codes_that_are_not_there_are_refused_with_those_that_are() {
    let refusal = |prior, codes: &[&str]| match trained(1, prior, codes) {
        Ok(_) => panic!("it was trained"),
        Err(error) => error.to_string(),
    };
    let error = refusal(prior(), &["modes"]);
    assert!(error.contains("mutual_information"), "{error}");
    assert!(
        error.contains("no code of the prior, which has mode"),
        "{error}"
    );
    let other = prior().with_continuous("slant", 1);
    let error = refusal(other, &["slant"]);
    assert!(error.contains("Verdict::with_output(\"slant\""), "{error}");
    let error = refusal(prior(), &[]);
    assert!(
        error.contains("objective.terms[0].kind.mutual_information.codes"),
        "{error}"
    );
}
