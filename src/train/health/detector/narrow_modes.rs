//! Modes that are all there, and too narrow: a collapse inside of them.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::metrics::SPREAD_MEAN;
use crate::train::Measurement;
use crate::train::health::config::NarrowModes;
use crate::train::health::finding::FindingKind;

/// What is remembered of the spread within modes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct NarrowModesState {
    /// The step of the last value that was judged.
    judged: u64,
    pub(in crate::train::health) narrow: Onset,
}

impl NarrowModesState {
    pub(in crate::train::health) fn check(
        &mut self,
        measurements: &[Measurement],
        config: &NarrowModes,
        now: Now,
    ) -> Option<FindingKind> {
        let spread = measurements
            .iter()
            .find(|number| number.name == SPREAD_MEAN)?;
        // The newest value is seen at every check until there is a newer one.
        if spread.step <= self.judged || !spread.value.is_finite() {
            return None;
        }
        self.judged = spread.step;
        let narrow = spread.value < config.least;
        let tell = self.narrow.note(narrow, config.evaluations, now);
        tell.then(|| FindingKind::ModesTooNarrow {
            spread: spread.value,
            least: config.least,
            evaluations: self.narrow.shown(),
        })
    }
}
