//! The residual pair against PyTorch in float64 (`tests/golden/resnet.py`), and its settings.

use burn::backend::{Autodiff, NdArray};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Deserialize;

use super::{
    ResNetDiscriminator, ResNetDiscriminatorConfig, ResNetGenerator, ResNetGeneratorConfig,
    ResNetInit, ResNetPreset, ResNetTable,
};
use crate::models::{Conditional, LabelEmbedding, Projection};
use crate::network::{ConditionRule, Discriminator, Generator, Labels};
use crate::testing::golden::{Function, IN_F32, IN_F64, Passes, Tolerance};
use crate::testing::{Cpu, for_each_autodiff_backend, on_wgpu_by_hand};

#[derive(Deserialize)]
struct Golden {
    counts: [usize; 2],
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    passes: Passes,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/resnet.json")).expect("golden values")
}

const CLASSES: usize = 3;
const IMAGE: [usize; 3] = [2, 8, 8];

/// Sample i has class i modulo three.
fn labels<B: Backend>(batch: usize) -> Labels<B> {
    let classes: Vec<usize> = (0..batch).map(|sample| sample % CLASSES).collect();
    Labels::from_slice(&classes, CLASSES, &B::Device::default()).expect("labels in range")
}

type OfLabels<B> = Conditional<B, LabelEmbedding<B>, ResNetGenerator<B>>;
type Projected<B> = Projection<B, LabelEmbedding<B>, ResNetDiscriminator<B>>;

impl<B: Backend> Function<B, 2, 4> for ResNetGenerator<B> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        self.generate(x, &())
    }
}

impl<B: Backend> Function<B, 2, 4> for OfLabels<B> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let labels = labels(x.dims()[0]);
        self.generate(x, &labels)
    }
}

impl<B: Backend> Function<B, 4, 2> for ResNetDiscriminator<B> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        self.discriminate(x, &()).logits
    }
}

impl<B: Backend> Function<B, 4, 2> for Projected<B> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let labels = labels(x.dims()[0]);
        self.discriminate(x, &labels).logits
    }
}

fn compare<B: AutodiffBackend>(case: &Case, tolerance: Tolerance) {
    let (device, name) = (B::Device::default(), case.name.as_str());
    let generator = |config: ResNetGeneratorConfig| {
        let config = config.with_features(3);
        let network = config.init_conditional::<B>(CLASSES, &device);
        case.passes
            .compare::<B, _, 2, 4>(name, network.expect("valid settings"), tolerance);
    };
    let discriminator = |config: ResNetDiscriminatorConfig| {
        let network = config.init_projected::<B>(CLASSES, &device);
        case.passes
            .compare::<B, _, 4, 2>(name, network.expect("valid settings"), tolerance);
    };
    match name {
        "generator" => {
            let config = ResNetGeneratorConfig::new(4, IMAGE).with_channels([4, 3, 3]);
            let network = config.init::<B>(&device).expect("valid settings");
            case.passes.compare::<B, _, 2, 4>(name, network, tolerance);
        }
        "big generator" => generator(
            ResNetGeneratorConfig::big(6, IMAGE)
                .with_channels([4, 3, 4])
                .with_attention(4),
        ),
        "deep generator" => generator(
            ResNetGeneratorConfig::big_deep(3, IMAGE)
                .with_channels([4, 4, 4])
                .with_attention(8),
        ),
        "discriminator" => {
            let config = ResNetDiscriminatorConfig::new(IMAGE)
                .with_channels([3, 4, 4], 2)
                .with_spectral_norm(false);
            let network = config.init::<B>(&device).expect("valid settings");
            case.passes.compare::<B, _, 4, 2>(name, network, tolerance);
        }
        "big discriminator" => discriminator(
            ResNetDiscriminatorConfig::big(IMAGE)
                .with_channels([3, 4, 4], 1)
                .with_attention(4),
        ),
        "deep discriminator" => discriminator(
            ResNetDiscriminatorConfig::big_deep(IMAGE)
                .with_channels([3, 4, 8], 1)
                .with_attention(4),
        ),
        other => panic!("no network `{other}`"),
    }
}

