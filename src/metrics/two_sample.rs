//! The classifier two-sample test.

use serde::Serialize;
use serde_json::{Value, json};

use super::classifier::{LogisticRegression, NetworkClassifier, split};
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::held_out_divergence::correct;
use crate::error::Result;
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "two_sample";

settings! {
/// The classifier of a [`TwoSample`] test.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoSampleClassifier {
    /// The best linear one, which the samples decide alone: for features of a network.
    Logistic(LogisticRegression),
    /// A small network, a quarter of whose training samples end the training: for raw samples.
    Network(NetworkClassifier),
}
}

settings! {
/// The classifier two-sample test: can a classifier tell generated from real samples?
///
/// A classifier is trained on one half of as many real as generated samples and asked about the
/// other half. If both are of one distribution it is right half of the time,
///
/// ```text
/// accuracy ~ N(½, 1/(4 n)),   n samples asked about
/// p_value  = P(accuracy this high | one distribution) = 1 − Φ(2 √n (accuracy − ½))
/// ```
///
/// Lopez-Paz and Oquab 2017, [arXiv:1610.06545](https://arxiv.org/abs/1610.06545). An accuracy of a half
/// is perfect, or shows a classifier that is too weak; with enough samples any flaw is found, so
/// that the accuracy, not the p-value, says how large it is. Samples of the larger set beyond the
/// smaller one's count are left out at random, so that chance is a half. *Cost*: that of the training.
///
/// ```
/// use burn_gan::metrics::{Features, TwoSample};
/// use burn_gan::random::Stream;
///
/// let mut stream = Stream::new(1, "points");
/// let real = Features::new(stream.normal(400), 1)?;
/// let moved = Features::new(stream.normal(400).iter().map(|x| x + 1.0).collect(), 1)?;
/// let result = TwoSample::default().measure(&real, &moved, &mut stream)?;
/// // The best classifier is right for Φ(½) = 69 %.
/// assert!((result.accuracy - 0.69).abs() < 0.1 && result.p_value < 0.001);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct TwoSample {
    /// The classifier; logistic regression by default.
    pub classifier: TwoSampleClassifier,
}
}

impl Default for TwoSample {
    fn default() -> Self {
        Self {
            classifier: TwoSampleClassifier::Logistic(LogisticRegression::default()),
        }
    }
}

/// What [`TwoSample`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoSampleScores {
    /// The share of samples told right, 0 to 1; 0.5 is chance.
    pub accuracy: f64,
    /// The share among the real ones.
    pub real_accuracy: f64,
    /// The share among the generated ones.
    pub generated_accuracy: f64,
    /// The accuracy's standard error, `√(accuracy (1 − accuracy) / n)`.
    pub standard_error: f64,
    /// The probability of an accuracy as high as this for two sets of one distribution.
    pub p_value: f64,
    /// The samples that were asked about, half of them real.
    pub held_out: usize,
}

impl TwoSample {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting of the classifier.
    pub fn validate(&self) -> Result<()> {
        match &self.classifier {
            TwoSampleClassifier::Logistic(logistic) => logistic.validate(),
            TwoSampleClassifier::Network(network) => network.validate(),
        }
        .map_err(|error| error.within("classifier"))
    }

    /// Trains the classifier and measures. `stream` decides which samples train, and a network's
    /// initial weights.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are not of one kind or have fewer than 8 samples, if a
    /// feature is not finite, or if all samples are equal.
    pub fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<TwoSampleScores> {
        self.validate()?;
        comparable(NAME, 8, real, generated)?;
        let count = real.count().min(generated.count());
        let mut cut = |features: &Features| {
            let mut order = stream.permutation(features.count());
            order.truncate(count);
            features.select(&order)
        };
        let (real, generated) = (cut(real), cut(generated));
        let (real, generated) = match &self.classifier {
            TwoSampleClassifier::Logistic(logistic) => {
                let parts = split(NAME, &real, &generated, &[0.5], stream)?;
                let linear = logistic.train(NAME, &parts[0])?;
                let logits = |features| linear.logits(features);
                (logits(&parts[1].real), logits(&parts[1].generated))
            }
            TwoSampleClassifier::Network(network) => {
                let parts = split(NAME, &real, &generated, &[0.375, 0.125], stream)?;
                let trained = network.train(NAME, &parts[0], &parts[1], stream)?;
                let logits = |features| trained.logits(features);
                (logits(&parts[2].real), logits(&parts[2].generated))
            }
        };
        Ok(TwoSampleScores::of_logits(&real, &generated))
    }
}

