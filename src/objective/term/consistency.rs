//! Consistency: the discriminator should not mind changes that mean nothing.

use burn::tensor::Tensor;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::Result;
use crate::network::{Augmentation, Network, Sample};
use crate::objective::Judged;
use crate::objective::loss::mean;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// CR: logits of real samples and of their augmented copies should agree.
///
/// ```text
/// E (D(x) − D(T(x)))²
/// ```
///
/// Zhang, Zhang, Odena, Lee 2019, *Consistency regularization for generative adversarial
/// networks*, arXiv:1910.12027.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Consistency {
    /// T, a change that leaves a sample's meaning.
    pub augmentation: Augmentation,
}
}

impl Term {
    /// [`Consistency`] under an augmentation of real samples; λ is 10 in the paper.
    pub fn consistency(lambda: f64, augmentation: Augmentation) -> Self {
        Self::new(TermKind::Consistency(Consistency { augmentation }), lambda)
    }
}

impl TermInfo for Consistency {
    fn name(&self) -> &str {
        "consistency"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn helps_small_data(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        self.augmentation.validate()
    }
}

impl<P: Pair> CostTerm<P> for Consistency {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        distance(&pass.real, &self.augmentation, noise)
    }
}

/// The mean squared distance of a batch's logits from those of its augmented copies, `[1]`.
pub(super) fn distance<P: Pair>(
    judged: &Judged<'_, P>,
    augmentation: &Augmentation,
    noise: &mut Stream,
) -> Tensor<P::Backend, 1> {
    let changed = judged.sample.clone().augment(augmentation, noise);
    let changed = judged.verdict_on(changed).logits;
    mean((judged.logits().clone() - changed).square())
}
