//! R3GAN's networks against PyTorch, and their sizes, beginnings and settings.

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn_store::ModuleSnapshot;
use serde::Deserialize;

use super::*;
use crate::data::MemoryDataset;
use crate::error::Result;
use crate::models::{Conditional, LabelEmbedding, Projection, SavedGenerator};
use crate::network::{ConditionRule, Discriminator, Generator, Labels, Vectors, initialize};
use crate::objective::r1;
use crate::random::Stream;
use crate::records::numbers;
use crate::sampling::Sampler;
use crate::testing::golden::{
    Function, Gradients, IN_F32, IN_F64, Passes, SecondOrder, Tolerance, check, check_gradients,
};
use crate::testing::{
    Cpu, assign, for_each_autodiff_backend, for_each_backend, on_wgpu_by_hand, parameters, values,
};
use crate::train::Trainer;
use crate::{Gan, Latent};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    passes: Passes,
    r1: Option<SecondOrder>,
}

fn golden(name: &str) -> Case {
    let text = include_str!("../../../tests/golden/r3gan.json");
    let golden: Golden = serde_json::from_str(text).expect("golden values parse");
    let case = golden.cases.into_iter().find(|case| case.name == name);
    case.expect("a golden case of this name")
}

const CLASSES: usize = 3;
const IMAGE: [usize; 3] = [2, 8, 6];

fn labels<B: Backend>() -> Labels<B> {
    Labels::from_slice(&[2, 0], CLASSES, &B::Device::default()).expect("labels")
}

fn generator_config() -> R3ganGeneratorConfig {
    R3ganGeneratorConfig::new(3, IMAGE)
        .with_widths([6, 4])
        .with_group_width(2)
}

fn discriminator_config() -> R3ganDiscriminatorConfig {
    R3ganDiscriminatorConfig::new(IMAGE)
        .with_widths([6, 4])
        .with_group_width(2)
}

type OfLabels<B, N> = Conditional<B, LabelEmbedding<B>, N>;

impl<B: Backend> Function<B, 2, 4> for OfLabels<B, R3ganGenerator<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        self.generate(x, &labels())
    }
}

impl<B: Backend> Function<B, 4, 2> for R3ganDiscriminator<B> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        self.discriminate(x, &()).logits
    }
}

type Projected<B> = Projection<B, LabelEmbedding<B>, R3ganDiscriminator<B>>;

impl<B: Backend> Function<B, 4, 2> for Projected<B> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        self.discriminate(x, &labels()).logits
    }
}

fn compare_all<B: AutodiffBackend>(tolerance: Tolerance) {
    let device = B::Device::default();
    let case = golden("generator");
    let network = generator_config().init_conditional::<B>(CLASSES, &device);
    let network = network.expect("valid settings");
    case.passes
        .compare::<B, _, 2, 4>(&case.name, network, tolerance);

    let case = golden("discriminator");
    let network = discriminator_config().init::<B>(&device).expect("valid");
    case.passes
        .compare::<B, _, 4, 2>(&case.name, network.clone(), tolerance);
    let network = assign::<B, _>(network, case.passes.parameters);
    let x = case.passes.input.tensor::<B, 4>();
    let (value, tape) = (r1(&network, x, &()), case.r1.expect("R1"));
    of_r1(&case.name, &network, value, &tape, tolerance);

    let case = golden("projected");
    let network = discriminator_config().init_projected::<B>(CLASSES, &device);
    let network = network.expect("valid settings");
    case.passes
        .compare::<B, _, 4, 2>(&case.name, network.clone(), tolerance);
    let network = assign::<B, _>(network, case.passes.parameters);
    let x = case.passes.input.tensor::<B, 4>();
    let (value, tape) = (r1(&network, x, &labels()), case.r1.expect("R1"));
    of_r1(&case.name, &network, value, &tape, tolerance);
}

fn of_r1<B: AutodiffBackend, M: Module<B>>(
    name: &str,
    network: &M,
    value: Tensor<B, 1>,
    expected: &SecondOrder,
    tolerance: Tolerance,
) {
    let second = tolerance.second;
    check(
        name,
        "R1",
        &values(value.clone()),
        &[expected.value],
        second,
    );
    // R1 takes the samples as they are, without a gradient.
    let nothing = Tensor::<B, 1>::zeros([1], &Default::default()).require_grad();
    let parameters = Gradients {
        input: vec![0.0],
        parameters: expected.gradients.parameters.clone(),
    };
    let of = (name, "R1's gradient");
    check_gradients(
        of,
        value,
        (network, &nothing),
        &parameters,
        (second, tolerance.of_all),
    );
}

