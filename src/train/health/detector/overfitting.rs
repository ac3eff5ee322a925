//! A discriminator that knows its data by heart.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::Overfitting;
use crate::train::health::finding::FindingKind;
use crate::train::health::signs::HeldOutReading;

/// Readings that are judged together.
pub(in crate::train::health) const WINDOW: usize = 4;
/// Readings that tell how noisy one is.
const KEPT: usize = 16;
/// Standard errors by which the mean must be above the threshold.
const SURE: f64 = 4.0;

/// The last readings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct OverfittingState {
    /// Training, held out, generated.
    recent: VecDeque<[f64; 3]>,
    pub(in crate::train::health) overfits: Onset,
}

impl OverfittingState {
    pub(in crate::train::health) fn check(
        &mut self,
        reading: &HeldOutReading,
        config: &Overfitting,
        now: Now,
    ) -> Option<FindingKind> {
        let means = [reading.training, reading.held_out, reading.fake];
        if means.iter().any(|mean| !mean.is_finite()) {
            return None;
        }
        while self.recent.len() >= KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(means);

        let mean = self.mean();
        let found = self.overfitted(&mean, config);
        let tell = self.overfits.note(found.is_some(), 1, now);
        found
            .filter(|_| tell)
            .map(|gap| FindingKind::DiscriminatorOverfitting {
                gap,
                training: mean.training,
                held_out: mean.held_out,
                fake: mean.fake,
            })
    }

    /// The gap of the judged readings if it is too large beyond doubt.
    fn overfitted(&self, mean: &HeldOutReading, config: &Overfitting) -> Option<f64> {
        let gap = mean.gap().filter(|gap| *gap > config.gap)?;
        let count = self.judged().count();
        let agree = self.judged().all(|reading| {
            let gap = reading.gap();
            gap.is_some_and(|gap| gap > config.gap / 2.0)
        });
        let error = self.noise(config.gap) / (count as f64).sqrt();
        let sure = excess(mean, config.gap) > SURE * error;
        let apart = mean.training - mean.fake >= config.least_separation;
        (count >= config.checks as usize && agree && sure && apart).then_some(gap)
    }

    /// The readings that are judged, the last first.
    fn judged(&self) -> impl Iterator<Item = HeldOutReading> {
        self.recent.iter().rev().take(WINDOW).copied().map(of)
    }

    /// Their mean: its gap is less noisy than the mean of theirs.
    fn mean(&self) -> HeldOutReading {
        let mut sums = [0.0; 3];
        for reading in self.judged() {
            sums[0] += reading.training;
            sums[1] += reading.held_out;
            sums[2] += reading.fake;
        }
        let count = self.judged().count() as f64;
        of(sums.map(|sum| sum / count))
    }

    /// The standard deviation of one reading's excess, by the median of the steps from one to the
    /// next, which a change of the level does not move.
    fn noise(&self, gap: f64) -> f64 {
        // The median of |x − y| for x, y ~ N(μ, σ²) is so many σ: √2·Φ⁻¹(¾).
        const MEDIAN_STEP: f64 = 0.953_873;
        let mut steps = [0.0; KEPT];
        let pairs = self.recent.iter().zip(self.recent.iter().skip(1));
        let mut count = 0;
        for (slot, (one, next)) in steps.iter_mut().zip(pairs) {
            *slot = (excess(&of(*next), gap) - excess(&of(*one), gap)).abs();
            count += 1;
        }
        if count == 0 {
            return 0.0;
        }
        // The upper median: of few readings the noise is rather taken too large.
        let (_, step, _) = steps[..count].select_nth_unstable_by(count / 2, f64::total_cmp);
        *step / MEDIAN_STEP
    }
}

/// How far a held-out mean lies below the place that `gap` allows it.
///
/// ```text
/// (training − held out) − gap·(training − generated)
/// ```
fn excess(reading: &HeldOutReading, gap: f64) -> f64 {
    (reading.training - reading.held_out) - gap * (reading.training - reading.fake)
}

fn of([training, held_out, fake]: [f64; 3]) -> HeldOutReading {
    HeldOutReading {
        training,
        held_out,
        fake,
    }
}
