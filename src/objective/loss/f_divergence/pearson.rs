//! Pearson's χ²: f(u) = (u − 1)².

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Variational;

pub(super) struct Pearson;

impl Variational for Pearson {
    fn f(&self, u: f64) -> f64 {
        (u - 1.0).powi(2)
    }

    fn derivative(&self, u: f64) -> f64 {
        2.0 * (u - 1.0)
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        logits
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = ¼·t² + t, the conjugate over all u.
        logits.clone().square().mul_scalar(0.25) + logits
    }
}
