//! StyleGAN2 against PyTorch in float64 (`tests/golden/stylegan2.py`), its sizes, and what it refuses.

use std::marker::PhantomData;

use burn::backend::{Autodiff, NdArray};
use burn::module::{HasAutodiffModule, Module, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::Gan;
use crate::data::MemoryDataset;
use crate::models::{Conditional, LabelEmbedding, Projection, SavedGenerator};
use crate::network::{
    ConditionRule, Discriminator, Generator, Labels, StyleSpace, Vectors, for_all_layers,
    mean_style,
};
use crate::random::Stream;
use crate::step::EmaConfig;
use crate::testing::golden::{Function, IN_F32, IN_F64, Passes, Tolerance};
use crate::testing::{
    Cpu, floats, for_each_autodiff_backend, for_each_backend, on_wgpu_by_hand, values,
};
use crate::train::Trainer;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layer: Settings,
    #[serde(flatten)]
    passes: Passes,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Settings {
    Generator(usize),
    Discriminator { classes: usize, residual: bool },
}

/// A network as a function of its input; sample i has class i modulo three.
#[derive(Module, Debug)]
struct Of<B: Backend, N> {
    network: N,
    backend: PhantomData<B>,
}

fn of<B: Backend, N>(network: N) -> Of<B, N> {
    Of {
        network,
        backend: PhantomData,
    }
}

fn labels<B: Backend>(batch: usize) -> Labels<B> {
    let classes: Vec<usize> = (0..batch).map(|sample| sample % 3).collect();
    Labels::from_slice(&classes, 3, &B::Device::default()).expect("labels in range")
}

/// The maps that the script gives each convolution.
fn noise<B: Backend>(batch: usize) -> Vec<Tensor<B, 4>> {
    let map = |side: usize| {
        let numbers = (0..batch * side * side).map(|i| ((i * 37) % 11) as f64 / 5.0 - 1.0);
        let shape = [batch, 1, side, side];
        floats(TensorData::new(numbers.collect::<Vec<_>>(), shape))
    };
    [4, 8, 8].map(map).into()
}

type Told<B> = Conditional<B, LabelEmbedding<B>, StyleGan2Generator<B>>;
type Judge<B> = StyleGan2Discriminator<B>;
type Projected<B> = Projection<B, MappedEmbedding<B, LabelEmbedding<B>>, Judge<B>>;

impl<B: Backend> Function<B, 2, 4> for Of<B, StyleGan2Generator<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let batch = x.dims()[0];
        let styles = self.network.map_latent(x, &());
        let styles = for_all_layers(styles, self.network.layers());
        self.network.synthesize_with(styles, Some(&noise(batch)))
    }
}

impl<B: Backend> Function<B, 2, 4> for Of<B, Told<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let batch = x.dims()[0];
        let space = self.network.style_space().expect("a style space");
        let styles = for_all_layers(space.map_latent(x, &labels(batch)), space.layers());
        let network = self.network.network();
        network.synthesize_with(styles, Some(&noise(batch)))
    }
}

impl<B: Backend> Function<B, 4, 2> for Of<B, Judge<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        self.network.discriminate(x, &()).logits
    }
}

impl<B: Backend> Function<B, 4, 2> for Of<B, Projected<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let batch = x.dims()[0];
        self.network.discriminate(x, &labels(batch)).logits
    }
}

/// The script's sizes: 3 channels at 4×4, 2 at 8×8.
fn small_generator() -> StyleGan2GeneratorConfig {
    StyleGan2GeneratorConfig::new(3, [2, 8, 8])
        .with_style(4)
        .with_mapping_layers(2)
        .with_base(16)
        .with_widest(3)
}

fn small_discriminator() -> StyleGan2DiscriminatorConfig {
    StyleGan2DiscriminatorConfig::new([2, 8, 8])
        .with_base(16)
        .with_widest(3)
        .with_group(2)
        .with_mapping_layers(2)
}

