//! A user's own penalty in the settings, by name.

use std::any::type_name;
use std::fmt;

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};

use super::{DiscriminatorPass, GeneratorPass, Memory};
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::objective::named::Named;
use crate::random::Stream;
use crate::settings::numbers::Numbers;

/// A penalty of one's own: a term on the discriminator, on the generator, or on both.
///
/// Terms are `[1]`, without their weight. Draws come from `noise`, which is stored with the run;
/// `memory` holds what the penalty wants to find again at its next time; both halves share it.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::burn::tensor::{Tensor, backend::AutodiffBackend};
/// use burn_gan::models::{MlpDiscriminator, MlpGenerator};
/// use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
/// use burn_gan::objective::penalty::{DiscriminatorPass, Memory, PenaltyTerm};
/// use burn_gan::objective::{Loss, Objective, Penalty};
/// use burn_gan::random::Stream;
///
/// /// Keeps real logits near 0, as progressive growing does.
/// #[derive(Debug)]
/// struct Drift;
///
/// impl<G, D, B> PenaltyTerm<G, D, B> for Drift
/// where
///     B: AutodiffBackend,
///     G: TrainableGenerator<B>,
///     D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
/// {
///     fn discriminator(
///         &self,
///         pass: &DiscriminatorPass<'_, G, D, B>,
///         _noise: &mut Stream,
///         _memory: &mut Memory<B>,
///     ) -> Option<Tensor<B, 1>> {
///         Some(pass.real_logits.clone().square().mean())
///     }
/// }
///
/// type B = Autodiff<Flex>;
/// type G = MlpGenerator<B, 2>;
/// type D = MlpDiscriminator<B, 2>;
/// let drift = Penalty::custom::<G, D, B>("drift", 1e-3, Drift);
/// Objective::new(Loss::Wasserstein).with_penalty(drift).validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub trait PenaltyTerm<G, D, B>: fmt::Debug + Send + Sync
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    /// The term of the discriminator's cost.
    fn discriminator(
        &self,
        _pass: &DiscriminatorPass<'_, G, D, B>,
        _noise: &mut Stream,
        _memory: &mut Memory<B>,
    ) -> Option<Tensor<B, 1>> {
        None
    }

    /// The term of the generator's cost.
    fn generator(
        &self,
        _pass: &GeneratorPass<'_, G, D, B>,
        _noise: &mut Stream,
        _memory: &mut Memory<B>,
    ) -> Option<Tensor<B, 1>> {
        None
    }
}

/// A user's own [`PenaltyTerm`] under a name.
///
/// Settings hold the name; read from stored settings it has no functions until
/// [`bind`](Self::bind) gives them. Two are equal if their names are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomPenalty(Named);

impl Numbers for CustomPenalty {}

/// What is bound.
type Term<G, D, B> = Box<dyn PenaltyTerm<G, D, B>>;

impl CustomPenalty {
    /// A penalty under a name, for networks of these types.
    pub fn new<G, D, B>(name: impl Into<String>, term: impl PenaltyTerm<G, D, B> + 'static) -> Self
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        Self(Named::new(name)).bind(term)
    }

    /// Gives a penalty that was read from settings its functions.
    pub fn bind<G, D, B>(self, term: impl PenaltyTerm<G, D, B> + 'static) -> Self
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let term: Term<G, D, B> = Box::new(term);
        Self(self.0.bind(term))
    }

    /// The name that settings know it by.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.0.validate("kind.custom", "CustomPenalty::bind")
    }

    /// # Panics
    /// If the penalty was bound for other networks, or not at all.
    pub(super) fn term<G, D, B>(&self) -> &dyn PenaltyTerm<G, D, B>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        match self.0.get::<Term<G, D, B>>() {
            Some(term) => term.as_ref(),
            None => panic!(
                "the custom penalty `{}` has no functions for the networks {} and {}",
                self.name(),
                type_name::<G>(),
                type_name::<D>()
            ),
        }
    }
}
