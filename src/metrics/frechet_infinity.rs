//! The Fréchet distance extrapolated to infinitely many generated samples.

use serde::Serialize;
use serde_json::{Value, json};

use super::factor::Factor;
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::frechet_distance::distance;
use super::real_set::RealSet;
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "frechet_infinity";
/// The smallest number of samples by the published protocol.
const SMALLEST: usize = 5_000;

settings! {
/// The Fréchet distance for infinitely many generated samples: a line in 1/n through the distances
/// of fewer.
///
/// ```text
/// nⱼ     = `sizes` numbers, evenly from the smallest to all n generated samples
/// dⱼ     = Fréchet distance of all real samples to nⱼ generated ones, drawn without replacement
/// dⱼ     ≈ d∞ + b/nⱼ         by least squares; the value is d∞
/// ```
///
/// The Fréchet distance of n samples is too large by an amount that falls as 1/n and that differs
/// between generators, so that it may even order them wrongly: Chong and Forsyth 2020,
/// [arXiv:1911.07023](https://arxiv.org/abs/1911.07023), 15 sizes from 5,000. *Bias*: what real
/// samples are too few for stays in it, so use as many as there are; and the law is that of many
/// samples for each feature: with few the line bends, and its end comes out too low. It may be negative.
/// *Cost*: `sizes` [Fréchet distances](super::FrechetDistance).
///
/// ```
/// use burn_gan::metrics::{Features, FrechetInfinity};
/// use burn_gan::random::Stream;
///
/// let draw = |seed| Features::new(Stream::new(seed, "points").normal(2_000), 2);
/// let found = FrechetInfinity::default().between(&draw(1)?, &draw(2)?, &mut Stream::new(1, "sizes"))?;
/// assert_eq!(found.points.len(), 15);
/// assert!(found.distance < found.points[0].distance);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct FrechetInfinity {
    /// How many sizes are measured, 3 to 1,000; 15 by default.
    pub sizes: usize,
    /// The smallest of them, at least 2. Without it, 5,000, or a tenth of the samples if that is less.
    pub smallest: Option<usize>,
}
}

impl Default for FrechetInfinity {
    fn default() -> Self {
        Self {
            sizes: 15,
            smallest: None,
        }
    }
}

/// What [`FrechetInfinity`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrechetLimit {
    /// The distance for infinitely many generated samples.
    pub distance: f64,
    /// Its standard error as the line's residuals tell it: how well a line fits. The points share
    /// samples, so that new samples would change it by more.
    pub standard_error: f64,
    /// b: the distance of n samples is too large by b/n.
    pub slope: f64,
    /// What the line was laid through.
    pub points: Vec<FrechetPoint>,
    /// The number of real samples.
    pub real: usize,
}

/// The distance of some generated samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FrechetPoint {
    /// How many.
    pub count: usize,
    /// Their Fréchet distance.
    pub distance: f64,
    /// Whether a covariance lacked directions.
    pub rank_deficient: bool,
}

impl FrechetLimit {
    fn estimate(&self) -> Estimate {
        let lacking = self.points.iter().filter(|point| point.rank_deficient);
        let note = match lacking.count() {
            0 => None,
            lacking => Some(format!(
                "at {lacking} of {} sizes a covariance lacks directions, where the line need not hold",
                self.points.len()
            )),
        };
        Estimate::with_error(self.distance, self.standard_error).with_notes(note)
    }
}

impl FrechetInfinity {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting.
    pub fn validate(&self) -> Result<()> {
        check::at_least("sizes", self.sizes, 3)?;
        check::at_most("sizes", self.sizes, 1_000)?;
        match self.smallest {
            Some(smallest) => check::at_least("smallest", smallest, 2),
            None => Ok(()),
        }
    }

