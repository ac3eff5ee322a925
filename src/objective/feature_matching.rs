//! Feature matching.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::{Result, check};
use crate::settings::settings;

settings! {
/// Feature matching: the generator brings the means of the discriminator's features together.
///
/// ```text
/// ‖E φ(x) − E φ(G(z))‖²
/// ```
///
/// φ is [`Verdict::features`](crate::network::Verdict::features), which the discriminator must
/// fill in (the stock ones do). Salimans et al. 2016, *Improved techniques for training GANs*,
/// arXiv:1606.03498, section 3.1, where it replaces the generator's adversarial loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeatureMatching {
    /// The term's weight.
    pub weight: f64,
    /// Whether it stands in the place of the generator's adversarial loss, or beside it.
    pub alone: bool,
}
}

impl FeatureMatching {
    /// In the place of the adversarial loss, as in the paper.
    pub fn alone() -> Self {
        Self {
            weight: 1.0,
            alone: true,
        }
    }

    /// Beside the adversarial loss.
    pub fn beside(weight: f64) -> Self {
        Self {
            weight,
            alone: false,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        check::positive("feature_matching.weight", self.weight)
    }
}

/// ‖E φ(x) − E φ(G(z))‖², `[1]`; features are `[batch, features]`.
pub fn feature_distance<B: Backend>(real: Tensor<B, 2>, fake: Tensor<B, 2>) -> Tensor<B, 1> {
    (real.mean_dim(0) - fake.mean_dim(0)).square().sum()
}
