//! How a learning rate changes over a run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A factor on the learning rate as a function of the step.
///
/// ```
/// use burn_gan::train::Schedule;
///
/// let schedule = Schedule::Cosine { floor: 0.05 };
/// assert_eq!(schedule.factor(0, 1_000), 1.0);
/// assert!((schedule.factor(500, 1_000) - 0.525).abs() < 1e-12);
/// assert!((schedule.factor(1_000, 1_000) - 0.05).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "schedule", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// 1 throughout.
    #[default]
    Constant,
    /// Half a cosine wave from 1 down to `floor` at the last step.
    ///
    /// ```text
    /// f(t) = floor + (1 − floor)·½·(1 + cos(π·t/steps))
    /// ```
    Cosine {
        /// The factor at the end, in [0, 1].
        floor: f64,
    },
}

impl Schedule {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the floor is not in [0, 1].
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Cosine { floor } if !(0.0..=1.0).contains(&floor) => Err(Error::setting(
                "floor",
                floor,
                "must be at least 0 and at most 1",
            )),
            _ => Ok(()),
        }
    }

    /// The factor at `step` (from 0) of `steps`; that of the end beyond.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Cosine { floor } => {
                let progress = step.min(steps) as f64 / steps.max(1) as f64;
                floor + (1.0 - floor) * 0.5 * (1.0 + (PI * progress).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_never_rises_and_ends_at_its_floor() {
        let schedule = Schedule::Cosine { floor: 0.1 };
        let factors: Vec<f64> = (0..=20).map(|step| schedule.factor(step, 20)).collect();
        assert!(factors.windows(2).all(|pair| pair[0] > pair[1]));
        assert!((factors[20] - 0.1).abs() < 1e-12);
        assert!((schedule.factor(99, 20) - 0.1).abs() < 1e-12);
        assert_eq!(Schedule::Constant.factor(7, 20), 1.0);
    }

    #[test]
    fn a_floor_outside_the_unit_interval_is_refused() {
        for floor in [-0.1, 1.1, f64::NAN] {
            assert!(Schedule::Cosine { floor }.validate().is_err(), "{floor}");
        }
        assert!(Schedule::Cosine { floor: 0.0 }.validate().is_ok());
    }
}
