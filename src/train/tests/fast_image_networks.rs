//! StyleGAN2 and the light pair trained with our kernels against the same with burn's operations.

use super::fast_layers::{BATCH, Burns, Fast, LATENT, assert_same_losses, mixed_losses};
use crate::data::MemoryDataset;
use crate::gan::Gan;
use crate::models::{
    LightDiscriminatorConfig, LightGeneratorConfig, StyleGan2DiscriminatorConfig,
    StyleGan2GeneratorConfig,
};
use crate::objective::Objective;
use crate::random::Stream;
use burn::tensor::backend::AutodiffBackend;

const SHAPE: [usize; 3] = [2, 8, 8];
/// Low enough that no two orders of summation part ways.
const RATE: f64 = 2e-5;

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