fn compare<B: AutodiffBackend, N, const R: usize, const S: usize>(
    case: &Case,
    network: N,
    tolerance: Tolerance,
) where
    Of<B, N>: Function<B, R, S>
        + HasAutodiffModule<Autodiff<B>, TrainModule: Function<Autodiff<B>, R, S>>,
{
    let network = of::<B, N>(network);
    case.passes
        .compare::<B, _, R, S>(&case.name, network, tolerance);
}

/// Every case whose name begins so, and how many there are.
fn compare_all<B: AutodiffBackend>(kind: &str, tolerance: Tolerance) -> usize {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/stylegan2.json"))
        .expect("golden values parse");
    let device = &B::Device::default();
    let mut count = 0;
    for case in golden
        .cases
        .iter()
        .filter(|case| case.name.starts_with(kind))
    {
        count += 1;
        match case.layer {
            Settings::Generator(0) => {
                let network = small_generator().init::<B>(device).expect("valid");
                compare::<B, _, 2, 4>(case, network, tolerance);
            }
            Settings::Generator(classes) => {
                let network = small_generator().init_conditional::<B>(classes, device);
                compare::<B, _, 2, 4>(case, network.expect("valid"), tolerance);
            }
            Settings::Discriminator { classes, residual } => {
                let config = small_discriminator().with_residual(residual);
                match classes {
                    0 => {
                        let network = config.init::<B>(device).expect("valid");
                        compare::<B, _, 4, 2>(case, network, tolerance);
                    }
                    _ => {
                        let network = config.init_conditional::<B>(classes, device);
                        compare::<B, _, 4, 2>(case, network.expect("valid"), tolerance);
                    }
                }
            }
        }
    }
    count
}

fn generators_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("generator_", IN_F32), 2);
}

fn discriminators_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("discriminator_", IN_F32), 3);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    assert_eq!(compare_all::<Autodiff<NdArray<f64>>>("", IN_F64), 5);
}

/// Parameters without drawing them.
fn count<B: Backend, M: Module<B>>(module: &M) -> usize {
    struct Counter(usize);
    impl<B: Backend> ModuleVisitor<B> for Counter {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0 += param.lazy_shape().num_elements();
        }
    }
    let mut counter = Counter(0);
    module.visit(&mut counter);
    counter.0
}

/// The numbers follow from the paper's widths; those of 1024×1024 are the 30.4 and 29.0 million that are
/// known of configuration F.
#[test]
fn presets_have_the_papers_parameters() {
    let device = Default::default();
    for (side, generator, discriminator) in [
        (1024, 30_370_060, 29_012_513),
        (256, 24_767_458, 24_001_089),
        (32, 21_523_475, 21_507_073),
    ] {
        let network = StyleGan2GeneratorConfig::paper([3, side, side]).init::<Cpu>(&device);
        assert_eq!(count(&network.expect("valid")), generator, "{side}");
        let network = StyleGan2DiscriminatorConfig::paper([3, side, side]).init::<Cpu>(&device);
        assert_eq!(count(&network.expect("valid")), discriminator, "{side}");
    }
    let network = StyleGan2GeneratorConfig::cifar().init::<Cpu>(&device);
    assert_eq!(count(&network.expect("valid")), 19_947_539);
    let network = StyleGan2DiscriminatorConfig::cifar().init::<Cpu>(&device);
    // Three branches of 512·512 less than the paper's.
    assert_eq!(count(&network.expect("valid")), 21_507_073 - 3 * 512 * 512);
}