fn networks_match_pytorch<B: AutodiffBackend>() {
    compare_all::<B>(IN_F32);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    compare_all::<Autodiff<NdArray<f64>>>(IN_F64);
}

mod tracked {
    use super::*;
    for_each_autodiff_backend!(networks_match_pytorch);
    on_wgpu_by_hand!(Autodiff<Wgpu>; networks_match_pytorch);
}

/// Nothing is drawn.
fn count<M: Module<Cpu>>(network: Result<M>) -> usize {
    let network = network.expect("valid settings");
    numbers::<Cpu, M>(&network).expect("a number")
}

#[test]
fn the_papers_networks_have_the_papers_sizes() {
    let device = Default::default();
    // Of a block: 1×1 to twice the width and its bias, 3×3 in groups and its bias, 1×1 back.
    let block = |w: usize, g: usize| (w * 2 * w + 2 * w) + (2 * w * g * 9 + 2 * w) + 2 * w * w;
    assert_eq!(block(768, 16), 2_583_552);
    for (preset, generator, discriminator) in [
        (R3ganPreset::Cifar10, 20_781_952, 21_280_512),
        (R3ganPreset::Ffhq64, 22_429_824, 22_381_440),
        (R3ganPreset::Ffhq256, 23_057_952, 23_009_568),
        (R3ganPreset::ImageNet32, 82_914_304, 86_548_992),
        (R3ganPreset::ImageNet64, 103_570_432, 107_205_120),
    ] {
        let (g, d) = (preset.generator(), preset.discriminator());
        let (widths, group) = (&g.widths, g.group_width);
        let (first, last) = (widths[0], widths[widths.len() - 1]);
        let body: usize = widths.iter().map(|width| 2 * block(*width, group)).sum();
        let changes = widths.windows(2).filter(|pair| pair[0] != pair[1]);
        let body = body + changes.map(|pair| pair[0] * pair[1]).sum::<usize>();
        let (of_latent, of_class, outputs) = match preset.classes() {
            Some(classes) => (128, classes, first),
            None => (64, 0, 1),
        };
        let expected = body + first * 16 + of_latent * first + of_class * 64 + last * 3;
        assert_eq!(expected, generator, "{preset:?}");
        let expected = body + 3 * last + first * 16 + first * outputs + of_class * first;
        assert_eq!(expected, discriminator, "{preset:?}");
        let found = match preset.classes() {
            Some(classes) => (
                count(g.init_conditional(classes, &device)),
                count(d.init_projected(classes, &device)),
            ),
            None => (count(g.init(&device)), count(d.init(&device))),
        };
        assert_eq!(found, (generator, discriminator), "{preset:?}");
        let side = g.image.height;
        assert_eq!((g.image.width, d.image), (side, g.image));
    }
    assert_eq!(R3ganPreset::Ffhq256.generator().image.height, 256);
    assert_eq!(R3ganPreset::ImageNet64.generator().image.height, 64);
}

fn images_may_have_any_size_that_halves<B: Backend>() {
    let device = Default::default();
    for (image, widths) in [
        ([1, 28, 28], vec![4, 4, 4]),
        ([3, 32, 32], vec![8, 4, 4, 2]),
        ([2, 24, 40], vec![4, 2, 2]),
        ([1, 5, 7], vec![4]),
        ([1, 4, 2], vec![4, 2]),
    ] {
        let config = R3ganGeneratorConfig::new(5, image).with_group_width(4);
        let config = config.with_widths(widths.clone());
        let z = || Tensor::ones([2, 5], &device);
        let images = config.init::<B>(&device).expect("valid").generate(z(), &());
        let [channels, height, width] = image;
        assert_eq!(images.dims(), [2, channels, height, width]);
        let of_vectors = config.init_on_vectors::<B>(6, &device).expect("valid");
        let vectors = Vectors::new(Tensor::ones([2, 6], &device));
        assert_eq!(of_vectors.generate(z(), &vectors).dims(), images.dims());

        let config = R3ganDiscriminatorConfig::new(image).with_group_width(4);
        let config = config.with_widths(widths.clone()).with_blocks(2);
        let network = config.init::<B>(&device).expect("valid");
        let verdict = network.discriminate(images.clone(), &());
        assert_eq!(verdict.logits.dims(), [2, 1]);
        let features = verdict.features.expect("the head's input");
        assert_eq!(features.dims(), [2, widths[0]]);
        let of_vectors = config
            .init_projected_on_vectors::<B>(6, &device)
            .expect("valid");
        let verdict = of_vectors.discriminate(images, &vectors);
        assert_eq!(verdict.logits.dims(), [2, 1]);
    }
    let by_default = |image| R3ganGeneratorConfig::new(5, image).widths;
    assert_eq!(by_default([3, 32, 32]), [128; 4]);
    assert_eq!(by_default([1, 28, 28]), [128; 3]);
    assert_eq!(by_default([1, 30, 30]), [128; 2]);
    assert_eq!(by_default([1, 7, 64]), [128]);
}

