//! LogisticRegression regression: the best linear classifier.

use rayon::prelude::*;
use serde::Serialize;

use super::super::distances::blocks;
use super::super::features::Features;
use super::Labelled;
use super::standard::Standard;
use crate::divergence::log_sigmoid;
use crate::error::{Error, Result, check};
use crate::settings::settings;

/// Rows whose sums are taken by one thread.
const ROWS: usize = 1_024;

/// Newton steps; some ten are needed.
const STEPS: usize = 100;

/// The gradient's length beside its first one from which on the solution is near.
const NEAR: f64 = 1e-6;

/// How far a sum over rows may be off in its last digits, beside itself.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

settings! {
/// LogisticRegression regression on standardised features.
///
/// ```text
/// min over w, b of  ½ mean_real softplus(−(w·x + b)) + ½ mean_generated softplus(w·x + b) + ridge/2 ‖w‖²
/// ```
///
/// with each feature of mean 0 and deviation 1 over the training samples. The problem is convex, so
/// that the samples alone decide the solution: no initial weights, no learning rate. It is solved by
/// Newton's method with conjugate gradients, which takes memory for a few rows however many
/// features there are. It sees differences in means only: right for features of a network, blind
/// to a shrunk mode in the plane.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct LogisticRegression {
    /// The weight of the penalty, above 0; 0.001 by default.
    pub ridge: f64,
}
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { ridge: 1e-3 }
    }
}

impl LogisticRegression {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the penalty is not above 0.
    pub fn validate(&self) -> Result<()> {
        check::positive("ridge", self.ridge)
    }

    /// # Errors
    /// If all samples are equal, or if the solution was not reached.
    pub(in super::super) fn train(&self, metric: &str, data: &Labelled) -> Result<Linear> {
        let Some(standard) = Standard::of(data) else {
            return Err(Error::data(
                metric,
                "all samples are equal, so that there is nothing to tell real ones from generated \
                 ones by; look at what made the features",
            ));
        };
        let problem = Problem {
            data,
            standard: &standard,
            ridge: self.ridge,
        };
        let parameters = problem.minimise().ok_or_else(|| {
            Error::data(
                metric,
                format!(
                    "the logistic regression did not converge; take a larger `ridge` than {}",
                    self.ridge
                ),
            )
        })?;
        Ok(Linear {
            standard,
            parameters,
        })
    }
}

/// A trained linear classifier.
#[derive(Debug)]
pub(in super::super) struct Linear {
    standard: Standard,
    /// The weights of the standardised features, and last the bias.
    parameters: Vec<f64>,
}

impl Linear {
    /// The logit of each row: above 0 for "real".
    pub(in super::super) fn logits(&self, features: &Features) -> Vec<f64> {
        let raw = raw(&self.parameters, &self.standard);
        let rows = features.rows();
        rows.map(|row| dot(row, &raw)).collect()
    }
}

/// Weights and bias for features as they are.
fn raw(parameters: &[f64], standard: &Standard) -> Vec<f64> {
    let (bias, weights) = split_bias(parameters);
    let mut raw: Vec<f64> = (weights.iter().zip(&standard.inverse))
        .map(|(weight, inverse)| weight * inverse)
        .collect();
    let shift: f64 = raw.iter().zip(&standard.mean).map(|(w, m)| w * m).sum();
    raw.push(bias - shift);
    raw
}

fn split_bias(parameters: &[f64]) -> (f64, &[f64]) {
    let (bias, weights) = parameters.split_last().expect("there is a bias");
    (*bias, weights)
}

/// `w·x + b`, b behind w.
fn dot(row: &[f32], weights: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (bias, weights) = split_bias(weights);
    let (rows, rest) = row.as_chunks::<8>();
    let (weights, weights_rest) = weights.as_chunks::<8>();
    for (x, w) in rows.iter().zip(weights) {
        for ((sum, x), w) in sums.iter_mut().zip(x).zip(w) {
            *sum += f64::from(*x) * w;
        }
    }
    for ((sum, x), w) in sums.iter_mut().zip(rest).zip(weights_rest) {
        *sum += f64::from(*x) * w;
    }
    sums.iter().sum::<f64>() + bias
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    product(a, a).sqrt()
}

/// `a + scale · b`
fn moved(a: &[f64], scale: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + scale * b).collect()
}

struct Problem<'p> {
    data: &'p Labelled,
    standard: &'p Standard,
    ridge: f64,
}