fn compare_all<B: AutodiffBackend>(tolerance: Tolerance) {
    let cases = golden().cases;
    assert_eq!(cases.len(), 6);
    for case in cases {
        compare::<B>(&case, tolerance);
    }
}

fn networks_match_pytorch<B: AutodiffBackend>() {
    compare_all::<B>(Tolerance {
        of_all: 1e-2,
        ..IN_F32
    });
}

/// Sums are made in another order there, and what cancels leaves more.
#[cfg(feature = "wgpu")]
fn networks_match_pytorch_on_a_gpu<B: AutodiffBackend>() {
    compare_all::<B>(Tolerance {
        of_all: 1e-1,
        ..IN_F32
    });
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    compare_all::<Autodiff<NdArray<f64>>>(IN_F64);
}

mod tracked {
    use super::*;
    for_each_autodiff_backend!(networks_match_pytorch);
    on_wgpu_by_hand!(Autodiff<Wgpu>; networks_match_pytorch_on_a_gpu);
}

#[test]
fn the_papers_sizes_have_as_many_weights_as_in_pytorch() {
    let device = Default::default();
    let [generator, discriminator] = golden().counts;
    let network = ResNetGeneratorConfig::new(128, [3, 32, 32]).init::<Cpu>(&device);
    // Running statistics are counted by burn and not there.
    let statistics = 2 * 7 * 256;
    assert_eq!(network.expect("valid").num_params(), generator + statistics);
    let config = ResNetDiscriminatorConfig::new([3, 32, 32]).with_spectral_norm(false);
    let network = config.init::<Cpu>(&device).expect("valid");
    assert_eq!(network.num_params(), discriminator);
}

/// Numbers that are learnt; none is drawn for that.
fn count<M: Module<Cpu>>(network: &M) -> usize {
    #[derive(Default)]
    struct Count {
        path: Vec<String>,
        numbers: usize,
    }
    impl ModuleVisitor<Cpu> for Count {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Cpu, D>>) {
            let kept = ["u", "v", "running_mean", "running_var"];
            if !self
                .path
                .last()
                .is_some_and(|name| kept.contains(&name.as_str()))
            {
                self.numbers += param.lazy_shape().num_elements();
            }
        }
    }
    let mut visitor = Count::default();
    network.visit(&mut visitor);
    visitor.numbers
}

#[test]
fn biggans_sizes_follow_its_tables() {
    let generator = |side| ResNetGeneratorConfig::big(120, [3, side, side]).channels;
    assert_eq!(generator(32), [256; 4]);
    assert_eq!(generator(64), [1536, 1536, 768, 384, 192]);
    assert_eq!(generator(128), [1536, 1536, 768, 384, 192, 96]);
    assert_eq!(generator(256), [1536, 1536, 768, 768, 384, 192, 96]);
    assert_eq!(generator(512)[..2], [1536; 2]);
    let discriminator = |side| {
        let config = ResNetDiscriminatorConfig::big([3, side, side]);
        (config.channels, config.halvings)
    };
    assert_eq!(discriminator(32), (vec![256; 4], 2));
    assert_eq!(discriminator(64), (vec![96, 192, 384, 768, 1536], 4));
    assert_eq!(discriminator(128), (vec![96, 192, 384, 768, 1536, 1536], 5));
    for side in [128, 256] {
        assert_eq!(
            ResNetGeneratorConfig::big(120, [3, side, side]).attention,
            Some(64)
        );
        let config = ResNetDiscriminatorConfig::big_deep([3, side, side]);
        assert_eq!(config.attention, Some(64));
        config.validate().expect("valid");
    }
    let deep = ResNetDiscriminatorConfig::big_deep([3, 128, 128]);
    assert_eq!(deep.channels, [128, 256, 512, 1024, 2048, 2048]);
}

/// A pair of settings that both have a width.
type Made = (ResNetGeneratorConfig, ResNetDiscriminatorConfig);

fn made(table: ResNetTable, image: [usize; 3]) -> Made {
    match table {
        ResNetTable::Sngan => (
            ResNetGeneratorConfig::new(840, image),
            ResNetDiscriminatorConfig::new(image),
        ),
        ResNetTable::Biggan => (
            ResNetGeneratorConfig::big(840, image),
            ResNetDiscriminatorConfig::big(image),
        ),
        ResNetTable::BigganDeep => (
            ResNetGeneratorConfig::big_deep(840, image),
            ResNetDiscriminatorConfig::big_deep(image),
        ),
    }
}

