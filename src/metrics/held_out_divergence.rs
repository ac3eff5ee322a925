//! The Jensen–Shannon divergence, as a discriminator that was trained afresh sees it.

use serde::Serialize;
use serde_json::{Value, json};

use super::classifier::{NetworkClassifier, split};
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use crate::divergence::{js_lower_bound_from_slices, log_sigmoid};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "held_out_divergence";

settings! {
/// An estimate from below of the Jensen–Shannon divergence, by a discriminator of its own.
///
/// A network is trained to tell real from generated features on one part of both sets, training
/// ends by a second part, and a third, which it has not seen, gives the number:
///
/// ```text
/// JS ≥ ln 2 − ½ mean_real softplus(−logit) − ½ mean_generated softplus(logit)
/// ```
///
/// From 0, where the discriminator can't tell them apart, to ln 2 = 0.693, where it always can; a
/// little below 0 by chance, or where the network is worse than none. The *bias* is downward, by what the
/// network misses: with more samples and a better network the number rises. That makes it
/// comparable between generators for the same network and counts only, unlike the loss of the run's own
/// discriminator, which knows the samples that it is asked about. The standard error is that
/// over the samples of the third part. Theory: `docs/theory.md`, Goodfellow et al. 2014, theorem 1,
/// [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// Half of the samples train, a quarter each ends the training and is measured. *Cost*: up to 100
/// epochs of a small network.
///
/// ```
/// use burn_gan::metrics::{Features, HeldOutDivergence};
/// use burn_gan::random::Stream;
///
/// let mut stream = Stream::new(1, "points");
/// let real = Features::new(stream.normal(400), 1)?;
/// let far = Features::new(stream.normal(400).iter().map(|x| x + 8.0).collect(), 1)?;
/// let result = HeldOutDivergence::default().measure(&real, &far, &mut stream)?;
/// assert!(result.js > 0.6 && result.accuracy > 0.95);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct HeldOutDivergence {
    /// The discriminator and how it is trained.
    pub network: NetworkClassifier,
}
}

/// What [`HeldOutDivergence`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldOutDivergenceScores {
    /// The estimate, in nats.
    pub js: f64,
    /// Its standard error over the samples of the third part.
    pub standard_error: f64,
    /// The mean of the shares of real and of generated samples of the third part that are told
    /// right; 0.5 is chance.
    pub accuracy: f64,
    /// Real and generated samples in the third part.
    pub held_out: (usize, usize),
    /// The epochs of training, and that of the best validation, whose weights were taken.
    pub epochs: (usize, usize),
}

impl HeldOutDivergence {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting of the network.
    pub fn validate(&self) -> Result<()> {
        self.network
            .validate()
            .map_err(|error| error.within("network"))
    }

    /// Trains a discriminator and measures.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are not of one kind or have fewer than 8 samples, if a
    /// feature is not finite, or if all samples are equal.
    pub fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<HeldOutDivergenceScores> {
        self.validate()?;
        comparable(NAME, 8, real, generated)?;
        let parts = split(NAME, real, generated, &[0.5, 0.25], stream)?;
        let [training, validation, test] = &parts[..] else {
            unreachable!("two shares make three parts");
        };
        let trained = self.network.train(NAME, training, validation, stream)?;
        let real = trained.logits(&test.real);
        let generated = trained.logits(&test.generated);
        let estimate = Self::of_logits(&real, &generated)?;
        let share = |logits: &[f64], sign: f64| {
            let right = logits.iter().map(|logit| correct(sign * logit));
            right.sum::<f64>() / logits.len() as f64
        };
        Ok(HeldOutDivergenceScores {
            js: estimate.value,
            standard_error: estimate.error.unwrap_or(f64::INFINITY),
            accuracy: 0.5 * (share(&real, 1.0) + share(&generated, -1.0)),
            held_out: (real.len(), generated.len()),
            epochs: (trained.epochs, trained.best_epoch),
        })
    }

    /// The estimate from the logits of any discriminator, for real and generated samples that it was
    /// not trained on, with its standard error.
    ///
    /// ```text
    /// js = ½ (mean ln σ(real) + mean ln σ(−generated)) + ln 2
    /// standard_error = ½ √(var ln σ(real)/N + var ln σ(−generated)/M)
    /// ```
    ///
    /// The value is [`js_lower_bound_from_slices`]; no error where a set has one logit.
    ///
    /// # Errors
    /// If either has no logit, or one is not finite.
    pub fn of_logits(real: &[f64], generated: &[f64]) -> Result<Estimate> {
        for (name, logits) in [("real", real), ("generated", generated)] {
            if let Some(place) = logits.iter().position(|logit| !logit.is_finite()) {
                return Err(Error::data(
                    NAME,
                    format!("the logit of {name} sample {place} is {}", logits[place]),
                ));
            }
        }
        let value = js_lower_bound_from_slices(real, generated)?;
        let error = variance_of_mean(real, 1.0)
            .zip(variance_of_mean(generated, -1.0))
            .map(|(a, b)| 0.5 * (a + b).sqrt());
        Ok(Estimate {
            error,
            ..value.into()
        })
    }
}

/// 1 for a logit on the right side, a half for one that decides nothing.
pub(super) fn correct(logit: f64) -> f64 {
    match logit {
        x if x > 0.0 => 1.0,
        0.0 => 0.5,
        _ => 0.0,
    }
}

