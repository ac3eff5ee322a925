//! Second order without differentiating twice: differences along the gradient.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::network::Sample;

/// Below this a direction is no direction: the sample is left where it is.
const SMALLEST_NORM: f64 = 1e-12;

/// A penalty P on the gradient g = ∂f/∂x of per-sample functions f, with parameter gradients by
/// differences of f along one direction per sample.
///
/// ```text
/// w_i = ∂P/∂g_i  (held fixed),    u_i = w_i/‖w_i‖
/// ∇θ P ≈ ∇θ Σ_i ‖w_i‖·[f(x_i + h·u_i) − f(x_i − h·u_i)]/(2h)
/// ```
///
/// Two forward passes and first-order gradients are all it takes, so that networks with layers
/// that can be differentiated once only take part. The value is exact; the error of the gradient
/// falls as h², down to where rounding of f takes over. `still` evaluates f with a tape for its
/// input alone, `tracked` with one for the parameters; both return `[batch]`. `packed` neighbours
/// of the batch are one sample of a packed discriminator. An input that has a history on the tape
/// keeps it: P depends on what made the input, too.
pub(in crate::objective) fn finite_difference<B, S>(
    input: S,
    step: f64,
    packed: usize,
    still: impl FnOnce(S) -> Tensor<B, 1>,
    tracked: impl Fn(S) -> Tensor<B, 1>,
    penalty: impl FnOnce(S) -> Tensor<B, 1>,
) -> Tensor<B, 1>
where
    B: AutodiffBackend,
    S: Sample<B>,
{
    let leaf = input.clone().leaf();
    let mut gradients = still(leaf.clone()).sum().backward();
    let gradient = match leaf.take_gradient(&mut gradients) {
        Some(gradient) => S::from_inner(gradient).leaf(),
        None => panic!("the function does not depend on its input: there is no gradient"),
    };
    let value = penalty(gradient.clone());
    let mut gradients = value.clone().backward();
    let Some(direction) = gradient.take_gradient(&mut gradients) else {
        return value.detach();
    };
    let direction = S::from_inner(direction);
    // Samples of a pack move together, as one: they share the pack's norm.
    let norms = packed_norms::<B, S>(direction.clone(), packed)
        .sqrt()
        .clamp_min(SMALLEST_NORM);
    let packs = norms.dims()[0];
    let norms: Tensor<B, 2> = norms.reshape([packs, 1]);
    let norms = norms.repeat_dim(1, packed).reshape([packs * packed]);
    let move_by = norms.clone().recip().mul_scalar(step);
    let ahead = tracked(input.clone().add_scaled(direction.clone(), move_by.clone()));
    let behind = tracked(input.add_scaled(direction, -move_by));
    let slope = (norms * (ahead - behind)).sum().mul_scalar(0.5 / step);
    // The value of the penalty, the gradient of the slope.
    value.detach() + (slope.clone() - slope.detach())
}

/// The squared norm of each pack of `packed` neighbours, `[batch / packed]`.
pub(in crate::objective) fn packed_norms<B: AutodiffBackend, S: Sample<B>>(
    gradient: S,
    packed: usize,
) -> Tensor<B, 1> {
    let norms = gradient.squared_norms();
    if packed == 1 {
        return norms;
    }
    let packs = norms.dims()[0] / packed;
    let norms: Tensor<B, 2> = norms.reshape([packs, packed]);
    norms.sum_dim(1).squeeze_dim(1)
}
