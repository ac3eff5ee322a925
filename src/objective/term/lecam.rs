//! The LeCam penalty.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::error::{Result, check};
use crate::network::Network;
use crate::objective::Judged;
use crate::objective::loss::mean;
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// LeCam: each side's logits are drawn towards a running mean of the other's.
///
/// ```text
/// α_R ← d·α_R + (1 − d)·E r,     α_F ← d·α_F + (1 − d)·E f
/// penalty = E (r − α_F)² + E (f − α_R)²
/// ```
///
/// r and f are real and generated logits. The running means start at the first batch's means. For
/// small data sets. Tseng, Jiang, Liu, Yang, Yang 2021, *Regularizing generative adversarial
/// networks under limited data*, arXiv:2104.03310.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeCam {
    /// d, the decay of the running means; 0.99 in the paper.
    pub decay: f64,
}
}

impl Term {
    /// [`LeCam`] with decay 0.99.
    pub fn lecam(lambda: f64) -> Self {
        Self::new(TermKind::LeCam(LeCam { decay: 0.99 }), lambda)
    }
}

impl TermInfo for LeCam {
    fn name(&self) -> &str {
        "le_cam"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn is_of_the_whole_batch(&self) -> bool {
        true
    }

    fn adds_up_over_processes(&self) -> bool {
        true
    }

    fn helps_small_data(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        check::below_one("decay", self.decay)
    }
}

impl<P: Pair> CostTerm<P> for LeCam {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let now = [&pass.real, &pass.fake].map(|judged| {
            let own = mean(judged.logits().clone());
            pass.across.mean(own)
        });
        lecam(
            [&pass.real, &pass.fake].map(Judged::logits),
            now,
            self.decay,
            memory,
        )
    }
}

/// The memory holds α_R and α_F.
#[inline(never)]
fn lecam<B: Backend>(
    [real_logits, fake_logits]: [&Tensor<B, 2>; 2],
    now: [Tensor<B, 1>; 2],
    decay: f64,
    memory: &mut Memory<B>,
) -> Tensor<B, 1> {
    let anchors = match memory.as_slice() {
        [real, fake] => {
            let moved = |old: &Tensor<B, 1>, new: &Tensor<B, 1>| {
                old.clone().mul_scalar(decay) + new.clone().mul_scalar(1.0 - decay)
            };
            [moved(real, &now[0]), moved(fake, &now[1])]
        }
        _ => now,
    };
    let distance = |logits: &Tensor<B, 2>, anchor: &Tensor<B, 1>| {
        let anchor: Tensor<B, 2> = anchor.clone().unsqueeze();
        mean((logits.clone() - anchor).square())
    };
    let [real, fake] = &anchors;
    let penalty = distance(real_logits, fake) + distance(fake_logits, real);
    *memory = anchors.into();
    penalty
}

crate::compiled::compiled! {
    lecam::<Tape>,
}
