//! Where gradient penalties look besides real and generated samples.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::network::Sample;
use crate::random::Stream;

/// Weights from U[0, 1) for `count` samples with these logits, in their precision: one per logit, so
/// that samples which are judged together have one weight together.
fn uniform<B: Backend>(count: usize, logits: &Tensor<B, 2>, noise: &mut Stream) -> Tensor<B, 1> {
    let judged = logits.dims()[0].max(1);
    let weights = TensorData::new(noise.uniform(judged, 0.0, 1.0), [judged, 1]);
    let weights = Tensor::<B, 2>::from_data(weights, (&logits.device(), logits.dtype()));
    // Neighbours of the batch make a pack.
    let pack = count / judged;
    match pack {
        0 | 1 => weights.reshape([judged]),
        _ => weights.expand([judged, pack]).reshape([judged * pack]),
    }
}

/// Random points between real and generated samples, each with a weight of its own; of a pack's samples
/// all have the same, for the pack to be a point between two packs.
///
/// ```text
/// x̂_i = u_i·x_i + (1 − u_i)·G(z_i),   u_i ~ U[0, 1)
/// ```
pub(super) fn between<B: Backend, S: Sample<B>>(
    real: S,
    fake: S,
    logits: &Tensor<B, 2>,
    noise: &mut Stream,
) -> S {
    let weights = uniform(real.batch_size(), logits, noise);
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
    logits: &Tensor<B, 2>,
    noise: &mut Stream,
) -> S {
    let direction = real.standard_normal_like(noise);
    let spread = real.spread().mul_scalar(scale);
    let weights = uniform(real.batch_size(), logits, noise) * spread;
    real.add_scaled(direction, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, tensor2, values};

    fn every_sample_or_pack_has_a_weight_of_its_own<B: Backend>() {
        // Judged one by one, and in packs of five.
        for pack in [1, 5] {
            let logits = Tensor::zeros([50 / pack, 1], &Default::default());
            let real = Tensor::<B, 2>::ones([50, 3], &Default::default());
            let fake = Tensor::<B, 2>::zeros([50, 3], &Default::default());
            let points = values(between(real, fake, &logits, &mut Stream::new(3, "noise")));
            let mut weights = Vec::new();
            for points in points.chunks(3 * pack) {
                // One weight for all numbers of a sample, and of a pack…
                assert!(points.iter().all(|number| *number == points[0]));
                assert!((0.0..1.0).contains(&points[0]));
                weights.push(points[0]);
            }
            // …and another one for each.
            weights.sort_unstable_by(f64::total_cmp);
            weights.dedup();
            assert_eq!(weights.len(), 50 / pack);
        }
    }

    fn perturbed_points_lie_around_the_data<B: Backend>() {
        let count = 4_000;
        let logits = Tensor::zeros([count, 1], &Default::default());
        let rows = (0..count).map(|i| [if i % 2 == 0 { 3.0 } else { -3.0 }, 0.0]);
        let real = tensor2::<B, 2>(rows);
        let points = around(real.clone(), 0.5, &logits, &mut Stream::new(3, "noise"));
        let square = values((points - real).square().mean())[0];
        // E u²·(c·s)² = ⅓·¼·4.5 = .375; the standard error of 8,000 draws is .008.
        assert!((square - 0.375).abs() < 0.04, "{square}");
    }

    for_each_backend!(
        every_sample_or_pack_has_a_weight_of_its_own,
        perturbed_points_lie_around_the_data,
    );
}