for_each_backend!(
    images_may_have_any_size_that_halves,
    a_projection_of_one_channel_is_a_projection,
);

#[test]
fn a_deeper_network_begins_with_smaller_branches_that_end_in_zero() {
    let device = Default::default();
    for (blocks, depth) in [(1, 2.0_f64), (8, 16.0)] {
        let config = R3ganDiscriminatorConfig::new([3, 8, 8])
            .with_widths([32, 32])
            .with_blocks(blocks);
        let network = config.init::<Cpu>(&device).expect("valid settings");
        initialize(&network);
        let tensors = network.collect(None, None, false);
        let values = parameters(&network);
        let gain = (2.0_f64 / 1.04).sqrt() * depth.powf(-0.25);
        let mut seen = 0;
        for (tensor, values) in tensors.iter().zip(values) {
            let name = tensor.full_path();
            let expected = match name.rsplit_once("blocks.").map(|(_, last)| &last[2..]) {
                Some("expand.weight") => gain / 32.0_f64.sqrt(),
                Some("grouped.weight") => gain / (16.0 * 9.0_f64).sqrt(),
                Some("expand.bias" | "grouped.bias" | "reduce.weight") => 0.0,
                None if name == "input.weight" => 1.0 / 3.0_f64.sqrt(),
                None if name == "pool.weight" => 1.0 / 4.0,
                None if name == "head.weight" => 1.0 / 32.0_f64.sqrt(),
                other => panic!("{name} {other:?}"),
            };
            let squares: f64 = values.iter().map(|value| value * value).sum();
            let found = (squares / values.len() as f64).sqrt();
            // Five standard deviations of so many draws.
            let bound = 5.0 * expected / (2.0 * values.len() as f64).sqrt();
            assert!(
                (found - expected).abs() <= bound,
                "{name}: {found} {expected}"
            );
            seen += 1;
        }
        assert_eq!(seen, 3 + 2 * blocks * 5);
    }
}

