//! All scores of generated series, with their provenance.

use serde_json::json;

use super::{Autocorrelation, Spectrum, autocorrelation, neighbour_accuracy, spectrum, utility};
use crate::data::series::SeriesSet;
use crate::error::Result;
use crate::metrics::measured::{Measured, Origin};
use crate::metrics::{Better, SampleSet, Score};

/// Measures generated windows against held-out real ones, each number beside what the windows that a
/// generator was trained on have.
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
}

impl SeriesScorer {
    /// Measures against real windows that a generator was not trained on, beside those that it was.
    pub fn new(training: SeriesSet, held_out: SeriesSet) -> Self {
        Self {
            training,
            held_out,
            autocorrelation: Autocorrelation::default(),
        }
    }

    /// Sets how autocorrelations are measured.
    pub fn with_autocorrelation(mut self, autocorrelation: Autocorrelation) -> Self {
        self.autocorrelation = autocorrelation;
        self
    }

    /// Measures generated windows.
    ///
    /// # Errors
    /// If windows are of other shapes, a channel is constant in all of them, or the sets' classes differ:
    /// the metric's name and the cause.
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
        }
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
            // Nothing is drawn.
            seed: 0,
        };
        Ok(origin.scores(measured))
    }
}