const TABLES: [ResNetTable; 3] = [
    ResNetTable::Sngan,
    ResNetTable::Biggan,
    ResNetTable::BigganDeep,
];

#[test]
fn a_width_scales_the_networks_own_channels() {
    // From Brock, Donahue, Simonyan 2018, appendix B: multiples of one number.
    type Multiples = (usize, &'static [usize], &'static [usize], usize);
    let papers: [Multiples; 3] = [
        (64, &[16, 16, 8, 4, 2], &[1, 2, 4, 8, 16], 4),
        (128, &[16, 16, 8, 4, 2, 1], &[1, 2, 4, 8, 16, 16], 5),
        (256, &[16, 16, 8, 8, 4, 2, 1], &[1, 2, 4, 8, 8, 16, 16], 6),
    ];
    for (side, up, down, halvings) in papers {
        for (table, one_of) in [
            (ResNetTable::Biggan, [(256, 96), (128, 48), (4, 2), (1, 1)]),
            (
                ResNetTable::BigganDeep,
                [(256, 128), (128, 64), (4, 2), (1, 1)],
            ),
        ] {
            for (width, one) in one_of {
                let (generator, discriminator) = made(table, [3, side, side]);
                let generator = generator.with_width(width);
                let discriminator = discriminator.with_width(width);
                let times = |all: &[usize]| all.iter().map(|x| x * one).collect::<Vec<_>>();
                assert_eq!(generator.channels, times(up), "{table:?}, {side}, {width}");
                assert_eq!(discriminator.channels, times(down), "{table:?}, {side}");
                assert_eq!(discriminator.halvings, halvings, "{table:?}, {side}");
                generator.validate().expect("valid");
                discriminator.validate().expect("valid");
            }
        }
    }
}

#[test]
fn the_papers_width_is_the_one_without_a_width_and_the_order_does_not_count() {
    for table in TABLES {
        for side in [8, 16, 28, 32, 48, 64, 96, 100, 128, 192, 256, 512] {
            let (generator, discriminator) = made(table, [3, side, side]);
            let papers = if table == ResNetTable::Sngan {
                128
            } else {
                256
            };
            let wide = (
                generator.clone().with_width(256),
                discriminator.clone().with_width(papers),
            );
            assert_eq!(wide, (generator.clone(), discriminator.clone()));
            // A width after a smaller one, and options before and after it.
            let options = |(generator, discriminator): Made| {
                let generator = generator.with_hierarchical(false).with_spectral_norm(false);
                (
                    generator.with_init(ResNetInit::Glorot),
                    discriminator.with_spectral_norm(false).with_pack(2),
                )
            };
            let width = |(generator, discriminator): Made| {
                let generator = generator.with_channels([1]).with_width(3).with_width(40);
                let discriminator = discriminator.with_channels([1], 0).with_width(3);
                (generator, discriminator.with_width(40))
            };
            let both = (generator, discriminator);
            let before = options(width(both.clone()));
            assert_eq!(before, width(options(both)), "{table:?}, {side}");
            before.0.validate().expect("valid");
            before.1.validate().expect("valid");
        }
    }
    // Settings that were stored without a table.
    let mut value = serde_json::to_value(ResNetGeneratorConfig::new(6, [1, 8, 8])).expect("JSON");
    assert_eq!(value["table"], "sngan");
    value.as_object_mut().expect("an object").remove("table");
    let read: ResNetGeneratorConfig = serde_json::from_value(value).expect("settings");
    assert_eq!(read, ResNetGeneratorConfig::new(6, [1, 8, 8]));
}

#[test]
fn the_presets_for_128_pixels_have_their_sizes() {
    let device = Default::default();
    let image = [3, 128, 128];
    let big = ResNetGeneratorConfig::big(120, image).init_conditional::<Cpu>(1_000, &device);
    assert_eq!(count(&big.expect("valid")), 70_433_988);
    let big = ResNetDiscriminatorConfig::big(image).init_projected::<Cpu>(1_000, &device);
    assert_eq!(count(&big.expect("valid")), 87_982_369);
    let deep = ResNetGeneratorConfig::big_deep(128, image).init_conditional::<Cpu>(1_000, &device);
    assert_eq!(count(&deep.expect("valid")), 50_244_484);
    let deep = ResNetDiscriminatorConfig::big_deep(image).init_projected::<Cpu>(1_000, &device);
    assert_eq!(count(&deep.expect("valid")), 34_590_209);
}

