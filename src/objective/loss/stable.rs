//! Elementwise functions of a logit that stay exact and finite far out.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Where [`exp_then_linear`] leaves the exponential.
pub const EXP_JOINT: f64 = 80.0;

/// ln(1 + eˣ), elementwise, exact in value and gradient for logits of any size.
///
/// ```text
/// softplus(x) = max(x, 0) + ln(1 + e^−|x|)
/// ```
///
/// burn's own softplus overflows above 88 in f32, and the gradient of its log-sigmoid loses its
/// digits where it is small (NdArray).
pub fn softplus<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    // max and |x| by a sign that is no part of the tape: at 0, where both have a kink, it gives
    // the derivative σ(0) = ½.
    let sign = x.clone().detach().sign();
    let magnitude = x.clone() * sign.clone();
    x * sign.add_scalar(1.0).mul_scalar(0.5) + (-magnitude).exp().log1p()
}

/// eˣ up to x = 80, its tangent there beyond, elementwise.
///
/// ```text
/// f(x) = eˣ                 x ≤ 80
/// f(x) = e⁸⁰·(1 + x − 80)   x > 80
/// ```
///
/// f32 ends at e^88.7. Value and first derivative are continuous at the joint; the derivative
/// beyond is the constant e⁸⁰.
pub fn exp_then_linear<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    // Two paths that never add up: the exponent stops with a derivative of 0 where the line goes
    // on, so that the slope beyond is e⁸⁰ itself and not a difference of large numbers. The joint
    // belongs to the exponential; there ReLU's derivative is 0.
    let beyond = x.clone().detach().greater_elem(EXP_JOINT);
    let excess = burn::tensor::activation::relu(x.clone().sub_scalar(EXP_JOINT));
    x.mask_fill(beyond, EXP_JOINT).exp() * excess.add_scalar(1.0)
}

/// The mean over all elements.
///
/// Each element is scaled before the sum: the sum of a batch of costs near the end of f32
/// would overflow where its mean does not. Gradients have the digits of the tensor's own type, f64
/// included.
pub fn mean<B: Backend, const R: usize>(costs: Tensor<B, R>) -> Tensor<B, 1> {
    let count = costs.shape().num_elements();
    // Not `div_scalar`: its derivative is rounded to f32.
    costs.mul_scalar(1.0 / count as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_autodiff_backend, on_wgpu, tensor1, values};
    use burn::tensor::backend::AutodiffBackend;

    fn value_and_slope<B: AutodiffBackend>(
        function: impl Fn(Tensor<B, 1>) -> Tensor<B, 1>,
        at: &[f64],
    ) -> (Vec<f64>, Vec<f64>) {
        let x = tensor1::<B>(at).require_grad();
        let y = function(x.clone());
        let slopes = x.grad(&y.clone().sum().backward()).expect("a gradient");
        (values(y), values(slopes))
    }

    fn softplus_is_exact_and_finite_far_out<B: AutodiffBackend>() {
        let at = [-500.0, -20.0, -1.0, 0.0, 1.0, 20.0, 87.0, 90.0, 500.0];
        let (y, slope) = value_and_slope::<B>(softplus, &at);
        let expected: Vec<f64> = at
            .iter()
            .map(|x: &f64| x.max(0.0) + (-x.abs()).exp().ln_1p())
            .collect();
        let slopes: Vec<f64> = at.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
        // wgpu's log1p is ln(1 + x), which rounds the value (not the gradient) to 6e-8 in
        // absolute terms; below 1e-37 f32 rounds to 0.
        let rounds = B::name(&Default::default()).contains("wgpu");
        assert_close(&y, &expected, 1e-5, if rounds { 1e-7 } else { 1e-37 });
        assert_close(&slope, &slopes, 1e-5, 1e-37);
    }

    fn the_exponential_goes_on_linearly<B: AutodiffBackend>() {
        let joint = EXP_JOINT.exp();
        let at = [-500.0, -1.0, 0.0, 79.0, 80.0, 81.0, 500.0, 2_000.0];
        let (y, slope) = value_and_slope::<B>(exp_then_linear, &at);
        let expected = [
            0.0,
            (-1f64).exp(),
            1.0,
            79f64.exp(),
            joint,
            2.0 * joint,
            421.0 * joint,
            1_921.0 * joint,
        ];
        let slopes = [
            0.0,
            (-1f64).exp(),
            1.0,
            79f64.exp(),
            joint,
            joint,
            joint,
            joint,
        ];
        assert_close(&y, &expected, 1e-5, 1e-30);
        assert_close(&slope, &slopes, 1e-5, 1e-30);
    }

    fn a_mean_does_not_overflow_on_the_way<B: AutodiffBackend>() {
        let large = vec![3e38; 64];
        assert_close(&values(mean(tensor1::<B>(large))), &[3e38], 1e-5, 0.0);
    }

    for_each_autodiff_backend!(
        softplus_is_exact_and_finite_far_out,
        the_exponential_goes_on_linearly,
        a_mean_does_not_overflow_on_the_way,
    );
    on_wgpu!(Autodiff<Wgpu>; softplus_is_exact_and_finite_far_out, the_exponential_goes_on_linearly, a_mean_does_not_overflow_on_the_way);
}
