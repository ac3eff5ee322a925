//! Latent consistency: the discriminator should not mind a small step in the latent.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::second_order::generated_aside;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::latent::{CodeKind, Latent};
use crate::network::{Network, Sample};
use crate::objective::loss::mean;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Latent CR on the discriminator: samples of neighbouring latents get the same logits.
///
/// ```text
/// E (D(G(z)) − D(G(z + Δz)))²,   Δz ~ N(0, std²·I)
/// ```
///
/// Zhao et al. 2020, arXiv:2002.04724, section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatentConsistency {
    /// The standard deviation of Δz.
    pub std: f64,
}
}

impl Term {
    /// [`LatentConsistency`] under a change of the latent by N(0, std²·I).
    pub fn latent_consistency(lambda: f64, std: f64) -> Self {
        let kind = TermKind::LatentConsistency(LatentConsistency { std });
        Self::new(kind, lambda)
    }
}

impl TermInfo for LatentConsistency {
    fn name(&self) -> &str {
        "latent_consistency"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn validate(&self) -> Result<()> {
        check::positive("std", self.std)
    }
}

impl<P: Pair> CostTerm<P> for LatentConsistency {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let near = neighbours(pass.prior, pass.latent, self.std, noise);
        let near = generated_aside::<P>(pass.generator, near, pass.fake.condition)
            .sample
            .detach();
        let near = pass.fake.verdict_on(near).logits;
        mean((pass.fake.logits().clone() - near).square())
    }
}

/// z + Δz, `[batch, latent]`. Categorical codes of the prior stay as they are: beside a one-hot
/// vector there is no other.
#[inline(never)]
pub(super) fn neighbours<B: Backend>(
    prior: Option<&Latent>,
    latent: &Tensor<B, 2>,
    std: f64,
    noise: &mut Stream,
) -> Tensor<B, 2> {
    let near = latent.clone() + latent.standard_normal_like(noise).mul_scalar(std);
    let codes = prior.map(Latent::codes).unwrap_or_default();
    let categorical = codes
        .iter()
        .filter(|code| code.kind == CodeKind::Categorical);
    categorical.fold(near, |near, code| code.replace(near, code.of(latent)))
}

crate::compiled::compiled! {
    neighbours::<Tape>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, values};

    #[test]
    fn a_neighbour_has_the_same_classes() {
        let prior = Latent::normal(2)
            .with_categorical("digit", 3)
            .with_continuous("slant", 1);
        let device = Default::default();
        let latent = prior.draw::<Cpu>(4, &mut Stream::new(1, "z"), &device);
        let noise = || Stream::new(2, "noise");
        let near = values(neighbours(Some(&prior), &latent, 0.1, &mut noise()));
        let moved = values(neighbours(None, &latent, 0.1, &mut noise()));
        let (latent, mut changed) = (values(latent), 0);
        for (i, near) in near.iter().enumerate() {
            // The digit is in components 2 to 4; all others move as without codes.
            let expected = if (2..5).contains(&(i % 6)) {
                &latent
            } else {
                &moved
            };
            assert_eq!(*near, expected[i], "component {i}");
            changed += usize::from(*near != latent[i]);
        }
        assert_eq!(changed, 4 * 3);
    }
}
