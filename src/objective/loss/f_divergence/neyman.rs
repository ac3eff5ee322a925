//! Neyman's χ²: f(u) = (1 − u)²/u.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::exp_then_linear;
use super::Variational;
pub(super) struct Neyman;

impl Variational for Neyman {
    fn f(&self, u: f64) -> f64 {
        (1.0 - u).powi(2) / u
    }

    fn derivative(&self, u: f64) -> f64 {
        1.0 - u.powi(-2)
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        exp_then_linear(-logits).neg().add_scalar(1.0)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = 2 − 2·√(1 − t), and 1 − g(l) = e^(−l).
        exp_then_linear(logits.mul_scalar(-0.5))
            .mul_scalar(-2.0)
            .add_scalar(2.0)
    }
}
