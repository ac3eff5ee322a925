//! The R1 penalty.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::second_order::logit_gradient;
use crate::network::{ConditionOf, Sample, SampleOf, TrainableDiscriminator};

/// R1: the squared norm of the discriminator's gradient at real samples, per sample, its mean
/// over the batch halved.
///
/// ```text
/// R1 = ½·(1/n)·Σ_i ‖∂/∂x_i Σ_patches D(x_i)‖²
/// ```
///
/// Returns `[1]`, without its weight γ. Exact: its gradient with respect to the parameters is
/// that of automatic differentiation, of second order. Running statistics are left alone.
///
/// Mescheder, Geiger, Nowozin 2018, *Which training methods for GANs do actually converge?*,
/// arXiv:1801.04406.
///
/// # Panics
/// As [`input_gradient`](super::second_order::input_gradient).
pub fn r1<B, D>(
    discriminator: &D,
    real: SampleOf<D, B>,
    condition: &ConditionOf<D, B>,
) -> Tensor<B, 1>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
    half_mean(logit_gradient(discriminator, real.detach(), condition).squared_norms())
}

/// ½·mean, of squared gradient norms `[count]`: R1 at real samples, R2 at generated ones.
pub(super) fn half_mean<B: Backend>(squared_norms: Tensor<B, 1>) -> Tensor<B, 1> {
    squared_norms.mean().mul_scalar(0.5)
}
