//! Latent diversity: a small step in the latent should be seen in the sample.

use burn::tensor::Tensor;
use serde::Serialize;

use super::latent_consistency::neighbours;
use super::second_order::generated_aside;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::{Network, Sample};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Latent CR on the generator: samples of neighbouring latents should differ.
///
/// ```text
/// −(1/n)·Σ_i ‖G(z_i) − G(z_i + Δz_i)‖² / d,   Δz ~ N(0, std²·I),  d numbers per sample
/// ```
///
/// The paper has no 1/d: with it a weight means the same at every size of sample. Zhao et al. 2020,
/// arXiv:2002.04724.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatentDiversity {
    /// The standard deviation of Δz.
    pub std: f64,
}
}

impl Term {
    /// [`LatentDiversity`] under a change of the latent by N(0, std²·I).
    pub fn latent_diversity(lambda: f64, std: f64) -> Self {
        Self::new(TermKind::LatentDiversity(LatentDiversity { std }), lambda)
    }
}

impl TermInfo for LatentDiversity {
    fn name(&self) -> &str {
        "latent_diversity"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Generator
    }

    fn validate(&self) -> Result<()> {
        check::positive("std", self.std)
    }
}

impl<P: Pair> CostTerm<P> for LatentDiversity {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let near = neighbours(pass.prior, pass.latent, self.std, noise);
        let near = generated_aside::<P>(pass.generator, near, pass.fake.condition).sample;
        let shape = near.shape();
        let size = shape.iter().skip(1).product::<usize>();
        let minus = Tensor::ones_like(&pass.latent.clone().narrow(1, 0, 1))
            .squeeze_dim::<1>(1)
            .neg();
        let fake = pass.fake.sample.clone();
        let distance = fake.add_scaled(near, minus).squared_norms();
        distance.mean().mul_scalar(-1.0 / size as f64)
    }
}