impl TwoSampleScores {
    /// Of as many real as generated logits.
    fn of_logits(real: &[f64], generated: &[f64]) -> Self {
        let right = |logits: &[f64], sign: f64| -> f64 {
            logits.iter().map(|logit| correct(sign * logit)).sum()
        };
        let (of_real, of_generated) = (right(real, 1.0), right(generated, -1.0));
        let held_out = real.len() + generated.len();
        let accuracy = (of_real + of_generated) / held_out as f64;
        Self {
            accuracy,
            real_accuracy: of_real / real.len() as f64,
            generated_accuracy: of_generated / generated.len() as f64,
            standard_error: share_error(accuracy, held_out),
            p_value: p_value(accuracy, held_out),
            held_out,
        }
    }
}

/// The standard error of a share of `count`.
pub(super) fn share_error(share: f64, count: usize) -> f64 {
    (share * (1.0 - share) / count as f64).sqrt()
}

/// `1 − Φ(2 √n (accuracy − ½))`
fn p_value(accuracy: f64, count: usize) -> f64 {
    let z = 2.0 * (count as f64).sqrt() * (accuracy - 0.5);
    0.5 * libm::erfc(z / 2.0_f64.sqrt())
}

impl FeatureMetric for TwoSample {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower("two_sample_accuracy")] }
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
        Ok(vec![Estimate::with_error(
            scores.accuracy,
            scores.standard_error,
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{self, assert_near, refusal};
    use super::*;

    fn normal(seed: u64, count: usize, deviation: f32, mean: f32) -> Features {
        let values = Stream::new(seed, "features").normal(2 * count);
        Features::new(values.iter().map(|x| mean + deviation * x).collect(), 2).unwrap()
    }

    fn stream() -> Stream {
        Stream::new(3, "test")
    }

    fn network() -> TwoSample {
        let network = NetworkClassifier {
            hidden: vec![16],
            learning_rate: 1e-2,
            batch: 64,
            epochs: 30,
            patience: 5,
        };
        TwoSample {
            classifier: TwoSampleClassifier::Network(network),
        }
    }

    #[test]
    fn p_values_are_those_of_scipy() {
        for (accuracy, count, expected) in golden::part::<Vec<(f64, f64, f64)>>("p_value") {
            assert_near(p_value(accuracy, count as usize), expected, 1e-10);
        }
    }

    #[test]
    fn a_moved_mean_is_told_as_well_as_it_can_be() {
        // The best classifier is right for Φ(|μ|/2), |μ| = √2.
        let test = TwoSample::default();
        let (real, moved) = (normal(1, 2_000, 1.0, 0.0), normal(2, 1_500, 1.0, 1.0));
        let found = test.measure(&real, &moved, &mut stream()).unwrap();
        let best = 0.760_249_938_906_524;
        let near = (found.accuracy - best).abs() < 5.0 * found.standard_error;
        assert!(near && found.standard_error < 0.012, "{found:?}");
        assert_eq!(found.held_out, 1_500);
        assert!(found.p_value < 1e-12);
        assert_near(
            0.5 * (found.real_accuracy + found.generated_accuracy),
            found.accuracy,
            1e-12,
        );
    }

    #[test]
    fn one_distribution_is_not_told_apart() {
        let (a, b) = (normal(1, 800, 1.0, 0.0), normal(2, 800, 1.0, 0.0));
        for test in [TwoSample::default(), network()] {
            let found = test.measure(&a, &b, &mut stream()).unwrap();
            // Five standard errors.
            assert!(
                (found.accuracy - 0.5).abs() < 5.0 * 0.5 / 800f64.sqrt(),
                "{found:?}"
            );
            assert!(found.p_value > 1e-6);
        }
    }

    #[test]
    fn a_shrunk_mode_is_seen_by_a_network_and_by_no_line() {
        let (real, shrunk) = (normal(1, 800, 1.0, 0.0), normal(2, 800, 0.3, 0.0));
        let line = TwoSample::default()
            .measure(&real, &shrunk, &mut stream())
            .unwrap();
        assert!(line.accuracy < 0.6, "{line:?}");
        let network = network().measure(&real, &shrunk, &mut stream()).unwrap();
        assert!(network.accuracy > 0.8, "{network:?}");
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_cause() {
        let good = normal(1, 8, 1.0, 0.0);
        let measure = |b: &Features| refusal(TwoSample::default().measure(&good, b, &mut stream()));
        let text = measure(&normal(1, 7, 1.0, 0.0));
        assert!(text.contains("two_sample: the set has 7 samples"), "{text}");
        let nan = Features::new(vec![f32::NAN; 16], 2).unwrap();
        assert!(measure(&nan).contains("is NaN"));
        let constant = Features::new(vec![1.0; 16], 2).unwrap();
        let text = refusal(TwoSample::default().measure(&constant, &constant, &mut stream()));
        assert!(text.contains("two_sample: all samples are equal"), "{text}");
        let wrong = TwoSample {
            classifier: TwoSampleClassifier::Logistic(LogisticRegression { ridge: 0.0 }),
        };
        let text = refusal(wrong.validate());
        assert!(text.contains("`classifier.ridge` = 0"), "{text}");
    }
}
