//! Adversarial losses: one file each, three functions of a logit.

mod custom;
mod energy_based;
pub mod f_divergence;
mod hinge;
mod least_squares;
mod maximum_likelihood;
mod minimax;
mod non_saturating;
mod smoothing;
mod stable;
#[cfg(test)]
mod tests;
mod wasserstein;

pub use custom::CustomLoss;
pub use energy_based::EnergyBased;
pub use f_divergence::{FDivergence, FGan};
pub use hinge::Hinge;
pub use least_squares::LeastSquares;
pub use maximum_likelihood::MaximumLikelihood;
pub use minimax::Minimax;
pub use non_saturating::NonSaturating;
pub use smoothing::LabelSmoothing;
pub(crate) use smoothing::Smoothed;
pub use stable::{EXP_JOINT, exp_then_linear, mean, softplus};
pub use wasserstein::Wasserstein;

use std::fmt::Debug;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::Result;
use crate::settings::settings;

/// A loss as elementwise functions of a logit; all are minimised.
///
/// Shapes: `[batch, patches]` in and out. The objective takes the mean.
///
/// The last two are for relativistic pairings, where a logit is judged relative to those of the
/// other side. By default the generator plays the discriminator's game with the roles exchanged
/// (Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4); a saturating loss overrides them.
///
/// A loss of one's own, in the objective's settings by its name:
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::burn::tensor::{Tensor, backend::Backend};
/// use burn_gan::objective::{AdversarialLoss, Loss, Objective, loss::softplus};
///
/// /// The non-saturating loss at a temperature.
/// #[derive(Debug)]
/// struct Tempered(f64);
///
/// impl<B: Backend> AdversarialLoss<B> for Tempered {
///     fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
///         softplus(-logits.mul_scalar(1.0 / self.0))
///     }
///     fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
///         softplus(logits.mul_scalar(1.0 / self.0))
///     }
///     fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
///         AdversarialLoss::<B>::real(self, logits)
///     }
/// }
///
/// type B = Autodiff<Flex>;
/// let objective = Objective::new(Loss::custom::<B>("tempered", Tempered(2.0)));
/// objective.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub trait AdversarialLoss<B: Backend>: Debug + Send + Sync {
    /// The discriminator's cost of each logit of a real sample.
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;

    /// The discriminator's cost of each logit of a generated sample.
    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;

    /// The generator's cost of each logit of its own samples.
    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;

    /// The generator's cost of its samples' logits relative to the real ones, in a pairing.
    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.real(logits)
    }

    /// The generator's cost of the real samples' logits relative to its own, in a pairing.
    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fake(logits)
    }
}

settings! {
/// A loss, by name, with its settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loss {
    /// [`Minimax`].
    Minimax,
    /// [`NonSaturating`], the default.
    #[default]
    NonSaturating,
    /// [`MaximumLikelihood`].
    MaximumLikelihood,
    /// [`LeastSquares`].
    LeastSquares(LeastSquares),
    /// [`Hinge`].
    Hinge,
    /// [`Wasserstein`].
    Wasserstein,
    /// [`EnergyBased`].
    EnergyBased(EnergyBased),
    /// [`FGan`].
    FDivergence(FGan),
    /// A loss of one's own.
    Custom(CustomLoss),
}
}