#[test]
fn wrong_settings_are_refused_with_the_way_out() {
    let refused = |result: Result<()>, words: &[&str]| {
        let error = result.expect_err("a wrong setting").to_string();
        for words in words {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    };
    let generator = || R3ganGeneratorConfig::new(5, [3, 32, 32]);
    let discriminator = || R3ganDiscriminatorConfig::new([3, 32, 32]);
    assert!(generator().validate().is_ok());
    assert!(discriminator().validate().is_ok());
    for (generator, discriminator, words) in [
        (
            generator().with_widths([16; 7]),
            discriminator().with_widths([16; 7]),
            &["`image.height` = 32", "a multiple of 64", "fewer widths"][..],
        ),
        (
            generator().with_widths([]),
            discriminator().with_widths([]),
            &["`widths.len()` = 0"],
        ),
        (
            generator().with_widths([16; 80]),
            discriminator().with_widths([16; 80]),
            &["`widths.len()` = 80"],
        ),
        (
            generator().with_widths([16, 12]),
            discriminator().with_widths([16, 12]),
            &["`group_width` = 16", "2 times the width, 24"],
        ),
        (
            generator().with_group_width(0),
            discriminator().with_group_width(0),
            &["`group_width` = 0"],
        ),
        (
            generator().with_blocks(0),
            discriminator().with_blocks(0),
            &["`blocks` = 0"],
        ),
        (
            generator().with_widths([1 << 20, 1 << 20]),
            discriminator().with_widths([1 << 20, 1 << 20]),
            &["`widths`"],
        ),
        (
            generator().with_expansion(usize::MAX),
            discriminator().with_expansion(usize::MAX),
            &["`expansion`"],
        ),
    ] {
        refused(generator.validate(), words);
        refused(discriminator.validate(), words);
        let made = discriminator.init::<Cpu>(&Default::default());
        assert!(made.is_err() && generator.init::<Cpu>(&Default::default()).is_err());
    }
    let none = generator().init_conditional::<Cpu>(0, &Default::default());
    refused(none.map(|_| ()), &["`classes`"]);
    let mut empty = generator();
    empty.image.height = 0;
    refused(empty.validate(), &["`image.shape`"]);
    refused(R3ganTraining::new(0, 1, 1.0).validate(), &["`batch` = 0"]);
    refused(
        R3ganTraining::new(1, 1, f64::NAN).validate(),
        &["`gamma` = NaN"],
    );
    assert!(R3ganTraining::new(8, 100, 1.0).trainer(0).is_err());
}

fn a_projection_of_one_channel_is_a_projection<B: Backend>() {
    let device = B::Device::default();
    let config = R3ganDiscriminatorConfig::new(IMAGE).with_widths([1, 1]);
    let config = config.with_group_width(1);
    let network = config.init_projected::<B>(CLASSES, &device).expect("valid");
    let [channels, height, width] = IMAGE;
    let images = Tensor::<B, 4>::ones([2, channels, height, width], &device);
    let first = network.discriminate(images.clone(), &labels());
    assert_eq!(first.features.expect("features").dims(), [2, 1]);
    // The last layer is in it, twice as large.
    let mut all = parameters::<B, _>(&network);
    let last = all.last_mut().expect("parameters");
    assert_eq!(last.len(), 1);
    last[0] *= 2.0;
    let second = assign::<B, _>(network, all).discriminate(images, &labels());
    for (first, second) in values(first.logits).iter().zip(values(second.logits)) {
        let off = (2.0 * first - second).abs();
        assert!(
            *first != 0.0 && off <= 1e-5 * first.abs(),
            "{first}, {second}"
        );
    }
}

#[test]
fn a_saved_one_is_opened_without_being_told_what_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("generator.gan");
    let (device, latent) = (Default::default(), Latent::normal(3));
    let config = generator_config();
    let network = config.init_conditional::<Cpu>(CLASSES, &device);
    SavedGenerator::save(&path, &config, &latent, network.expect("valid")).expect("a file");
    let sampler = Sampler::<Cpu>::open(&path, &device).expect("a stock generator");
    assert_eq!(sampler.classes(), Some(CLASSES));
    let network = config.init::<Cpu>(&device).expect("valid settings");
    SavedGenerator::save(&path, &config, &latent, network).expect("a file");
    let sampler = Sampler::<Cpu>::open(&path, &device).expect("a stock generator");
    assert_eq!(sampler.classes(), None);
    let other = config.init::<Cpu>(&device).expect("valid settings");
    assert!(SavedGenerator::save(&path, &config, &Latent::normal(4), other).is_err());
}

#[test]
fn it_trains_as_the_paper_does_and_everything_moves() {
    crate::testing::settle_precision();
    type B = Autodiff<Cpu>;
    type Networks = Gan<R3ganGenerator<B>, R3ganDiscriminator<B>, B>;
    let device = Default::default();
    let image = [3, 8, 8];
    let generator = R3ganGeneratorConfig::new(64, image).with_widths([8, 4]);
    let generator = generator.with_group_width(4).init::<B>(&device);
    let discriminator = R3ganDiscriminatorConfig::new(image).with_widths([8, 4]);
    let discriminator = discriminator.with_group_width(4).init::<B>(&device);
    let gan = Gan::<_, _, B>::seeded(
        generator.expect("valid settings"),
        discriminator.expect("valid settings"),
        1,
        &device,
    );
    let pixels = Stream::new(1, "images").uniform(8 * 3 * 8 * 8, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, image).expect("images");
    let training = R3ganTraining::new(4, 10, 0.5).with_half_life(4.0);
    let config = training.trainer(4).expect("valid settings");
    // 10 images in batches of 4.
    assert!(config.ramps.iter().all(|ramp| ramp.steps == 3));
    let before = (
        parameters::<B, _>(&gan.generator),
        parameters::<B, _>(&gan.discriminator),
    );
    let run = Trainer::new(config, &device)
        .expect("settings whose ramps are settings")
        .run(gan, &data)
        .expect("a run");
    let now = &run.state.gan;
    let after = (
        parameters::<B, _>(&now.generator),
        parameters::<B, _>(&now.discriminator),
    );
    for (before, after) in [(before.0, after.0), (before.1, after.1)] {
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_ne!(before, after, "parameter {index}");
        }
    }
    let plain = training.with_augment(0.0).trainer(4).expect("valid");
    assert_eq!(plain.ramps.len(), 7);
    for preset in R3ganPreset::ALL {
        let config = preset.training().trainer(1_000_000).expect("valid");
        assert_eq!(config.conditions, ConditionRule::Real);
        assert_eq!(
            config.ramps[0].steps,
            [39_063, 78_125, 78_125, 48_829, 48_829][preset as usize]
        );
        assert!(Trainer::<Networks>::new(config, &device).is_ok());
    }
}
