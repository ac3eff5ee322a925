//! A run that is lost: losses beyond all measure, and samples that have nothing of the data left.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::Divergence;
use crate::train::health::finding::FindingKind;
use crate::train::health::signs::{DiversityReading, LossReading};

/// Samples that differ by less than this share of what real ones do are one sample.
const ONE_SAMPLE: f64 = 1e-6;
/// Losses that have come to so many times those of the first step have exploded once.
const EXPLODED: f64 = 1e3;
/// A generator's gradient below this moves nothing.
const NOTHING: f64 = 1e-10;
/// Checks in a row at which a generator that can't come back draws one sample.
const DEAD: u32 = 10;

/// The losses of the first step, and for how long they have been left behind.
///
/// A run is lost while its losses are out of all measure. It is lost too when the generator draws
/// one sample and stays there, because an explosion has thrown its weights to where it can't draw
/// another or because no gradient reaches it: losses may look ordinary then.
///
/// What is usual follows an explosion after some checks; what the first step showed does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct DivergenceState {
    /// The sizes of the two losses at first, 1 where they were smaller.
    first: Option<[f64; 2]>,
    /// How many times those a loss has been, at most.
    most: f64,
    pub(in crate::train::health) diverged: Onset,
    pub(in crate::train::health) dead: Onset,
}

impl DivergenceState {
    pub(in crate::train::health) fn check(
        &mut self,
        losses: &[LossReading],
        diversity: Option<&DiversityReading>,
        gradient: Option<f64>,
        config: &Divergence,
        now: Now,
    ) -> Option<FindingKind> {
        let sizes =
            |reading: &LossReading| [reading.discriminator, reading.generator].map(f64::abs);
        if self.first.is_none() {
            let first = losses.first().map(sizes);
            let at_least_one = |size: f64| if size.is_finite() { size.max(1.0) } else { 1.0 };
            self.first = first.map(|first| first.map(at_least_one));
        }
        let (first, diversity) = (self.first?, diversity?);
        // The two networks take turns: in one step the one loses, in the next the other.
        let times = |reading: &LossReading| {
            let [one, other] = sizes(reading);
            (one / first[0]).max(other / first[1])
        };
        let mut times: Vec<f64> = losses.iter().map(times).filter(|t| t.is_finite()).collect();
        if times.is_empty() {
            return None;
        }
        let most = times.iter().copied().fold(self.most, f64::max);
        self.most = most;
        let middle = times.len() / 2;
        let (_, times, _) = times.select_nth_unstable_by(middle, f64::total_cmp);
        let times = *times;
        let ratio = diversity.ratio();
        let of_the_data = |ratio: f64| ratio.min(1.0 / ratio) >= config.diversity;
        // Samples too far apart to be measured are as lost as those that are all alike.
        let lost = diversity.real > 0.0 && !ratio.is_some_and(of_the_data);
        let shows = times >= config.loss_ratio && lost;
        let diverged = self.diverged.note(shows, config.checks, now);

        let one_sample = ratio.is_some_and(|ratio| ratio < ONE_SAMPLE);
        let unreached = gradient.is_some_and(|norm| norm < NOTHING);
        let shows = one_sample && (most >= EXPLODED || unreached);
        let dead = self.dead.note(shows, config.checks.max(DEAD), now);
        let (times, checks) = match (diverged, dead) {
            (true, _) => (times, self.diverged.shown()),
            (_, true) => (most, self.dead.shown()),
            _ => return None,
        };
        Some(FindingKind::Diverged {
            times,
            gradient: gradient.filter(|norm| norm.is_finite()),
            ratio: ratio.unwrap_or(f64::MAX),
            checks,
        })
    }
}
