//! Numbers of one set of generated samples.

use super::feature_metric::Number;
use super::features::Features;
use super::scorer::Scorer;
use crate::error::Result;

/// What the mean spread within modes is called in measurements: the health watch looks for it.
pub(crate) const SPREAD_MEAN: &str = "spread_mean";

/// Measures a set of generated samples by itself: whatever it is held against, it brings.
///
/// A [`Scorer`] brings real samples and metrics, [`ModeSpread`](super::ModeSpread) a mixture. An
/// evaluator of a run ([`SampleScores`](crate::train::SampleScores)) takes any.
pub trait SetMeasure {
    /// The numbers that it gives.
    fn numbers(&self) -> Vec<Number>;

    /// Checks its settings.
    ///
    /// # Errors
    /// The first wrong setting.
    fn validate(&self) -> Result<()>;

    /// Measures: a value for each of [`numbers`](Self::numbers), in their order.
    ///
    /// # Errors
    /// If the samples can't be measured.
    fn measure(&mut self, samples: &Features) -> Result<Vec<f64>>;
}

impl SetMeasure for Scorer {
    fn numbers(&self) -> Vec<Number> {
        Self::numbers(self)
    }

    fn validate(&self) -> Result<()> {
        Self::validate(self)
    }

    fn measure(&mut self, samples: &Features) -> Result<Vec<f64>> {
        let scores = self.score(samples)?;
        let values = scores.iter().map(|score| score.value()).collect();
        self.remember(scores);
        Ok(values)
    }
}
