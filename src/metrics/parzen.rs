//! The log-likelihood of held-out samples under a Parzen window around generated ones.

use std::f64::consts::TAU;

use serde::Serialize;
use serde_json::{Value, json};

use super::distances::squared_distances;
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::text::digits;

const NAME: &str = "parzen";

settings! {
/// The log-likelihood of real samples under Gaussian windows around generated ones.
///
/// The protocol of Goodfellow et al. 2014 ([arXiv:1406.2661](https://arxiv.org/abs/1406.2661), table
/// 1) and of the papers whose numbers stand beside theirs: a Gaussian of one width σ around each of
/// n generated samples y, σ chosen on validation samples.
///
/// ```text
/// LL(x; σ) = ln (1/n Σᵢ exp(−‖x − yᵢ‖²/(2σ²))) − d ln(σ √(2π))
/// σ*       = the σ of the grid of the highest mean LL over validation samples
/// value    = mean of LL(x; σ*) over test samples, standard error = deviation / √(number of them)
/// ```
///
/// In nats, for samples of d numbers as they are: pixels in `[0, 1]` for the published figures. The
/// paper's n is 10,000, its grid ten values from 0.1 to 1, evenly in the logarithm. *Bias*: in many
/// dimensions it says little. A Parzen window of 10,000 samples is far below the true density, and
/// copies of cluster centres beat the data itself (Theis et al. 2016,
/// [arXiv:1511.01844](https://arxiv.org/abs/1511.01844)). Take it to compare with published tables. *Cost*: n
/// products of d and an exponential for each window, sample and σ, in double precision.
///
/// As a [`FeatureMetric`] it splits the real samples at random: [`validation`](Self::validation) of
/// them choose σ, the others are the test samples.
///
/// ```
/// use burn_gan::metrics::{Features, Parzen};
///
/// let generated = Features::new(vec![0.0, 1.0], 1)?;
/// let parzen = Parzen { sigmas: vec![0.5, 1.0], ..Parzen::default() };
/// let test = Features::new(vec![0.5], 1)?;
/// let result = parzen.measure(&generated, &test, &test)?;
/// // Both windows are half a unit away: −0.5²/(2·0.5²) − ln(0.5·√(2π)).
/// assert_eq!(result.sigma, 0.5);
/// assert!((result.log_likelihood - (-0.7257914)).abs() < 1e-6);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct Parzen {
    /// The grid of widths σ, ascending; 10 from 0.1 to 1 by default, evenly in the logarithm.
    pub sigmas: Vec<f64>,
    /// The share of real samples that choose σ where one set of them is given; 0.1 by default.
    pub validation: f64,
}
}

impl Default for Parzen {
    fn default() -> Self {
        Self {
            sigmas: (0..10)
                .map(|i| 10f64.powf(f64::from(i) / 9.0 - 1.0))
                .collect(),
            validation: 0.1,
        }
    }
}

/// What [`Parzen`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParzenScores {
    /// The mean log-likelihood of a test sample, in nats.
    pub log_likelihood: f64,
    /// Its standard error over test samples; infinite for a single one.
    pub standard_error: f64,
    /// The chosen σ.
    pub sigma: f64,
    /// The mean log-likelihood of the validation samples for each σ of the grid.
    pub validation: Vec<f64>,
    /// Whether σ is the first or the last of the grid: the best may lie beyond.
    pub at_the_edge: bool,
}

impl Parzen {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no σ, if one is not above 0 or not above the one before, or if the validation's
    /// share is not between 0 and 1.
    pub fn validate(&self) -> Result<()> {
        check::at_least("sigmas", self.sigmas.len(), 1)?;
        check::at_most("sigmas", self.sigmas.len(), 1_000)?;
        for sigma in &self.sigmas {
            check::positive("sigmas", *sigma)?;
        }
        if let Some(pair) = self.sigmas.windows(2).find(|pair| !(pair[0] < pair[1])) {
            return Err(Error::setting(
                "sigmas",
                pair[1],
                format!("must be above the one before it, {}", pair[0]),
            ));
        }
        if !(self.validation > 0.0 && self.validation < 1.0) {
            return Err(Error::setting(
                "validation",
                self.validation,
                "must be above 0 and below 1",
            ));
        }
        Ok(())
    }

    /// Chooses σ by the log-likelihood of `validation` and measures that of `test`, both real
    /// samples `[count, d]`, under windows around `generated` ones.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are not of one kind, or if a number is not finite.
    pub fn measure(
        &self,
        generated: &Features,
        validation: &Features,
        test: &Features,
    ) -> Result<ParzenScores> {
        self.validate()?;
        comparable(NAME, 1, validation, generated)?;
        comparable(NAME, 1, test, generated)?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let grid = log_likelihoods(generated, validation, &self.sigmas);
        let of_validation: Vec<f64> = grid.iter().map(|values| mean(values)).collect();
        let mut best = 0;
        for (index, value) in of_validation.iter().enumerate() {
            // The first of equals, as NumPy's argmax has it.
            if *value > of_validation[best] {
                best = index;
            }
        }
        let sigma = self.sigmas[best];
        let estimate = Self::log_likelihood(generated, test, sigma)?;
        Ok(ParzenScores {
            log_likelihood: estimate.value,
            standard_error: estimate.error.unwrap_or(f64::INFINITY),
            sigma,
            at_the_edge: best == 0 || best + 1 == self.sigmas.len(),
            validation: of_validation,
        })
    }