    /// The distance of two sets of features; samples are drawn from `stream`.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are of different extractors or dimensions, have features
    /// that are not finite, only samples that are all the same, or if there are no more generated
    /// samples than the smallest size.
    pub fn between(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<FrechetLimit> {
        let smallest = self.smallest_of(real, generated)?;
        let real = Factor::of_features(NAME, real)?;
        self.line(&real, generated, smallest, stream)
    }

    /// The smallest size for these sets, or why they can't be measured.
    fn smallest_of(&self, real: &Features, generated: &Features) -> Result<usize> {
        self.validate()?;
        comparable(NAME, 3, real, generated)?;
        let count = generated.count();
        let smallest = self
            .smallest
            .unwrap_or_else(|| SMALLEST.min((count / 10).max(2)));
        if smallest >= count {
            return Err(Error::data(
                NAME,
                format!(
                    "{count} generated samples are no more than the smallest size, {smallest}; \
                     generate more, or set `smallest` lower"
                ),
            ));
        }
        Ok(smallest)
    }

    fn line(
        &self,
        real: &Factor,
        generated: &Features,
        smallest: usize,
        stream: &mut Stream,
    ) -> Result<FrechetLimit> {
        let count = generated.count();
        let points = (0..self.sizes)
            .map(|index| {
                // Whole numbers, so that the last is all of them.
                let count = smallest + (count - smallest) * index / (self.sizes - 1);
                let mut rows = stream.permutation(generated.count());
                rows.truncate(count);
                let drawn = Factor::of_features(NAME, &generated.select(&rows))?;
                let found = distance(NAME, real, &drawn)?;
                Ok(FrechetPoint {
                    count,
                    distance: found.distance,
                    rank_deficient: found.is_rank_deficient(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let line: Vec<(f64, f64)> = (points.iter())
            .map(|point| (1.0 / point.count as f64, point.distance))
            .collect();
        let (distance, slope, standard_error) = intercept(&line);
        Ok(FrechetLimit {
            distance,
            standard_error,
            slope,
            points,
            real: real.count,
        })
    }
}

/// The value at 0 of the line through points by least squares, its slope, and the value's standard
/// error.
fn intercept(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let count = points.len() as f64;
    let x_mean = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let y_mean = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    let both: f64 = points
        .iter()
        .map(|(x, y)| (x - x_mean) * (y - y_mean))
        .sum();
    let slope = both / spread;
    let at_zero = y_mean - slope * x_mean;
    let residuals: f64 = points
        .iter()
        .map(|(x, y)| (y - at_zero - slope * x).powi(2))
        .sum();
    let variance = residuals / (count - 2.0) * (1.0 / count + x_mean * x_mean / spread);
    (at_zero, slope, variance.sqrt())
}

impl FeatureMetric for FrechetInfinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower(NAME)] }
    }

    fn settings(&self) -> Value {
        json!(self)
    }

    fn validate(&self) -> Result<()> {
        Self::validate(self)
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        Ok(vec![self.between(real, generated, stream)?.estimate()])
    }

    fn measure_against(
        &self,
        real: &RealSet,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let smallest = self.smallest_of(real.features(), generated)?;
        let limit = self.line(real.factor(NAME)?, generated, smallest, stream)?;
        Ok(vec![limit.estimate()])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::metrics::FrechetDistance;
    use crate::metrics::golden::{Distances, assert_near, refusal};

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "infinity").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    #[test]
    fn the_line_is_scipys() {
        #[derive(Deserialize)]
        struct Case {
            points: Vec<(f64, f64)>,
            intercept: f64,
            slope: f64,
            standard_error: f64,
        }
        for case in Distances::part::<Vec<Case>>("lines") {
            let points: Vec<_> = case.points.iter().map(|(n, d)| (1.0 / n, *d)).collect();
            let (found, slope, error) = intercept(&points);
            assert_near(found, case.intercept, 1e-9);
            assert_near(slope, case.slope, 1e-9);
            assert_near(error, case.standard_error, 1e-9);
        }
    }

    #[test]
    fn sizes_are_evenly_spaced_and_the_last_is_all() {
        let (x, y) = (normal(1, 50, 2), normal(2, 101, 2));
        let metric = FrechetInfinity {
            sizes: 4,
            smallest: None,
        };
        let found = metric
            .between(&x, &y, &mut Stream::new(1, "sizes"))
            .unwrap();
        let counts: Vec<usize> = found.points.iter().map(|point| point.count).collect();
        assert_eq!(counts, [10, 40, 70, 101]);
        let all = FrechetDistance::default().between(&x, &y).unwrap();
        assert!((found.points[3].distance - all.distance).abs() < 1e-12);
    }

    /// A matrix of features by features would be of 3 GB.
    #[test]
    fn few_samples_of_many_features_take_no_more_than_they_are() {
        let (x, y) = (normal(1, 20, 20_000), normal(2, 24, 20_000));
        let metric = FrechetInfinity::default();
        let found = metric.between(&x, &y, &mut Stream::new(1, "sizes"));
        let found = found.expect("features that differ");
        let all = FrechetDistance::default().between(&x, &y).unwrap();
        let last = found.points.last().expect("15 sizes");
        assert!((last.distance / all.distance - 1.0).abs() < 1e-9);
        assert!(last.rank_deficient);
        let note = "at 15 of 15 sizes a covariance lacks directions, where the line need not hold";
        assert_eq!(found.estimate().notes, [note]);
    }

    #[test]
    fn the_bias_of_few_samples_is_taken_away() {
        // Equal distributions, real moments of many samples: the truth is 0.
        let real = normal(1, 20_000, 4);
        let metric = FrechetInfinity {
            sizes: 8,
            smallest: Some(250),
        };
        let seeds = 24;
        let (mut limits, mut plain) = (Vec::new(), 0.0);
        for seed in 0..seeds {
            let generated = normal(seed + 10, 1_000, 4);
            let mut stream = Stream::new(seed, "sizes");
            let found = metric.between(&real, &generated, &mut stream).unwrap();
            assert!(found.standard_error > 0.0);
            limits.push(found.distance);
            plain += found.points[7].distance / seeds as f64;
        }
        let mean = limits.iter().sum::<f64>() / seeds as f64;
        let squares: f64 = limits.iter().map(|limit| (limit - mean).powi(2)).sum();
        let error = (squares / (seeds - 1) as f64 / seeds as f64).sqrt();
        assert!(mean.abs() < 3.0 * error, "{mean} ± {error}");
        assert!(plain > 5.0 * error, "{plain} ± {error}");
    }

    #[test]
    fn what_can_not_be_measured_is_named() {
        let mut stream = Stream::new(1, "sizes");
        let x = normal(1, 30, 2);
        let metric = FrechetInfinity {
            smallest: Some(30),
            ..Default::default()
        };
        let error = refusal(metric.between(&x, &x, &mut stream));
        assert!(
            error.starts_with("frechet_infinity: 30 generated"),
            "{error}"
        );
        for wrong in [(2, None), (15, Some(1))] {
            let (sizes, smallest) = wrong;
            let metric = FrechetInfinity { sizes, smallest };
            let error = refusal(metric.between(&x, &x, &mut stream));
            assert!(error.starts_with("invalid setting"), "{error}");
        }
    }
}