fn images_of_every_power_of_two_are_drawn_and_judged<B: Backend>() {
    let device = B::Device::default();
    for (side, layers) in [(8, 4), (16, 6), (64, 10)] {
        let image = [3, side, side];
        let generator = StyleGan2GeneratorConfig::new(5, image)
            .with_style(6)
            .with_widest(2);
        let generator = generator.init::<B>(&device).expect("valid settings");
        assert_eq!(generator.layers(), layers);
        let latents = Tensor::<B, 2>::ones([2, 5], &device);
        let images = generator.generate(latents.clone(), &());
        assert_eq!(images.dims(), [2, 3, side, side]);
        // Noise has no share yet, so equal latents have equal images.
        let numbers = values(images.clone());
        let (first, second) = numbers.split_at(numbers.len() / 2);
        crate::testing::assert_close(first, second, 1e-5, 1e-6);
        let discriminator = StyleGan2DiscriminatorConfig::new(image).with_widest(2);
        let discriminator = discriminator.init::<B>(&device).expect("valid settings");
        let verdict = discriminator.discriminate(images, &());
        assert_eq!(verdict.logits.dims(), [2, 1]);
        assert_eq!(verdict.features.expect("features").dims(), [2, 2]);
    }
}

fn vectors_condition_both_networks<B: Backend>() {
    let device = B::Device::default();
    let generator = small_generator().init_on_vectors::<B>(3, &device);
    let generator = generator.expect("valid settings");
    let vectors = |x: f64| {
        let numbers = vec![1.0, 2.0, x, 1.0, 2.0, -x];
        Vectors::new(floats::<B, 2>(TensorData::new(numbers, [2, 3])))
    };
    let latents = Tensor::<B, 2>::ones([2, 3], &device);
    let draw = |x| values(generator.generate(latents.clone(), &vectors(x)));
    assert_ne!(draw(1.0), draw(5.0));
    let discriminator = small_discriminator().init_on_vectors::<B>(3, &device);
    let discriminator = discriminator.expect("valid settings");
    let images = Tensor::<B, 4>::ones([2, 2, 8, 8], &device);
    let judge = |x| {
        values(
            discriminator
                .discriminate(images.clone(), &vectors(x))
                .logits,
        )
    };
    assert_ne!(judge(1.0), judge(5.0));
    assert_eq!(generator.classes(), None);
    assert_eq!(Generator::<B>::output_range(&generator), None);
}

for_each_backend!(
    a_projection_of_one_channel_is_a_projection,
    images_of_every_power_of_two_are_drawn_and_judged,
    vectors_condition_both_networks,
);

mod tracked {
    use super::*;
    for_each_autodiff_backend!(generators_match_pytorch, discriminators_match_pytorch);
    on_wgpu_by_hand!(Autodiff<Wgpu>; generators_match_pytorch, discriminators_match_pytorch);
}

#[test]
fn layers_of_a_style_are_those_that_styles_are_mixed_in() {
    let device = Default::default();
    let generator = small_generator().init::<Cpu>(&device).expect("valid");
    let styles = |first: f64, last: f64| {
        let numbers = (0..4 * 4).map(|i| if i < 8 { first } else { last });
        let numbers = TensorData::new(numbers.collect::<Vec<_>>(), [1, 4, 4]);
        values(generator.synthesize(floats::<Cpu, 3>(numbers), &()))
    };
    assert_ne!(styles(1.0, 1.0), styles(1.0, -1.0));
    assert_ne!(styles(1.0, -1.0), styles(-1.0, -1.0));
    let mean = |samples| {
        let (prior, stream) = (crate::Latent::normal(3), &mut Stream::new(1, "mean"));
        values(mean_style::<Cpu, _>(
            &generator,
            &prior,
            samples,
            |_| (),
            stream,
            &device,
        ))
    };
    assert_eq!(mean(50).len(), 4);
}

