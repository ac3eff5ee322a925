//! A discriminator that has learnt nothing since the run began.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::Stall;
use crate::train::health::finding::FindingKind;
use crate::train::health::signs::{LogitReading, LossReading};

/// Steps that the mean loss reaches back. A discriminator that tells nothing apart, with logits of
/// standard deviation s on a batch of n, has a loss that lies s²/4 above that of guessing, with a
/// noise of s/√(2n): a mean over so many steps has a fourteenth of that noise.
const REACH: f64 = 100.0;
/// Steps with a mean loss below that of guessing after which the discriminator has learnt
/// something: what it does in a few steps may be luck.
const LEARNT: u32 = 50;
/// It has learnt something at once where it gains so many times the share that counts.
const CLEARLY: f64 = 3.0;
/// How far above that of guessing the loss may lie, as a share of it: one that is worse than
/// guessing by more has another fault.
const ABOVE: f64 = 0.03;

/// What is remembered of the discriminator's loss.
///
/// At the end of a good run it comes back to that of guessing, since the samples are good; so what
/// counts is whether it was ever below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct StallState {
    /// The fading sum of losses, and of ones.
    sum: f64,
    weight: f64,
    /// Steps with a mean loss below that of guessing.
    below: u32,
    learnt: bool,
    pub(in crate::train::health) stalls: Onset,
}

impl StallState {
    pub(in crate::train::health) fn check(
        &mut self,
        losses: &[LossReading],
        logits: Option<&LogitReading>,
        guessing: f64,
        config: &Stall,
        now: Now,
    ) -> Option<FindingKind> {
        // Of a loss that is 0 there, such as that of an f-divergence, the share is one of a nat.
        let scale = if guessing.abs() > 0.1 {
            guessing.abs()
        } else {
            1.0
        };
        for reading in losses {
            self.note(reading.discriminator, guessing, config.share * scale);
        }
        // Half of the weight: a mean over a few steps is none.
        if self.weight < 0.5 {
            return None;
        }
        let mean = self.sum / self.weight;
        let shows = !self.learnt && now.step > config.grace && mean - guessing <= ABOVE * scale;
        let tell = self.stalls.note(shows, config.checks, now);
        let mean_logit = |of: fn(&LogitReading) -> f64| {
            let mean = logits.map(of).filter(|mean| mean.is_finite());
            mean.unwrap_or(0.0)
        };
        tell.then(|| FindingKind::DiscriminatorStalled {
            loss: mean,
            guessing,
            real_logit: mean_logit(|logits| logits.real_mean),
            fake_logit: mean_logit(|logits| logits.fake_mean),
        })
    }

    fn note(&mut self, loss: f64, guessing: f64, least: f64) {
        // What is so large is no guess, and would be remembered for long.
        if !loss.is_finite() || loss.abs() > 1e6 * (1.0 + guessing.abs()) {
            return;
        }
        let fade = 1.0 - 1.0 / REACH;
        self.sum = fade * self.sum + loss / REACH;
        self.weight = fade * self.weight + 1.0 / REACH;
        let gained = guessing - self.sum / self.weight;
        if self.weight < 0.5 || gained <= least {
            return;
        }
        self.below = self.below.saturating_add(1);
        self.learnt |= self.below >= LEARNT || gained > CLEARLY * least;
    }
}