impl Loss {
    /// Every loss of this crate with its default settings; f-divergences with both generator
    /// costs.
    pub const ALL: [Self; 27] = {
        const fn of(divergence: FDivergence, saturating: bool) -> Loss {
            Loss::FDivergence(FGan {
                divergence,
                saturating,
            })
        }
        use FDivergence as F;
        [
            Self::Minimax,
            Self::NonSaturating,
            Self::MaximumLikelihood,
            Self::LeastSquares(LeastSquares::ZERO_ONE),
            Self::Hinge,
            Self::Wasserstein,
            Self::EnergyBased(EnergyBased { margin: 1.0 }),
            of(F::TotalVariation, false),
            of(F::Kl, false),
            of(F::ReverseKl, false),
            of(F::Pearson, false),
            of(F::Neyman, false),
            of(F::SquaredHellinger, false),
            of(F::JensenShannon, false),
            of(F::WeightedJensenShannon { pi: 0.3 }, false),
            of(F::Gan, false),
            of(F::Alpha { alpha: 0.5 }, false),
            of(F::TotalVariation, true),
            of(F::Kl, true),
            of(F::ReverseKl, true),
            of(F::Pearson, true),
            of(F::Neyman, true),
            of(F::SquaredHellinger, true),
            of(F::JensenShannon, true),
            of(F::WeightedJensenShannon { pi: 0.3 }, true),
            of(F::Gan, true),
            of(F::Alpha { alpha: 0.5 }, true),
        ]
    };

    /// Least squares with the targets 0 for generated samples, 1 for real ones and for the
    /// generator.
    pub fn least_squares() -> Self {
        Self::LeastSquares(LeastSquares::default())
    }

    /// EBGAN's loss with a margin on the energy of generated samples.
    pub fn energy_based(margin: f64) -> Self {
        Self::EnergyBased(EnergyBased { margin })
    }

    /// The variational bound of an f-divergence, with a generator that does not saturate.
    pub fn f_divergence(divergence: FDivergence) -> Self {
        Self::FDivergence(FGan {
            divergence,
            saturating: false,
        })
    }

    /// A loss of one's own, under a name for the settings.
    pub fn custom<B: Backend>(
        name: impl Into<String>,
        loss: impl AdversarialLoss<B> + 'static,
    ) -> Self {
        Self::Custom(CustomLoss::new::<B>(name, loss))
    }

    /// A short name, `kl (saturating)` say, for tables and captions.
    pub fn label(&self) -> String {
        match self {
            Self::Minimax => "minimax".into(),
            Self::NonSaturating => "non-saturating".into(),
            Self::MaximumLikelihood => "maximum likelihood".into(),
            Self::LeastSquares(_) => "least squares".into(),
            Self::Hinge => "hinge".into(),
            Self::Wasserstein => "Wasserstein".into(),
            Self::EnergyBased(_) => "energy-based".into(),
            Self::FDivergence(f) if f.saturating => format!("{} (saturating)", f.divergence),
            Self::FDivergence(f) => f.divergence.to_string(),
            Self::Custom(custom) => custom.name().into(),
        }
    }

    /// Whether the loss is a function of a logit that may have any sign, so that a relativistic
    /// pairing can shift it. The energy of [`EnergyBased`] has a sign.
    pub fn can_be_paired(&self) -> bool {
        !matches!(self, Self::EnergyBased(_))
    }

    /// Checks the loss's own settings.
    ///
    /// # Errors
    /// The first wrong setting; a custom loss that was read from settings and has no functions.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::LeastSquares(loss) => loss.validate(),
            Self::EnergyBased(loss) => loss.validate(),
            Self::FDivergence(loss) => loss.divergence.validate(),
            Self::Custom(loss) => loss.validate(),
            Self::Minimax
            | Self::NonSaturating
            | Self::MaximumLikelihood
            | Self::Hinge
            | Self::Wasserstein => Ok(()),
        }
    }

    pub(crate) fn functions<B: Backend>(&self) -> &dyn AdversarialLoss<B> {
        match self {
            Self::Minimax => &Minimax,
            Self::NonSaturating => &NonSaturating,
            Self::MaximumLikelihood => &MaximumLikelihood,
            Self::LeastSquares(loss) => loss,
            Self::Hinge => &Hinge,
            Self::Wasserstein => &Wasserstein,
            Self::EnergyBased(loss) => loss,
            Self::FDivergence(loss) => loss,
            Self::Custom(loss) => loss.functions::<B>(),
        }
    }
}

impl<B: Backend> AdversarialLoss<B> for Loss {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().real(logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().fake(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().generator(logits)
    }

    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().relative_fake(logits)
    }

    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.functions::<B>().relative_real(logits)
    }
}
