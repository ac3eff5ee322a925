//! The generator cost whose gradient is that of maximum likelihood.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo, Minimax, exp_then_linear};

/// The maximum-likelihood game: the discriminator of [`Minimax`], and a generator that follows
/// the gradient of the likelihood.
///
/// ```text
/// discriminator   E softplus(−l_real) + E softplus(l_fake)
/// generator       −½·E exp(l_fake)
/// ```
///
/// At the optimal discriminator exp(l) = p_data / p_g, and the expected gradient is half that of
/// KL(p_data ‖ p_g), which maximum likelihood descends. The cost lives on the few samples that
/// pass best, so its variance is large; beyond a logit of 80 it goes on linearly
/// ([`exp_then_linear`]).
///
/// Goodfellow 2014, *On distinguishability criteria for estimating generative models*,
/// arXiv:1412.6515.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaximumLikelihood;

impl LossInfo for MaximumLikelihood {
    fn label(&self) -> String {
        "maximum likelihood".into()
    }

    fn is_cross_entropy(&self) -> bool {
        true
    }
}

impl<B: Backend> AdversarialLoss<B> for MaximumLikelihood {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Minimax.real(logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Minimax.fake(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        exp_then_linear(logits).mul_scalar(-0.5)
    }

    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.generator(logits)
    }

    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.generator(-logits)
    }
}
