//! Gradients of one network that explode or vanish.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use super::usual::Usual;
use crate::objective::Side;
use crate::train::health::config::{Explosion, HealthConfig};
use crate::train::health::finding::FindingKind;

/// From so many readings on, an explosion is judged by its usual ratio.
const ENOUGH: usize = 5;

/// What is usual for the norm of one network's gradients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct GradientState {
    usual: Usual,
    exploded: Onset,
    vanished: Onset,
}

impl GradientState {
    pub(in crate::train::health) fn check(
        &mut self,
        network: Side,
        norm: f64,
        config: &HealthConfig,
        now: Now,
        kinds: &mut Vec<FindingKind>,
    ) {
        if !norm.is_finite() {
            return;
        }
        let usual = self.usual.size().unwrap_or(0.0);
        let exploded = self.exploded_from(norm, &config.explosion);
        if self.exploded.note(exploded.is_some(), 1, now)
            && let Some(usual) = exploded
        {
            kinds.push(FindingKind::GradientExplosion {
                network,
                norm,
                usual,
                ratio: (norm / usual).min(f64::MAX),
            });
        }
        let vanishing = &config.vanishing;
        let vanished = norm < (vanishing.ratio * usual).max(vanishing.least_norm);
        if self.vanished.note(vanished, vanishing.checks, now) {
            kinds.push(FindingKind::GradientVanishing {
                network,
                norm,
                usual,
            });
        }
        self.usual.push(norm);
    }

    /// The usual norm if `norm` is far above it.
    fn exploded_from(&self, norm: f64, config: &Explosion) -> Option<f64> {
        let (usual, ratio) = if self.usual.readings() >= ENOUGH {
            (self.usual.size()?, config.ratio)
        } else {
            // Half of so few readings may have exploded already.
            (self.usual.least()?, config.early_ratio)
        };
        let exploded = usual > 0.0 && norm > ratio * usual && norm > config.least_norm;
        exploded.then_some(usual)
    }
}