impl Problem<'_> {
    fn minimise(&self) -> Option<Vec<f64>> {
        let mut at = vec![0.0; self.standard.mean.len() + 1];
        let (mut value, mut gradient, mut curvatures) = self.value(&at);
        let start = norm(&gradient);
        let scale = start.max(1e-3);
        let near = NEAR * scale;
        for _ in 0..STEPS {
            let length = norm(&gradient);
            if length <= 1e-10 * scale {
                return Some(at);
            }
            let accuracy = (length / start).sqrt().min(0.1);
            let step = self.newton_step(&gradient, &curvatures, accuracy);
            let slope = product(&gradient, &step);
            // What is left to gain is below the value's last digits then, in which a search for a lower one
            // would see rounding alone: Newton's step as it is, as long as gradients shrink.
            let at_its_end = length <= near && -slope <= ROUNDING * value;
            let mut share = 1.0;
            let next = loop {
                let there = moved(&at, share, &step);
                let next = self.value(&there);
                let better = match at_its_end {
                    true => norm(&next.1) < length,
                    false => next.0 <= value + 1e-4 * share * slope,
                };
                if better {
                    at = there;
                    break next;
                }
                share *= 0.5;
                if at_its_end || share < 1e-8 {
                    return (length <= near).then_some(at);
                }
            };
            (value, gradient, curvatures) = next;
        }
        (norm(&gradient) <= near).then_some(at)
    }

    /// The direction in which the Hessian's quadratic is lowest, by conjugate gradients.
    fn newton_step(&self, gradient: &[f64], curvatures: &[f64], accuracy: f64) -> Vec<f64> {
        let mut step = vec![0.0; gradient.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut direction = residual.clone();
        let mut squares = product(&residual, &residual);
        let goal = accuracy * accuracy * squares;
        for _ in 0..500 {
            let curved = self.curved(&direction, curvatures);
            let along = product(&direction, &curved);
            if !(along > 0.0) {
                break;
            }
            let length = squares / along;
            step = moved(&step, length, &direction);
            residual = moved(&residual, -length, &curved);
            let next = product(&residual, &residual);
            if next <= goal {
                break;
            }
            direction = moved(&residual, next / squares, &direction);
            squares = next;
        }
        step
    }

    /// The value, its gradient, and each row's second derivative by its logit.
    fn value(&self, at: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let raw = raw(at, self.standard);
        let count = self.data.count() as f64;
        let (sums, gradient) = self.over_rows(|index, row| {
            let sign = self.data.sign(index);
            let weight = self.data.weight(index) / count;
            let logit = sign * dot(row, &raw);
            let wrong = 1.0 / (1.0 + logit.exp());
            let curvature = weight * wrong * (1.0 - wrong);
            (
                (-weight * log_sigmoid(logit), curvature),
                -sign * weight * wrong,
            )
        });
        let (_, weights) = split_bias(at);
        let loss: f64 = sums.iter().map(|(loss, _)| loss).sum();
        let value = loss + 0.5 * self.ridge * product(weights, weights);
        let curvatures = sums.into_iter().map(|(_, curvature)| curvature).collect();
        (value, self.with_ridge(gradient, at), curvatures)
    }

    /// The Hessian times `direction`.
    fn curved(&self, direction: &[f64], curvatures: &[f64]) -> Vec<f64> {
        let raw = raw(direction, self.standard);
        let (_, product) = self.over_rows(|index, row| ((), curvatures[index] * dot(row, &raw)));
        self.with_ridge(product, direction)
    }

    fn with_ridge(&self, mut gradient: Vec<f64>, at: &[f64]) -> Vec<f64> {
        let (_, weights) = split_bias(at);
        for (gradient, weight) in gradient.iter_mut().zip(weights) {
            *gradient += self.ridge * weight;
        }
        gradient
    }

    /// What `of` says of each row, and the sum of the standardised rows (and 1 for the bias) by the
    /// factors that it gives.
    fn over_rows<T: Send>(
        &self,
        of: impl Fn(usize, &[f32]) -> (T, f64) + Sync,
    ) -> (Vec<T>, Vec<f64>) {
        let dimensions = self.standard.mean.len();
        let parts: Vec<(Vec<T>, Vec<f64>)> = blocks(self.data.count(), ROWS)
            .into_par_iter()
            .map(|rows| {
                let mut sums = vec![0.0; dimensions + 1];
                let said = rows.map(|index| {
                    let row = self.data.row(index);
                    let (said, factor) = of(index, row);
                    for (sum, x) in sums.iter_mut().zip(row) {
                        *sum += factor * f64::from(*x);
                    }
                    sums[dimensions] += factor;
                    said
                });
                (said.collect(), sums)
            })
            .collect();
        let mut all = Vec::with_capacity(self.data.count());
        let mut total = vec![0.0; dimensions + 1];
        for (said, sums) in parts {
            all.extend(said);
            total
                .iter_mut()
                .zip(sums)
                .for_each(|(total, sum)| *total += sum);
        }
        let factors = total[dimensions];
        let scales = self.standard.mean.iter().zip(&self.standard.inverse);
        for (sum, (mean, inverse)) in total.iter_mut().zip(scales) {
            *sum = (*sum - factors * mean) * inverse;
        }
        (all, total)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::super::golden::{self, Made, assert_near, refusal};
    use super::*;
    use crate::random::Stream;

    #[derive(Deserialize)]
    struct Case {
        real: Made,
        generated: Made,
        ridge: f64,
        asked: Made,
        logits: Vec<f64>,
    }

    #[test]
    fn logits_are_those_of_scikit_learn() {
        for case in golden::part::<Vec<Case>>("logistic") {
            let data = Labelled {
                real: golden::features(&case.real),
                generated: golden::features(&case.generated),
                balanced: true,
            };
            let trained = LogisticRegression { ridge: case.ridge }
                .train("test", &data)
                .unwrap();
            let logits = trained.logits(&golden::features(&case.asked));
            let largest = case.logits.iter().fold(0.0f64, |a, b| a.max(b.abs()));
            for (found, expected) in logits.iter().zip(&case.logits) {
                assert!(
                    (found - expected).abs() < 1e-6 * largest,
                    "{found} {expected}"
                );
            }
        }
    }

    /// Rows as tables have them: numbers beside names, some of which hardly ever occur.
    #[test]
    fn the_last_digits_of_the_value_do_not_keep_it_from_its_end() {
        let mut stream = Stream::new(4, "rows");
        for case in 0..60 {
            let mut rows = |shift: f32| {
                let values = (0..300).flat_map(|_| {
                    let mut row = [0.0; 12];
                    row[0] = stream.uniform(1, -1.0, 1.0)[0] + shift;
                    row[1] = stream.uniform(1, -1.0, 1.0)[0].powi(5) * 40.0;
                    // Place k in about one row of 2ᵏ.
                    let place = -stream.uniform(1, 1e-4, 1.0)[0].log2();
                    row[2 + (place as usize).min(9)] = 0.5f32.sqrt();
                    row
                });
                Features::new(values.collect(), 12).expect("finite numbers")
            };
            let data = Labelled {
                real: rows(0.1),
                generated: rows(0.0),
                balanced: true,
            };
            let trained = LogisticRegression::default().train("test", &data);
            let trained = trained.unwrap_or_else(|error| panic!("case {case}: {error}"));
            let problem = Problem {
                data: &data,
                standard: &trained.standard,
                ridge: LogisticRegression::default().ridge,
            };
            let (_, gradient, _) = problem.value(&trained.parameters);
            let length = norm(&gradient);
            assert!(length < 1e-9, "case {case}: {length:.1e}");
        }
    }

    #[test]
    fn a_feature_that_is_constant_counts_nothing() {
        let with = |x: &[f32]| {
            let values = x.iter().flat_map(|x| [0.1, *x]).collect();
            Features::new(values, 2).unwrap()
        };
        let data = Labelled {
            real: with(&[1.0, 2.0, 4.0]),
            generated: with(&[-1.0, 3.0, -2.0]),
            balanced: true,
        };
        let trained = LogisticRegression::default().train("test", &data).unwrap();
        let shifted = Features::new(vec![7.0, 2.0, -5.0, 2.0], 2).unwrap();
        let logits = trained.logits(&shifted);
        assert_near(logits[0], logits[1], 1e-12);
        // Both classes are half of the samples and the penalty is small: real ones lie above.
        assert!(logits[0] > 0.0);
        let constant = Labelled {
            real: with(&[0.3; 5]),
            generated: with(&[0.3; 4]),
            balanced: true,
        };
        let text = refusal(LogisticRegression::default().train("test", &constant));
        assert!(text.contains("test: all samples are equal"), "{text}");
    }
}
