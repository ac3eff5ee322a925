//! All scores of generated series, with their provenance.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::windows::WindowNumbers;
use super::{
    Autocorrelation, Prediction, Spectrum, autocorrelation, closest_windows, neighbour_accuracy,
    prediction, privacy, spectrum, utility,
};
use crate::data::series::SeriesSet;
use crate::error::Result;
use crate::metrics::measured::{Measured, Origin};
use crate::metrics::two_sample::share_error;
use crate::metrics::{
    Better, Estimate, Features, NearestNeighbourTest, SampleSet, Score, TwoSample,
};
use crate::random::Stream;

/// Windows of each set that distances and classifiers take, at most, where nobody says how many.
const WINDOWS: usize = 10_000;
/// Windows of each set that a classifier needs.
const FEWEST: usize = 8;

/// Measures generated windows against held-out real ones, each number beside what the windows that a
/// generator was trained on have; `copies` and `nearer_than_held_out` against those that it was trained on,
/// beside what the held-out ones have.
///
/// What costs the product of two sets' windows (these, and the two tests) takes at most
/// [`with_windows`](Self::with_windows) of each, drawn at random, and says so in its settings. It takes two
/// windows of each set, the two-sample test eight; where there are fewer, these numbers are left out.
///
/// ```
/// use burn_gan::data::series::SeriesSet;
/// use burn_gan::metrics::series::SeriesScorer;
/// use burn_gan::random::Stream;
///
/// let walks = |seed: u64| {
///     let steps = Stream::new(seed, "steps").normal(400);
///     let walks = steps.chunks(20).flat_map(|steps| {
///         steps.iter().scan(0.0, |place, step| { *place += f64::from(*step); Some(*place) })
///     });
///     SeriesSet::new(walks.collect(), ["x"], 20)
/// };
/// let scorer = SeriesScorer::new(walks(1)?, walks(2)?);
/// let scores = scorer.score(&walks(3)?)?;
/// assert_eq!(scores[0].name, "autocorrelation_distance");
/// assert!(scores[0].value() < 0.2);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SeriesScorer {
    training: SeriesSet,
    held_out: SeriesSet,
    autocorrelation: Autocorrelation,
    prediction: Prediction,
    seed: u64,
    windows: usize,
}

/// As many windows of each set as what is costly takes.
struct Scored<'a> {
    training: Cow<'a, SeriesSet>,
    held_out: Cow<'a, SeriesSet>,
    generated: Cow<'a, SeriesSet>,
    /// How many it takes at most, where a set has more.
    limit: Option<usize>,
}

impl Scored<'_> {
    /// A measure's settings, with the limit where there is one.
    fn settings(&self, mut settings: Value) -> Value {
        if let (Value::Object(settings), Some(limit)) = (&mut settings, self.limit) {
            settings.insert("windows".to_owned(), json!(limit));
        }
        settings
    }

    fn fewest(&self) -> usize {
        let sets = [&self.training, &self.held_out, &self.generated];
        sets.iter().map(|set| set.count()).min().unwrap_or_default()
    }
}

impl SeriesScorer {
    /// Measures against real windows that a generator was not trained on, beside those that it was.
    pub fn new(training: SeriesSet, held_out: SeriesSet) -> Self {
        Self {
            training,
            held_out,
            autocorrelation: Autocorrelation::default(),
            prediction: Prediction::default(),
            seed: 0,
            windows: WINDOWS,
        }
    }

    /// Sets how autocorrelations are measured.
    pub fn with_autocorrelation(mut self, autocorrelation: Autocorrelation) -> Self {
        self.autocorrelation = autocorrelation;
        self
    }

    /// Sets how the next moment is told, where there are no classes.
    pub fn with_prediction(mut self, prediction: Prediction) -> Self {
        self.prediction = prediction;
        self
    }

    /// Sets the seed of all random choices; 0 without it.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many windows of each set the tests and distances take at most; 10,000 without it.
    pub fn with_windows(mut self, windows: usize) -> Self {
        self.windows = windows;
        self
    }

