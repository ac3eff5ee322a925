//! AC-GAN (Odena, Olah, Shlens 2016, arXiv:1610.09585) as a program of its own: a discriminator that
//! tells classes, and its term, written without the one that the crate has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn_gan::burn::optim::GradientsParams;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::data::{Dataset, LabelledDataset, MemoryDataset, Mixture};
use burn_gan::models::{Conditional, LabelEmbedding, MlpGenerator, MlpGeneratorConfig};
use burn_gan::network::{
    Condition, ConditionRule, Discriminator, Generator, Labels, Network, Verdict,
};
use burn_gan::nn::{Linear, LinearConfig};
use burn_gan::objective::{CostTerm, Judged, Loss, Memory, Objective, Pass, Term, TermInfo};
use burn_gan::random::Stream;
use burn_gan::step::{
    HalfStep, OptimizerConfig, Share, StepBatch, StepSettings, TrainState, discriminator_gradients,
    generator_gradients,
};
use burn_gan::train::{Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Pair, burn};

const CLASSES: usize = 8;

/// Points of the plane to a logit and class logits.
#[derive(Module, Debug)]
struct Classifier<B: Backend> {
    hidden: Linear<B>,
    logit: Linear<B>,
    classes: Linear<B>,
}

impl<B: Backend> Classifier<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            hidden: LinearConfig::new(2, 32).init(device),
            logit: LinearConfig::new(32, 1).init(device),
            classes: LinearConfig::new(32, CLASSES).init(device),
        }
    }
}

impl<B: Backend> Discriminator<B> for Classifier<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    // An AC-GAN's discriminator is not told the classes: it tells them.
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &Labels<B>) -> Verdict<B> {
        let hidden = burn::tensor::activation::leaky_relu(self.hidden.forward(sample), 0.2);
        let classes = self.classes.forward(hidden.clone());
        Verdict::from(self.logit.forward(hidden)).with_class_logits(classes)
    }

    fn classes(&self) -> Option<usize> {
        Some(CLASSES)
    }
}

/// −E ln P(c | x) on generated samples, and on real ones in the discriminator's half.
#[derive(Debug, Default)]
struct AcGan {
    /// Whether it ever saw generated samples of other classes than the real ones'.
    own_classes: Arc<AtomicBool>,
}

impl TermInfo for AcGan {
    fn name(&self) -> &str {
        "ac_gan"
    }

    fn acts_on(&self, _network: Network) -> bool {
        true
    }
}

impl<P: Pair> CostTerm<P> for AcGan {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        if pass.real.condition.labels() != pass.fake.condition.labels() {
            self.own_classes.store(true, Ordering::Relaxed);
        }
        let surprise = |judged: &Judged<'_, P>| {
            let verdict = judged.verdict();
            let logits = verdict.class_logits.clone().expect("class logits");
            let classes = judged.condition.classes().expect("labels");
            // ln Σ exp − the logit of the class.
            let of_class = logits.clone().gather(1, classes.unsqueeze_dim(1));
            let largest = logits.clone().detach().max_dim(1);
            let sums = (logits - largest.clone()).exp().sum_dim(1).log() + largest;
            (sums - of_class).mean()
        };
        match pass.network {
            Network::Discriminator => surprise(&pass.real) + surprise(&pass.fake),
            Network::Generator => surprise(&pass.fake),
        }
    }
}

type B = Autodiff<Flex>;
type Forger = Conditional<B, LabelEmbedding<B>, MlpGenerator<B, 2>>;
type Networks = Gan<Forger, Classifier<B>, B>;

fn networks() -> Networks {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(2, [2])
        .with_hidden([32])
        .init_conditional(CLASSES, &device)
        .expect("valid sizes");
    Gan::seeded(generator, Classifier::new(&device), 3, &device)
}

fn ring(count: usize) -> LabelledDataset<2> {
    let mut stream = Stream::new(1, "points");
    let (points, modes) = Mixture::ring().sample_with_modes(count, &mut stream);
    let points = MemoryDataset::new(points, [2]).expect("points of the plane");
    points
        .with_labels(modes, CLASSES)
        .expect("a label for each")
}

/// All gradients of a module, in visiting order.
fn numbers<A: AutodiffBackend, M: AutodiffModule<A>>(
    module: &M,
    gradients: &GradientsParams,
) -> Vec<f64> {
    struct Reader<'a>(Vec<f64>, &'a GradientsParams);
    impl<A: AutodiffBackend> ModuleVisitor<A> for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
            let gradient = self.1.get::<A::InnerBackend, D>(param.id);
            let gradient = gradient.expect("a gradient of every weight");
            self.0.extend(gradient.into_data().iter::<f64>());
        }
    }
    let mut reader = Reader(Vec::new(), gradients);
    module.visit(&mut reader);
    reader.0
}

