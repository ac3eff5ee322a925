//! Generators that have a style space between the latent and the sample.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::Generator;
use crate::latent::Latent;
use crate::random::Stream;

/// The style space of a generator: a mapping network from latents to styles, and a synthesis
/// network whose layers take a style each.
///
/// ```text
/// G(z) = synthesize(w, …, w),   w = map_latent(z)
/// ```
///
/// A generator that has one says so by [`Generator::style_space`]. Then the path length
/// regulariser, style mixing and truncation towards the mean style act on styles instead of
/// latents.
///
/// Karras, Laine, Aila 2018, *A style-based generator architecture for generative adversarial
/// networks*, arXiv:1812.04948.
pub trait StyleSpace<B: Backend, S, C> {
    /// The number of layers that take a style.
    fn layers(&self) -> usize;

    /// Latents, `[batch, latent]`, to styles, `[batch, style]`.
    fn map_latent(&self, latent: Tensor<B, 2>, condition: &C) -> Tensor<B, 2>;

    /// A style for each layer, `[batch, layers, style]`, to samples.
    fn synthesize(&self, styles: Tensor<B, 3>, condition: &C) -> S;
}

/// The same style for each of `layers` layers: `[batch, style]` to `[batch, layers, style]`.
pub fn for_all_layers<B: Backend>(styles: Tensor<B, 2>, layers: usize) -> Tensor<B, 3> {
    let styles: Tensor<B, 3> = styles.unsqueeze_dim(1);
    styles.repeat_dim(1, layers)
}

/// Style mixing: the layers before a sample's crossover take `first`, the others `second`.
///
/// Both are `[batch, layers, style]`; there is one crossover per sample, in `0..=layers`.
///
/// # Panics
/// If shapes differ, or there is not one crossover for each sample.
#[inline(never)]
pub fn mix_styles<B: Backend>(
    first: Tensor<B, 3>,
    second: Tensor<B, 3>,
    crossovers: &[usize],
) -> Tensor<B, 3> {
    let [batch, layers, style] = first.dims();
    assert_eq!(second.dims(), [batch, layers, style], "styles to be mixed");
    assert_eq!(crossovers.len(), batch, "one crossover for each sample");
    let later = crossovers.iter().flat_map(|crossover| {
        (0..layers).map(move |layer| if layer < *crossover { 0.0f32 } else { 1.0 })
    });
    let later = TensorData::new(later.collect::<Vec<_>>(), [batch, layers, 1]);
    let later = Tensor::<B, 3>::from_data(later, (&first.device(), first.dtype()));
    first.clone() + later.expand([batch, layers, style]) * (second - first)
}

/// The mean style of `samples` latents of a prior, `[1, style]`: what truncation goes towards.
///
/// `condition` gives the conditions of so many samples.
///
/// # Panics
/// If the generator has no style space, or there are no samples.
pub fn mean_style<B: Backend, G: Generator<B>>(
    generator: &G,
    prior: &Latent,
    samples: usize,
    condition: impl Fn(usize) -> G::Condition,
    stream: &mut Stream,
    device: &B::Device,
) -> Tensor<B, 2> {
    /// Latents that are mapped at once.
    const BATCH: usize = 1_000;
    let Some(space) = generator.style_space() else {
        panic!("a generator without a style space has no mean style");
    };
    assert!(samples > 0, "a mean of no styles");
    let mut sum: Option<Tensor<B, 2>> = None;
    let mut left = samples;
    while left > 0 {
        let batch = left.min(BATCH);
        let latent = prior.draw(batch, stream, device);
        let styles = space.map_latent(latent, &condition(batch)).sum_dim(0);
        sum = Some(match sum {
            Some(sum) => sum + styles,
            None => styles,
        });
        left -= batch;
    }
    match sum {
        Some(sum) => sum.mul_scalar(1.0 / samples as f64),
        None => unreachable!("there is at least one batch"),
    }
}

/// Styles drawn towards their mean, the truncation trick in the style space.
///
/// ```text
/// w̄ + ψ·(w − w̄)
/// ```
///
/// `styles` are `[batch, style]`, `mean` is `[1, style]`; ψ = 1 changes nothing, ψ = 0 makes every
/// style the mean.
pub fn truncate_styles<B: Backend>(
    styles: Tensor<B, 2>,
    mean: Tensor<B, 2>,
    psi: f64,
) -> Tensor<B, 2> {
    let mean = mean.expand(styles.dims());
    mean.clone() + (styles - mean).mul_scalar(psi)
}

crate::compiled::compiled! {
    mix_styles::<Tape>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_backend, tensor2, values};

    fn layers_after_the_crossover_take_the_second_style<B: Backend>() {
        let first = for_all_layers(tensor2::<B, 2>([[1.0, 2.0], [3.0, 4.0]]), 3);
        let second = for_all_layers(tensor2::<B, 2>([[5.0, 6.0], [7.0, 8.0]]), 3);
        let mixed = mix_styles(first, second, &[1, 3]);
        assert_eq!(
            values(mixed),
            [1.0, 2.0, 5.0, 6.0, 5.0, 6.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0]
        );
    }

    fn truncation_goes_towards_the_mean<B: Backend>() {
        let styles = tensor2::<B, 2>([[1.0, 2.0], [3.0, -4.0]]);
        let mean = tensor2::<B, 2>([[1.0, 0.0]]);
        let half = truncate_styles(styles.clone(), mean.clone(), 0.5);
        assert_close(&values(half), &[1.0, 1.0, 2.0, -2.0], 1e-6, 1e-6);
        let none = truncate_styles(styles.clone(), mean, 1.0);
        assert_close(&values(none), &values(styles), 1e-6, 1e-6);
    }

    for_each_backend!(
        layers_after_the_crossover_take_the_second_style,
        truncation_goes_towards_the_mean,
    );
}