    fn scored<'a>(&'a self, generated: &'a SeriesSet) -> Result<Scored<'a>> {
        let draw = |purpose, set: &'a SeriesSet| {
            set.at_most(self.windows, &mut Stream::new(self.seed, purpose))
        };
        let sets = [&self.training, &self.held_out, generated];
        let some = sets.iter().any(|set| set.count() > self.windows);
        Ok(Scored {
            training: draw("scored training windows", &self.training)?,
            held_out: draw("scored held-out windows", &self.held_out)?,
            generated: draw("scored generated windows", generated)?,
            limit: some.then_some(self.windows),
        })
    }

    /// Measures generated windows.
    ///
    /// # Errors
    /// If windows are of other shapes, a channel is constant in all of them, the sets' classes differ, or
    /// all training windows have copies among each other: the metric's name and the cause.
    pub fn score(&self, generated: &SeriesSet) -> Result<Vec<Score>> {
        let (training, held_out) = (&self.training, &self.held_out);
        let lower = |name, settings, value: f64, real| Measured {
            name,
            better: Better::Lower,
            metric: name,
            settings,
            estimate: value.into(),
            real: Some(real),
        };
        let correlation = |set: &SeriesSet| self.autocorrelation.measure(held_out, set);
        let powers = |set: &SeriesSet| Spectrum::default().measure(held_out, set);
        let (made, real) = (powers(generated)?, powers(training)?);
        let mut measured = vec![
            lower(
                autocorrelation::NAME,
                json!(self.autocorrelation),
                correlation(generated)?,
                correlation(training)?,
            ),
            lower(spectrum::NAME, json!({}), made.spectrum, real.spectrum),
            lower(
                spectrum::LOG_NAME,
                json!({}),
                made.log_spectrum,
                real.log_spectrum,
            ),
        ];
        if !held_out.classes.is_empty() && !generated.classes.is_empty() {
            measured.push(Measured {
                name: utility::NAME,
                better: Better::Higher,
                metric: utility::NAME,
                settings: json!({ "classifier": "nearest_neighbour" }),
                estimate: neighbour_accuracy(generated, held_out)?.into(),
                real: Some(neighbour_accuracy(training, held_out)?),
            });
        } else {
            let prediction = &self.prediction;
            measured.push(lower(
                prediction::NAME,
                json!(prediction),
                prediction.measure(generated, held_out)?,
                prediction.measure(training, held_out)?,
            ));
        }
        let scored = self.scored(generated)?;
        measured.extend(self.told_apart(&scored)?);
        let set = |name: &str, series: &SeriesSet| SampleSet {
            name: name.to_owned(),
            count: series.count(),
            digest: series.digest(),
        };
        let origin = Origin {
            kind: "series",
            real: set("held out", held_out),
            generated: set("generated", generated),
            stand_in: set("training", training),
            seed: self.seed,
        };
        let mut scores = origin.scores(measured);
        let trained = Origin {
            real: set("training", training),
            stand_in: set("held out", held_out),
            ..origin
        };
        scores.extend(trained.scores(privacy(&scored)?));
        Ok(scores)
    }

    /// Whether generated windows are told from held-out ones, by two tests.
    fn told_apart(&self, scored: &Scored<'_>) -> Result<Vec<Measured>> {
        if scored.fewest() < 2 {
            return Ok(Vec::new());
        }
        let numbers = WindowNumbers::fit(&scored.held_out);
        let held_out = numbers.features(&scored.held_out)?;
        let stream = |metric: &str| Stream::new(self.seed, metric);
        let neighbour = NearestNeighbourTest::default();
        let neighbours = |windows: &SeriesSet| {
            let windows = numbers.features(windows)?;
            neighbour.measure(
                &held_out,
                &windows,
                &mut stream("metric nearest_neighbour_test"),
            )
        };
        let (own, real) = (
            neighbours(&scored.generated)?,
            neighbours(&scored.training)?,
        );
        let lower = |name, metric, settings, estimate, real| Measured {
            name,
            better: Better::Lower,
            metric,
            settings: scored.settings(settings),
            estimate,
            real: Some(real),
        };
        let mut measured = vec![lower(
            "nearest_neighbour_accuracy",
            "nearest_neighbour_test",
            json!(neighbour),
            Estimate::with_error(own.accuracy, own.standard_error),
            real.accuracy,
        )];
        if scored.fewest() >= FEWEST {
            let test = TwoSample::default();
            let linear = |windows: &SeriesSet| {
                let windows: Features = numbers.features(windows)?;
                test.measure(&held_out, &windows, &mut stream("metric two_sample"))
            };
            let (own, real) = (linear(&scored.generated)?, linear(&scored.training)?);
            measured.push(lower(
                "two_sample_accuracy",
                "two_sample",
                json!(test),
                Estimate::with_error(own.accuracy, own.standard_error),
                real.accuracy,
            ));
        }
        Ok(measured)
    }
}

/// Whether generated windows are copies of training ones.
fn privacy(scored: &Scored<'_>) -> Result<Vec<Measured>> {
    if scored.training.count() < 2 {
        return Ok(Vec::new());
    }
    let found = closest_windows(&scored.training, &scored.held_out, &scored.generated)?;
    let error = share_error(found.copies, scored.generated.count());
    let lower = |name, estimate, real| Measured {
        name,
        better: Better::Lower,
        metric: privacy::NAME,
        settings: scored.settings(json!({})),
        estimate,
        real: Some(real),
    };
    let copies = Estimate::with_error(found.copies, error);
    Ok(vec![
        lower("copies", copies, found.copies_held_out),
        lower(
            "nearer_than_held_out",
            found.nearer_than_held_out.into(),
            0.5,
        ),
    ])
}
