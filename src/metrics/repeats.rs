//! One number measured over several seeds.

use std::fmt;

use serde::Serialize;

use super::score::Score;
use crate::error::{Error, Result};
use crate::text::digits;

/// The mean of one number over repeats, and the standard error of that mean.
///
/// ```text
/// mean = Σ xᵢ / n,   standard_error = √( Σ (xᵢ − mean)² / (n − 1) ) / √n
/// ```
///
/// ```
/// use burn_gan::metrics::Repeats;
///
/// let modes = Repeats::of("modes_captured", &[8.0, 7.0, 8.0, 8.0])?;
/// assert_eq!(modes.to_string(), "7.75 ± 0.250");
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repeats {
    /// The number's name.
    pub name: String,
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean; `None` of a single value, which does not say how far
    /// another would lie.
    pub standard_error: Option<f64>,
    /// The values, in the order given.
    pub values: Vec<f64>,
}

impl Repeats {
    /// The mean of plain values, of independent repeats.
    ///
    /// # Errors
    /// If there is no value, or if one is not finite.
    pub fn of(name: impl Into<String>, values: &[f64]) -> Result<Self> {
        let name = name.into();
        if values.is_empty() {
            return Err(Error::data(
                format!("repeats of `{name}`"),
                "there is no value; give at least one",
            ));
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::data(
                format!("repeats of `{name}`"),
                format!(
                    "value {place} is {}; a mean over it would hide what happened",
                    values[place]
                ),
            ));
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        Ok(Self {
            name,
            mean,
            standard_error,
            values: values.to_vec(),
        })
    }

    /// The mean of scores, of one seed each.
    ///
    /// # Errors
    /// If two can't be compared ([`Score::difference`]) or are of the same seed and the same
    /// samples, which would count one measurement twice; if there is none, or one is not finite.
    pub fn of_scores(scores: &[Score]) -> Result<Self> {
        let Some(first) = scores.first() else {
            return Self::of("", &[]);
        };
        for (place, score) in scores.iter().enumerate() {
            first.comparable(score)?;
            let same = |other: &&Score| {
                other.provenance.seed == score.provenance.seed
                    && other.provenance.generated.digest == score.provenance.generated.digest
            };
            if scores[..place].iter().find(same).is_some() {
                return Err(Error::data(
                    format!("repeats of `{}`", first.name),
                    format!(
                        "score {place} is of the same samples and seed, {}, as one before it; it \
                         would be counted twice",
                        score.provenance.seed
                    ),
                ));
            }
        }
        let values: Vec<f64> = scores.iter().map(Score::value).collect();
        Self::of(&first.name, &values)
    }
}

impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits(self.mean))?;
        match self.standard_error {
            Some(error) => write!(f, " ± {}", digits(error)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::score::tests::score;
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        // Deviations −1.5, −0.5, 0.5, 1.5: variance 5/3, over 4 values 5/12.
        let repeats = Repeats::of("x", &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(repeats.mean, 2.5);
        let error = repeats.standard_error.unwrap();
        assert!((error - (5.0f64 / 12.0).sqrt()).abs() < 1e-15, "{error}");
        assert_eq!(Repeats::of("x", &[7.0]).unwrap().standard_error, None);
    }

    #[test]
    fn no_value_and_no_number_are_refused() {
        let error = Repeats::of("x", &[]).unwrap_err().to_string();
        assert!(
            error.contains("repeats of `x`: there is no value"),
            "{error}"
        );
        let error = Repeats::of("x", &[1.0, f64::NAN]).unwrap_err().to_string();
        assert!(error.contains("value 1 is NaN"), "{error}");
        assert!(Repeats::of_scores(&[]).is_err());
    }

    #[test]
    fn only_like_scores_of_different_seeds_are_averaged() {
        let seeded = |value, seed| score(value, |s| s.provenance.seed = seed);
        let repeats = Repeats::of_scores(&[seeded(1.0, 0), seeded(2.0, 1)]).unwrap();
        assert_eq!((repeats.mean, repeats.name.as_str()), (1.5, "distance"));
        let twice = Repeats::of_scores(&[seeded(1.0, 0), seeded(1.0, 0)]).unwrap_err();
        assert!(twice.to_string().contains("counted twice"), "{twice}");
        let unlike = score(1.0, |s| s.provenance.real.count = 3);
        let error = Repeats::of_scores(&[seeded(1.0, 0), unlike]).unwrap_err();
        assert!(
            error.to_string().contains("real.count is 100 and 3"),
            "{error}"
        );
    }
}
