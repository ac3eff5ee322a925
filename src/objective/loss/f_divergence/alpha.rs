//! The α-divergence: f(u) = (u^α − 1 − α·(u − 1))/(α·(α − 1)).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::exp_then_linear;
use super::Variational;
pub(super) struct Alpha {
    pub(super) alpha: f64,
}

impl Variational for Alpha {
    fn f(&self, u: f64) -> f64 {
        let alpha = self.alpha;
        (u.powf(alpha) - 1.0 - alpha * (u - 1.0)) / (alpha * (alpha - 1.0))
    }

    fn derivative(&self, u: f64) -> f64 {
        (u.powf(self.alpha - 1.0) - 1.0) / (self.alpha - 1.0)
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f′(e^l): the logit is the logarithm of the density ratio at the optimum.
        let beta = self.alpha - 1.0;
        exp_then_linear(logits.mul_scalar(beta))
            .sub_scalar(1.0)
            .mul_scalar(1.0 / beta)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(f′(u)) = u·f′(u) − f(u) = (u^α − 1)/α.
        exp_then_linear(logits.mul_scalar(self.alpha))
            .sub_scalar(1.0)
            .mul_scalar(1.0 / self.alpha)
    }
}
