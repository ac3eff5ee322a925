//! The Wasserstein loss.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo};

/// The Wasserstein game: the critic's mean on real samples against that on generated ones.
///
/// ```text
/// critic      −E l_real + E l_fake
/// generator   −E l_fake
/// ```
///
/// With a 1-Lipschitz critic, minus the critic's loss is a lower bound of the earth mover's
/// distance, which follows the quality of samples. The bound on the slope is not part of the loss:
/// take the penalty [`wgan_gp`](crate::objective::TermKind::WganGp), weight clipping or
/// spectral normalisation with it.
///
/// Arjovsky, Chintala, Bottou 2017, *Wasserstein GAN*, arXiv:1701.07875.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wasserstein;

impl LossInfo for Wasserstein {
    fn label(&self) -> String {
        "Wasserstein".into()
    }

    fn needs_smooth(&self) -> bool {
        true
    }

    fn has_scale(&self, _least: f64) -> bool {
        false
    }
}

impl<B: Backend> AdversarialLoss<B> for Wasserstein {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -logits
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        logits
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -logits
    }
}
