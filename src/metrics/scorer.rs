//! Measures generated samples against real ones, and says how.

use std::sync::OnceLock;

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::Features;
#[cfg(feature = "metrics")]
use super::moments_file::MomentsCache;
use super::real_set::RealSet;
use super::score::{Provenance, RealAgainstReal, SampleSet, Score};
use crate::error::{Error, Result};
use crate::random::Stream;

/// Measures generated samples against one set of real ones by several metrics: scores with their
/// provenance.
///
/// Beside each score stands what the metric gives for real samples against real ones, so that a
/// reader knows what perfect looks like: for the samples of
/// [`with_held_out`](Self::with_held_out), or, without them, for two halves of the set, split at
/// random. Many metrics depend on the number of samples, so the numbers stand beside it. Where it can't
/// be measured, as of halves that are too small for a metric, the score's notes say why.
///
/// What depends on the real samples alone is worked out once ([`RealSet`]), however many sets are
/// scored.
///
/// See [`Score`] for an example.
#[derive(Debug)]
pub struct Scorer {
    real: RealSet,
    set: SampleSet,
    held_out: Option<(Features, SampleSet)>,
    metrics: Vec<Box<dyn FeatureMetric>>,
    seed: u64,
    /// What real samples have against real ones, for each metric, once it is known.
    baseline: OnceLock<Vec<Baseline>>,
    /// What an evaluator measured last.
    last: Vec<Score>,
}

/// What a metric gives for real samples against real ones, for each of its numbers with its notes; or why
/// it can't be had.
type Baseline = Result<Vec<(RealAgainstReal, Vec<String>)>, String>;

