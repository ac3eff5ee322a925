//! The non-saturating generator cost.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AdversarialLoss, LossInfo, Minimax, softplus};

/// The non-saturating game: the generator maximises the probability that its samples pass.
///
/// ```text
/// discriminator   E softplus(−l_real) + E softplus(l_fake)
/// generator       −E ln σ(l_fake) = E softplus(−l_fake)
/// ```
///
/// The same fixed point as [`Minimax`], with the strongest gradient where samples are worst. Both
/// losses tend to ln 2 per term when the discriminator can no longer tell (discriminator
/// 2 ln 2 ≈ 1.386, generator ln 2 ≈ 0.693).
///
/// Goodfellow et al. 2014, arXiv:1406.2661, section 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonSaturating;

impl LossInfo for NonSaturating {
    fn label(&self) -> String {
        "non-saturating".into()
    }

    fn is_cross_entropy(&self) -> bool {
        true
    }
}

impl<B: Backend> AdversarialLoss<B> for NonSaturating {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Minimax.real(logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Minimax.fake(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(-logits)
    }
}
