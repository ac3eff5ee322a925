//! Gaussian densities, and the KL divergences between them that have a closed form.

use std::f64::consts::{E, PI};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check};
use crate::settings::settings;

/// A one-dimensional Gaussian (normal) density.
///
/// ```text
/// p(x) = exp(−(x − mean)² / (2 std²)) / (std √(2π))
/// ```
///
/// Reading one from JSON checks it as [`Gaussian::new`] does.
///
/// ```
/// use burn_gan::divergence::Gaussian;
///
/// let standard = Gaussian::new(0.0, 1.0)?;
/// assert!((standard.density(0.0) - 0.398_942_280_401).abs() < 1e-12);
///
/// let wide: Gaussian = serde_json::from_str(r#"{"mean": 0.0, "std": 2.0}"#)?;
/// assert!(standard.kl(&wide) < wide.kl(&standard));
/// assert!(serde_json::from_str::<Gaussian>(r#"{"mean": 0.0, "std": 0.0}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawGaussian")]
pub struct Gaussian {
    mean: f64,
    std: f64,
}

settings! {
/// What serde reads before the values are checked.
#[derive()]
struct RawGaussian {
    mean: f64,
    std: f64,
}
}

impl TryFrom<RawGaussian> for Gaussian {
    type Error = Error;

    fn try_from(raw: RawGaussian) -> Result<Self> {
        Self::new(raw.mean, raw.std)
    }
}