    /// What there is to say of a σ at an edge of the grid.
    fn note(&self, scores: &ParzenScores) -> Option<String> {
        let side = match self.sigmas.as_slice() {
            [_] => return Some("σ was not chosen: `sigmas` has one value".to_owned()),
            _ if !scores.at_the_edge => return None,
            [first, ..] if scores.sigma == *first => "smallest of `sigmas`: the best may lie below",
            _ => "largest of `sigmas`: the best may lie above",
        };
        Some(format!("σ {} is the {side}", digits(scores.sigma)))
    }

    /// The mean log-likelihood of `test` under windows of width σ around `generated`, with its
    /// standard error over test samples (none for a single one).
    ///
    /// # Errors
    /// If σ is not above 0, if the sets are not of one kind, or if a number is not finite.
    pub fn log_likelihood(generated: &Features, test: &Features, sigma: f64) -> Result<Estimate> {
        check::positive("sigma", sigma)?;
        comparable(NAME, 1, test, generated)?;
        let values = log_likelihoods(generated, test, &[sigma]).concat();
        let count = values.len() as f64;
        let value = values.iter().sum::<f64>() / count;
        // NumPy's standard deviation, as the protocol's program has it.
        let squares: f64 = values.iter().map(|x| (x - value).powi(2)).sum();
        let error = (values.len() > 1).then(|| (squares / count / count).sqrt());
        Ok(Estimate {
            error,
            ..value.into()
        })
    }
}

/// A sum of exponentials as its largest exponent and the sum relative to that.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    largest: f64,
    sum: f64,
}

impl LogSum {
    const EMPTY: Self = Self {
        largest: f64::NEG_INFINITY,
        sum: 0.0,
    };

    /// Adds `exp(scale · value)` of all values, `scale` below 0, of which `least` is the lowest.
    fn add(&mut self, scale: f64, values: &[f64], least: f64) {
        let largest = scale * least;
        if largest > self.largest {
            self.sum *= (self.largest - largest).exp();
            self.largest = largest;
        }
        let terms = values
            .iter()
            .map(|value| (scale * value - self.largest).exp());
        self.sum += terms.sum::<f64>();
    }

