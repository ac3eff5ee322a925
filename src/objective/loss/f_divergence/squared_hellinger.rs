//! The squared Hellinger distance: f(u) = (√u − 1)².

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::exp_then_linear;
use super::Variational;
pub(super) struct SquaredHellinger;

impl Variational for SquaredHellinger {
    fn f(&self, u: f64) -> f64 {
        (u.sqrt() - 1.0).powi(2)
    }

    fn derivative(&self, u: f64) -> f64 {
        1.0 - 1.0 / u.sqrt()
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        exp_then_linear(-logits).neg().add_scalar(1.0)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = t/(1 − t) = 1/(1 − t) − 1, and 1 − g(l) = e^(−l).
        exp_then_linear(logits).sub_scalar(1.0)
    }
}