fn a_projection_of_one_channel_is_a_projection<B: Backend>() {
    let device = B::Device::default();
    let config = small_discriminator().with_widest(1).with_residual(false);
    let network = config.init_conditional::<B>(3, &device).expect("valid");
    let numbers = Stream::new(3, "images").uniform(4 * 2 * 8 * 8, -1.0, 1.0);
    let images = floats::<B, 4>(TensorData::new(
        numbers.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(),
        [4, 2, 8, 8],
    ));
    let told = Labels::from_slice(&[1; 4], 3, &device).expect("labels");
    let verdict = network.discriminate(images, &told);
    let features = verdict.features.expect("features");
    assert_eq!((features.dims(), verdict.logits.dims()), ([4, 1], [4, 1]));
    // The feature times a number of the class: no logit of the network's own beside it.
    let (features, logits) = (values(features), values(verdict.logits));
    let ratio = logits[0] / features[0];
    assert!(ratio != 0.0 && features[0] != features[1], "{features:?}");
    for (feature, logit) in features.iter().zip(&logits) {
        let off = (logit - ratio * feature).abs();
        assert!(off <= 1e-5 * ratio.abs().max(1e-3), "{logit}, {feature}");
    }
}

#[test]
fn presets_are_valid_and_train_as_the_papers_say() {
    type B = Autodiff<Cpu>;
    for preset in StyleGan2Preset::ALL {
        let (generator, discriminator) = (preset.generator(), preset.discriminator());
        generator.validate().expect("valid");
        discriminator.validate().expect("valid");
        assert_eq!(generator.image, discriminator.image);
        let config = preset.training().trainer(10).expect("valid");
        assert_eq!(config.latent.dimensions(), generator.latent);
        assert_eq!(config.conditions, ConditionRule::Frequencies);
        assert!(preset.training().trainer(0).is_err());
        let named = serde_json::to_string(&preset).expect("JSON");
        let again: StyleGan2Preset = serde_json::from_str(&named).expect("a preset");
        assert_eq!(again, preset);
    }
    let row = |preset: StyleGan2Preset| {
        let training = preset.training();
        let config = training.trainer(10).expect("valid");
        let terms = config.objective.terms.iter();
        (
            preset.generator().mapping_layers,
            preset.discriminator().group,
            config.batches.batch_size,
            training.learning_rate,
            terms
                .map(|term| (term.weight, term.interval))
                .collect::<Vec<_>>(),
            config.style_mixing,
            config.ema,
        )
    };
    let lazy = |gamma: f64| vec![(gamma, 16), (2.0, 4)];
    let half_life = |images: f64| Some(EmaConfig::half_life(images));
    assert_eq!(
        row(StyleGan2Preset::Ffhq1024),
        (8, 4, 32, 0.002, lazy(10.0), 0.9, half_life(1e4))
    );
    let ramped = Some(EmaConfig::half_life(5e5).with_ramp_up(0.05));
    let r1 = vec![(0.01, 16)];
    assert_eq!(
        row(StyleGan2Preset::Cifar10),
        (2, 32, 64, 0.0025, r1, 0.0, ramped)
    );
    assert_eq!(StyleGan2Preset::Cifar10.classes(), Some(10));

    // The rule of thumb, and a step of a small network with it.
    let training = StyleGan2Training::new(2, 8);
    assert!((training.gamma - 0.0064).abs() < 1e-12);
    assert_eq!(StyleGan2Training::new(32, 1_024).learning_rate, 0.002);
    let device = Default::default();
    let generator = StyleGan2GeneratorConfig::new(512, [2, 8, 8]).with_style(4);
    let gan = Gan::<_, _, B>::seeded(
        generator.with_widest(3).init::<B>(&device).expect("valid"),
        small_discriminator().init::<B>(&device).expect("valid"),
        1,
        &device,
    );
    let pixels = Stream::new(1, "images").uniform(4 * 2 * 8 * 8, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, [2, 8, 8]).expect("images");
    let config = training.trainer(1).expect("valid");
    let run = Trainer::new(config, &device)
        .expect("settings")
        .run(gan, &data);
    assert_eq!(run.expect("a run").state.step, 1);

    for (wrong, field) in [
        (StyleGan2Training::new(0, 8), "`batch` = 0"),
        (training.with_gamma(f64::NAN), "`gamma` = NaN"),
        (training.with_learning_rate(0.0), "`learning_rate` = 0"),
        (training.with_style_mixing(1.5), "`style_mixing` = 1.5"),
        (training.with_half_life(f64::NAN), "`half_life` = NaN"),
        (training.with_ramp_up(0.0), "`ramp_up` = 0"),
    ] {
        let error = wrong.trainer(1).expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let generator = |image| StyleGan2GeneratorConfig::new(3, image);
    let discriminator = StyleGan2DiscriminatorConfig::new;
    for (image, field) in [
        ([3, 4, 4], "`image.height`"),
        ([3, 2048, 2048], "`image.height`"),
        ([3, 32, 24], "`image.width`"),
        ([3, 32, 64], "`image.width`"),
        ([0, 32, 32], "`image.channels`"),
    ] {
        for error in [
            generator(image).validate().expect_err(field),
            discriminator(image).validate().expect_err(field),
        ] {
            let error = error.to_string();
            assert!(error.contains(field), "no {field} in {error}");
        }
    }
    let image = [3, 32, 32];
    for (error, field) in [
        (
            StyleGan2GeneratorConfig::new(0, image).validate(),
            "`latent`",
        ),
        (generator(image).with_style(0).validate(), "`style`"),
        (
            generator(image).with_mapping_layers(0).validate(),
            "`mapping_layers`",
        ),
        (
            generator(image).with_mapping_layers(1_001).validate(),
            "`mapping_layers`",
        ),
        (generator(image).with_base(0).validate(), "`base`"),
        (generator(image).with_widest(0).validate(), "`widest`"),
        (
            generator(image)
                .with_base(1 << 24)
                .with_widest(1 << 20)
                .validate(),
            "`widest`",
        ),
        (discriminator(image).with_group(0).validate(), "`group`"),
        (
            discriminator(image).with_mapping_layers(0).validate(),
            "`mapping_layers`",
        ),
        (
            discriminator(image).with_widest(1 << 25).validate(),
            "`widest`",
        ),
    ] {
        let error = error.expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
    let none = small_discriminator().init_conditional::<Cpu>(0, &Default::default());
    assert!(none.is_err());
    // A condition's features are as many as a style has: their sum with the latent's has no number.
    let far = generator(image).with_style(usize::MAX);
    let device = Default::default();
    for error in [
        far.validate(),
        far.init_conditional::<Cpu>(3, &device).map(|_| ()),
        far.init_on_vectors::<Cpu>(3, &device).map(|_| ()),
    ] {
        let error = error.expect_err("too large").to_string();
        assert!(error.contains("`style`"), "{error}");
    }
}

#[test]
fn a_saved_generator_comes_back_with_its_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generator.gan");
    let (device, latent) = (Default::default(), crate::Latent::normal(3));
    let config = small_generator();
    let generator = config.init_conditional::<Cpu>(3, &device).expect("valid");
    crate::network::initialize(&generator);
    SavedGenerator::save(&path, &config, &latent, generator.clone()).expect("a written file");
    let saved = SavedGenerator::<StyleGan2GeneratorConfig>::open(&path).expect("a whole file");
    assert_eq!(saved.settings(), &config);
    let fresh = config.init_conditional::<Cpu>(3, &device).expect("valid");
    let restored = saved.restore(fresh).expect("fitting weights");
    let draw = |generator: &Told<Cpu>| {
        let z = latent.draw(3, &mut Stream::new(2, "z"), &device);
        values(generator.generate(z, &labels(3)))
    };
    assert_eq!(draw(&restored), draw(&generator));
    let mut sampler = crate::sampling::Sampler::<Cpu>::open(&path, &device).expect("a stock one");
    assert_eq!(sampler.draw(2).expect("samples").shape(), [2, 8, 8]);
    assert_eq!(sampler.classes(), Some(3));
}
