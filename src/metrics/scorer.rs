//! Measures generated samples against real ones, and says how.

use std::sync::OnceLock;

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::Features;
use super::score::{Provenance, RealAgainstReal, SampleSet, Score};
use crate::error::{Error, Result};
use crate::random::Stream;

/// Measures generated samples against one set of real ones by several metrics: scores with their
/// provenance.
///
/// Beside each score stands what the metric gives for real samples against real ones, so that a
/// reader knows what perfect looks like: for the samples of
/// [`with_held_out`](Self::with_held_out), or, without them, for two halves of the set, split at
/// random. Many metrics depend on the number of samples, so the numbers stand beside it.
///
/// See [`Score`] for an example.
#[derive(Debug)]
pub struct Scorer {
    real: Features,
    set: SampleSet,
    held_out: Option<Features>,
    metrics: Vec<Box<dyn FeatureMetric>>,
    seed: u64,
    /// What real samples have against real ones, for each metric and number, once it is known.
    baseline: OnceLock<Vec<Option<Vec<RealAgainstReal>>>>,
    /// What an evaluator measured last.
    last: Vec<Score>,
}

impl Scorer {
    /// Measures against these samples.
    pub fn new(real: Features) -> Self {
        Self {
            set: SampleSet::of(&real),
            real,
            held_out: None,
            metrics: Vec::new(),
            seed: 0,
            baseline: OnceLock::new(),
            last: Vec::new(),
        }
    }

    /// Adds a metric.
    pub fn with_metric(self, metric: impl FeatureMetric + 'static) -> Self {
        self.with_metrics([Box::new(metric) as Box<dyn FeatureMetric>])
    }

    /// Adds metrics.
    pub fn with_metrics(
        mut self,
        metrics: impl IntoIterator<Item = Box<dyn FeatureMetric>>,
    ) -> Self {
        self.metrics.extend(metrics);
        self.baseline = OnceLock::new();
        self
    }

    /// Other real samples, which stand in for generated ones where real is measured against real.
    /// As many as there will be generated ones make the two scores comparable.
    pub fn with_held_out(mut self, held_out: Features) -> Self {
        self.held_out = Some(held_out);
        self.baseline = OnceLock::new();
        self
    }

