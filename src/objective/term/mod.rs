//! Terms: what a network pays beside its adversarial loss. One file each.

mod auxiliary_class;
mod balanced_consistency;
mod codes;
mod condition_match;
mod consistency;
mod custom;
mod dragan;
mod feature_matching;
pub(super) mod finite_difference;
mod gradient_norm;
mod interpolates;
mod invariant_information;
mod latent_consistency;
mod latent_diversity;
mod lecam;
mod mutual_information;
mod orthogonal;
mod path_length;
mod r1;
mod r2;
mod reconstruction;
pub(super) mod second_order;
#[cfg(test)]
mod tests;
mod wgan_gp;
mod zero_centered;

pub use auxiliary_class::AuxiliaryClass;
pub use balanced_consistency::BalancedConsistency;
pub use condition_match::ConditionMatch;
pub use consistency::Consistency;
pub use custom::CustomTerm;
pub use dragan::Dragan;
pub use feature_matching::{FeatureMatching, feature_distance};
pub use gradient_norm::gradient_norm;
pub use invariant_information::InvariantInformation;
pub use latent_consistency::LatentConsistency;
pub use latent_diversity::LatentDiversity;
pub use lecam::LeCam;
pub use mutual_information::MutualInformation;
pub use orthogonal::{Orthogonal, orthogonal};
pub use path_length::PathLength;
pub use r1::{R1, r1};
pub use r2::R2;
pub use reconstruction::Reconstruction;
pub use wgan_gp::WganGp;
pub use zero_centered::ZeroCentered;

use std::fmt::Debug;

use burn::tensor::Tensor;
use serde::Serialize;

use super::pass::{Memory, Pass};
use crate::error::{Result, check};
use crate::network::Network;
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

/// What is known of a term without networks.
pub trait TermInfo: Debug + Send + Sync {
    /// The name in settings and messages.
    fn name(&self) -> &str;

    /// Whose cost it is a part of: one network's, or both networks'.
    fn acts_on(&self, network: Network) -> bool;

    /// Whether it is a function of a gradient, so that training differentiates twice: the networks
    /// are tried for it before a run.
    ///
    /// What [`is_per_sample`](Self::is_per_sample) is, since it is about gradients.
    fn is_second_order(&self) -> bool {
        self.is_per_sample()
    }

    /// Whether it is about the discriminator's gradient at single samples. A layer that mixes the
    /// samples of a batch, as batch norm does, makes such a term one of the whole batch.
    fn is_per_sample(&self) -> bool {
        false
    }

    /// Whether it is about a batch as a whole, so that parts of a batch don't add up to it.
    fn is_of_the_whole_batch(&self) -> bool {
        false
    }

    /// Whether the mean over the parts of a batch that several processes have is the term of the whole
    /// batch: it is for what is a mean over samples, and for a term that asks for its means by
    /// [`Pass::batch_mean`]. Others are refused in a group of processes.
    fn adds_up_over_processes(&self) -> bool {
        !self.is_of_the_whole_batch()
    }

    /// Whether it wants the gradient at the real samples: where the pass that the loss is made of
    /// can give it, [`Judged::gradient_penalty`](crate::objective::Judged::gradient_penalty) has it
    /// for nothing.
    fn gradient_at_real(&self) -> bool {
        false
    }

    /// The same at the generated samples.
    fn gradient_at_fake(&self) -> bool {
        false
    }

    /// Whether it keeps a discriminator from learning a small data set by heart.
    fn helps_small_data(&self) -> bool {
        false
    }

    /// Whether it reads the generator's [log-probabilities](Pass::log_probabilities).
    fn reads_log_probabilities(&self) -> bool {
        false
    }

    /// Whether it stands in the place of the generator's adversarial loss.
    fn replaces_loss(&self) -> bool {
        false
    }

