//! How a learning rate changes over a run.

use std::f64::consts::PI;

use serde::Serialize;

use crate::error::{Result, check};
use crate::settings::settings;

settings! {
#[tag = "schedule"]
/// A factor on the learning rate as a function of the step.
///
/// burn's learning rate schedulers count their own calls of `step()` and have to be stored with a
/// run. A function of the step alone has nothing to store: a run that goes on at step t has the
/// rate of step t, and a rate can be asked for at any step, in any order. A slow start is apart
/// from it: [`warm_up`](crate::train::warm_up).
///
/// ```
/// use burn_gan::train::Schedule;
///
/// let schedule = Schedule::Cosine { floor: 0.05 };
/// assert_eq!(schedule.factor(0, 1_000), 1.0);
/// assert!((schedule.factor(500, 1_000) - 0.525).abs() < 1e-12);
/// assert!((schedule.factor(1_000, 1_000) - 0.05).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
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
    /// A straight line from 1 down to `floor` at the last step.
    ///
    /// ```text
    /// f(t) = 1 − (1 − floor)·t/steps
    /// ```
    Linear {
        /// The factor at the end, in [0, 1].
        floor: f64,
    },
    /// 1 for a share of the run, then a straight line down to `floor` at the last step.
    ///
    /// ```text
    /// f(t) = 1                                                          t ≤ from·steps
    /// f(t) = 1 − (1 − floor)·(t − from·steps)/((1 − from)·steps)        after it
    /// ```
    LinearAfter {
        /// The share of the run before it falls, at least 0 and below 1.
        from: f64,
        /// The factor at the end, in [0, 1].
        floor: f64,
    },
}
}

impl Schedule {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the floor is not in [0, 1], or the share of the run not in [0, 1).
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Constant => Ok(()),
            Self::Cosine { floor } | Self::Linear { floor } => check::at_most_one("floor", floor),
            Self::LinearAfter { from, floor } => {
                check::below_one("from", from)?;
                check::at_most_one("floor", floor)
            }
        }
    }

    /// The factor at `step` (from 0) of `steps`; that of the end beyond.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        let progress = step.min(steps) as f64 / steps.max(1) as f64;
        match *self {
            Self::Constant => 1.0,
            Self::Cosine { floor } => floor + (1.0 - floor) * 0.5 * (1.0 + (PI * progress).cos()),
            // Exact at both ends.
            Self::Linear { floor } => floor * progress + (1.0 - progress),
            Self::LinearAfter { from, floor } => {
                let progress = (progress - from).max(0.0) / (1.0 - from);
                floor * progress + (1.0 - progress)
            }
        }
    }
}

