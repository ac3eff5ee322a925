//! Adversarial losses: one file each, three functions of a logit.

mod maximum_likelihood;
mod minimax;
mod non_saturating;
mod stable;
#[cfg(test)]
mod tests;

pub use maximum_likelihood::MaximumLikelihood;
pub use minimax::Minimax;
pub use non_saturating::NonSaturating;
pub use stable::{EXP_JOINT, exp_then_linear, mean, softplus};

use std::fmt::Debug;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

/// A loss as three elementwise functions of a logit; all are minimised.
///
/// Shapes: `[batch, patches]` in and out. The objective takes the mean.
pub trait AdversarialLoss<B: Backend>: Debug + Send + Sync {
    /// The discriminator's cost of each logit of a real sample.
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;
    /// The discriminator's cost of each logit of a generated sample.
    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;
    /// The generator's cost of each logit of its own samples.
    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;
}

/// The losses of this crate, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loss {
    /// [`Minimax`].
    Minimax,
    /// [`NonSaturating`], the default.
    #[default]
    NonSaturating,
    /// [`MaximumLikelihood`].
    MaximumLikelihood,
}

impl Loss {
    /// Every loss there is.
    pub const ALL: [Self; 3] = [Self::Minimax, Self::NonSaturating, Self::MaximumLikelihood];

    fn functions<B: Backend>(&self) -> &'static dyn AdversarialLoss<B> {
        match self {
            Self::Minimax => &Minimax,
            Self::NonSaturating => &NonSaturating,
            Self::MaximumLikelihood => &MaximumLikelihood,
        }
    }
}

impl<B: Backend> AdversarialLoss<B> for Loss {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().real(logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().fake(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().generator(logits)
    }
}
