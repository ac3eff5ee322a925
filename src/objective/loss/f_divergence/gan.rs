//! The first GAN's game as a divergence: f(u) = u·ln u − (u + 1)·ln(u + 1).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::softplus;
use super::Variational;
pub(super) struct Gan;

impl Variational for Gan {
    fn f(&self, u: f64) -> f64 {
        u * u.ln() - (u + 1.0) * (u + 1.0).ln()
    }

    fn derivative(&self, u: f64) -> f64 {
        (u / (u + 1.0)).ln()
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -softplus(-logits)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = −ln(1 − e^t), and e^g(l) = σ(l).
        softplus(logits)
    }
}