impl Scorer {
    /// Measures against these samples.
    pub fn new(real: Features) -> Self {
        Self {
            set: SampleSet::of(&real),
            real: RealSet::new(real),
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
        let set = SampleSet::of(&held_out);
        self.held_out = Some((held_out, set));
        self.baseline = OnceLock::new();
        self
    }

    /// Keeps the real samples' moments in a folder, where later runs find them.
    #[cfg(feature = "metrics")]
    pub fn with_cache(mut self, cache: MomentsCache) -> Self {
        self.real = self.real.with_cache(cache);
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
        self.real.features()
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
        let stand_in = self.held_out.as_ref().map(|(_, set)| set);
        let mut scores = Vec::new();
        for (place, metric) in self.metrics.iter().enumerate() {
            let estimates = self.measure(metric.as_ref(), &self.real, generated)?;
            let baseline = &self.baseline()[place];
            for (index, (number, estimate)) in metric.numbers().iter().zip(estimates).enumerate() {
                let (real_against_real, notes) = match baseline {
                    Ok(numbers) => {
                        let (value, notes) = &numbers[index];
                        // What is true of both is told once.
                        let notes = notes
                            .iter()
                            .filter(|note| !estimate.notes.contains(note))
                            .map(|note| format!("real against real: {note}"));
                        (Some(*value), notes.collect())
                    }
                    Err(problem) => {
                        let note = format!("real against real could not be measured: {problem}");
                        (None, vec![note])
                    }
                };
                scores.push(Score {
                    name: number.name.to_owned(),
                    better: number.better,
                    estimate: estimate.with_notes(notes),
                    real_against_real,
                    provenance: Provenance {
                        metric: metric.name().to_owned(),
                        settings: metric.settings(),
                        extractor: self.real().extractor().clone(),
                        real: self.set.clone(),
                        stand_in: stand_in.cloned(),
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
        real: &RealSet,
        generated: &Features,
    ) -> Result<Vec<Estimate>> {
        // A stream for each metric: leaving one out does not change the others' numbers.
        let purpose = format!("metric {}", metric.name());
        let mut stream = Stream::new(self.seed, &purpose);
        let estimates = metric.measure_against(real, generated, &mut stream)?;
        assert_eq!(
            estimates.len(),
            metric.numbers().len(),
            "metric `{}`: {} numbers, and as many names expected",
            metric.name(),
            estimates.len()
        );
        Ok(estimates)
    }

    /// What real samples have against real ones.
    fn baseline(&self) -> &[Baseline] {
        self.baseline.get_or_init(|| {
            let halves;
            let (real, stand_in) = match &self.held_out {
                Some((held_out, _)) => (&self.real, held_out),
                None if self.set.count < 2 => {
                    let problem = "one real sample has no halves; give others with `with_held_out`";
                    return vec![Err(problem.to_owned()); self.metrics.len()];
                }
                None => {
                    let order = Stream::new(self.seed, "halves of the real samples")
                        .permutation(self.set.count);
                    let (a, b) = order.split_at(order.len() / 2);
                    let real = self.real();
                    halves = (RealSet::new(real.select(b)), real.select(a));
                    (&halves.0, &halves.1)
                }
            };
            (self.metrics.iter())
                .map(|metric| {
                    // Too few for a half each is no reason to have no score.
                    let estimates = self.measure(metric.as_ref(), real, stand_in);
                    let estimates = estimates.map_err(|error| error.to_string())?;
                    let number = |estimate: Estimate| {
                        let value = RealAgainstReal {
                            value: estimate.value,
                            count: stand_in.count(),
                            against: real.features().count(),
                        };
                        (value, estimate.notes)
                    };
                    Ok(estimates.into_iter().map(number).collect())
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

    /// The least distance of one-dimensional features, with a note.
    #[derive(Debug)]
    struct Nearest;

    impl FeatureMetric for Nearest {
        fn name(&self) -> &'static str {
            "nearest"
        }

        fn numbers(&self) -> &'static [Number] {
            const { &[Number::lower("nearest")] }
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
            comparable("nearest", 1, real, generated)?;
            let pairs = real.values().iter().flat_map(|x| {
                let distances = generated.values().iter().map(|y| f64::from((x - y).abs()));
                distances.collect::<Vec<_>>()
            });
            let least = Estimate::from(pairs.fold(f64::INFINITY, f64::min));
            let note = format!("{} looked at", generated.count());
            Ok(vec![least.with_notes([note])])
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
        let held_out = line(&[0.0, 1.0, 1.0])
            .with_set("test")
            .with_extractor(extractor.clone());
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
        let stand_in = provenance.stand_in.as_ref().expect("held-out samples");
        assert_eq!((stand_in.name.as_str(), stand_in.count), ("test", 3));
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
        assert_eq!(scores[0].provenance.stand_in, None);
        assert!(scores[0].estimate.notes.is_empty());
        // Halves of one sample each are too few for this metric, the whole set is not.
        let scorer = Scorer::new(line(&[3.0; 2])).with_metric(Means("means"));
        let scores = scorer.score(&line(&[4.0; 5])).unwrap();
        assert_eq!(
            (scores[0].value(), scores[0].real_against_real),
            (1.0, None)
        );
        let notes = &scores[0].estimate.notes;
        assert_eq!(
            notes[..],
            [
                "real against real could not be measured: means: the set has 1 samples; it takes at \
              least 2"
            ]
        );
        // One sample has no halves at all.
        let scorer = Scorer::new(line(&[3.0])).with_metric(Nearest);
        let scores = scorer.score(&line(&[4.0, 9.0])).unwrap();
        let (value, notes) = (scores[0].value(), &scores[0].estimate.notes);
        assert_eq!((value, scores[0].real_against_real), (1.0, None));
        assert!(
            notes[1].contains("one real sample has no halves"),
            "{notes:?}"
        );
    }

    #[test]
    fn notes_of_the_score_and_of_real_against_real_are_told_apart() {
        let scorer = Scorer::new(line(&[3.0, 4.0])).with_metric(Nearest);
        let scores = scorer.score(&line(&[4.0, 9.0])).unwrap();
        let notes = ["2 looked at", "real against real: 1 looked at"];
        assert_eq!(scores[0].estimate.notes, notes);
        assert!(
            scores[0]
                .to_string()
                .ends_with("; 2 looked at; real against real: 1 looked at"),
            "{}",
            scores[0]
        );
        // What is the same of both is told once.
        let scores = scorer.score(&line(&[4.0])).unwrap();
        assert_eq!(scores[0].estimate.notes, ["1 looked at"]);
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
