//! The Jensen–Shannon divergence with weight π on the data:
//! f(u) = π·u·ln u − (1 − π + π·u)·ln(1 − π + π·u).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::super::softplus;
use super::Variational;
pub(super) struct WeightedJensenShannon {
    pub(super) pi: f64,
}

impl Variational for WeightedJensenShannon {
    fn f(&self, u: f64) -> f64 {
        let pi = self.pi;
        let mixed = 1.0 - pi + pi * u;
        pi * u * u.ln() - mixed * mixed.ln()
    }

    fn derivative(&self, u: f64) -> f64 {
        self.pi * (u / (1.0 - self.pi + self.pi * u)).ln()
    }

    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f′ at the prior odds: π·ln(σ(l)/π) with l = ln(π·p/((1 − π)·q)) at the optimum.
        softplus(-logits)
            .add_scalar(self.pi.ln())
            .mul_scalar(-self.pi)
    }

    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        // f*(t) = (1 − π)·ln((1 − π)/(1 − π·e^(t/π))), and π·e^(g(l)/π) = σ(l).
        softplus(logits)
            .add_scalar((1.0 - self.pi).ln())
            .mul_scalar(1.0 - self.pi)
    }
}
