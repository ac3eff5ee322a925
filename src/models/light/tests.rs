//! The light pair against PyTorch in float64 (`tests/golden/light.py`), its shapes, and what it refuses.

use std::marker::PhantomData;

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::network::{Discriminator, Generator, Labels, RECONSTRUCTION};
use crate::step::{EmaConfig, OptimizerConfig};
use crate::testing::golden::{Function, IN_F32, IN_F64, Passes, Tolerance};
use crate::testing::{
    Cpu, floats, for_each_autodiff_backend, for_each_backend, on_wgpu_by_hand, values,
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    passes: Passes,
}

/// A network as a function of its input.
#[derive(Module, Debug)]
struct Of<B: Backend, N> {
    network: N,
    backend: PhantomData<B>,
}

impl<B: Backend> Function<B, 2, 4> for Of<B, LightGenerator<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let batch = x.dims()[0];
        let map = |side: usize| {
            let numbers = (0..batch * side * side).map(|i| ((i * 37) % 11) as f64 / 5.0 - 1.0);
            let numbers = numbers.collect::<Vec<_>>();
            floats::<B, 4>(TensorData::new(numbers, [batch, 1, side, side]))
        };
        self.network.generate_with(x, Some(&[map(8), map(16)]))
    }
}

impl<B: Backend> Function<B, 4, 2> for Of<B, LightDiscriminator<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let verdict = self.network.discriminate(x, &());
        let error = verdict.output(RECONSTRUCTION).expect("an error").clone();
        Tensor::cat(vec![verdict.logits, error], 1)
    }
}

fn compare_both<B: AutodiffBackend>(tolerance: Tolerance) {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/light.json"))
        .expect("golden values parse");
    let device = &B::Device::default();
    let [generator, discriminator] = &golden.cases[..] else {
        panic!("two networks");
    };
    let network = LightGeneratorConfig::new(3, [2, 16, 16])
        .with_widest(4)
        .with_spectral_norm(false)
        .init::<B>(device)
        .expect("valid settings");
    let network = Of {
        network,
        backend: PhantomData,
    };
    let Case { name, passes } = generator;
    passes.compare::<B, _, 2, 4>(name, network, tolerance);
    let network = LightDiscriminatorConfig::new([2, 16, 16])
        .with_widest(4)
        .with_spectral_norm(false)
        .init::<B>(device)
        .expect("valid settings");
    let network = Of {
        network,
        backend: PhantomData,
    };
    let Case { name, passes } = discriminator;
    passes.compare::<B, _, 4, 2>(name, network, tolerance);
}

fn both_match_pytorch<B: AutodiffBackend>() {
    compare_both::<B>(IN_F32);
}

mod tracked {
    use super::*;
    for_each_autodiff_backend!(both_match_pytorch);
    on_wgpu_by_hand!(Autodiff<Wgpu>; both_match_pytorch);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    compare_both::<Autodiff<NdArray<f64>>>(IN_F64);
}

fn images_of_every_power_of_two_are_drawn_and_judged<B: Backend>() {
    let device = B::Device::default();
    for side in [8, 32, 128] {
        let image = [3, side, side];
        let generator = LightGeneratorConfig::new(5, image).with_widest(8);
        let generator = generator.init::<B>(&device).expect("valid settings");
        let images = generator.generate(Tensor::ones([2, 5], &device), &());
        assert_eq!(images.dims(), [2, 3, side, side]);
        let discriminator = LightDiscriminatorConfig::new(image).with_widest(8);
        let discriminator = discriminator.init::<B>(&device).expect("valid settings");
        let verdict = discriminator.discriminate(images, &());
        assert_eq!(verdict.logits.dims(), [2, 25]);
        assert_eq!(verdict.features.expect("features").dims(), [2, 4]);
        let error = values(verdict.outputs[0].1.clone());
        assert!(
            error.len() == 2 && error.iter().all(|e| *e > 0.0),
            "{error:?}"
        );
    }
}