#[test]
fn a_term_of_ones_own_is_the_built_in_one() {
    let device = Default::default();
    let adam = OptimizerConfig::adam(1e-3);
    let state: TrainState<Networks> = TrainState::new(networks(), adam, adam).expect("settings");
    let (real, classes) = ring(16)
        .batch(&(0..16).collect::<Vec<_>>(), &device)
        .expect("a batch");
    let latent = Latent::normal(2).draw(16, &mut Stream::new(2, "latent"), &device);
    let others: Vec<usize> = (0..16).map(|i| i % CLASSES).collect();
    let others = Labels::from_slice(&others, CLASSES, &device).expect("classes");
    let batch = StepBatch::<Networks>::new(real, classes, latent).with_fake_condition(others);
    let halves = |term: Term| {
        let objective = Objective::new(Loss::NonSaturating).with_term(term);
        objective.validate().expect("valid settings");
        let settings = StepSettings::new(&objective);
        let of_discriminator = discriminator_gradients(&state, &settings, &batch, Share::WHOLE);
        let of_generator = generator_gradients(&state, &settings, &batch, Share::WHOLE, None);
        let value = |half: &HalfStep<Networks>| {
            let terms = half.terms.clone().expect("it is due");
            f64::from(terms.into_scalar())
        };
        (
            [value(&of_discriminator), value(&of_generator)],
            numbers(&state.gan.discriminator, &of_discriminator.gradients),
            numbers(&state.gan.generator, &of_generator.gradients),
        )
    };
    let own = halves(Term::custom::<Networks>(0.7, AcGan::default()));
    let built_in = halves(Term::auxiliary_class(0.7));
    // Eight classes that are told by chance: ln 8 each, on one side and on two.
    assert!(
        (own.0[1] / (0.7 * 8.0f64.ln()) - 1.0).abs() < 0.5,
        "{own:?}"
    );
    let near = |own: &[f64], built_in: &[f64]| {
        assert_eq!(own.len(), built_in.len());
        let largest = built_in.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        assert!(largest > 0.0);
        for (own, built_in) in own.iter().zip(built_in) {
            // Two sums of 16 numbers in f32.
            assert!((own - built_in).abs() <= 1e-5 * largest, "{own} {built_in}");
        }
    };
    near(&own.0, &built_in.0);
    near(&own.1, &built_in.1);
    near(&own.2, &built_in.2);
}

#[test]
fn generated_points_of_a_class_come_near_its_mode() {
    let device = Default::default();
    let term = AcGan::default();
    let own_classes = term.own_classes.clone();
    let objective =
        Objective::new(Loss::NonSaturating).with_term(Term::custom::<Networks>(1.0, term));
    let config = TrainerConfig::new(250, 64, Latent::normal(2))
        .with_seed(4)
        .with_conditions(ConditionRule::Uniform)
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(5e-3));
    let run = Trainer::new(config, &device)
        .expect("valid settings")
        .run(networks(), &ring(512))
        .expect("a run");
    assert!(run.ending.is_finished());
    assert!(own_classes.load(Ordering::Relaxed), "drawn uniformly");

    let labels: Vec<usize> = (0..400).map(|i| i % CLASSES).collect();
    let classes = Labels::from_slice(&labels, CLASSES, &device).expect("classes");
    let latent = Latent::normal(2).draw(400, &mut Stream::new(9, "latent"), &device);
    let points = run.state.sampler().generate(latent, &classes).into_data();
    let points: Vec<f64> = points.iter::<f64>().collect();
    let modes = Mixture::ring();
    let nearest = |point: &[f64]| {
        let distance = |mode: &[f64]| (point[0] - mode[0]).hypot(point[1] - mode[1]);
        let modes = modes.means().iter().enumerate();
        let near = modes.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        near.expect("eight modes").0
    };
    let right = points.chunks(2).zip(&labels);
    let right = right.filter(|(point, label)| nearest(point) == **label);
    let share = right.count() as f64 / 400.0;
    // By chance it is 1/8; five standard errors above that are 0.21.
    println!("{share} of the points are nearest to their class's mode");
    assert!(share > 0.5, "{share}");
}
