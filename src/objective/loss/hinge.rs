//! The hinge loss.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo};

/// The hinge game: the discriminator keeps a margin of 1 on both sides and no more.
///
/// ```text
/// discriminator   E max(0, 1 − l_real) + E max(0, 1 + l_fake)
/// generator       −E l_fake
/// ```
///
/// The discriminator's loss tends to 2 when it can no longer tell; the generator's has no scale
/// of its own. The loss of spectrally normalised and large class-conditional GANs.
///
/// Lim, Ye 2017, *Geometric GAN*, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hinge;

impl LossInfo for Hinge {
    fn label(&self) -> String {
        "hinge".into()
    }

    fn needs_smooth(&self) -> bool {
        true
    }
}

impl<B: Backend> AdversarialLoss<B> for Hinge {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        relu(logits.neg().add_scalar(1.0))
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        relu(logits.add_scalar(1.0))
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -logits
    }
}