fn labels_matter_to_both<B: Backend>() {
    let device = B::Device::default();
    let labels = |class| Labels::<B>::from_slice(&[0, class], 3, &device).expect("labels");
    let config = LightGeneratorConfig::new(5, [1, 8, 8]).with_widest(4);
    let generator = config.init_conditional::<B>(3, &device).expect("valid");
    let latents = || Tensor::ones([2, 5], &device);
    let draw = |class| values(generator.generate(latents(), &labels(class)));
    assert_ne!(draw(1), draw(2));
    let config = LightDiscriminatorConfig::new([1, 8, 8]).with_widest(4);
    let discriminator = config.init_projected::<B>(3, &device).expect("valid");
    let images = || Tensor::ones([2, 1, 8, 8], &device);
    let judge = |class| values(discriminator.discriminate(images(), &labels(class)).logits);
    let (one, two) = (judge(1), judge(2));
    assert_eq!(one[..25], two[..25]);
    assert_ne!(one[25..], two[25..]);
}

for_each_backend!(
    images_of_every_power_of_two_are_drawn_and_judged,
    labels_matter_to_both,
);

#[test]
fn small_images_excite_large_ones() {
    let reached = |side: usize, reach: usize| {
        let config = LightGeneratorConfig::new(5, [1, side, side]);
        let config = config
            .with_widest(8)
            .with_reach(reach)
            .with_spectral_norm(false);
        let generator = config.init::<Cpu>(&Default::default()).expect("valid");
        let all = format!("{generator:?}");
        all.matches("SkipExcitation {").count()
    };
    // 4 → 16, 8 → 32, 16 → 64.
    assert_eq!(reached(64, 4), 3);
    assert_eq!(reached(64, 16), 1);
    assert_eq!(reached(8, 4), 0);
}

#[test]
fn widths_are_the_papers() {
    let all = [4, 8, 16, 32, 64, 128, 256, 512, 1024].map(|side| channels(side, 1024));
    assert_eq!(all, [1024, 512, 256, 128, 128, 64, 32, 16, 8]);
}

#[test]
fn presets_are_valid_and_train_as_the_paper_says() {
    for preset in LightPreset::ALL {
        let (generator, discriminator) = (preset.generator(), preset.discriminator());
        generator.validate().expect("valid");
        discriminator.validate().expect("valid");
        assert_eq!(generator.image, discriminator.image);
        assert_eq!((generator.widest, generator.reach), (1_024, 16));
        let config = preset.trainer(10).expect("valid");
        assert_eq!(config.latent.dimensions(), generator.latent);
        assert_eq!(config.batches.batch_size, 8);
        let adam = OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999);
        assert_eq!(config.generator_optimizer, adam);
        assert_eq!(config.discriminator_optimizer, adam);
        assert_eq!(config.ema, Some(EmaConfig::decay(0.999)));
        let named = serde_json::to_string(&config.objective.augment).expect("JSON");
        assert!(named.contains("color,translation\""), "{named}");
        assert!(preset.trainer(0).is_err());
        let named = serde_json::to_string(&preset).expect("JSON");
        let again: LightPreset = serde_json::from_str(&named).expect("a preset");
        assert_eq!(again, preset);
    }
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let image = [3, 32, 32];
    let generator = || LightGeneratorConfig::new(5, image);
    for (error, field) in [
        (LightGeneratorConfig::new(0, image).validate(), "`latent`"),
        (
            LightGeneratorConfig::new(5, [3, 32, 16]).validate(),
            "`image.width`",
        ),
        (generator().with_widest(0).validate(), "`widest`"),
        (generator().with_widest(1 << 20).validate(), "`widest`"),
        (generator().with_reach(2).validate(), "`reach`"),
        (generator().with_reach(6).validate(), "`reach`"),
        (
            LightDiscriminatorConfig::new([3, 24, 24]).validate(),
            "`image.height`",
        ),
        (
            LightDiscriminatorConfig::new(image)
                .with_widest(0)
                .validate(),
            "`widest`",
        ),
    ] {
        let error = error.expect_err(field).to_string();
        assert!(error.contains(field), "no {field} in {error}");
    }
}
