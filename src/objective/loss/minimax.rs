//! The minimax game of the first GAN.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo, softplus};

/// The minimax game: the generator minimises what the discriminator maximises.
///
/// ```text
/// discriminator   −E ln σ(l_real) − E ln(1 − σ(l_fake)) = E softplus(−l_real) + E softplus(l_fake)
/// generator        E ln(1 − σ(l_fake))                  = −E softplus(l_fake)
/// ```
///
/// At the optimal discriminator the generator's cost is 2·JS(p_data ‖ p_g) − 2 ln 2 up to the
/// real term. Where the discriminator is sure (`l_fake` far below 0) the generator's gradient
/// σ(l_fake) vanishes: use [`NonSaturating`](super::NonSaturating) to train.
///
/// Goodfellow et al. 2014, arXiv:1406.2661.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minimax;

impl LossInfo for Minimax {
    fn label(&self) -> String {
        "minimax".into()
    }

    fn is_cross_entropy(&self) -> bool {
        true
    }
}

impl<B: Backend> AdversarialLoss<B> for Minimax {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(-logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -softplus(logits)
    }

    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -self.fake(logits)
    }

    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -self.real(logits)
    }
}
