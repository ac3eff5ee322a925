//! The penalty on the distance of a gradient's norm from a target.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;

/// Keeps the root's derivative finite where a gradient is zero; 1e-12 is a norm of a millionth.
const EPSILON: f64 = 1e-12;

/// The mean squared distance of norms from a target.
///
/// ```text
/// two-sided   (1/n)·Σ_i (‖g_i‖ − t)²
/// one-sided   (1/n)·Σ_i max(0, ‖g_i‖ − t)²
/// ```
///
/// Takes squared norms, one **per sample**, `[count]`; returns `[1]`. The one-sided form
/// forgives small gradients: 1-Lipschitz is a bound from above (Petzka, Fischer, Lukovnikov 2017,
/// arXiv:1709.08894).
#[inline(never)]
pub fn gradient_norm<B: Backend>(
    squared_norms: Tensor<B, 1>,
    target: f64,
    one_sided: bool,
) -> Tensor<B, 1> {
    let distance = norms(squared_norms).sub_scalar(target);
    let distance = if one_sided { relu(distance) } else { distance };
    distance.square().mean()
}

/// Norms from their squares, with a finite derivative at 0.
pub(super) fn norms<B: Backend>(squared_norms: Tensor<B, 1>) -> Tensor<B, 1> {
    squared_norms.add_scalar(EPSILON).sqrt()
}

crate::compiled::compiled! {
    gradient_norm::<Tape>,
}
