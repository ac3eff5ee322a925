//! A measured number with everything that decides what it can be compared with.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::better::Better;
use super::feature_metric::Estimate;
use super::features::{ExtractorId, Features};
use crate::error::{Error, Result};
use crate::text::digits;

/// A set of samples, as far as a score of it depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSet {
    /// What it is called: the split of a data set, `training` or `test`.
    pub name: String,
    /// The number of samples.
    pub count: usize,
    /// A SHA-256 of their features, in hexadecimal.
    pub digest: String,
}

impl SampleSet {
    /// What there is to say of these features.
    pub fn of(features: &Features) -> Self {
        Self {
            name: features.set().to_owned(),
            count: features.count(),
            digest: features.digest(),
        }
    }
}

/// How a score came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The metric's name and settings.
    pub metric: String,
    /// See [`metric`](Self::metric).
    pub settings: Value,
    /// What made the features: name, hash of the weights, what was done to samples before.
    pub extractor: ExtractorId,
    /// The real samples that it was measured against.
    pub real: SampleSet,
    /// The other real samples that stood in for generated ones in [`Score::real_against_real`]; `None`
    /// where these were two halves of the real ones, or nothing.
    #[serde(default)]
    pub stand_in: Option<SampleSet>,
    /// The generated ones.
    pub generated: SampleSet,
    /// The seed of all random choices in the measurement; repeats differ in it.
    pub seed: u64,
    /// The version of this crate.
    pub crate_version: String,
}

/// What the metric gives for real samples against other real ones: what a perfect generator would
/// have, at these numbers of samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RealAgainstReal {
    /// The value.
    pub value: f64,
    /// The number of samples that stood in for the generated ones.
    pub count: usize,
    /// The number of real samples that they were measured against.
    pub against: usize,
}

/// A measured number with its provenance.
///
/// Scores are compared and averaged only with their like: [`difference`](Self::difference) and
/// [`Repeats`](super::Repeats) refuse others, and say what differs. Stored as JSON it is the number
/// with all that a reader needs to measure it again.
///
/// ```
/// use burn_gan::data::Mixture;
/// use burn_gan::metrics::{Features, Scorer, SlicedWasserstein};
/// use burn_gan::random::Stream;
///
/// let points = |seed, count| {
///     let points = Mixture::ring().sample(count, &mut Stream::new(seed, "points"));
///     Features::new(points, 2)
/// };
/// let real = points(1, 400)?.with_set("training");
/// let scorer = Scorer::new(real).with_metric(SlicedWasserstein::default());
///
/// let score = &scorer.score(&points(2, 400)?)?[0];
/// let fewer = &scorer.score(&points(3, 200)?)?[0];
/// let error = score.difference(fewer).unwrap_err();
/// assert!(error.to_string().contains("generated.count"), "{error}");
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The number's name.
    pub name: String,
    /// Which way it is good.
    pub better: Better,
    /// What was measured, with notes on it and on [`real_against_real`](Self::real_against_real).
    #[serde(flatten)]
    pub estimate: Estimate,
    /// The same number of real samples against real ones, where there are enough of them.
    pub real_against_real: Option<RealAgainstReal>,
    /// How it came about.
    pub provenance: Provenance,
}

impl Score {
    /// The value.
    pub fn value(&self) -> f64 {
        self.estimate.value
    }

    /// The value of `self` minus that of `other`.
    ///
    /// # Errors
    /// If they can't be compared: each thing that differs, with both values.
    pub fn difference(&self, other: &Self) -> Result<f64> {
        self.comparable(other)?;
        Ok(self.value() - other.value())
    }

    /// Whether `self` is better than `other`.
    ///
    /// # Errors
    /// As [`difference`](Self::difference).
    pub fn is_better_than(&self, other: &Self) -> Result<bool> {
        self.comparable(other)?;
        Ok(self.better.than(self.value(), other.value()))
    }

