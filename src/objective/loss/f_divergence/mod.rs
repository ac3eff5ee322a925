//! The f-GAN family: any f-divergence as a game.

mod alpha;
mod gan;
mod jensen_shannon;
mod kl;
mod neyman;
mod pearson;
mod reverse_kl;
mod squared_hellinger;
#[cfg(test)]
mod tests;
mod total_variation;
mod weighted_jensen_shannon;

use std::fmt;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{AdversarialLoss, LossInfo};
use crate::error::{Error, Result};
use crate::settings::settings;

/// A convex function f with f(1) = 0 (up to the constant of [`FDivergence::Gan`]), and what the
/// game over its divergence needs.
///
/// ```text
/// D_f(p ‖ q) = ∫ q·f(p/q) ≥ E_p[T] − E_q[f*(T)],     with equality at T = f′(p/q)
/// ```
///
/// A network returns any number, T must lie where the conjugate f* is finite: an output
/// activation g maps one to the other, T = g(l). f* is written as a function of the logit,
/// f*(g(l)), which is exact where f*(t) at a rounded t would not be.
pub(super) trait Variational {
    /// f(u), for u > 0.
    fn f(&self, u: f64) -> f64;
    /// f′(u), the optimal critic at the density ratio u.
    fn derivative(&self, u: f64) -> f64;
    /// g(l), the output activation.
    fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;
    /// f*(g(l)), the conjugate behind the activation.
    fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2>;
}

settings! {
/// Which f-divergence. Each stands in a table with f, the output activation g and the conjugate
/// behind it, f*(g(l)); u is the density ratio p/q, sp is softplus.
///
/// | | f(u) | g(l) | f*(g(l)) | f′(1) |
/// |---|---|---|---|---|
/// | total variation | ½·\|u − 1\| | ½·tanh l | ½·tanh l | 0 |
/// | KL | u·ln u | l | e^(l−1) | 1 |
/// | reverse KL | −ln u | −e^(−l) | l − 1 | −1 |
/// | Pearson χ² | (u − 1)² | l | ¼·l² + l | 0 |
/// | Neyman χ² | (1 − u)²/u | 1 − e^(−l) | 2 − 2·e^(−l/2) | 0 |
/// | squared Hellinger | (√u − 1)² | 1 − e^(−l) | e^l − 1 | 0 |
/// | Jensen–Shannon | u·ln u − (u + 1)·ln(½·(u + 1)) | ln 2 − sp(−l) | sp(l) − ln 2 | 0 |
/// | weighted JS | π·u·ln u − (1 − π + π·u)·ln(1 − π + π·u) | −π·ln π − π·sp(−l) | (1 − π)·(sp(l) + ln(1 − π)) | 0 |
/// | GAN | u·ln u − (u + 1)·ln(u + 1) | −sp(−l) | sp(l) | −ln 2 |
/// | α | (u^α − 1 − α·(u − 1))/(α·(α − 1)) | (e^((α−1)·l) − 1)/(α − 1) | (e^(α·l) − 1)/α | 0 |
///
/// Functions and conjugates are those of Nowozin et al., tables 1, 2 and 6. So are the activations,
/// with two exceptions: for weighted JS and α it is f′ of the (prior) odds e^l, which maps onto the
/// same domain and leaves a conjugate that is exact everywhere. Every activation increases, so a
/// larger logit means "rather real" throughout. Exponentials go on linearly beyond e⁸⁰
/// ([`exp_then_linear`](super::exp_then_linear)).
///
/// Nowozin, Cseke, Tomioka 2016, *f-GAN*, arXiv:1606.00709.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FDivergence {
    /// ½·∫ |p − q|. Bounded: its gradient vanishes where the critic is sure.
    TotalVariation,
    /// KL(p ‖ q) = ∫ p·ln(p/q): covers every mode of the data.
    Kl,
    /// KL(q ‖ p): prefers few modes, well drawn.
    ReverseKl,
    /// ∫ (p − q)²/q.
    Pearson,
    /// ∫ (p − q)²/p.
    Neyman,
    /// ∫ (√p − √q)².
    SquaredHellinger,
    /// 2·JS(p, q).
    JensenShannon,
    /// π·KL(p ‖ m) + (1 − π)·KL(q ‖ m) with m = π·p + (1 − π)·q.
    WeightedJensenShannon {
        /// π, the weight of the data, in (0, 1).
        pi: f64,
    },
    /// 2·JS(p, q) − 2·ln 2: the value of the first GAN's game.
    Gan,
    /// The α-divergence: KL at α → 1, reverse KL at α → 0.
    Alpha {
        /// α, not 0 and not 1, at most 10 in size.
        alpha: f64,
    },
}
}