fn variance_of_mean(logits: &[f64], sign: f64) -> Option<f64> {
    let count = logits.len() as f64;
    let terms = || logits.iter().map(|logit| log_sigmoid(sign * logit));
    let mean = terms().sum::<f64>() / count;
    let squares: f64 = terms().map(|term| (term - mean).powi(2)).sum();
    (logits.len() > 1).then(|| squares / (count - 1.0) / count)
}

impl FeatureMetric for HeldOutDivergence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower("js_held_out")] }
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
        let scores = Self::measure(self, real, generated, stream)?;
        Ok(vec![Estimate::with_error(scores.js, scores.standard_error)])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, assert_near, refusal};
    use super::*;

    fn normal(seed: u64, count: usize, mean: f32) -> Features {
        let values = Stream::new(seed, "features").normal(count);
        Features::new(values.iter().map(|x| mean + x).collect(), 1).unwrap()
    }

    fn small() -> HeldOutDivergence {
        HeldOutDivergence {
            network: NetworkClassifier {
                hidden: vec![16],
                learning_rate: 1e-2,
                batch: 64,
                epochs: 20,
                patience: 5,
            },
        }
    }

    #[test]
    fn the_estimate_of_logits_is_that_of_scipy() {
        #[derive(Deserialize)]
        struct Golden {
            real: Made,
            generated: Made,
            js: f64,
            standard_error: f64,
        }
        let golden: Golden = golden::part("held_out");
        let logits = |made: &[f64]| -> Vec<f64> {
            let features = golden::features(made);
            features.values().iter().map(|x| f64::from(*x)).collect()
        };
        let (real, generated) = (logits(&golden.real), logits(&golden.generated));
        let found = HeldOutDivergence::of_logits(&real, &generated).unwrap();
        assert_near(found.value, golden.js, 1e-12);
        assert_near(found.error.unwrap(), golden.standard_error, 1e-12);
        let single = HeldOutDivergence::of_logits(&[0.0], &generated).unwrap();
        assert_eq!(single.error, None);
        let text = refusal(HeldOutDivergence::of_logits(&[0.0], &[1.0, f64::INFINITY]));
        assert!(
            text.contains("the logit of generated sample 1 is inf"),
            "{text}"
        );
        assert!(HeldOutDivergence::of_logits(&[], &[1.0]).is_err());
    }

    #[test]
    fn gaussians_are_as_far_apart_as_they_are() {
        // JS of N(0, 1) and N(2, 1), by quadrature: 0.337.
        use crate::divergence::{Gaussian, Interval, js_divergence};
        let (p, q) = (
            Gaussian::new(0.0, 1.0).unwrap(),
            Gaussian::new(2.0, 1.0).unwrap(),
        );
        let interval = Interval::new(-10.0, 12.0, 1_000).unwrap();
        let exact = js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
        let stream = &mut Stream::new(1, "discriminator");
        let found = small()
            .measure(&normal(1, 2_000, 0.0), &normal(2, 2_000, 2.0), stream)
            .unwrap();
        // A bound from below, up to the samples' own noise, and a tight one for so simple a ratio.
        let noise = 5.0 * found.standard_error;
        assert!(
            found.js < exact + noise && found.js > exact - noise - 0.01,
            "{found:?} {exact}"
        );
        assert!(found.standard_error < 0.03, "{found:?}");
        assert_eq!(found.held_out, (500, 500));
    }

    #[test]
    fn a_dropped_mode_is_as_far_as_arithmetic_says() {
        let two_modes = normal(1, 600, -10.0).joined(&normal(2, 600, 10.0)).unwrap();
        let one_mode = normal(3, 1_200, 10.0);
        let stream = &mut Stream::new(1, "discriminator");
        let found = small().measure(&two_modes, &one_mode, stream).unwrap();
        // Shares ½, ½ against 0, 1; their mean is ¼, ¾.
        let real = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        let exact = 0.5 * (real + (1.0f64 / 0.75).ln());
        let noise = 5.0 * found.standard_error;
        assert!(
            noise < 0.15 && found.js < exact + noise,
            "{found:?} {exact}"
        );
        assert!(found.js > exact - noise - 0.01, "{found:?} {exact}");
    }

    #[test]
    fn one_distribution_has_no_divergence_and_no_overfitting_hides_it() {
        let stream = &mut Stream::new(1, "discriminator");
        let found = small()
            .measure(&normal(1, 600, 0.0), &normal(2, 500, 0.0), stream)
            .unwrap();
        let near = found.js.abs() < 5.0 * found.standard_error.max(0.005);
        assert!(near && found.js < 0.03, "{found:?}");
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_cause() {
        let good = normal(1, 8, 0.0);
        let measure =
            |a: &Features, b: &Features| refusal(small().measure(a, b, &mut Stream::new(1, "x")));
        let text = measure(&good, &normal(1, 7, 0.0));
        assert!(
            text.contains("held_out_divergence: the set has 7 samples"),
            "{text}"
        );
        let constant = Features::new(vec![2.0; 8], 1).unwrap();
        assert!(measure(&constant, &constant).contains("all samples are equal"));
        let wrong = HeldOutDivergence {
            network: NetworkClassifier {
                batch: 0,
                ..NetworkClassifier::default()
            },
        };
        assert!(refusal(wrong.validate()).contains("`network.batch` = 0"));
    }
}
