//! When a condition begins, lasts and ends, so that it is told once.

use serde::{Deserialize, Serialize};

/// A condition counts as gone once so many checks in a row don't show it: one that flickers
/// around its threshold is told once.
const GONE_AFTER: u32 = 5;

/// When a check is made, and how often what lasts is told.
#[derive(Debug, Clone, Copy)]
pub(in crate::train::health) struct Now {
    /// The step.
    pub(in crate::train::health) step: u64,
    /// Steps after which what lasts is told anew; 0 means never.
    pub(in crate::train::health) repeat: u64,
}

/// The course of one condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::train::health) struct Onset {
    /// Checks in a row that show it.
    shown: u32,
    /// Checks in a row that don't.
    missed: u32,
    /// The step at which it was told, while it lasts.
    told: Option<u64>,
    /// The same, at the check that makes it count as gone.
    #[serde(skip)]
    passed: Option<u64>,
}

impl Onset {
    /// Notes whether a check shows the condition; whether it is to be told now, being shown by
    /// `checks` checks in a row.
    pub(super) fn note(&mut self, shows: bool, checks: u32, now: Now) -> bool {
        if !shows {
            self.shown = 0;
            self.missed = self.missed.saturating_add(1);
            if self.missed >= GONE_AFTER {
                self.passed = self.told.take();
            }
            return false;
        }
        self.shown = self.shown.saturating_add(1);
        self.missed = 0;
        let due = match self.told {
            None => true,
            // A run that went back to an earlier step has not been told yet.
            Some(told) if told > now.step => true,
            Some(told) => now.repeat != 0 && now.step - told >= now.repeat,
        };
        let tell = due && self.shown >= checks;
        if tell {
            self.told = Some(now.step);
        }
        tell
    }

    /// The step at which the condition was told, if it has just come to count as gone.
    pub(in crate::train::health) fn take_passed(&mut self) -> Option<u64> {
        self.passed.take()
    }

    /// Keeps a condition that counts as gone from being told as passed: what was unusual has only
    /// become usual.
    pub(super) fn hush(&mut self) {
        self.passed = None;
    }

    /// Checks in a row that show the condition.
    pub(super) fn shown(&self) -> u32 {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(shows: impl IntoIterator<Item = bool>, checks: u32, repeat: u64) -> Vec<u64> {
        let mut onset = Onset::default();
        let mut steps = Vec::new();
        for (i, shows) in shows.into_iter().enumerate() {
            let step = 10 * (i as u64 + 1);
            if onset.note(shows, checks, Now { step, repeat }) {
                steps.push(step);
            }
        }
        steps
    }

    #[test]
    fn what_lasts_is_told_once_and_then_at_intervals() {
        assert_eq!(told([true; 50], 3, 0), [30]);
        assert_eq!(told([true; 50], 3, 200), [30, 230, 430]);
    }

    #[test]
    fn what_flickers_is_told_once() {
        let flicker = (0..200).map(|i| i % 4 != 0);
        assert_eq!(told(flicker, 1, 0), [20]);
    }

    #[test]
    fn what_comes_back_is_told_again() {
        let course = [true, true, false, false, false, false, false, true, true];
        assert_eq!(told(course, 2, 0), [20, 90]);
    }

    #[test]
    fn what_was_told_passes_once_five_checks_in_a_row_do_not_show_it() {
        let mut onset = Onset::default();
        let mut passed = Vec::new();
        for step in 1..=30 {
            // Shown once without being told, then from 5 to 8, and from 12 on never again.
            let shows = step == 2 || (5..=8).contains(&step) || step == 11;
            onset.note(shows, 2, Now { step, repeat: 0 });
            passed.extend(onset.take_passed().map(|told| (step, told)));
        }
        assert_eq!(passed, [(16, 6)]);
    }

    #[test]
    fn a_run_that_went_back_is_told_again() {
        let mut onset = Onset::default();
        let at = |step| Now { step, repeat: 0 };
        assert!(onset.note(true, 1, at(500)));
        assert!(!onset.note(true, 1, at(510)));
        assert!(onset.note(true, 1, at(310)));
    }
}
