//! Settings that move over a run.

mod moves;
mod refusal;
#[cfg(test)]
mod tests;

pub(super) use moves::{Ramped, Ramps};

use std::f64::consts::PI;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// How a [`Ramp`] goes from one value to the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Curve {
    /// Half a cosine wave: level at both ends, steepest in the middle.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}
}

settings! {
/// A floating-point setting that moves from its own value to another while the run goes on, and
/// stays there.
///
/// ```text
/// Cosine:  v(t) = to + ½·(1 + cos(π·t/steps))·(from − to)
/// Linear:  v(t) = to + (1 − t/steps)·(from − to)          t < steps; then v = to
/// ```
///
/// `from` is the setting's value in the run's settings, t counts steps from 0. Values depend on t
/// alone, so that a run that goes on has nothing to restore.
///
/// R3GAN moves learning rates, β₂, γ and the half-life of the generator's average along a cosine:
/// Huang, Gokaslan, Kuleshov, Tompkin 2024, *The GAN is dead; long live the GAN! A modern baseline
/// GAN*, arXiv:2501.05441.
///
/// ```
/// use burn_gan::train::Ramp;
///
/// let ramp = Ramp::cosine("generator_optimizer.beta_2", 0.99, 1_000);
/// assert_eq!(ramp.value(0.9, 0), 0.9);
/// assert!((ramp.value(0.9, 500) - 0.945).abs() < 1e-12);
/// assert_eq!(ramp.value(0.9, 1_000), 0.99);
/// assert_eq!(ramp.value(0.9, 5_000), 0.99);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ramp {
    /// The setting's dotted name, as error messages have it: `generator_optimizer.beta_2`,
    /// `objective.terms[0].weight`, `ema.samples`.
    pub setting: String,
    /// The value at the end.
    pub to: f64,
    /// Steps until it is reached, at least 1.
    pub steps: u64,
    /// The way there; a cosine where settings leave it out.
    #[serde(default)]
    pub curve: Curve,
}
}

impl Ramp {
    /// Along half a cosine wave to `to` in `steps` steps.
    pub fn cosine(setting: impl Into<String>, to: f64, steps: u64) -> Self {
        Self {
            setting: setting.into(),
            to,
            steps,
            curve: Curve::Cosine,
        }
    }

    /// Along a straight line to `to` in `steps` steps.
    pub fn linear(setting: impl Into<String>, to: f64, steps: u64) -> Self {
        Self {
            curve: Curve::Linear,
            ..Self::cosine(setting, to, steps)
        }
    }

    /// The value at `step` (from 0) of a setting that starts at `from`.
    pub fn value(&self, from: f64, step: u64) -> f64 {
        if step >= self.steps {
            return self.to;
        }
        let progress = step as f64 / self.steps as f64;
        let left = match self.curve {
            Curve::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
            Curve::Linear => 1.0 - progress,
        };
        // Exact at step 0.
        left * from + (1.0 - left) * self.to
    }

    /// Checks the end and the steps; whether there is such a setting, the settings know.
    ///
    /// # Errors
    /// If the end is not finite, or there are no steps.
    pub fn validate(&self) -> Result<()> {
        if !self.to.is_finite() {
            return Err(Error::setting("to", self.to, "must be a finite number"));
        }
        if self.steps == 0 {
            return Err(Error::setting(
                "steps",
                0,
                "must be at least 1; a setting that starts at its end needs no ramp",
            ));
        }
        Ok(())
    }
}
