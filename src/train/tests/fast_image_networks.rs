//! StyleGAN2, the light pair and BigGAN trained with our kernels against the same with burn's operations.

use super::fast_layers::{
    BATCH, Burns, Fast, LATENT, assert_same_losses, mixed_losses, on_a_large_stack,
};
use crate::data::MemoryDataset;
use crate::gan::Gan;
use crate::models::{
    LightDiscriminatorConfig, LightGeneratorConfig, ResNetDiscriminatorConfig,
    ResNetGeneratorConfig, StyleGan2DiscriminatorConfig, StyleGan2GeneratorConfig,
};
use crate::objective::{Loss, Objective};
use crate::random::Stream;
use burn::tensor::backend::AutodiffBackend;

const SHAPE: [usize; 3] = [2, 8, 8];
/// Low enough that no two orders of summation part ways.
const RATE: f64 = 2e-5;
/// That of BigGAN-deep, whose hinge losses of 3 have many kinks. At 2e-5, on burn's operations alone, one weight
/// changed by 2e-7 of itself moves a loss by 0.003 within 140 steps and by 0.006 within 200.
const DEEP_RATE: f64 = 2e-6;

fn images() -> MemoryDataset<4> {
    let count = 2 * BATCH * SHAPE.iter().product::<usize>();
    let pixels = Stream::new(9, "pixels").uniform(count, -1.0, 1.0);
    MemoryDataset::new(pixels, SHAPE).expect("whole images")
}

/// With R1, path lengths and mixed styles, all of second order and random.
fn stylegan2<B: AutodiffBackend>(weights: &mut Option<Vec<Vec<f64>>>) -> Vec<f64> {
    let device = Default::default();
    let generator = StyleGan2GeneratorConfig::new(LATENT, SHAPE)
        .with_style(16)
        .with_mapping_layers(2)
        .with_widest(16);
    let discriminator = StyleGan2DiscriminatorConfig::new(SHAPE).with_widest(16);
    let gan = Gan::<_, _, B>::seeded(
        generator.init::<B>(&device).expect("valid settings"),
        discriminator.init::<B>(&device).expect("valid settings"),
        1,
        &device,
    );
    mixed_losses(
        gan,
        weights,
        &images(),
        Objective::stylegan2(0.1),
        RATE,
        0.9,
    )
}

fn light<B: AutodiffBackend>(weights: &mut Option<Vec<Vec<f64>>>) -> Vec<f64> {
    let device = Default::default();
    let generator = LightGeneratorConfig::new(LATENT, SHAPE).with_widest(16);
    let discriminator = LightDiscriminatorConfig::new(SHAPE).with_widest(16);
    let gan = Gan::<_, _, B>::seeded(
        generator.init::<B>(&device).expect("valid settings"),
        discriminator.init::<B>(&device).expect("valid settings"),
        1,
        &device,
    );
    mixed_losses(gan, weights, &images(), Objective::few_shot(), RATE, 0.0)
}

const CLASSES: usize = 3;

/// The residual pair with the options of BigGAN, or of BigGAN-deep: classes in conditional norms and in
/// a projection, attention, spectral norms in both networks.
fn biggan<B: AutodiffBackend>(weights: &mut Option<Vec<Vec<f64>>>, deep: bool) -> Vec<f64> {
    let device = Default::default();
    let (generator, discriminator) = match deep {
        false => (
            ResNetGeneratorConfig::big(LATENT, SHAPE),
            ResNetDiscriminatorConfig::big(SHAPE),
        ),
        true => (
            ResNetGeneratorConfig::big_deep(LATENT, SHAPE),
            ResNetDiscriminatorConfig::big_deep(SHAPE),
        ),
    };
    // 16 channels: enough for the kernels of 3×3 convolutions; in a deep block a quarter of them.
    let channels = if deep { 64 } else { 16 };
    let generator = (generator.with_channels([channels; 2]).with_attention(8))
        .init_conditional::<B>(CLASSES, &device);
    let discriminator = discriminator
        .with_channels([channels; 2], 1)
        .with_attention(4)
        .init_projected::<B>(CLASSES, &device);
    let gan = Gan::<_, _, B>::seeded(
        generator.expect("valid settings"),
        discriminator.expect("valid settings"),
        1,
        &device,
    );
    let labels = (0..2 * BATCH).map(|index| index % CLASSES).collect();
    let data = (images().with_labels(labels, CLASSES)).expect("a label for each image");
    let rate = if deep { DEEP_RATE } else { RATE };
    mixed_losses(gan, weights, &data, Objective::new(Loss::Hinge), rate, 0.0)
}

fn two_hundred_steps_of_biggan(deep: bool) {
    let mut weights = None;
    let fast = biggan::<Fast>(&mut weights, deep);
    assert_same_losses(&fast, &biggan::<Burns>(&mut weights, deep));
}

#[test]
fn two_hundred_steps_of_biggan_are_those_of_burns_operations() {
    on_a_large_stack(|| two_hundred_steps_of_biggan(false));
}

#[test]
fn two_hundred_steps_of_biggan_deep_are_those_of_burns_operations() {
    on_a_large_stack(|| two_hundred_steps_of_biggan(true));
}

#[test]
fn two_hundred_steps_of_stylegan2_are_those_of_burns_operations() {
    let mut weights = None;
    let fast = stylegan2::<Fast>(&mut weights);
    assert_same_losses(&fast, &stylegan2::<Burns>(&mut weights));
}

#[test]
fn two_hundred_steps_of_the_light_pair_are_those_of_burns_operations() {
    let mut weights = None;
    let fast = light::<Fast>(&mut weights);
    assert_same_losses(&fast, &light::<Burns>(&mut weights));
}
