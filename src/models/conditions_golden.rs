//! AC-GAN's and InfoGAN's terms with the stock networks, against PyTorch in float64
//! (`tests/golden/conditions.py`).

use burn::backend::{Autodiff, NdArray};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::network::{Condition, Discriminator, Generator, Labels, Network};
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::objective::{Batch, Loss, Objective, ObjectiveState, Term};
use crate::testing::golden::{IN_F32, IN_F64, Tolerance, check};
use crate::testing::{
    Cpu, assign, floats, for_each_autodiff_backend, gradients, parameters, values,
};
use crate::{Gan, Latent};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    real: Vec<f64>,
    latents: Vec<f64>,
    generator: Half,
    discriminator: Half,
}

#[derive(Deserialize)]
struct Half {
    parameters: Vec<Vec<f64>>,
    term: f64,
    gradients: Vec<Vec<f64>>,
}

fn golden(name: &str) -> Case {
    let text = include_str!("../../tests/golden/conditions.json");
    let golden: Golden = serde_json::from_str(text).expect("golden values parse");
    let case = golden.cases.into_iter().find(|case| case.name == name);
    case.expect("a golden case of this name")
}

const BATCH: usize = 6;
const CLASSES: usize = 3;
const REAL: [usize; BATCH] = [0, 2, 1, 1, 0, 2];
const FAKE: [usize; BATCH] = [1, 1, 0, 2, 2, 0];

/// One number of noise, a class, two numbers.
fn prior() -> Latent {
    Latent::normal(1)
        .with_categorical("digit", CLASSES)
        .with_continuous("slant", 2)
}

fn labels<B: Backend>(classes: &[usize]) -> Labels<B> {
    Labels::from_slice(classes, CLASSES, &Default::default()).expect("classes")
}

fn generator(latent: usize) -> MlpGeneratorConfig {
    MlpGeneratorConfig::new(latent, [2])
        .with_hidden([])
        .with_output(Activation::Identity)
}

fn discriminator() -> MlpDiscriminatorConfig {
    MlpDiscriminatorConfig::new([2]).with_hidden([5])
}

type Conditions<'a, C> = (&'a C, &'a C);

/// Either half-step's terms, and their gradients with respect to its network.
fn compare<B, G, D, C>(
    case: &Case,
    (generator, discriminator): (G, D),
    (real_condition, fake_condition): Conditions<'_, C>,
    terms: &[Term],
    tolerance: Tolerance,
) where
    B: AutodiffBackend,
    C: Condition<B>,
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 2>, Condition = C>,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, 2>, Condition = C>,
    Gan<G, D, B>: crate::Pair<
            Backend = B,
            Generator = G,
            Discriminator = D,
            Sample = Tensor<B, 2>,
            Condition = C,
        >,
{
    let generator = assign::<B, _>(generator, case.generator.parameters.clone());
    let discriminator = assign::<B, _>(discriminator, case.discriminator.parameters.clone());
    let objective = Objective::new(Loss::NonSaturating);
    let objective = terms.iter().cloned().fold(objective, Objective::with_term);
    objective.validate().expect("valid settings");
    let prior = prior();
    let count = case.latents.len() / BATCH;
    let latent = floats::<B, 2>(TensorData::new(case.latents.clone(), [BATCH, count]));
    let real = floats::<B, 2>(TensorData::new(case.real.clone(), [BATCH, 2]));
    let drawn = generator.generate(latent.clone(), fake_condition);
    for (network, half) in [
        (Network::Discriminator, &case.discriminator),
        (Network::Generator, &case.generator),
    ] {
        let fake = match network {
            Network::Discriminator => drawn.clone().detach(),
            Network::Generator => generator.generate(latent.clone(), fake_condition),
        };
        let batch = Batch {
            real: &real,
            real_condition,
            fake: &fake,
            fake_condition,
            log_probabilities: None,
            latent: &latent,
            prior: Some(&prior),
        };
        let state = &mut ObjectiveState::default();
        let (term, found) = match network {
            Network::Discriminator => {
                let (g, d) = (&generator, &discriminator);
                let cost = objective.discriminator_cost::<Gan<G, D, B>>(state, g, d, &batch);
                let term = cost.terms.expect("it is due");
                (values(term.clone()), gradients::<B, _>(d, &term.backward()))
            }
            Network::Generator => {
                let (g, d) = (&generator, discriminator.clone().no_grad());
                let cost = objective.generator_cost::<Gan<G, D, B>>(state, g, &d, &batch);
                let term = cost.terms.expect("it is due");
                (values(term.clone()), gradients::<B, _>(g, &term.backward()))
            }
        };
        let name = format!("{}, {network:?}", case.name);
        check(&name, "term", &term, &[half.term], tolerance.first);
        assert_eq!(found.len(), half.gradients.len(), "{name}");
        for (index, (found, expected)) in found.iter().zip(&half.gradients).enumerate() {
            let what = format!("gradient of parameter {index}");
            check(&name, &what, found, expected, tolerance.first);
        }
    }
}

