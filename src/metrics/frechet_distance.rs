//! The Fréchet distance of two sets of features.

use serde::Serialize;
use serde_json::{Value, json};

use super::factor::Factor;
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::linear::{nuclear_norm, product};
use super::moments::Moments;
use super::real_set::RealSet;
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

    /// What there is to say of covariances that lack directions: one sentence of both where the cause is
    /// the same.
    fn notes(&self) -> Vec<String> {
        let whole = self.dimensions;
        let cause = |place: usize| match self.counts[place] <= whole {
            true => "samples are too few for so many features",
            false => "some features are constant or follow from others",
        };
        let ([real, generated], [of_real, of_generated]) = (self.ranks, [0, 1].map(cause));
        if self.ranks.iter().all(|rank| *rank < whole) && of_real == of_generated {
            return vec![format!(
                "the covariances have rank {real} (real) and {generated} (generated) of {whole}: \
                 {of_real}"
            )];
        }
        let sets = [
            ("real", real, of_real),
            ("generated", generated, of_generated),
        ];
        let lacking = sets.into_iter().filter(|(_, rank, _)| *rank < whole);
        let note = |(set, rank, cause): (&str, usize, &str)| {
            format!("the {set} samples' covariance has rank {rank} of {whole}: {cause}")
        };
        lacking.map(note).collect()
    }

    fn estimate(&self) -> Estimate {
        Estimate::from(self.distance).with_notes(self.notes())
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
        let real = Factor::of_features(NAME, real)?;
        distance(NAME, &real, &Factor::of_features(NAME, generated)?)
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
        Ok(vec![self.between(real, generated)?.estimate()])
    }

    fn measure_against(
        &self,
        real: &RealSet,
        generated: &Features,
        _: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        comparable(NAME, 2, real.features(), generated)?;
        let generated = Factor::of_features(NAME, generated)?;
        Ok(vec![
            distance(NAME, real.factor(NAME)?, &generated)?.estimate(),
        ])
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
        ranks: [real.rank, generated.rank],
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::metrics::ExtractorId;
    use crate::metrics::golden::{Distances, assert_near, features, refusal};

    #[derive(Deserialize)]
    struct Case {
        name: String,
        real: Vec<f64>,
        generated: Vec<f64>,
        dependent: bool,
        mean_part: f64,
        covariance_part: f64,
        ranks: [usize; 2],
    }

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "frechet").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    fn between(real: &Features, generated: &Features) -> Frechet {
        FrechetDistance::default().between(real, generated).unwrap()
    }

    /// `dependent` of `tests/golden/metrics_distances.py`.
    fn dependent(features: &Features) -> Features {
        let mut values = Vec::new();
        for row in features.rows() {
            values.extend(row);
            values.extend(row[..row.len() / 2].iter().map(|x| 2.0 * x));
            values.push(0.75);
        }
        let dimensions = features.dimensions() + features.dimensions() / 2 + 1;
        Features::new(values, dimensions).unwrap()
    }

    fn agrees(case: &Case) {
        let mut sets = [&case.real, &case.generated].map(|made| features(made));
        if case.dependent {
            sets = sets.map(|set| dependent(&set));
        }
        let found = between(&sets[0], &sets[1]);
        assert_near(found.mean_part, case.mean_part, 1e-9);
        assert_near(found.covariance_part, case.covariance_part, 1e-9);
        assert_near(found.distance, case.mean_part + case.covariance_part, 1e-9);
        assert_eq!(found.ranks, case.ranks, "{}", case.name);
        let full = case.ranks.iter().all(|rank| *rank == found.dimensions);
        assert_eq!(found.is_rank_deficient(), !full);
    }

    fn cases() -> Vec<Case> {
        Distances::part("frechet")
    }

    /// Whether decompositions of the case take minutes where nothing is optimised.
    fn is_large(case: &Case) -> bool {
        case.real[1] * case.real[2] > 1e6
    }

    #[test]
    fn it_is_numpys_and_scipys_for_any_rank() {
        let cases = cases();
        let small: Vec<&Case> = cases.iter().filter(|case| !is_large(case)).collect();
        assert_eq!(small.len(), 7);
        small.into_iter().for_each(agrees);
    }

    #[test]
    #[ignore = "minutes where nothing is optimised; with --release, seconds"]
    fn it_is_numpys_and_scipys_for_2048_features_of_full_rank() {
        let large: Vec<Case> = cases().into_iter().filter(is_large).collect();
        assert_eq!(large.len(), 1);
        large.iter().for_each(agrees);
    }

    #[test]
    fn gaussians_of_known_moments_are_as_far_apart_as_they_are_in_closed_form() {
        // Corners of boxes: diagonal covariances, for which it is Σ (μ − μ')² + (σ − σ')².
        let corners = |centre: [f32; 3], sides: [f32; 3]| {
            let corner = |i: usize, axis: usize| {
                let sign = if i >> axis & 1 == 0 { 1.0 } else { -1.0 };
                centre[axis] + sign * sides[axis]
            };
            let values = (0..24).map(|i| corner(i / 3, i % 3)).collect();
            Features::new(values, 3).unwrap()
        };
        let real = corners([0.0, 1.0, -2.0], [1.0, 0.5, 3.0]);
        let generated = corners([0.5, 1.0, 0.0], [1.0, 1.5, 0.25]);
        let found = between(&real, &generated);
        let unbiased = 8.0 / 7.0;
        assert_near(found.mean_part, 0.25 + 4.0, 1e-14);
        let expected = unbiased * (1.0 + 2.75_f64.powi(2));
        assert_near(found.covariance_part, expected, 1e-13);
        assert!(!found.is_rank_deficient());
        assert_eq!((found.counts, found.dimensions), ([8, 8], 3));
    }

    #[test]
    fn a_set_is_at_zero_from_itself_however_many_samples_it_has() {
        for (count, dimensions) in [(200, 20), (10, 20), (2, 20)] {
            let set = normal(1, count, dimensions);
            let distance = between(&set, &set).distance;
            assert!(distance < 1e-12, "{count}: {distance}");
        }
    }

    #[test]
    fn directions_that_one_set_lacks_cost_their_variance() {
        // All variance of the second set is along a line that the first set has not.
        let real = Features::new(vec![-1.0, 0.0, 1.0, 0.0], 2).unwrap();
        let generated = Features::new(vec![0.0, -2.0, 0.0, 2.0], 2).unwrap();
        let found = between(&real, &generated);
        assert_eq!(found.distance, 2.0 + 8.0);
        assert_eq!(found.ranks, [1, 1]);
    }

    #[test]
    fn a_score_says_which_covariance_lacks_directions_and_why() {
        let notes = |real: &Features, generated: &Features| {
            let stream = &mut Stream::new(0, "unused");
            let metric = FrechetDistance::default();
            let found = metric.measure(real, generated, stream).unwrap();
            found[0].notes.clone()
        };
        let none: [&str; 0] = [];
        assert_eq!(notes(&normal(1, 30, 4), &normal(2, 30, 4)), none);
        let few = "samples are too few for so many features";
        let one = format!("the generated samples' covariance has rank 5 of 8: {few}");
        assert_eq!(notes(&normal(1, 30, 8), &normal(2, 6, 8)), [one]);
        let both = format!("the covariances have rank 7 (real) and 5 (generated) of 8: {few}");
        assert_eq!(notes(&normal(1, 8, 8), &normal(2, 6, 8)), [both]);
        // Of 4 features, 2 more follow and 1 is constant.
        let cause = "some features are constant or follow from others";
        let real = dependent(&normal(1, 30, 4));
        let apart = [
            format!("the real samples' covariance has rank 4 of 7: {cause}"),
            format!("the generated samples' covariance has rank 4 of 7: {few}"),
        ];
        assert_eq!(notes(&real, &normal(2, 5, 7)), apart);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (real, generated) = (normal(1, 300, 90), normal(2, 80, 90));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| between(&real, &generated))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn what_can_not_be_measured_is_named() {
        let metric = FrechetDistance::default();
        let set = normal(1, 5, 2);
        let one = set.select(&[0]).with_set("generated");
        assert_eq!(
            refusal(metric.between(&set, &one)),
            "frechet_distance: the set `generated` has 1 samples; it takes at least 2"
        );
        let same = set.select(&[1, 1, 1]);
        let error = refusal(metric.between(&set, &same));
        assert!(
            error.starts_with("frechet_distance: all 3 samples of the set have the same features"),
            "{error}"
        );
        let moments = |set: &Features| Moments::of(set).unwrap();
        let classifier = set.clone().with_extractor(ExtractorId::new("classifier"));
        let error = refusal(metric.between_moments(&moments(&set), &moments(&classifier)));
        assert_eq!(
            error,
            "frechet_distance: features of two extractors can't be compared: raw and classifier"
        );
        let error = refusal(metric.between_moments(&moments(&set), &moments(&normal(1, 5, 3))));
        assert!(error.contains("of 2 and of 3 dimensions"), "{error}");
        let one = Moments::of(&one).unwrap();
        let error = refusal(metric.between_moments(&moments(&set), &one));
        assert!(error.contains("1 samples; it takes at least 2"), "{error}");
    }
}
