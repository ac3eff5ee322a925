//! Gradients of one network that explode or vanish.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use super::usual::Usual;
use crate::network::Network;
use crate::train::health::config::{Explosion, HealthConfig};
use crate::train::health::finding::FindingKind;

/// From so many readings on, an explosion is judged by its usual ratio.
const ENOUGH: usize = 5;

/// What is usual for the norm of one network's gradients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct GradientState {
    usual: Usual,
    pub(in crate::train::health) exploded: Onset,
    pub(in crate::train::health) vanished: Onset,
    /// What was usual when an explosion was told.
    before_explosion: f64,
    /// What was usual when gradients were told to have vanished.
    before_vanishing: f64,
}

impl GradientState {
    pub(in crate::train::health) fn check(
        &mut self,
        network: Network,
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
            self.before_explosion = usual;
            kinds.push(FindingKind::GradientExplosion {
                network,
                norm,
                usual,
                ratio: (norm / usual).min(f64::MAX),
            });
        }
        let vanishing = &config.vanishing;
        let vanished = norm < (vanishing.ratio * usual).max(vanishing.least_norm);
        if norm > config.explosion.ratio * self.before_explosion {
            self.exploded.hush();
        }
        if self.vanished.note(vanished, vanishing.checks, now) {
            self.before_vanishing = usual;
            kinds.push(FindingKind::GradientVanishing {
                network,
                norm,
                usual,
            });
        }
        if norm < vanishing.ratio * self.before_vanishing {
            self.vanished.hush();
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