fn compare_both<B: AutodiffBackend>(tolerance: Tolerance) {
    let device = Default::default();
    let networks = (
        generator(1).init_conditional::<B, 2>(CLASSES, &device),
        discriminator().init_classifying::<B, 2>(CLASSES, &device),
    );
    compare(
        &golden("ac_gan"),
        (networks.0.expect("valid"), networks.1.expect("valid")),
        (&labels(&REAL), &labels(&FAKE)),
        &[Term::auxiliary_class(1.0)],
        tolerance,
    );
    let head = CodeHeadConfig::new().with_hidden(4);
    let networks = (
        generator(prior().dimensions()).init::<B, 2>(&device),
        discriminator().init_recovering::<B, 2>(&prior(), &head, &device),
    );
    compare(
        &golden("info_gan"),
        (networks.0.expect("valid"), networks.1.expect("valid")),
        (&(), &()),
        &[Term::mutual_information(1.0, ["digit", "slant"])],
        tolerance,
    );
}

fn terms_match_pytorch<B: AutodiffBackend>() {
    compare_both::<B>(IN_F32);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    compare_both::<Autodiff<NdArray<f64>>>(IN_F64);
}

for_each_autodiff_backend!(terms_match_pytorch);

/// A gradient of no real sample comes to the head: the codes of real ones are not known.
#[test]
fn a_head_learns_from_generated_samples_alone_and_the_logit_has_nothing_of_it() {
    crate::testing::settle_precision();
    type B = Autodiff<Cpu>;
    let device = Default::default();
    let head = CodeHeadConfig::new().with_hidden(4).with_batch_norm(false);
    let network = discriminator()
        .init_recovering::<B, 2>(&prior(), &head, &device)
        .expect("valid settings");
    let points = Tensor::<B, 2>::ones([BATCH, 2], &device);
    let verdict = network.discriminate(points, &());
    let of_logit = gradients::<B, _>(&network, &verdict.logits.sum().backward());
    let zero = |gradient: &Vec<f64>| gradient.iter().all(|slope| *slope == 0.0);
    // Hidden layer and logit, then the head's three layers.
    assert!(!of_logit[..4].iter().any(zero) && of_logit[4..].iter().all(zero));
    assert_eq!(of_logit.len(), 4 + 6);
    let width = |name: &str| verdict.outputs.iter().find(|(own, _)| own == name);
    assert_eq!(width("digit").expect("a code").1.dims(), [BATCH, CLASSES]);
    assert_eq!(width("slant").expect("a code").1.dims(), [BATCH, 2]);
    assert_eq!(parameters(&network).len(), 10);
}

/// Whatever the real batch is, the head learns the same; the layers below it do not.
#[test]
fn the_real_batch_does_not_reach_the_head() {
    crate::testing::settle_precision();
    type B = Autodiff<Cpu>;
    let device = Default::default();
    let case = golden("info_gan");
    let head = CodeHeadConfig::new().with_hidden(4);
    let network = discriminator()
        .init_recovering::<B, 2>(&prior(), &head, &device)
        .expect("valid settings");
    let network = assign::<B, _>(network, case.discriminator.parameters.clone());
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::mutual_information(1.0, ["digit", "slant"]));
    let generator = generator(prior().dimensions()).init::<B, 2>(&device);
    let generator = generator.expect("valid settings");
    let generator = assign::<B, _>(generator, case.generator.parameters.clone());
    let latent = [BATCH, prior().dimensions()];
    let latent = floats::<B, 2>(TensorData::new(case.latents.clone(), latent));
    let fake = generator.generate(latent.clone(), &()).detach();
    let prior = prior();
    let slopes = |real: Vec<f64>| {
        let batch = Batch {
            real: &floats::<B, 2>(TensorData::new(real, [BATCH, 2])),
            real_condition: &(),
            fake: &fake,
            fake_condition: &(),
            log_probabilities: None,
            latent: &latent,
            prior: Some(&prior),
        };
        let state = &mut ObjectiveState::default();
        let cost = objective
            .discriminator_cost::<Gan<_, _, B>>(state, &generator, &network, &batch)
            .total();
        gradients::<B, _>(&network, &cost.backward())
    };
    let found = slopes(case.real.clone());
    let other = slopes(case.real.iter().map(|x| 3.0 - 2.0 * x).collect());
    // Hidden layer and logit, then the head.
    assert_ne!(found[..4], other[..4]);
    assert_eq!(found[4..], other[4..]);
    assert!(found[4..].iter().flatten().any(|slope| *slope != 0.0));
}