impl Gaussian {
    /// The Gaussian of this mean and standard deviation.
    ///
    /// # Errors
    /// If `mean` is not finite, or `std` is not a finite number above 0.
    pub fn new(mean: f64, std: f64) -> Result<Self> {
        if !mean.is_finite() {
            return Err(Error::setting("mean", mean, "must be a finite number"));
        }
        check::positive("std", std)?;
        Ok(Self { mean, std })
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation.
    pub fn std(&self) -> f64 {
        self.std
    }

    /// The density at `x`; 0 where it is too small for a floating-point number.
    pub fn density(&self, x: f64) -> f64 {
        self.log_density(x).exp()
    }

    /// The density's natural logarithm at `x`, in nats.
    ///
    /// ```text
    /// ln p(x) = −½ ((x − mean) / std)² − ln std − ½ ln 2π
    /// ```
    pub fn log_density(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.std;
        -0.5 * z * z - self.std.ln() - 0.5 * (2.0 * PI).ln()
    }

    /// The differential entropy, in nats: the mean log-likelihood of the true density, negated.
    ///
    /// ```text
    /// H(p) = −E_{x∼p} ln p(x) = ½ ln(2πe std²)
    /// ```
    pub fn entropy(&self) -> f64 {
        0.5 * (2.0 * PI * E).ln() + self.std.ln()
    }

    /// KL(self ‖ other), in nats: never negative, and 0 only between equals.
    ///
    /// ```text
    /// KL(p ‖ q) = ln(std_q / std_p) + (std_p² + (mean_p − mean_q)²) / (2 std_q²) − ½
    /// ```
    ///
    /// Kullback and Leibler, "On Information and Sufficiency", 1951.
    pub fn kl(&self, other: &Self) -> f64 {
        let ratio = self.std / other.std;
        let shift = (self.mean - other.mean) / other.std;
        // ratio² − 1, without the cancellation that squaring first would bring near ratio = 1.
        let excess = (self.std - other.std) / other.std * (ratio + 1.0);
        let log_ratio_squared = if excess.abs() < 0.5 {
            excess.ln_1p()
        } else {
            // Far from 1 the plain logarithms are exact, also where the ratio leaves the range.
            2.0 * (self.std.ln() - other.std.ln())
        };
        // Rounding may leave the spread's part slightly below 0 between near equals.
        0.5 * ((excess - log_ratio_squared).max(0.0) + shift * shift)
    }
}

/// KL(p ‖ q) between two Gaussians with diagonal covariances, one [`Gaussian`] per dimension, in
/// nats.
///
/// Independent dimensions add up:
///
/// ```text
/// KL(p ‖ q) = Σ_d KL(p_d ‖ q_d)
/// ```
///
/// ```
/// use burn_gan::divergence::{Gaussian, kl_diagonal};
///
/// let standard = [Gaussian::new(0.0, 1.0)?; 2];
/// let moved = [Gaussian::new(1.0, 1.0)?, Gaussian::new(-2.0, 1.0)?];
/// assert_eq!(kl_diagonal(&moved, &standard)?, 0.5 + 2.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If there is no dimension, or the two have different numbers of them.
pub fn kl_diagonal(p: &[Gaussian], q: &[Gaussian]) -> Result<f64> {
    check::at_least("p.dimensions", p.len(), 1)?;
    if p.len() != q.len() {
        return Err(Error::setting(
            "q.dimensions",
            q.len(),
            format!("must equal the other density's {}", p.len()),
        ));
    }
    Ok(p.iter().zip(q).map(|(p, q)| p.kl(q)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(mean: f64, std: f64) -> Gaussian {
        Gaussian::new(mean, std).unwrap()
    }

    #[test]
    fn settings_are_validated_and_named() {
        for (mean, std, name) in [
            (f64::NAN, 1.0, "`mean` = NaN"),
            (f64::INFINITY, 1.0, "`mean` = inf"),
            (0.0, 0.0, "`std` = 0"),
            (0.0, -1.0, "`std` = -1"),
            (0.0, f64::NAN, "`std` = NaN"),
            (0.0, f64::INFINITY, "`std` = inf"),
        ] {
            let message = Gaussian::new(mean, std).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(kl_diagonal(&[], &[]).is_err());
        assert!(kl_diagonal(&[gaussian(0.0, 1.0)], &[]).is_err());
    }

    #[test]
    fn serde_round_trip_is_exact_and_checked() {
        let p = gaussian(0.1, 0.3);
        let json = serde_json::to_string(&p).unwrap();
        assert_eq!(serde_json::from_str::<Gaussian>(&json).unwrap(), p);
        assert!(serde_json::from_str::<Gaussian>(r#"{"mean":0,"std":-1}"#).is_err());
        assert!(serde_json::from_str::<Gaussian>(r#"{"mean":0,"std":1,"sdt":1}"#).is_err());
    }

    #[test]
    fn density_has_its_closed_form() {
        // N(1; 0, 1) = e^-½/√(2π); N(x; 3, ½) at its mean = 2/√(2π) = √(2/π).
        let standard = gaussian(0.0, 1.0);
        let expected = (-0.5_f64).exp() / (2.0 * PI).sqrt();
        assert!((standard.density(1.0) - expected).abs() < 1e-15);
        assert!((gaussian(3.0, 0.5).density(3.0) - (2.0 / PI).sqrt()).abs() < 1e-15);
        // Where the density underflows, its logarithm stays exact: −½·100² − ½ ln 2π.
        assert_eq!(standard.density(100.0), 0.0);
        let expected = -5_000.0 - 0.5 * (2.0 * PI).ln();
        assert!((standard.log_density(100.0) - expected).abs() < 1e-11);
    }

    #[test]
    fn kl_has_its_closed_form() {
        // Equal spread: ½(shift/std)². Equal mean, ratio ½: ln 2 + 1/8 − ½. Ratio 2: 2 − ½ − ln 2.
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * (1.0 + b.abs());
        assert!(close(gaussian(1.0, 2.0).kl(&gaussian(4.0, 2.0)), 1.125));
        let ln2 = 2_f64.ln();
        let narrow = gaussian(0.0, 1.0);
        let wide = gaussian(0.0, 2.0);
        assert!(close(narrow.kl(&wide), ln2 + 0.125 - 0.5));
        assert!(close(wide.kl(&narrow), 1.5 - ln2));
    }

    #[test]
    fn kl_is_never_negative_and_zero_only_between_equals() {
        for mean in [-2.0, 0.0, 0.1, 5.0] {
            for std in [1e-3, 0.3, 1.0, 7.0, 1e4] {
                let p = gaussian(mean, std);
                assert_eq!(p.kl(&p), 0.0);
                for other_mean in [-1.0, 0.1, 3.0] {
                    for other_std in [1e-3, 0.31, 2.0, 1e4] {
                        let q = gaussian(other_mean, other_std);
                        assert!(p == q || p.kl(&q) > 0.0, "{p:?} {q:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn kl_stays_exact_between_near_equals_and_between_extremes() {
        // Near ratio 1 + δ the divergence is δ² to second order: relative error |δ|.
        let delta = 1e-5;
        let near = gaussian(0.0, 1.0 + delta).kl(&gaussian(0.0, 1.0));
        assert!((near / (delta * delta) - 1.0).abs() < 1e-4, "{near}");
        // ratio 1e-200: ln(1e200) − ½, whose square would have underflowed.
        let far = gaussian(0.0, 1e-200).kl(&gaussian(0.0, 1.0));
        assert!((far - (200.0 * 10_f64.ln() - 0.5)).abs() < 1e-10, "{far}");
    }

    #[test]
    fn kl_of_diagonal_gaussians_adds_up() {
        let p = [gaussian(0.0, 1.0), gaussian(2.0, 0.5), gaussian(-1.0, 3.0)];
        let q = [gaussian(1.0, 2.0), gaussian(2.0, 0.7), gaussian(-4.0, 1.0)];
        // The textbook formula ½(tr(Σq⁻¹Σp) + Δᵀ Σq⁻¹ Δ − d + ln det Σq/det Σp), written out.
        let mut expected = -3.0;
        for (p, q) in p.iter().zip(&q) {
            let (vp, vq) = (p.std().powi(2), q.std().powi(2));
            expected += vp / vq + (p.mean() - q.mean()).powi(2) / vq + (vq / vp).ln();
        }
        assert!((kl_diagonal(&p, &q).unwrap() - 0.5 * expected).abs() < 1e-13);
    }
}
