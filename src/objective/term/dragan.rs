//! The gradient penalty of DRAGAN.

use burn::tensor::Tensor;
use serde::Serialize;

use super::gradient_norm::gradient_norm;
use super::interpolates::around;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::Network;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// DRAGAN: the distance of the gradient's norm from a target, at random points around real samples.
///
/// ```text
/// E (‖g(x̂)‖ − t)²,   x̂_i = x_i + u_i·c·s·ε_i,   ε_i ~ N(0, I),  u_i ~ U[0, 1)
/// ```
///
/// s is the standard deviation of the whole batch. Kodali, Abernethy, Hays, Kira 2017, *On
/// convergence and stability of GANs*, arXiv:1705.07215.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dragan {
    /// c, the size of the perturbation in standard deviations of the data.
    pub scale: f64,
    /// t, the norm aimed at; 1 in the paper.
    pub target: f64,
}
}

impl Term {
    /// [`Dragan`] with target 1 and perturbations of half a standard deviation; λ is 10 in the
    /// paper.
    pub fn dragan(lambda: f64) -> Self {
        let kind = TermKind::Dragan(Dragan {
            scale: 0.5,
            target: 1.0,
        });
        Self::new(kind, lambda)
    }
}

impl TermInfo for Dragan {
    fn name(&self) -> &str {
        "dragan"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_per_sample(&self) -> bool {
        true
    }

    fn is_of_the_whole_batch(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        check::positive("scale", self.scale)?;
        check::positive("target", self.target)
    }
}

impl<P: Pair> CostTerm<P> for Dragan {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let at = around(
            pass.real.sample.clone(),
            self.scale,
            pass.real.logits(),
            noise,
        );
        let penalty = |norms| gradient_norm(norms, self.target, false);
        pass.real.gradient_penalty_at(at, penalty)
    }
}
