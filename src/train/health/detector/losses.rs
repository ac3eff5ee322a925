//! Losses that leave their usual size by orders of magnitude.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use super::usual::Usual;
use crate::train::health::config::Explosion;
use crate::train::health::finding::{FindingKind, LossPart};
use crate::train::health::signs::LossReading;

/// The four numbers of a step, in the order in which it computes them.
pub(super) fn parts(reading: &LossReading) -> [(LossPart, Option<f64>); 4] {
    [
        (LossPart::Discriminator, Some(reading.discriminator)),
        (
            LossPart::DiscriminatorPenalty,
            reading.discriminator_penalty,
        ),
        (LossPart::Generator, Some(reading.generator)),
        (LossPart::GeneratorPenalty, reading.generator_penalty),
    ]
}

/// What is usual for each of the four numbers, one reading a check.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct LossState {
    usual: [Usual; 4],
    pub(in crate::train::health) exploded: Onset,
    /// What was usual when an explosion was told.
    before: [f64; 4],
}

impl LossState {
    pub(in crate::train::health) fn check(
        &mut self,
        losses: &[LossReading],
        config: &Explosion,
        now: Now,
        kinds: &mut Vec<FindingKind>,
    ) {
        let usual = self.usual.each_ref().map(Usual::size);
        let found = losses.iter().find_map(|reading| {
            let parts = parts(reading).into_iter().zip(usual);
            parts.into_iter().find_map(|((which, value), usual)| {
                let (value, usual) = (value?, usual?);
                let exploded =
                    value.is_finite() && value.abs() > config.loss_ratio * usual.max(1.0);
                exploded.then_some(FindingKind::LossExplosion {
                    which,
                    step: reading.step,
                    value,
                    usual,
                })
            })
        });
        if self.exploded.note(found.is_some(), 1, now) {
            self.before = usual.map(|usual| usual.unwrap_or(f64::MAX));
            kinds.extend(found);
        }
        let exploded = |reading: &LossReading| {
            let parts = parts(reading).into_iter().zip(self.before);
            parts.into_iter().any(|((_, value), before)| {
                value.is_some_and(|value| value.abs() > config.loss_ratio * before.max(1.0))
            })
        };
        if losses.iter().any(exploded) {
            self.exploded.hush();
        }
        for (i, usual) in self.usual.iter_mut().enumerate() {
            let sizes = losses.iter().filter_map(|reading| parts(reading)[i].1);
            let (sum, count) = sizes.fold((0.0, 0.0), |(sum, count), value| {
                (sum + value.abs(), count + 1.0)
            });
            // Nothing, 0/0, is not finite, and so is no reading.
            usual.push(sum / count);
        }
    }
}
