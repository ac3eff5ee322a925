//! The zero-centred gradient penalty between real and generated samples.

use burn::tensor::Tensor;

use super::interpolates::between;
use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::Network;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;

/// The zero-centred penalty at random points between real and generated samples.
///
/// ```text
/// E ‖g(x̂)‖²,   x̂ as for [`WganGp`](super::WganGp)
/// ```
///
/// Thanh-Tung, Tran, Venkatesh 2019, *Improving generalization and stability of generative
/// adversarial networks*, arXiv:1902.03984.
#[derive(Debug, Clone, Copy)]
pub struct ZeroCentered;

impl Term {
    /// [`ZeroCentered`]; λ is 100 in the paper.
    pub fn zero_centered(lambda: f64) -> Self {
        Self::new(TermKind::ZeroCentered, lambda)
    }
}

impl TermInfo for ZeroCentered {
    fn name(&self) -> &str {
        "zero_centered"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_per_sample(&self) -> bool {
        true
    }
}

impl<P: Pair> CostTerm<P> for ZeroCentered {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let (real, fake) = (pass.real.sample.clone(), pass.fake.sample.clone());
        let at = between(real, fake, pass.real.logits(), noise);
        pass.real.gradient_penalty_at(at, Tensor::mean)
    }
}
