//! Reconstruction of real samples by the discriminator.

use burn::tensor::Tensor;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::{Network, RECONSTRUCTION};
use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;

/// The discriminator makes real samples again from its inner layers, so that these hold what a sample
/// looks like and not a few marks of the training set.
///
/// ```text
/// E of what the discriminator returns as `reconstruction`, its own error on each real sample
/// ```
///
/// Only the discriminator knows what it makes again, and in which size, so it returns the error,
/// `[batch, 1]`, under the name [`RECONSTRUCTION`]
/// ([`Verdict::with_output`](crate::network::Verdict::with_output)), as
/// [`LightDiscriminator`](crate::models::LightDiscriminator) does; one that does not is refused before a
/// run ([`Objective::probe`](crate::objective::Objective::probe)). Under an
/// [`Augment`](crate::objective::Augment) it is about the sample that the discriminator saw. For small
/// data sets. Liu, Zhu, Song, Elgammal 2021, arXiv:2101.04775, section 3.2.
#[derive(Debug, Clone, Copy)]
pub struct Reconstruction;

impl Term {
    /// [`Reconstruction`] with a weight; 1 is usual.
    pub fn reconstruction(weight: f64) -> Self {
        Self::new(TermKind::Reconstruction, weight)
    }
}

impl TermInfo for Reconstruction {
    fn name(&self) -> &str {
        "reconstruction"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }

    fn helps_small_data(&self) -> bool {
        true
    }
}

impl<P: Pair> CostTerm<P> for Reconstruction {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        match pass.real.verdict().output(RECONSTRUCTION) {
            Some(error) => error.clone().mean(),
            None => panic!(
                "reconstruction needs a discriminator that returns its error as the output \
                 `{RECONSTRUCTION}` (`Verdict::with_output`)"
            ),
        }
    }
}
