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
/// use burn_gan::objective::{AdversarialLoss, Loss, Objective, softplus};
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

/// What is known of a loss without a backend.
pub trait LossInfo: Debug + Send + Sync {
    /// A short name, `kl (saturating)` say, for tables and captions.
    fn label(&self) -> String;

    /// Whether it is a function of a logit that may have any sign, so that a relativistic pairing
    /// can shift it. The energy of [`EnergyBased`] has a sign.
    fn can_be_paired(&self) -> bool {
        true
    }

    /// Whether it is a cross-entropy, whose labels can be smoothed.
    fn is_cross_entropy(&self) -> bool {
        false
    }

    /// Whether it needs a discriminator that something keeps smooth.
    fn needs_smooth(&self) -> bool {
        false
    }

    /// Whether its least value over all logits, `least`, tells how far another value is off.
    fn has_scale(&self, least: f64) -> bool {
        least.abs() > 1e-6
    }

    /// Checks the loss's own settings.
    ///
    /// # Errors
    /// The first wrong setting, by its name in the loss.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

/// All losses, a line each: those without settings, then those with.
macro_rules! losses {
    ( $($plain:ident),* ; $($with:ident($settings:ident)),* $(,)? ) => {
        settings! {
        /// A loss, by name, with its settings.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Loss {
            $(
                #[doc = concat!("[`", stringify!($plain), "`].")]
                $plain,
            )*
            $(
                #[doc = concat!("[`", stringify!($settings), "`].")]
                $with($settings),
            )*
            /// A custom loss.
            Custom(CustomLoss),
        }
        }

        impl Loss {
            /// Every loss of this crate with its default settings; f-divergences with both
            /// generator costs.
            pub fn all() -> Vec<Self> {
                let mut all = vec![$(Self::$plain),*];
                $( all.extend($settings::every().into_iter().map(Self::$with)); )*
                all
            }

            /// What is known of the loss without a backend.
            pub fn info(&self) -> &dyn LossInfo {
                match self {
                    $( Self::$plain => &$plain, )*
                    $( Self::$with(loss) => loss, )*
                    Self::Custom(loss) => loss,
                }
            }

            pub(crate) fn functions<B: Backend>(&self) -> &dyn AdversarialLoss<B> {
                match self {
                    $( Self::$plain => &$plain, )*
                    $( Self::$with(loss) => loss, )*
                    Self::Custom(loss) => loss.functions::<B>(),
                }
            }
        }
    };
}

losses! {
    Minimax,
    NonSaturating,
    MaximumLikelihood,
    Hinge,
    Wasserstein;
    LeastSquares(LeastSquares),
    EnergyBased(EnergyBased),
    FDivergence(FGan),
}

impl Default for Loss {
    /// [`NonSaturating`].
    fn default() -> Self {
        Self::NonSaturating
    }
}

impl Loss {
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
        self.info().label()
    }

    /// Checks the loss's own settings.
    ///
    /// # Errors
    /// The first wrong setting; a custom loss that was read from settings and has no functions.
    pub fn validate(&self) -> Result<()> {
        self.info().validate().map_err(|error| error.within("loss"))
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
