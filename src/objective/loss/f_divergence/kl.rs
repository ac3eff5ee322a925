//! The Kullback–Leibler divergence: f(u) = u·ln u.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::exp_then_linear;
use super::Variational;
pub(super) struct Kl;

impl Variational for Kl {
    fn f(&self, u: f64) -> f64 {
        u * u.ln()
    }

    fn derivative(&self, u: f64) -> f64 {
        1.0 + u.ln()
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        logits
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = e^(t−1).
        exp_then_linear(logits.sub_scalar(1.0))
    }
}
