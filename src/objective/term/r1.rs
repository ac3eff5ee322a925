//! The R1 penalty.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::second_order::logit_gradient;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::{ConditionOf, Network, Sample, SampleOf, TrainableDiscriminator};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;

/// R1: the squared norm of the discriminator's gradient at real samples, its mean over the batch
/// halved.
///
/// ```text
/// ½·E ‖g(x)‖²
/// ```
///
/// Mescheder, Geiger, Nowozin 2018, *Which training methods for GANs do actually converge?*,
/// arXiv:1801.04406.
#[derive(Debug, Clone, Copy)]
pub struct R1;

impl Term {
    /// [`R1`] with weight γ.
    pub fn r1(gamma: f64) -> Self {
        Self::new(TermKind::R1, gamma)
    }
}

impl TermInfo for R1 {
    fn name(&self) -> &str {
        "r1"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_per_sample(&self) -> bool {
        true
    }

    fn gradient_at_real(&self) -> bool {
        true
    }
}

impl<P: Pair> CostTerm<P> for R1 {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        pass.real.gradient_penalty(half_mean)
    }
}

/// [`R1`] of a discriminator at given samples, in a loop of one's own.
///
/// ```text
/// R1 = ½·(1/n)·Σ_i ‖∂/∂x_i Σ_patches D(x_i)‖²
/// ```
///
/// Returns `[1]`, without its weight γ. Exact: its gradient with respect to the parameters is
/// that of automatic differentiation, of second order. Running statistics are left alone.
///
/// # Panics
/// As [`input_gradient`](super::second_order::input_gradient).
pub fn r1<B, D>(
    discriminator: &D,
    real: SampleOf<D, B>,
    condition: &ConditionOf<D, B>,
) -> Tensor<B, 1>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B>,
{
    half_mean(logit_gradient(discriminator, real.detach(), condition).squared_norms())
}

/// ½·mean, of squared gradient norms `[count]`: R1 at real samples, R2 at generated ones.
pub(super) fn half_mean<B: Backend>(squared_norms: Tensor<B, 1>) -> Tensor<B, 1> {
    squared_norms.mean().mul_scalar(0.5)
}