    /// Sets the seed of all random choices; 0 without it.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.baseline = OnceLock::new();
        self
    }

    /// The real samples.
    pub fn real(&self) -> &Features {
        &self.real
    }

    /// The scores that were measured last by an evaluator of a run
    /// ([`SampleScores`](crate::train::SampleScores)), with their provenance, for a report; none
    /// before.
    pub fn last(&self) -> &[Score] {
        &self.last
    }

    pub(super) fn remember(&mut self, scores: Vec<Score>) {
        self.last = scores;
    }

    /// All numbers, in the order of the scores.
    pub fn numbers(&self) -> Vec<Number> {
        let metrics = self.metrics.iter();
        metrics
            .flat_map(|metric| metric.numbers())
            .copied()
            .collect()
    }

    /// Checks the metrics' settings, and that no two give a number of the same name.
    ///
    /// # Errors
    /// The first wrong setting; a number that two metrics give.
    pub fn validate(&self) -> Result<()> {
        for metric in &self.metrics {
            metric
                .validate()
                .map_err(|error| error.within(metric.name()))?;
        }
        let numbers = self.numbers();
        for (place, Number { name, .. }) in numbers.iter().enumerate() {
            if numbers[..place].iter().any(|other| other.name == *name) {
                return Err(Error::setting(
                    "metrics",
                    name,
                    "is given by two metrics of the list; leave one of them out",
                ));
            }
        }
        Ok(())
    }

    /// Measures generated samples.
    ///
    /// The first call measures real samples against real ones as well.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), and the first error of a metric: samples that it can't
    /// compare with the real ones, too few of them, numbers that are not finite.
    pub fn score(&self, generated: &Features) -> Result<Vec<Score>> {
        self.validate()?;
        let generated_set = SampleSet::of(generated);
        let mut scores = Vec::new();
        for (place, metric) in self.metrics.iter().enumerate() {
            let estimates = self.measure(metric.as_ref(), &self.real, generated)?;
            let real = self.baseline()[place].as_ref();
            for (index, (number, estimate)) in metric.numbers().iter().zip(estimates).enumerate() {
                scores.push(Score {
                    name: number.name.to_owned(),
                    better: number.better,
                    estimate,
                    real_against_real: real.map(|real| real[index]),
                    provenance: Provenance {
                        metric: metric.name().to_owned(),
                        settings: metric.settings(),
                        extractor: self.real.extractor().clone(),
                        real: self.set.clone(),
                        generated: generated_set.clone(),
                        seed: self.seed,
                        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
                    },
                });
            }
        }
        Ok(scores)
    }

    fn measure(
        &self,
        metric: &dyn FeatureMetric,
        real: &Features,
        generated: &Features,
    ) -> Result<Vec<Estimate>> {
        // A stream for each metric: leaving one out does not change the others' numbers.
        let purpose = format!("metric {}", metric.name());
        let estimates = metric.measure(real, generated, &mut Stream::new(self.seed, &purpose))?;
        assert_eq!(
            estimates.len(),
            metric.numbers().len(),
            "metric `{}`: {} numbers, and as many names expected",
            metric.name(),
            estimates.len()
        );
        Ok(estimates)
    }

    /// What real samples have against real ones; `None` for a metric that needs more of them.
    fn baseline(&self) -> &[Option<Vec<RealAgainstReal>>] {
        self.baseline.get_or_init(|| {
            let halves;
            let (real, stand_in) = match &self.held_out {
                Some(held_out) => (&self.real, held_out),
                None if self.real.count() < 2 => return vec![None; self.metrics.len()],
                None => {
                    let order = Stream::new(self.seed, "halves of the real samples")
                        .permutation(self.real.count());
                    let (a, b) = order.split_at(order.len() / 2);
                    halves = (self.real.select(b), self.real.select(a));
                    (&halves.0, &halves.1)
                }
            };
            (self.metrics.iter())
                .map(|metric| {
                    // Too few for a half each is no reason to have no score.
                    let estimates = self.measure(metric.as_ref(), real, stand_in).ok()?;
                    let value = |estimate: Estimate| RealAgainstReal {
                        value: estimate.value,
                        count: stand_in.count(),
                        against: real.count(),
                    };
                    Some(estimates.into_iter().map(value).collect())
                })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::features::comparable;
    use super::*;
    use crate::metrics::ExtractorId;

    /// The distance of the means of one-dimensional features, and a random number.
    #[derive(Debug)]
    struct Means(&'static str);

    impl FeatureMetric for Means {
        fn name(&self) -> &'static str {
            self.0
        }

        fn numbers(&self) -> &'static [Number] {
            const NUMBERS: [Number; 2] = [Number::lower("mean_distance"), Number::higher("luck")];
            match self.0 {
                "means" => &NUMBERS,
                _ => &NUMBERS[..1],
            }
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
            stream: &mut Stream,
        ) -> Result<Vec<Estimate>> {
            comparable(self.0, 2, real, generated)?;
            let mean = |features: &Features| {
                let sum: f64 = features.values().iter().map(|x| f64::from(*x)).sum();
                sum / features.values().len() as f64
            };
            let distance = (mean(real) - mean(generated)).abs();
            let luck = f64::from(stream.uniform(1, 0.0, 1.0)[0]);
            Ok([distance, luck][..self.numbers().len()]
                .iter()
                .map(|value| Estimate::from(*value))
                .collect())
        }
    }

    fn line(values: &[f32]) -> Features {
        Features::new(values.to_vec(), 1).unwrap()
    }

    #[test]
    fn a_score_says_how_it_came_about() {
        let extractor = ExtractorId::new("classifier").with_hash("ab12");
        let real = line(&[0.0, 0.0, 1.0, 1.0])
            .with_set("training")
            .with_extractor(extractor.clone());
        let held_out = line(&[0.0, 1.0, 1.0]).with_extractor(extractor.clone());
        let generated = line(&[2.0, 4.0]).with_extractor(extractor.clone());
        let scorer = Scorer::new(real)
            .with_metric(Means("means"))
            .with_held_out(held_out)
            .with_seed(5);
        let scores = scorer.score(&generated).unwrap();
        let names = scores.iter().map(|score| score.name.as_str());
        assert!(names.eq(scorer.numbers().iter().map(|number| number.name)));
        let score = &scores[0];
        assert_eq!(score.value(), 2.5);
        let real = score.real_against_real.unwrap();
        assert!((real.value - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!((real.count, real.against), (3, 4));
        let provenance = &score.provenance;
        assert_eq!(provenance.extractor, extractor);
        assert_eq!(
            (provenance.real.name.as_str(), provenance.real.count),
            ("training", 4)
        );
        assert_eq!((provenance.generated.count, provenance.seed), (2, 5));
        assert_eq!(provenance.crate_version, env!("CARGO_PKG_VERSION"));
        // The same seed, the same numbers.
        assert_eq!(scorer.score(&generated).unwrap(), scores);
    }

    #[test]
    fn without_held_out_samples_halves_are_compared() {
        let scorer = Scorer::new(line(&[3.0; 9])).with_metric(Means("means"));
        let scores = scorer.score(&line(&[4.0; 5])).unwrap();
        let real = scores[0].real_against_real.unwrap();
        assert_eq!((real.value, real.count, real.against), (0.0, 4, 5));
        // Halves of one sample each are too few for this metric, the whole set is not.
        let scorer = Scorer::new(line(&[3.0; 2])).with_metric(Means("means"));
        let scores = scorer.score(&line(&[4.0; 5])).unwrap();
        assert_eq!(
            (scores[0].value(), scores[0].real_against_real),
            (1.0, None)
        );
    }

    #[test]
    fn two_metrics_of_one_number_are_refused() {
        let scorer = Scorer::new(line(&[0.0; 4]))
            .with_metric(Means("means"))
            .with_metric(Means("other"));
        let error = scorer.score(&line(&[0.0; 4])).unwrap_err().to_string();
        assert!(
            error.contains("`metrics` = mean_distance: is given by two"),
            "{error}"
        );
    }

    #[test]
    fn what_can_not_be_measured_is_an_error() {
        let scorer = Scorer::new(line(&[0.0; 4])).with_metric(Means("means"));
        let error = scorer.score(&line(&[0.0])).unwrap_err().to_string();
        assert!(error.contains("means: the set has 1 samples"), "{error}");
    }
}
