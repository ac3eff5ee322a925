//! Where gradient penalties look besides real and generated samples.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::network::Sample;
use crate::random::Stream;

/// `count` weights from U[0, 1), one per sample, in the precision of `like`.
fn uniform<B: Backend>(count: usize, like: &Tensor<B, 2>, noise: &mut Stream) -> Tensor<B, 1> {
    let weights = TensorData::new(noise.uniform(count, 0.0, 1.0), [count]);
    Tensor::from_data(weights, (&like.device(), like.dtype()))
}

/// Random points between real and generated samples, each with a weight of its own.
///
/// ```text
/// x̂_i = u_i·x_i + (1 − u_i)·G(z_i),   u_i ~ U[0, 1)
/// ```
pub(super) fn between<B: Backend, S: Sample<B>>(
    real: S,
    fake: S,
    like: &Tensor<B, 2>,
    noise: &mut Stream,
) -> S {
    let weights = uniform(real.batch_size(), like, noise);
    real.interpolate(fake, weights)
}

/// Random points around real samples.
///
/// ```text
/// x̂_i = x_i + u_i·c·s·ε_i,   ε_i ~ N(0, I),  u_i ~ U[0, 1),  s the standard deviation of the batch
/// ```
pub(super) fn around<B: Backend, S: Sample<B>>(
    real: S,
    scale: f64,
    like: &Tensor<B, 2>,
    noise: &mut Stream,
) -> S {
    let direction = real.standard_normal_like(noise);
    let spread = real.spread().mul_scalar(scale);
    let weights = uniform(real.batch_size(), like, noise) * spread;
    real.add_scaled(direction, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, tensor2, values};

    fn every_sample_has_a_weight_of_its_own<B: Backend>() {
        let like = tensor2::<B, 1>([[0.0]]);
        let real = Tensor::<B, 2>::ones([50, 3], &Default::default());
        let fake = Tensor::<B, 2>::zeros([50, 3], &Default::default());
        let points = values(between(real, fake, &like, &mut Stream::new(3, "noise")));
        let mut weights = Vec::new();
        for point in points.chunks(3) {
            // One weight for all numbers of a sample…
            assert_eq!((point[0], point[0]), (point[1], point[2]));
            assert!((0.0..1.0).contains(&point[0]));
            weights.push(point[0]);
        }
        // …and another one for each sample.
        weights.sort_unstable_by(f64::total_cmp);
        weights.dedup();
        assert_eq!(weights.len(), 50);
    }

    fn perturbed_points_lie_around_the_data<B: Backend>() {
        let like = tensor2::<B, 1>([[0.0]]);
        let count = 4_000;
        let rows = (0..count).map(|i| [if i % 2 == 0 { 3.0 } else { -3.0 }, 0.0]);
        let real = tensor2::<B, 2>(rows);
        let points = around(real.clone(), 0.5, &like, &mut Stream::new(3, "noise"));
        let square = values((points - real).square().mean())[0];
        // E u²·(c·s)² = ⅓·¼·4.5 = .375; the standard error of 8,000 draws is .008.
        assert!((square - 0.375).abs() < 0.04, "{square}");
    }

    for_each_backend!(
        every_sample_has_a_weight_of_its_own,
        perturbed_points_lie_around_the_data,
    );
}
