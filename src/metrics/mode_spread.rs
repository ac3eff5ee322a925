//! A known mixture as what a run's samples are measured by.

use super::feature_metric::Number;
use super::features::Features;
use super::mode_coverage::ModeCoverage;
use super::set_measure::{SPREAD_MEAN, SetMeasure};
use crate::data::Mixture;
use crate::error::{Error, Result};

/// The metric's name in messages.
const NAME: &str = "mode coverage";

/// Measures points by the mixture that they should be drawn from: mode coverage and the spread
/// within modes, as numbers that a run can be watched by.
///
/// The numbers are those of [`ModeCoverage`]: `modes_captured`, `high_quality`, `reverse_kl`, `js`,
/// `spread_mean`, `spread_min`. A `spread_mean` is the better the higher it is as far as 1, the
/// spread of the data; training does not go beyond, apart from noise.
///
/// ```
/// use burn_gan::data::Mixture;
/// use burn_gan::metrics::{Features, ModeSpread, SetMeasure};
/// use burn_gan::random::Stream;
///
/// let ring = Mixture::ring();
/// let real = ring.sample(10_000, &mut Stream::new(1, "evaluation"));
/// let mut measure = ModeSpread::new(ring);
/// let values = measure.measure(&Features::new(real, 2)?)?;
/// assert_eq!(measure.numbers()[4].name, "spread_mean");
/// assert!((values[4] - 1.0).abs() < 0.02);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModeSpread {
    mixture: Mixture,
}

impl ModeSpread {
    /// Measures against the modes of `mixture`.
    pub fn new(mixture: Mixture) -> Self {
        Self { mixture }
    }
}

impl SetMeasure for ModeSpread {
    fn numbers(&self) -> Vec<Number> {
        vec![
            Number::higher("modes_captured"),
            Number::higher("high_quality"),
            Number::lower("reverse_kl"),
            Number::lower("js"),
            Number::higher(SPREAD_MEAN),
            Number::higher("spread_min"),
        ]
    }

    fn validate(&self) -> Result<()> {
        Ok(())
    }

    fn measure(&mut self, samples: &Features) -> Result<Vec<f64>> {
        let (found, expected) = (samples.dimensions(), self.mixture.dimensions());
        if found != expected {
            let problem = format!("points have {found} dimensions, the mixture has {expected}");
            return Err(Error::data(NAME, problem));
        }
        let coverage = ModeCoverage::measure(samples.values(), &self.mixture)?;
        Ok(vec![
            coverage.modes_captured as f64,
            coverage.high_quality,
            coverage.reverse_kl,
            coverage.js,
            coverage.spread_mean,
            coverage.spread_min,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn the_numbers_are_those_of_mode_coverage() {
        let grid = Mixture::grid();
        let points = grid.sample(2_500, &mut Stream::new(2, "evaluation"));
        let coverage = ModeCoverage::measure(&points, &grid).unwrap();
        let mut measure = ModeSpread::new(grid);
        let values = measure.measure(&Features::new(points, 2).unwrap()).unwrap();
        let json = serde_json::to_value(&coverage).unwrap();
        assert_eq!(values.len(), measure.numbers().len());
        for (number, value) in measure.numbers().iter().zip(values) {
            assert_eq!(
                json[number.name].as_f64().unwrap(),
                value,
                "{}",
                number.name
            );
        }
    }

    #[test]
    fn points_of_other_dimensions_are_refused() {
        let points = Features::new(vec![0.0; 6], 3).unwrap();
        let error = ModeSpread::new(Mixture::ring()).measure(&points);
        let error = error.unwrap_err().to_string();
        let expected = "mode coverage: points have 3 dimensions, the mixture has 2";
        assert!(error.contains(expected), "{error}");
    }
}
