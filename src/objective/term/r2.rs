//! The R2 penalty.

use burn::tensor::Tensor;

use super::r1::half_mean;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::Network;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;

/// R2: the squared norm of the discriminator's gradient at generated samples, its mean over the
/// batch halved.
///
/// ```text
/// ½·E ‖g(G(z))‖²
/// ```
///
/// Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406.
#[derive(Debug, Clone, Copy)]
pub struct R2;

impl Term {
    /// [`R2`] with weight γ.
    pub fn r2(gamma: f64) -> Self {
        Self::new(TermKind::R2, gamma)
    }
}

impl TermInfo for R2 {
    fn name(&self) -> &str {
        "r2"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_per_sample(&self) -> bool {
        true
    }

    fn gradient_at_fake(&self) -> bool {
        true
    }
}

impl<P: Pair> CostTerm<P> for R2 {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        pass.fake.gradient_penalty(half_mean)
    }
}
