//! A discriminator that separates real from generated samples without error.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::Saturation;
use crate::train::health::finding::FindingKind;
use crate::train::health::signs::LogitReading;

/// For how long the discriminator has separated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::train::health) struct SaturationState {
    pub(in crate::train::health) separates: Onset,
}

impl SaturationState {
    pub(in crate::train::health) fn check(
        &mut self,
        reading: &LogitReading,
        config: &Saturation,
        now: Now,
    ) -> Option<FindingKind> {
        // Logits that are not finite show nothing.
        let shows = reading.separated >= config.separated
            && reading.js_lower_bound >= config.js_share * LN_2
            && reading.js_lower_bound.is_finite();
        let tell = self.separates.note(shows, config.checks, now);
        tell.then_some(FindingKind::DiscriminatorSaturated {
            separated: reading.separated,
            js_lower_bound: reading.js_lower_bound,
            checks: self.separates.shown(),
        })
    }
}
