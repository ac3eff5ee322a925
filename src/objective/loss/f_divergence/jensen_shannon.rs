//! Twice the Jensen–Shannon divergence: f(u) = u·ln u − (u + 1)·ln(½·(u + 1)).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::softplus;
use super::Variational;
use std::f64::consts::LN_2;
pub(super) struct JensenShannon;

impl Variational for JensenShannon {
    fn f(&self, u: f64) -> f64 {
        u * u.ln() - (u + 1.0) * (0.5 * (u + 1.0)).ln()
    }

    fn derivative(&self, u: f64) -> f64 {
        (2.0 * u / (u + 1.0)).ln()
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(-logits).neg().add_scalar(LN_2)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = −ln(2 − e^t), and e^g(l) = 2·σ(l).
        softplus(logits).sub_scalar(LN_2)
    }
}