    /// Refuses a score that was measured otherwise. What may differ: the generated samples
    /// themselves, the seed, and what came out.
    pub(super) fn comparable(&self, other: &Self) -> Result<()> {
        let differences = self.differences(other);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::data(
            format!("score `{}`", self.name),
            format!(
                "can't be compared with `{}`: {}; measure both alike",
                other.name,
                differences.join("; ")
            ),
        ))
    }

    /// What keeps two scores from being compared, each with its dotted name.
    fn differences(&self, other: &Self) -> Vec<String> {
        let (a, b) = (&self.provenance, &other.provenance);
        let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
        let pairs = [
            ("name", self.name.clone(), other.name.clone()),
            ("metric", a.metric.clone(), b.metric.clone()),
            ("settings", a.settings.to_string(), b.settings.to_string()),
            (
                "extractor.name",
                a.extractor.name.clone(),
                b.extractor.name.clone(),
            ),
            (
                "extractor.hash",
                optional(&a.extractor.hash),
                optional(&b.extractor.hash),
            ),
            (
                "extractor.input",
                optional(&a.extractor.input),
                optional(&b.extractor.input),
            ),
            ("real.name", a.real.name.clone(), b.real.name.clone()),
            (
                "real.count",
                a.real.count.to_string(),
                b.real.count.to_string(),
            ),
            ("real.digest", a.real.digest.clone(), b.real.digest.clone()),
            (
                "generated.count",
                a.generated.count.to_string(),
                b.generated.count.to_string(),
            ),
            (
                "crate_version",
                a.crate_version.clone(),
                b.crate_version.clone(),
            ),
        ];
        (pairs.into_iter())
            .filter(|(_, a, b)| a != b)
            .map(|(name, a, b)| format!("{name} is {a} and {b}"))
            .collect()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, digits(self.value()))?;
        if let Some(error) = self.estimate.error {
            write!(f, " ± {}", digits(error))?;
        }
        if let Some(real) = &self.real_against_real {
            write!(f, " (real against real: {})", digits(real.value))?;
        }
        for note in &self.estimate.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A score of a distance that `change` has changed.
    pub(crate) fn score(value: f64, change: impl FnOnce(&mut Score)) -> Score {
        let set = |name: &str| SampleSet {
            name: name.to_owned(),
            count: 100,
            digest: format!("digest of {name}"),
        };
        let mut score = Score {
            name: "distance".to_owned(),
            better: Better::Lower,
            estimate: Estimate::with_error(value, 0.1),
            real_against_real: None,
            provenance: Provenance {
                metric: "distance".to_owned(),
                settings: json!({"k": 3}),
                extractor: ExtractorId::raw(),
                real: set("training"),
                stand_in: None,
                generated: set("generated"),
                seed: 0,
                crate_version: "0.1.0".to_owned(),
            },
        };
        change(&mut score);
        score
    }

    #[test]
    fn like_scores_are_compared() {
        let a = score(1.0, |_| ());
        // Other samples of the same number, another seed.
        let b = score(3.0, |score| {
            score.provenance.generated.digest = "other".to_owned();
            score.provenance.generated.name = "of another generator".to_owned();
            score.provenance.seed = 7;
        });
        assert_eq!(b.difference(&a).unwrap(), 2.0);
        assert!(a.is_better_than(&b).unwrap());
        assert!(!b.is_better_than(&a).unwrap());
    }

    #[test]
    fn unlike_scores_are_refused_by_all_that_differs() {
        type Change = fn(&mut Score);
        let changes: [(&str, Change); 11] = [
            ("name is", |s| s.name = "recall".into()),
            ("metric is", |s| s.provenance.metric = "prdc".into()),
            ("settings is {\"k\":3} and {\"k\":5}", |s| {
                s.provenance.settings = json!({"k": 5});
            }),
            ("extractor.name is raw and inception", |s| {
                s.provenance.extractor.name = "inception".into();
            }),
            ("extractor.hash is none and 00ff", |s| {
                s.provenance.extractor.hash = Some("00ff".into());
            }),
            ("extractor.input is none and 299 pixels", |s| {
                s.provenance.extractor.input = Some("299 pixels".into());
            }),
            ("real.name is training and test", |s| {
                s.provenance.real.name = "test".into();
            }),
            ("real.count is 100 and 99", |s| s.provenance.real.count = 99),
            ("real.digest is", |s| s.provenance.real.digest = "x".into()),
            ("generated.count is 100 and 50", |s| {
                s.provenance.generated.count = 50;
            }),
            ("crate_version is 0.1.0 and 0.2.0", |s| {
                s.provenance.crate_version = "0.2.0".into();
            }),
        ];
        let a = score(1.0, |_| ());
        for (expected, change) in changes {
            let error = a.difference(&score(1.0, change)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let both = score(1.0, |s| {
            s.provenance.real.count = 99;
            s.provenance.generated.count = 50;
        });
        let error = a.is_better_than(&both).unwrap_err().to_string();
        assert!(error.contains("real.count"), "{error}");
        assert!(error.contains("generated.count"), "{error}");
    }

    #[test]
    fn a_score_can_be_stored() {
        let a = score(0.25, |s| {
            s.real_against_real = Some(RealAgainstReal {
                value: 0.125,
                count: 50,
                against: 50,
            });
            s.estimate.notes.push("of too few samples".to_owned());
        });
        let json = serde_json::to_value(&a).unwrap();
        assert_eq!(json["value"], 0.25);
        assert_eq!(json["notes"][0], "of too few samples");
        assert_eq!(json["provenance"]["extractor"]["name"], "raw");
        assert_eq!(serde_json::from_value::<Score>(json).unwrap(), a);
        assert_eq!(
            a.to_string(),
            "distance 0.250 ± 0.100 (real against real: 0.125); of too few samples"
        );
    }
}