#[test]
fn every_stock_network_tells_classes_and_codes() {
    let device = Default::default();
    let image = [1, 8, 8];
    let images = || Tensor::<Cpu, 4>::ones([2, 1, 8, 8], &device);
    let told = Labels::from_slice(&[1, 0], 10, &device).expect("labels");
    let bare = CodeHeadConfig::new().with_hidden(0);
    fn classes<D>(network: crate::Result<D>, images: Tensor<Cpu, 4>, labels: &Labels<Cpu>)
    where
        D: Discriminator<Cpu, Sample = Tensor<Cpu, 4>, Condition = Labels<Cpu>>,
    {
        let network = network.expect("valid settings");
        assert_eq!(network.classes(), Some(10));
        let verdict = network.discriminate(images, labels);
        assert_eq!(verdict.logits.dims(), [2, 1]);
        assert_eq!(verdict.class_logits.expect("classes").dims(), [2, 10]);
    }
    fn codes<D>(network: crate::Result<D>, images: Tensor<Cpu, 4>)
    where
        D: Discriminator<Cpu, Sample = Tensor<Cpu, 4>, Condition = ()>,
    {
        let verdict = network.expect("valid").discriminate(images, &());
        assert_eq!(verdict.output("slant").expect("a code").dims(), [2, 2]);
    }
    let dcgan = DcganDiscriminatorConfig::new(image).with_width(2);
    classes(dcgan.init_classifying(10, &device), images(), &told);
    codes(dcgan.init_recovering(&prior(), &bare, &device), images());
    let r3gan = R3ganDiscriminatorConfig::new(image).with_widths([8, 8]);
    classes(r3gan.init_classifying(10, &device), images(), &told);
    codes(r3gan.init_recovering(&prior(), &bare, &device), images());
    let resnet = ResNetDiscriminatorConfig::new(image).with_width(4);
    classes(resnet.init_classifying(10, &device), images(), &told);
    codes(resnet.init_recovering(&prior(), &bare, &device), images());
    let waves = MlpDiscriminatorConfig::new(image).with_hidden([]);
    let waves = waves.with_frequencies([1.0]);
    classes(
        waves.init_classifying::<Cpu, 4>(10, &device),
        images(),
        &told,
    );
    codes(
        waves.init_recovering::<Cpu, 4>(&prior(), &bare, &device),
        images(),
    );

    // Around networks that are conditioned on something themselves.
    let projected = dcgan.init_projected::<Cpu>(10, &device).expect("valid");
    let both = CodeHeadConfig::new().init(projected, 2 * 4 * 4, &prior(), &device);
    let verdict = both.expect("valid").discriminate(images(), &told);
    assert!(verdict.output("digit").is_some());

    let refused = |error: crate::Result<()>, words: &str| {
        let error = error.expect_err("a wrong setting").to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    };
    let none = dcgan.init_recovering::<Cpu>(&Latent::normal(3), &bare, &device);
    refused(none.map(|_| ()), "has no codes to recover");
    let none = dcgan.init_classifying::<Cpu>(0, &device);
    refused(none.map(|_| ()), "`classes` = 0");
    let packed = dcgan.clone().with_pack(2);
    refused(
        packed.init_classifying::<Cpu>(3, &device).map(|_| ()),
        "`pack` = 2",
    );
    let wide = bare.with_hidden(1 << 25);
    let wide = dcgan.init_recovering::<Cpu>(&prior(), &wide, &device);
    refused(wide.map(|_| ()), "`hidden`");
}
