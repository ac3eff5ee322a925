//! A generator whose samples are all alike.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::Collapse;
use crate::train::health::finding::FindingKind;
use crate::train::health::signs::DiversityReading;

/// Before samples have differed once, a check with so many times the highest ratio so far is no
/// collapse: the generator is on its way.
const SPREADING: f64 = 1.2;

/// What is remembered of the generator's diversity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct CollapseState {
    /// Whether samples have differed since the run began.
    differed: bool,
    /// The highest ratio that counted as a rise, before they have.
    highest: Option<f64>,
    pub(in crate::train::health) collapsed: Onset,
}

impl CollapseState {
    pub(in crate::train::health) fn check(
        &mut self,
        reading: &DiversityReading,
        config: &Collapse,
        now: Now,
    ) -> Option<FindingKind> {
        let ratio = reading.ratio()?;
        self.differed |= ratio >= config.ratio;
        let threshold = if now.step > config.start {
            config.ratio
        } else {
            config.early_ratio
        };
        let highest = *self.highest.get_or_insert(ratio);
        let spreads = !self.differed && ratio > SPREADING * highest;
        if spreads {
            self.highest = Some(ratio);
        }
        let shows = ratio < threshold && !spreads;
        let checks = if now.step > config.grace {
            config.checks
        } else {
            u32::MAX
        };
        let tell = self.collapsed.note(shows, checks, now);
        tell.then_some(FindingKind::GeneratorCollapse {
            fake: reading.fake,
            real: reading.real,
            ratio,
        })
    }
}
