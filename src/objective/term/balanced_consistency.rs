//! Consistency on real and on generated samples.

use burn::tensor::Tensor;
use serde::Serialize;

use super::consistency::distance;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::{Augmentation, Network};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Balanced CR: [`Consistency`](super::Consistency) on generated samples as well.
///
/// ```text
/// E (D(x) − D(T(x)))² + ρ·E (D(G(z)) − D(T(G(z))))²
/// ```
///
/// Zhao, Singh, Lee, Zhang, Odena, Zhang 2020, *Improved consistency regularization for GANs*,
/// arXiv:2002.04724.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BalancedConsistency {
    /// T, a change that leaves a sample's meaning.
    pub augmentation: Augmentation,
    /// ρ, the generated side's weight relative to the real one's; 1 in the paper.
    pub fake_ratio: f64,
}
}

impl Term {
    /// [`BalancedConsistency`] with the same weight on both sides.
    pub fn balanced_consistency(lambda: f64, augmentation: Augmentation) -> Self {
        let kind = TermKind::BalancedConsistency(BalancedConsistency {
            augmentation,
            fake_ratio: 1.0,
        });
        Self::new(kind, lambda)
    }
}

impl TermInfo for BalancedConsistency {
    fn name(&self) -> &str {
        "balanced_consistency"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn helps_small_data(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        self.augmentation.validate()?;
        check::not_negative("fake_ratio", self.fake_ratio)
    }
}

impl<P: Pair> CostTerm<P> for BalancedConsistency {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let real = distance(&pass.real, &self.augmentation, noise);
        let fake = distance(&pass.fake, &self.augmentation, noise);
        real + fake.mul_scalar(self.fake_ratio)
    }
}
