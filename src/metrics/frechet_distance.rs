//! The Fréchet distance of two sets of features.

use serde::Serialize;
use serde_json::{Value, json};

use super::factor::Factor;
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::linear::{nuclear_norm, product};
use super::moments::Moments;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "frechet_distance";

settings! {
/// The Fréchet distance of the two Gaussians that have the sets' means and covariances.
///
/// ```text
/// d² = |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 · tr (Σ₁Σ₂)^½
/// ```
///
/// Unbiased covariances, double precision. On features of the Inception network of Heusel et al.
/// (arXiv:1706.08500) it is the FID; on any other features it is a Fréchet distance, and only
/// comparable with those on the same features. 0 is perfect, and never reached: with n samples it is
/// too large by an amount that falls as 1/n ([`FrechetInfinity`](super::FrechetInfinity) takes it
/// away), so compare distances of equal sample counts only.
///
/// With Σ = F Fᵀ the last trace is the sum of the singular values of F₁ᵀF₂ (their nuclear norm). That
/// way nothing is squared, so that small singular values keep their digits, and sets with fewer
/// samples than features need no ridge on the diagonal: F has as many columns as Σ has rank, and the
/// result says how many those are.
///
/// For `d` features it takes a few `d³` operations beside the moments' `n · d²`: about two seconds on
/// two cores for 2,048. Memory: six matrices of `d²` numbers.
///
/// ```
/// use burn_gan::metrics::{Features, FrechetDistance};
///
/// // Deviations 1 and 3, means 0 and 2: (0 − 2)² + (1 − 3)².
/// let real = Features::new(vec![-1.0, 1.0, -1.0, 1.0], 1)?;
/// let generated = Features::new(vec![-1.0, 5.0, -1.0, 5.0], 1)?;
/// let distance = FrechetDistance::default().between(&real, &generated)?;
/// assert!((distance.mean_part - 4.0).abs() < 1e-12);
/// assert!((distance.covariance_part - 4.0 * 4.0 / 3.0).abs() < 1e-12);
/// assert!(!distance.is_rank_deficient());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct FrechetDistance {}
}

/// A measured Fréchet distance and its parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frechet {
    /// The distance, squared as everybody gives it: the sum of the two parts.
    pub distance: f64,
    /// |μ₁ − μ₂|².
    pub mean_part: f64,
    /// tr Σ₁ + tr Σ₂ − 2 · tr (Σ₁Σ₂)^½.
    pub covariance_part: f64,
    /// The number of features.
    pub dimensions: usize,
    /// The numbers of samples: real, generated.
    pub counts: [usize; 2],
    /// The ranks of the covariances: real, generated.
    pub ranks: [usize; 2],
}

impl Frechet {
    /// Whether a covariance lacks directions: there are fewer samples than features, or features
    /// that are constant or follow from others. The distance is right for these samples, and says
    /// little about the distributions if it is for want of samples.
    pub fn is_rank_deficient(&self) -> bool {
        self.ranks.iter().any(|rank| *rank < self.dimensions)
    }
}

impl FrechetDistance {
    /// The distance of two sets of features.
    ///
    /// # Errors
    /// If they are of different extractors or dimensions, have fewer than two samples, features that
    /// are not finite, or only samples that are all the same.
    pub fn between(&self, real: &Features, generated: &Features) -> Result<Frechet> {
        comparable(NAME, 2, real, generated)?;
        let (real, generated) = (Moments::of(real)?, Moments::of(generated)?);
        self.between_moments(&real, &generated)
    }

    /// The distance of two sets whose moments are known.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub fn between_moments(&self, real: &Moments, generated: &Moments) -> Result<Frechet> {
        let real = Factor::of(NAME, real)?;
        distance(NAME, &real, &Factor::of(NAME, generated)?)
    }
}

impl FeatureMetric for FrechetDistance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower(NAME)] }
    }

    fn settings(&self) -> Value {
        json!({})
    }

    fn validate(&self) -> Result<()> {
        Ok(())
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        _: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        Ok(vec![self.between(real, generated)?.distance.into()])
    }
}

pub(super) fn distance(metric: &str, real: &Factor, generated: &Factor) -> Result<Frechet> {
    let refused = |problem: String| Err(Error::data(metric, problem));
    if let (Some(a), Some(b)) = (&real.extractor, &generated.extractor)
        && a != b
    {
        return refused(format!(
            "features of two extractors can't be compared: {a} and {b}"
        ));
    }
    let (dimensions, other) = (real.mean.len(), generated.mean.len());
    if dimensions != other {
        return refused(format!(
            "features of {dimensions} and of {other} dimensions can't be compared"
        ));
    }
    let mean_part = real
        .mean
        .iter()
        .zip(&generated.mean)
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    let root = nuclear_norm(
        metric,
        &product(real.factor.transpose(), generated.factor.as_ref()),
    )?;
    // It can't be negative but by rounding.
    let covariance_part = (real.trace + generated.trace - 2.0 * root).max(0.0);
    Ok(Frechet {
        distance: mean_part + covariance_part,
        mean_part,
        covariance_part,
        dimensions,
        counts: [real.count, generated.count],
        ranks: [real.rank(), generated.rank()],
    })
}