/// The factor on the learning rate at `step` (from 0) of a run that starts with `steps` steps of
/// warm-up: a straight line up to 1, then 1.
///
/// ```text
/// w(t) = min(1, (t + 1)/(steps + 1))
/// ```
///
/// No step is lost at rate 0, each of the `steps` steps is below 1, and step `steps` is the first
/// at 1. It is PyTorch's `LinearLR` with `start_factor = 1/(steps + 1)` and `total_iters = steps`.
/// 0 steps are no warm-up. The rate of a step is the product of this and
/// [`Schedule::factor`].
///
/// Adam's first steps are as long as its later ones, though its mean square knows one gradient
/// only: a slow start keeps a fresh discriminator from being thrown far off by them.
///
/// ```
/// use burn_gan::train::warm_up;
///
/// let factors: Vec<f64> = (0..5).map(|step| warm_up(step, 3)).collect();
/// assert_eq!(factors, [0.25, 0.5, 0.75, 1.0, 1.0]);
/// assert_eq!(warm_up(0, 0), 1.0);
/// ```
pub fn warm_up(step: u64, steps: u64) -> f64 {
    if step >= steps {
        return 1.0;
    }
    (step as f64 + 1.0) / (steps as f64 + 1.0)
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
    fn a_line_falls_by_the_same_amount_at_each_step() {
        for floor in [0.0, 0.1, 1.0] {
            let schedule = Schedule::Linear { floor };
            assert_eq!(schedule.factor(0, 20), 1.0);
            assert_eq!(schedule.factor(20, 20), floor);
            assert_eq!(schedule.factor(99, 20), floor);
            for step in 0..20 {
                let fall = schedule.factor(step, 20) - schedule.factor(step + 1, 20);
                assert!((fall - (1.0 - floor) / 20.0).abs() < 1e-15, "{step}");
            }
        }
    }

    #[test]
    fn a_line_after_a_share_of_the_run_falls_from_there_to_its_floor() {
        // SNGAN's for 64 pixels: 250,000 steps, from 200,000 on to 0.
        let schedule = Schedule::LinearAfter {
            from: 0.8,
            floor: 0.0,
        };
        for (step, factor) in [
            (0, 1.0),
            (200_000, 1.0),
            (210_000, 0.8),
            (225_000, 0.5),
            (250_000, 0.0),
            (300_000, 0.0),
        ] {
            let found = schedule.factor(step, 250_000);
            assert!((found - factor).abs() < 1e-12, "{step}: {found}");
        }
        for step in 0..=20 {
            let from_the_start = Schedule::LinearAfter {
                from: 0.0,
                floor: 0.1,
            };
            let line = Schedule::Linear { floor: 0.1 };
            assert_eq!(from_the_start.factor(step, 20), line.factor(step, 20));
        }
        for (from, floor) in [
            (1.0, 0.0),
            (-0.1, 0.0),
            (f64::NAN, 0.0),
            (0.5, 1.1),
            (0.5, f64::NAN),
        ] {
            let schedule = Schedule::LinearAfter { from, floor };
            assert!(schedule.validate().is_err(), "{from}, {floor}");
        }
        schedule.validate().expect("valid");
    }

    #[test]
    fn warming_up_is_pytorchs_linear_lr() {
        // `LinearLR` adds (1 − start)/total at each step to a factor that begins at `start`.
        for steps in [1_u64, 7, 1_000] {
            let start = 1.0 / (steps as f64 + 1.0);
            let mut factor = start;
            for step in 0..=steps {
                assert!((warm_up(step, steps) - factor).abs() < 1e-12, "{step}");
                factor += (1.0 - start) / steps as f64;
            }
            assert!(warm_up(steps - 1, steps) < 1.0);
            assert_eq!(warm_up(steps, steps), 1.0);
            assert_eq!(warm_up(u64::MAX, steps), 1.0);
        }
    }

    #[test]
    fn a_floor_outside_the_unit_interval_is_refused() {
        for floor in [-0.1, 1.1, f64::NAN] {
            assert!(Schedule::Cosine { floor }.validate().is_err(), "{floor}");
            assert!(Schedule::Linear { floor }.validate().is_err(), "{floor}");
        }
        assert!(Schedule::Cosine { floor: 0.0 }.validate().is_ok());
        assert!(Schedule::Linear { floor: 1.0 }.validate().is_ok());
    }

    #[test]
    fn schedules_are_stored_by_name() {
        for (schedule, json) in [
            (Schedule::Constant, r#"{"schedule":"constant"}"#),
            (
                Schedule::Cosine { floor: 0.05 },
                r#"{"schedule":"cosine","floor":0.05}"#,
            ),
            (
                Schedule::Linear { floor: 0.5 },
                r#"{"schedule":"linear","floor":0.5}"#,
            ),
            (
                Schedule::LinearAfter {
                    from: 0.8,
                    floor: 0.5,
                },
                r#"{"schedule":"linear_after","from":0.8,"floor":0.5}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&schedule).unwrap(), json);
            assert_eq!(serde_json::from_str::<Schedule>(json).unwrap(), schedule);
        }
    }
}
