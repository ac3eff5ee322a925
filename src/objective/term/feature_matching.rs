//! Feature matching.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::Network;
use crate::objective::Judged;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Feature matching: the generator brings the means of the discriminator's features together.
///
/// ```text
/// ‖E φ(x) − E φ(G(z))‖²
/// ```
///
/// φ is [`Verdict::features`](crate::network::Verdict::features), which the discriminator must fill
/// in (the stock ones do): one that returns no features is refused before a run
/// ([`Objective::probe`](crate::objective::Objective::probe)). A mean over the batch is not the
/// mean of those of micro-batches. Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016,
/// *Improved techniques for training GANs*, arXiv:1606.03498, section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeatureMatching {
    /// Whether it stands in the place of the generator's adversarial loss, as in the paper, or
    /// beside it.
    pub alone: bool,
}
}

impl Term {
    /// [`FeatureMatching`] in the place of the generator's adversarial loss, as in the paper.
    pub fn feature_matching_alone() -> Self {
        let kind = TermKind::FeatureMatching(FeatureMatching { alone: true });
        Self::new(kind, 1.0)
    }

    /// [`FeatureMatching`] beside the adversarial loss.
    pub fn feature_matching(weight: f64) -> Self {
        let kind = TermKind::FeatureMatching(FeatureMatching { alone: false });
        Self::new(kind, weight)
    }
}

impl TermInfo for FeatureMatching {
    fn name(&self) -> &str {
        "feature_matching"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Generator
    }

    fn is_of_the_whole_batch(&self) -> bool {
        true
    }

    fn adds_up_over_processes(&self) -> bool {
        true
    }

    fn replaces_loss(&self) -> bool {
        self.alone
    }
}

impl<P: Pair> CostTerm<P> for FeatureMatching {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let features = |judged: &Judged<'_, P>| match &judged.verdict().features {
            Some(features) => features.clone(),
            None => panic!(
                "feature matching needs a discriminator that returns features: fill in \
                 `Verdict::features`"
            ),
        };
        // In the order in which running statistics have always seen the two batches.
        let fake = features(&pass.fake);
        let real = features(&pass.real);
        let [real, fake] =
            [real, fake].map(|features| pass.across.mean_on_tape(features.mean_dim(0)));
        distance(real, fake)
    }
}

/// The squared distance of the means of two batches of features, `[1]`; features are
/// `[batch, features]`.
///
/// ```text
/// ‖E φ(x) − E φ(G(z))‖²
/// ```
///
/// # Panics
/// If the two are not of the same width.
#[inline(never)]
pub fn feature_distance<B: Backend>(real: Tensor<B, 2>, fake: Tensor<B, 2>) -> Tensor<B, 1> {
    distance(real.mean_dim(0), fake.mean_dim(0))
}

/// The squared distance of two means.
#[inline(never)]
fn distance<B: Backend>(real: Tensor<B, 2>, fake: Tensor<B, 2>) -> Tensor<B, 1> {
    (real - fake).square().sum()
}

crate::compiled::compiled! {
    distance::<Tape>,
}
