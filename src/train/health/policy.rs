//! What a run does about a finding.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// What a run does about a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Tells its observers and goes on.
    #[default]
    Log,
    /// Tells its observers and ends the run, with [`Ending::Halted`](crate::train::Ending::Halted).
    Halt,
    /// Goes back to the last checkpoint and on from there with smaller learning rates.
    Rollback {
        /// The factor on both learning rates, in (0, 1]; each time anew. ½ where settings leave
        /// it out.
        #[serde(default = "half")]
        rate_factor: f64,
        /// How often a run may go back before it is halted. 3 where settings leave it out.
        #[serde(default = "three")]
        at_most: u32,
    },
    /// Says nothing.
    Ignore,
}
}

fn half() -> f64 {
    0.5
}

fn three() -> u32 {
    3
}

impl Policy {
    /// [`Rollback`](Self::Rollback) with half the learning rates, three times at most.
    pub fn rollback() -> Self {
        Self::Rollback {
            rate_factor: half(),
            at_most: three(),
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the factor is not in (0, 1], or the run may never go back.
    pub fn validate(&self) -> Result<()> {
        let Self::Rollback {
            rate_factor,
            at_most,
        } = *self
        else {
            return Ok(());
        };
        if !(rate_factor > 0.0 && rate_factor <= 1.0) {
            return Err(Error::setting(
                "rollback.rate_factor",
                rate_factor,
                "must be above 0 and at most 1",
            ));
        }
        if at_most == 0 {
            return Err(Error::setting(
                "rollback.at_most",
                at_most,
                "must be at least 1; `halt` is the policy that never goes back",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_may_leave_out_what_a_rollback_usually_is() {
        let read = |json: &str| serde_json::from_str::<Policy>(json);
        assert_eq!(read(r#""halt""#).unwrap(), Policy::Halt);
        assert_eq!(read(r#"{"rollback": {}}"#).unwrap(), Policy::rollback());
        let harder = Policy::Rollback {
            rate_factor: 0.1,
            at_most: 3,
        };
        let json = r#"{"rollback": {"rate_factor": 0.1}}"#;
        assert_eq!(read(json).unwrap(), harder);
        assert!(read(r#"{"rollback": {"factor": 0.1}}"#).is_err());
    }

    #[test]
    fn a_rollback_that_raises_rates_or_never_happens_is_refused() {
        for rate_factor in [0.0, -0.5, 1.5, f64::NAN] {
            let policy = Policy::Rollback {
                rate_factor,
                at_most: 3,
            };
            let message = policy.validate().unwrap_err().to_string();
            assert!(message.contains("rollback.rate_factor"), "{message}");
        }
        let never = Policy::Rollback {
            rate_factor: 0.5,
            at_most: 0,
        };
        assert!(never.validate().is_err());
        assert!(Policy::rollback().validate().is_ok());
        assert!(Policy::Halt.validate().is_ok());
    }
}
