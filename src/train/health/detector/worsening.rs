//! A number of an evaluator that stays worse than it was.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::Measurement;
use crate::train::health::config::Worsening;
use crate::train::health::finding::FindingKind;

/// What is remembered of one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct WorseningState {
    /// The best value, and the step that it was measured in.
    best: Option<(f64, u64)>,
    /// The step of the last value that was judged.
    judged: u64,
    pub(in crate::train::health) worsens: Onset,
}

impl WorseningState {
    pub(in crate::train::health) fn check(
        &mut self,
        number: &Measurement,
        config: &Worsening,
        now: Now,
    ) -> Option<FindingKind> {
        let value = number.value;
        // The newest value is seen at every check until there is a newer one.
        if number.step <= self.judged || !value.is_finite() {
            return None;
        }
        self.judged = number.step;
        let (best, step) = match self.best {
            Some((best, step)) if !config.better.than(value, best) => (best, step),
            _ => (value, number.step),
        };
        self.best = Some((best, step));
        let worse = (value - best).abs() > config.by * best.abs();
        let tell = self.worsens.note(worse, config.evaluations, now);
        tell.then(|| FindingKind::MeasurementWorsened {
            name: number.name.clone().into_owned(),
            value,
            best,
            step,
            evaluations: self.worsens.shown(),
        })
    }
}