/// Evaluates an expression with the functions of whichever divergence `$self` is.
macro_rules! each {
    ($self:ident, $divergence:ident => $value:expr) => {
        match *$self {
            Self::TotalVariation => {
                let $divergence = total_variation::TotalVariation;
                $value
            }
            Self::Kl => {
                let $divergence = kl::Kl;
                $value
            }
            Self::ReverseKl => {
                let $divergence = reverse_kl::ReverseKl;
                $value
            }
            Self::Pearson => {
                let $divergence = pearson::Pearson;
                $value
            }
            Self::Neyman => {
                let $divergence = neyman::Neyman;
                $value
            }
            Self::SquaredHellinger => {
                let $divergence = squared_hellinger::SquaredHellinger;
                $value
            }
            Self::JensenShannon => {
                let $divergence = jensen_shannon::JensenShannon;
                $value
            }
            Self::Gan => {
                let $divergence = gan::Gan;
                $value
            }
            Self::WeightedJensenShannon { pi } => {
                let $divergence = weighted_jensen_shannon::WeightedJensenShannon { pi };
                $value
            }
            Self::Alpha { alpha } => {
                let $divergence = alpha::Alpha { alpha };
                $value
            }
        }
    };
}

impl FDivergence {
    /// Every divergence, with a setting where it has one.
    const EVERY: [Self; 10] = [
        Self::TotalVariation,
        Self::Kl,
        Self::ReverseKl,
        Self::Pearson,
        Self::Neyman,
        Self::SquaredHellinger,
        Self::JensenShannon,
        Self::WeightedJensenShannon { pi: 0.3 },
        Self::Gan,
        Self::Alpha { alpha: 0.5 },
    ];

    /// The generator function f at the density ratio u = p/q, u > 0.
    pub fn f(&self, u: f64) -> f64 {
        each!(self, divergence => divergence.f(u))
    }

    /// The optimal critic T* = f′(u) at the density ratio u.
    pub fn optimal_critic(&self, u: f64) -> f64 {
        each!(self, divergence => divergence.derivative(u))
    }

    /// f′(1), the critic's threshold: above it a sample is rather real than generated.
    pub fn threshold(&self) -> f64 {
        self.optimal_critic(1.0)
    }

    /// The output activation g, elementwise: from logits to the critic's values T.
    pub fn activation<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        each!(self, divergence => divergence.activation(logits))
    }

    /// The conjugate behind the activation, f*(g(l)), elementwise.
    pub fn conjugate<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        each!(self, divergence => divergence.conjugate(logits))
    }

    pub(super) fn validate(&self) -> Result<()> {
        match *self {
            Self::WeightedJensenShannon { pi } if !(pi > 0.0 && pi < 1.0) => Err(Error::setting(
                "f_divergence.divergence.weighted_jensen_shannon.pi",
                pi,
                "must be above 0 and below 1; 0.5 is half the Jensen-Shannon divergence",
            )),
            Self::Alpha { alpha } if !(alpha.abs() <= 10.0) || alpha == 0.0 || alpha == 1.0 => {
                Err(Error::setting(
                    "f_divergence.divergence.alpha.alpha",
                    alpha,
                    "must be from -10 to 10, and neither 0 (use `reverse_kl`) nor 1 (use `kl`)",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FDivergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TotalVariation => f.write_str("total variation"),
            Self::Kl => f.write_str("KL"),
            Self::ReverseKl => f.write_str("reverse KL"),
            Self::Pearson => f.write_str("Pearson χ²"),
            Self::Neyman => f.write_str("Neyman χ²"),
            Self::SquaredHellinger => f.write_str("squared Hellinger"),
            Self::JensenShannon => f.write_str("Jensen–Shannon"),
            Self::WeightedJensenShannon { pi } => write!(f, "weighted JS (π = {pi})"),
            Self::Gan => f.write_str("GAN"),
            Self::Alpha { alpha } => write!(f, "α-divergence (α = {alpha})"),
        }
    }
}

settings! {
/// The game over an f-divergence.
///
/// ```text
/// discriminator             −E[g(l_real)] + E[f*(g(l_fake))]
/// generator, saturating     −E[f*(g(l_fake))]
/// generator, else           −E[g(l_fake)]
/// ```
///
/// Minus the discriminator's loss is a lower bound of D_f(p_data ‖ p_g) for any discriminator, and
/// the divergence itself at the optimal one: it should fall. The saturating generator descends the
/// bound; the other one (section 3.2 of the paper) has the same fixed point and a gradient where
/// the discriminator is sure.
///
/// Nowozin, Cseke, Tomioka 2016, *f-GAN: Training generative neural samplers using variational
/// divergence minimization*, arXiv:1606.00709.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FGan {
    /// Which divergence.
    pub divergence: FDivergence,
    /// Whether the generator descends the bound itself.
    #[serde(default)]
    pub saturating: bool,
}
}

impl FGan {
    /// Every divergence with its default settings, with both generator costs.
    pub(super) fn every() -> Vec<Self> {
        let of = |saturating| {
            FDivergence::EVERY.map(|divergence| Self {
                divergence,
                saturating,
            })
        };
        [of(false), of(true)].concat()
    }
}

impl LossInfo for FGan {
    fn label(&self) -> String {
        match self.saturating {
            true => format!("{} (saturating)", self.divergence),
            false => self.divergence.to_string(),
        }
    }

    fn has_scale(&self, _least: f64) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        self.divergence.validate()
    }
}

impl<B: Backend> AdversarialLoss<B> for FGan {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -self.divergence.activation(logits)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.divergence.conjugate(logits)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.saturating {
            -self.fake(logits)
        } else {
            self.real(logits)
        }
    }

    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.generator(logits)
    }

    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.saturating {
            -self.real(logits)
        } else {
            self.fake(logits)
        }
    }
}