    /// Checks the term's own settings.
    ///
    /// # Errors
    /// The first wrong setting, by its name in the term.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

/// A term of an objective beside the adversarial loss: a penalty, an auxiliary class loss, mutual
/// information, feature matching, consistency, or a user's own. The crate's own terms are made by
/// this trait, too.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::burn::tensor::Tensor;
/// use burn_gan::models::{MlpDiscriminator, MlpGenerator};
/// use burn_gan::network::Network;
/// use burn_gan::objective::{CostTerm, Loss, Memory, Objective, Pass, Term, TermInfo};
/// use burn_gan::random::Stream;
/// use burn_gan::{Gan, Pair};
///
/// /// Keeps real logits near 0, as progressive growing does.
/// #[derive(Debug)]
/// struct Drift;
///
/// impl TermInfo for Drift {
///     fn name(&self) -> &str {
///         "drift"
///     }
///
///     fn acts_on(&self, network: Network) -> bool {
///         network == Network::Discriminator
///     }
/// }
///
/// impl<P: Pair> CostTerm<P> for Drift {
///     fn value(
///         &self,
///         pass: &Pass<'_, P>,
///         _noise: &mut Stream,
///         _memory: &mut Memory<P::Backend>,
///     ) -> Tensor<P::Backend, 1> {
///         pass.real.logits().clone().square().mean()
///     }
/// }
///
/// type B = Autodiff<Flex>;
/// type Networks = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
/// let drift = Term::custom::<Networks>(1e-3, Drift);
/// Objective::new(Loss::Wasserstein).with_term(drift).validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub trait CostTerm<P: Pair>: TermInfo {
    /// The term, `[1]`, without its weight, of the half-step that `pass` is.
    ///
    /// Draws come from `noise`, which is stored with the run, numbers for each sample in one call
    /// for the batch, so that a micro-batch gets those that its samples get in the whole batch;
    /// `memory` holds what the term wants to find again at its next time, of either network.
    /// Memories of micro-batches are averaged.
    ///
    /// # Panics
    /// If the networks don't give what the term needs.
    fn value(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1>;
}

/// All terms, a line each: those without settings, then those with.
macro_rules! kinds {
    (
        $( $(#[doc = $plain_doc:literal])* $plain:ident ),* ;
        $( $(#[doc = $doc:literal])* $kind:ident ),* $(,)?
    ) => {
        settings! {
        /// Which term.
        ///
        /// Gradients are those of a sample's (summed) logits with respect to the sample,
        /// g(x) = ∂/∂x Σ_patches D(x), one norm per sample; means are over the batch.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum TermKind {
            $( $(#[doc = $plain_doc])* $plain, )*
            $( $(#[doc = $doc])* $kind($kind), )*
            /// A custom term.
            Custom(CustomTerm),
        }
        }

        impl TermKind {
            /// What is known of the term without networks.
            pub fn info(&self) -> &dyn TermInfo {
                match self {
                    $( Self::$plain => &$plain, )*
                    $( Self::$kind(term) => term, )*
                    Self::Custom(term) => term.info(),
                }
            }

            fn functions<P: Pair>(&self) -> &dyn CostTerm<P> {
                match self {
                    $( Self::$plain => &$plain, )*
                    $( Self::$kind(term) => term, )*
                    Self::Custom(term) => term.functions::<P>(),
                }
            }
        }
    };
}

kinds! {
    /// [`R1`]: the gradient at real samples.
    R1,
    /// [`R2`]: the gradient at generated samples.
    R2,
    /// [`ZeroCentered`]: the gradient between real and generated samples.
    ZeroCentered,
    /// [`Reconstruction`]: the discriminator makes real samples again from its inner layers.
    Reconstruction,
    /// [`ConditionMatch`]: generated rows have the values that they are conditioned on.
    ConditionMatch;
    /// [`WganGp`]: the distance of the gradient's norm from a target, between real and generated
    /// samples.
    WganGp,
    /// [`Dragan`]: the same, around real samples.
    Dragan,
    /// [`LeCam`]: logits are drawn towards a running mean of the other side's.
    LeCam,
    /// [`Consistency`]: logits of real samples should not mind an augmentation.
    Consistency,
    /// [`BalancedConsistency`]: the same on generated samples as well.
    BalancedConsistency,
    /// [`LatentConsistency`]: samples of neighbouring latents get the same logits.
    LatentConsistency,
    /// [`LatentDiversity`]: samples of neighbouring latents should differ.
    LatentDiversity,
    /// [`Orthogonal`]: filters of a layer should not look alike.
    Orthogonal,
    /// [`PathLength`]: a step in the latent or in the style changes the sample by a fixed size.
    PathLength,
    /// [`FeatureMatching`]: the generator matches the discriminator's features.
    FeatureMatching,
    /// [`AuxiliaryClass`]: the discriminator recognises classes, the generator makes samples of
    /// them.
    AuxiliaryClass,
    /// [`MutualInformation`]: codes of the latent can be recovered from the sample.
    MutualInformation,
    /// [`InvariantInformation`]: a code seen in a real sample is the one seen in its changed copy.
    InvariantInformation,
}

settings! {
/// A term with its weight and its rhythm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// Which term.
    pub kind: TermKind,
    /// Its weight (γ of R1, λ of WGAN-GP, β of orthogonal regularisation).
    pub weight: f64,
    /// It is taken every so many steps of its network, times this number (lazy regularisation):
    /// the same pressure on average, at a fraction of the cost. 1 where settings leave it out.
    #[serde(default = "every_step")]
    pub interval: usize,
}
}

fn every_step() -> usize {
    1
}

impl Term {
    /// A term with its weight, at every step.
    pub fn new(kind: TermKind, weight: f64) -> Self {
        Self {
            kind,
            weight,
            interval: 1,
        }
    }

    /// A custom term; its name stands for it in settings.
    pub fn custom<P: Pair>(weight: f64, term: impl CostTerm<P> + 'static) -> Self {
        Self::new(TermKind::Custom(CustomTerm::new::<P>(term)), weight)
    }

    /// Takes the term every `interval` steps only.
    pub fn every(mut self, interval: usize) -> Self {
        self.interval = interval;
        self
    }

    /// Checks weight, interval and the term's own settings.
    ///
    /// # Errors
    /// If the weight is negative or not finite, the interval is 0, or a setting of the term is
    /// wrong.
    pub fn validate(&self) -> Result<()> {
        check::not_negative("weight", self.weight)?;
        check::at_least("interval", self.interval, 1)?;
        let kind = match &self.kind {
            TermKind::Custom(custom) => return custom.validate(),
            kind => kind.info(),
        };
        kind.validate()
            .map_err(|error| error.within(&format!("kind.{}", kind.name())))
    }

    /// Whether the term is taken at step `step` (from 0) of its network. A weight of 0 is never
    /// taken.
    pub fn is_due(&self, step: u64) -> bool {
        self.weight != 0.0 && step.is_multiple_of(self.interval as u64)
    }

    /// Whether it is a part of this network's cost, now and then.
    pub(crate) fn weighs_on(&self, network: Network) -> bool {
        self.weight != 0.0 && self.kind.info().acts_on(network)
    }

    /// The weighted term, `[1]`: weight × interval × value.
    ///
    /// # Panics
    /// As [`CostTerm::value`].
    pub fn value<P: Pair>(
        &self,
        pass: &Pass<'_, P>,
        noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let value = self.kind.functions::<P>().value(pass, noise, memory);
        value.mul_scalar(self.weight * self.interval as f64)
    }
}