    fn ln(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

/// The log-likelihood of each test sample for each σ: `[σ][test]`.
fn log_likelihoods(generated: &Features, test: &Features, sigmas: &[f64]) -> Vec<Vec<f64>> {
    let scales: Vec<f64> = sigmas.iter().map(|s| -0.5 / (s * s)).collect();
    let parts = squared_distances(
        test,
        generated,
        |rows| vec![LogSum::EMPTY; rows.len() * sigmas.len()],
        |sums, tile| {
            let rows = tile.values.chunks_exact(tile.columns.len());
            for (row, sums) in rows.zip(sums.chunks_exact_mut(sigmas.len())) {
                let least = row.iter().copied().fold(f64::INFINITY, f64::min);
                for (sum, scale) in sums.iter_mut().zip(&scales) {
                    sum.add(*scale, row, least);
                }
            }
        },
    );
    let sums = parts.concat();
    let (count, dimensions) = (generated.count() as f64, generated.dimensions() as f64);
    let of_sigma = |(index, sigma): (usize, &f64)| {
        let constant = count.ln() + dimensions * (sigma * TAU.sqrt()).ln();
        let own = sums.iter().skip(index).step_by(sigmas.len());
        own.map(|sum| sum.ln() - constant).collect()
    };
    sigmas.iter().enumerate().map(of_sigma).collect()
}

impl FeatureMetric for Parzen {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::higher("parzen_log_likelihood")] }
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
        self.validate()?;
        comparable(NAME, 2, real, generated)?;
        let order = stream.permutation(real.count());
        let chosen = (self.validation * real.count() as f64).round() as usize;
        let (validation, test) = order.split_at(chosen.clamp(1, real.count() - 1));
        let (validation, test) = (real.select(validation), real.select(test));
        let scores = Self::measure(self, generated, &validation, &test)?;
        let error = scores.standard_error;
        let estimate = Estimate {
            error: error.is_finite().then_some(error),
            ..scores.log_likelihood.into()
        };
        Ok(vec![estimate.with_notes(self.note(&scores))])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, assert_near, refusal};
    use super::*;

    fn line(values: &[f32]) -> Features {
        Features::new(values.to_vec(), 1).unwrap()
    }

    #[derive(Deserialize)]
    struct Case {
        generated: Made,
        validation: Made,
        test: Made,
        grid: Vec<f64>,
        sigma: f64,
        log_likelihood: f64,
        standard_error: f64,
    }

    #[test]
    fn log_likelihoods_are_those_of_scikit_learn() {
        for case in golden::part::<Vec<Case>>("parzen") {
            let generated = golden::features(&case.generated);
            let (validation, test) = (
                golden::features(&case.validation),
                golden::features(&case.test),
            );
            let found = Parzen::default()
                .measure(&generated, &validation, &test)
                .unwrap();
            for (found, expected) in found.validation.iter().zip(&case.grid) {
                assert_near(*found, *expected, 1e-9);
            }
            assert_near(found.sigma, case.sigma, 1e-14);
            assert_near(found.log_likelihood, case.log_likelihood, 1e-9);
            assert_near(found.standard_error, case.standard_error, 1e-9);
            assert_eq!(found.at_the_edge, case.sigma > 0.99);
        }
    }

    #[test]
    fn one_window_is_a_gaussian() {
        for (x, sigma) in [(0.0f32, 1.0), (2.0, 0.5), (60.0, 0.1)] {
            let found = Parzen::log_likelihood(&line(&[0.0]), &line(&[x]), sigma).unwrap();
            // Also where the density itself is 0 in floating point.
            let expected = -0.5 * (f64::from(x) / sigma).powi(2) - (sigma * TAU.sqrt()).ln();
            assert_near(found.value, expected, 1e-12);
            assert_eq!(found.error, None);
        }
    }

    #[test]
    fn windows_in_several_tiles_are_summed() {
        // 1,000 windows at 0 and 1,000 at 1, more than one tile: the mean of two Gaussians.
        let generated = line(&[vec![0.0; 1_000], vec![1.0; 1_000]].concat());
        let found = Parzen::log_likelihood(&generated, &line(&[0.25]), 0.5).unwrap();
        let density = |x: f64| (-0.5 * (x / 0.5).powi(2)).exp() / (0.5 * TAU.sqrt());
        let expected = (0.5 * (density(0.25) + density(0.75))).ln();
        assert_near(found.value, expected, 1e-12);
    }

    #[test]
    fn real_samples_are_split_for_sigma_and_test() {
        let draw = |seed, count| Features::new(Stream::new(seed, "x").normal(count), 1).unwrap();
        let (real, generated) = (draw(1, 500), draw(2, 500));
        let measure = |seed| {
            let stream = &mut Stream::new(seed, "split");
            let found = FeatureMetric::measure(&Parzen::default(), &real, &generated, stream);
            found.unwrap().remove(0)
        };
        let found = measure(1);
        // Minus the entropy of a normal distribution is −1.419; a window's blur takes some.
        let error = found.error.unwrap();
        assert!(
            (found.value + 1.43).abs() < 5.0 * error && error < 0.05,
            "{found:?}"
        );
        assert_eq!(measure(1), found);
        assert_ne!(measure(2), found);
    }

    #[test]
    fn a_width_at_an_edge_of_the_grid_is_told() {
        let draw = |seed| Features::new(Stream::new(seed, "x").normal(300), 1).unwrap();
        let (real, generated) = (draw(1), draw(2));
        let notes = |sigmas: &[f64]| {
            let parzen = Parzen {
                sigmas: sigmas.to_vec(),
                ..Parzen::default()
            };
            let stream = &mut Stream::new(1, "split");
            let found = FeatureMetric::measure(&parzen, &real, &generated, stream);
            found.unwrap().remove(0).notes
        };
        // Windows of a thousandth and of a hundred are far from the best of 300 normal samples.
        let none: [&str; 0] = [];
        assert_eq!(notes(&[0.001, 0.3, 100.0]), none);
        let cases: [(&[f64], &str); 3] = [
            (
                &[0.3, 100.0],
                "σ 0.300 is the smallest of `sigmas`: the best may lie below",
            ),
            (
                &[0.001, 0.3],
                "σ 0.300 is the largest of `sigmas`: the best may lie above",
            ),
            (&[0.3], "σ was not chosen: `sigmas` has one value"),
        ];
        for (sigmas, note) in cases {
            assert_eq!(notes(sigmas), [note]);
        }
    }

    #[test]
    fn wrong_settings_and_samples_are_refused() {
        let good = line(&[0.0, 1.0]);
        let with = |sigmas: &[f64]| Parzen {
            sigmas: sigmas.to_vec(),
            ..Parzen::default()
        };
        let measure = |settings: Parzen| refusal(settings.measure(&good, &good, &good));
        assert!(measure(with(&[])).contains("`sigmas`"));
        assert!(measure(with(&[0.1, f64::NAN])).contains("`sigmas` = NaN"));
        assert!(measure(with(&[0.2, 0.1])).contains("above the one before it, 0.2"));
        for validation in [0.0, 1.0, f64::NAN] {
            let settings = Parzen {
                validation,
                ..Parzen::default()
            };
            assert!(measure(settings).contains("`validation`"), "{validation}");
        }
        let nan = line(&[f32::NAN]);
        let text = refusal(Parzen::default().measure(&good, &good, &nan));
        assert!(text.contains("parzen: feature 0 of sample 0"), "{text}");
        assert!(refusal(Parzen::log_likelihood(&good, &good, 0.0)).contains("`sigma` = 0"));
    }
}
