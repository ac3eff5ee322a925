//! The gradient penalty of WGAN-GP.

use burn::tensor::Tensor;
use serde::Serialize;

use super::gradient_norm::gradient_norm;
use super::interpolates::between;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::Network;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// WGAN-GP: the distance of the gradient's norm from a target, at random points between real and
/// generated samples, each with an interpolation weight of its own.
///
/// ```text
/// E (‖g(x̂)‖ − t)²,   x̂_i = u_i·x_i + (1 − u_i)·G(z_i),  u_i ~ U[0, 1)
/// one-sided:  E max(0, ‖g(x̂)‖ − t)²
/// ```
///
/// Points between are conditioned on what the real samples are. Not with batch norm in the
/// discriminator: the penalty is about single samples. Gulrajani, Ahmed, Arjovsky, Dumoulin,
/// Courville 2017, *Improved training of Wasserstein GANs*, arXiv:1704.00028.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WganGp {
    /// t, the norm aimed at; 1 in the paper.
    pub target: f64,
    /// Whether smaller norms are forgiven.
    pub one_sided: bool,
}
}

impl Term {
    /// The two-sided [`WganGp`] with target 1; λ is 10 in the paper.
    pub fn wgan_gp(lambda: f64) -> Self {
        let kind = TermKind::WganGp(WganGp {
            target: 1.0,
            one_sided: false,
        });
        Self::new(kind, lambda)
    }
}

impl TermInfo for WganGp {
    fn name(&self) -> &str {
        "wgan_gp"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_per_sample(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        check::positive("target", self.target)
    }
}

impl<P: Pair> CostTerm<P> for WganGp {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let (real, fake) = (pass.real.sample.clone(), pass.fake.sample.clone());
        let at = between(real, fake, pass.real.logits(), noise);
        let Self { target, one_sided } = *self;
        let penalty = |norms| gradient_norm(norms, target, one_sided);
        pass.real.gradient_penalty_at(at, penalty)
    }
}
