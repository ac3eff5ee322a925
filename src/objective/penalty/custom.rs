//! A user's own penalty in the settings, by name.

use crate::pair::Pair;
use std::any::type_name;
use std::fmt;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{DiscriminatorPass, GeneratorPass, Memory};
use crate::error::Result;
use crate::objective::named::Named;
use crate::random::Stream;

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
/// impl<P: Pair> PenaltyTerm<P> for Drift
/// where
///     B: AutodiffBackend,
///     G: TrainableGenerator<B>,
///     D: TrainableDiscriminator<B, Sample = P::Sample, Condition = P::Condition>,
/// {
///     fn discriminator(
///         &self,
///         pass: &DiscriminatorPass<'_, P>,
///         _noise: &mut Stream,
///         _memory: &mut Memory<P::Backend>,
///     ) -> Option<Tensor<P::Backend, 1>> {
///         Some(pass.real_logits.clone().square().mean())
///     }
/// }
///
/// type B = Autodiff<Flex>;
/// type G = MlpGenerator<B, 2>;
/// type D = MlpDiscriminator<B, 2>;
/// let drift = Penalty::custom::<P>("drift", 1e-3, Drift);
/// Objective::new(Loss::Wasserstein).with_penalty(drift).validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub trait PenaltyTerm<P: Pair>: fmt::Debug + Send + Sync {
    /// The term of the discriminator's cost.
    fn discriminator(
        &self,
        _pass: &DiscriminatorPass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Option<Tensor<P::Backend, 1>> {
        None
    }

    /// The term of the generator's cost.
    fn generator(
        &self,
        _pass: &GeneratorPass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Option<Tensor<P::Backend, 1>> {
        None
    }
}

/// A user's own [`PenaltyTerm`] under a name.
///
/// Settings hold the name; read from stored settings it has no functions until
/// [`bind`](Self::bind) gives them. Two are equal if their names are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomPenalty(Named);

/// What is bound.
type Term<P> = Box<dyn PenaltyTerm<P>>;

impl CustomPenalty {
    /// A penalty under a name, for networks of these types.
    pub fn new<P: Pair>(name: impl Into<String>, term: impl PenaltyTerm<P> + 'static) -> Self {
        Self(Named::new(name)).bind(term)
    }

    /// Gives a penalty that was read from settings its functions.
    pub fn bind<P: Pair>(self, term: impl PenaltyTerm<P> + 'static) -> Self {
        let term: Term<P> = Box::new(term);
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
    pub(super) fn term<P: Pair>(&self) -> &dyn PenaltyTerm<P> {
        match self.0.get::<Term<P>>() {
            Some(term) => term.as_ref(),
            None => panic!(
                "the custom penalty `{}` has no functions for the networks {} and {}",
                self.name(),
                type_name::<P::Generator>(),
                type_name::<P::Discriminator>()
            ),
        }
    }
}
