//! The reverse Kullback–Leibler divergence: f(u) = −ln u.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::exp_then_linear;
use super::Variational;
pub(super) struct ReverseKl;

impl Variational for ReverseKl {
    fn f(&self, u: f64) -> f64 {
        -u.ln()
    }

    fn derivative(&self, u: f64) -> f64 {
        -1.0 / u
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -exp_then_linear(-logits)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = −1 − ln(−t), and ln(−g(l)) = −l.
        logits.sub_scalar(1.0)
    }
}
