//! What is usual for a number, from its last readings.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Readings that are kept.
const WINDOW: usize = 50;
/// Checks after which a median that was higher once counts half.
const HALF_LIFE: f64 = 100.0;

/// The running median of a number's size, and the highest that it was.
///
/// A median, because single readings may be far off; the highest, because a number that is next to
/// nothing for a while does not explode when it comes back, and one that vanishes soon makes its
/// own median small.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Usual {
    recent: VecDeque<f64>,
    /// The highest median, fading.
    peak: f64,
}

impl Usual {
    /// How many readings tell what is usual.
    pub(super) fn readings(&self) -> usize {
        self.recent.len()
    }

    /// The usual size: the median of the last readings, or the highest of earlier medians, which
    /// fades. `None` before the first reading.
    pub(super) fn size(&self) -> Option<f64> {
        self.median().map(|median| median.max(self.peak))
    }

    /// The smallest reading kept.
    pub(super) fn least(&self) -> Option<f64> {
        self.recent.iter().copied().min_by(f64::total_cmp)
    }

    /// Takes a reading. What is not finite tells nothing about what is usual.
    pub(super) fn push(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        while self.recent.len() >= WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(value.abs());
        let faded = self.peak * (-1.0 / HALF_LIFE).exp2();
        self.peak = self.median().map_or(faded, |median| median.max(faded));
    }

    /// The lower median where the count is even: one of two readings is no explosion's excuse.
    fn median(&self) -> Option<f64> {
        let mut sorted = [0.0; WINDOW];
        let count = self.recent.len().min(WINDOW);
        for (slot, value) in sorted.iter_mut().zip(&self.recent) {
            *slot = *value;
        }
        let middle = count.checked_sub(1)? / 2;
        let (_, median, _) = sorted[..count].select_nth_unstable_by(middle, f64::total_cmp);
        Some(*median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: impl IntoIterator<Item = f64>) -> Usual {
        let mut usual = Usual::default();
        for value in values {
            usual.push(value);
        }
        usual
    }

    #[test]
    fn the_usual_is_a_median_that_one_reading_does_not_move() {
        assert_eq!(after([]).size(), None);
        assert_eq!(after([3.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(after([1.0, 1e9]).size(), Some(1.0));
        assert_eq!(after([-4.0]).size(), Some(4.0));
        let spiked = after((0..49).map(|_| 1.0).chain([1e9]));
        assert_eq!(spiked.size(), Some(1.0));
    }

    #[test]
    fn an_earlier_height_is_halved_every_hundred_checks() {
        let heights = |rest| after((0..50).map(|_| 8.0).chain((0..rest).map(|_| 0.0)));
        // The lower median is 8 until half of the window holds something else.
        let size = heights(124).size().unwrap();
        assert!((size - 4.0).abs() < 1e-9, "{size}");
        assert_eq!(heights(24).size(), Some(8.0));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_finite() {
        let usual = after((0..1_000).map(|i| if i % 3 == 0 { f64::NAN } else { f64::from(i) }));
        assert_eq!(usual.readings(), WINDOW);
        assert!(usual.recent.iter().all(|value| value.is_finite()));
        assert_eq!(usual.least(), Some(925.0));
    }
}
