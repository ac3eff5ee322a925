//! Total variation: f(u) = ½·|u − 1|.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::softplus;
use super::Variational;

pub(super) struct TotalVariation;

impl Variational for TotalVariation {
    fn f(&self, u: f64) -> f64 {
        0.5 * (u - 1.0).abs()
    }

    fn derivative(&self, u: f64) -> f64 {
        // 0 at the kink, in the middle of the subdifferential.
        0.5 * f64::from(i8::from(u > 1.0) - i8::from(u < 1.0))
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // ½·tanh l = ½·(σ(2l) − σ(−2l)): the derivative 1 − tanh² of burn's tanh loses its digits
        // where it is small.
        let sigmoid = |x: Tensor<B, 2>| softplus(-x).neg().exp();
        let double = logits.mul_scalar(2.0);
        (sigmoid(double.clone()) - sigmoid(-double)).mul_scalar(0.5)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = t on [−½, ½].
        self.activation(logits)
    }
}