#[test]
fn presets_are_valid_and_go_with_each_other() {
    for preset in ResNetPreset::ALL {
        let (generator, discriminator) = (preset.generator(), preset.discriminator());
        generator.validate().expect("valid");
        discriminator.validate().expect("valid");
        assert_eq!(generator.image, discriminator.image);
        let config = preset.trainer(10).expect("valid");
        assert_eq!(config.latent.dimensions(), generator.latent);
        let drawn = match preset.classes() {
            Some(_) => ConditionRule::Uniform,
            None => ConditionRule::Real,
        };
        assert_eq!(config.conditions, drawn, "{preset:?}");
        assert!(preset.trainer(0).is_err());
        let named = serde_json::to_string(&preset).expect("JSON");
        let again: ResNetPreset = serde_json::from_str(&named).expect("a preset");
        assert_eq!(again, preset);
    }
    let sngan = ResNetPreset::Sngan64;
    assert_eq!(sngan.generator().channels, [1024, 512, 256, 128, 64]);
    assert_eq!(sngan.discriminator().channels, [64, 128, 256, 512, 1024]);
    let config = sngan.trainer(250_000).expect("valid");
    let rates = [0, 200_000, 225_000].map(|step| config.schedule.factor(step, config.steps));
    assert!((rates[2] - 0.5).abs() < 1e-12, "{rates:?}");
    assert_eq!(rates[..2], [1.0, 1.0]);
    assert_eq!(
        (config.batches.batch_size, config.discriminator_steps),
        (64, 5)
    );
    let sagan = ResNetPreset::Sagan128.generator();
    assert_eq!((sagan.attention, sagan.channels[5]), (Some(32), 64));
}

#[test]
fn deep_blocks_only_narrow_in_the_generator_and_only_widen_in_the_discriminator() {
    let generator = ResNetGeneratorConfig::big_deep(6, [1, 8, 8]);
    for (wrong, field) in [
        (generator.clone().with_channels([4, 8]), "`channels`"),
        (generator.with_hierarchical(true), "`hierarchical`"),
    ] {
        let error = wrong.validate().expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
    let discriminator = ResNetDiscriminatorConfig::big_deep([1, 8, 8]);
    for (wrong, field) in [
        (discriminator.clone().with_channels([8, 4], 1), "`channels`"),
        (
            discriminator.clone().with_channels([8], 0),
            "`channels.len()`",
        ),
        (discriminator.with_channels([8, 8], 2), "`halvings`"),
    ] {
        let error = wrong.validate().expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
}

#[test]
fn sizes_follow_the_papers_tables() {
    let generator = |side| ResNetGeneratorConfig::new(128, [3, side, side]).channels;
    assert_eq!(generator(32), [256; 4]);
    assert_eq!(generator(64), [1024, 512, 256, 128, 64]);
    assert_eq!(generator(128), [1024, 1024, 512, 256, 128, 64]);
    assert_eq!(generator(28), [256; 3]);
    let discriminator = |side| {
        let config = ResNetDiscriminatorConfig::new([3, side, side]);
        (config.channels, config.halvings)
    };
    assert_eq!(discriminator(32), (vec![128; 4], 2));
    assert_eq!(discriminator(28), (vec![128; 4], 2));
    assert_eq!(discriminator(64), (vec![64, 128, 256, 512, 1024], 5));
    assert_eq!(discriminator(128), (vec![64, 128, 256, 512, 1024, 1024], 5));
    // Sides that differ, and an odd one.
    let config = ResNetGeneratorConfig::new(4, [1, 24, 40]).with_width(4);
    let images = config.init::<Cpu>(&Default::default()).expect("valid");
    let images = images.generate(Tensor::ones([2, 4], &Default::default()), &());
    assert_eq!(images.dims(), [2, 1, 24, 40]);
    let odd = ResNetGeneratorConfig::new(4, [1, 9, 8]);
    assert!(odd.validate().is_err());
}

#[test]
fn attention_stands_at_the_height_that_is_asked_for() {
    let device = Default::default();
    let plain = ResNetGeneratorConfig::new(6, [2, 8, 8]).with_channels([4, 8, 6]);
    for (height, channels) in [(4, 8), (8, 6)] {
        let config = plain.clone().with_attention(height);
        let network = config.init::<Cpu>(&device).expect("valid settings");
        // Queries and keys of one channel, values of half, and the share.
        let attention = 2 * channels + 2 * channels * (channels / 2) + 1;
        let without = plain.init::<Cpu>(&device).expect("valid settings");
        assert_eq!(network.num_params(), without.num_params() + attention);
        let images = network.generate(Tensor::ones([2, 6], &device), &());
        assert_eq!(images.dims(), [2, 2, 8, 8]);
    }
    let plain = ResNetDiscriminatorConfig::new([2, 8, 8]).with_channels([4, 8], 1);
    let config = plain.with_attention(4);
    let network = config.init::<Cpu>(&device).expect("valid settings");
    let images = Tensor::ones([3, 2, 8, 8], &device);
    assert_eq!(network.discriminate(images, &()).logits.dims(), [3, 1]);
    let error = config
        .with_attention(8)
        .validate()
        .expect_err("no such map");
    assert!(error.to_string().contains("take one of [4, 4]"), "{error}");
}

#[test]
fn a_conditional_pair_takes_labels() {
    let device = Default::default();
    let labels = Labels::from_slice(&[1, 0, 2], 3, &device).expect("labels");
    let config = ResNetGeneratorConfig::big(6, [1, 8, 8]).with_channels([4, 4]);
    let generator = config.init_conditional::<Cpu>(3, &device).expect("valid");
    let images = generator.generate(Tensor::ones([3, 6], &device), &labels);
    assert_eq!(
        (images.dims(), generator.classes()),
        ([3, 1, 8, 8], Some(3))
    );
    let config = ResNetDiscriminatorConfig::new([1, 8, 8]).with_width(4);
    let projected = config.init_projected::<Cpu>(3, &device).expect("valid");
    let verdict = projected.discriminate(images.clone(), &labels);
    assert_eq!(verdict.logits.dims(), [3, 1]);
    let auxiliary = config.init_classifying::<Cpu>(3, &device).expect("valid");
    let verdict = auxiliary.discriminate(images, &labels);
    assert_eq!(verdict.class_logits.expect("class logits").dims(), [3, 3]);
    assert_eq!(auxiliary.classes(), Some(3));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let generator = || ResNetGeneratorConfig::new(6, [1, 8, 8]);
    for (wrong, field) in [
        (ResNetGeneratorConfig::new(0, [1, 8, 8]), "`latent`"),
        (generator().with_channels([4]), "`channels.len()`"),
        (generator().with_channels([4, 0]), "`channels`"),
        (generator().with_channels([4; 6]), "`image.height`"),
        (ResNetGeneratorConfig::new(6, [0, 8, 8]), "`image.channels`"),
        (
            ResNetGeneratorConfig::big(5, [1, 8, 8]),
            "an equal part; 4 or 6 would do",
        ),
        (
            generator().with_init(ResNetInit::Normal { std: f64::NAN }),
            "`init.std`",
        ),
        (generator().with_width(usize::MAX), "`channels`"),
    ] {
        let error = wrong.validate().expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
    let discriminator = || ResNetDiscriminatorConfig::new([1, 8, 8]);
    for (wrong, field) in [
        (discriminator().with_channels([], 0), "`channels.len()`"),
        (discriminator().with_channels([4], 2), "`halvings`"),
        (discriminator().with_channels([4; 6], 6), "`image.height`"),
        (discriminator().with_pack(0), "`pack`"),
        (discriminator().with_width(usize::MAX), "`channels`"),
    ] {
        let error = wrong.validate().expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
    let packed = discriminator().with_width(4).with_pack(2);
    assert!(
        packed
            .init_projected::<Cpu>(3, &Default::default())
            .is_err()
    );
}
