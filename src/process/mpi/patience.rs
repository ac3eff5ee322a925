//! How long processes wait for each other.

use std::time::Duration;

use crate::error::{Error, Result};

/// How long a process waits for the others before it gives the group up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a process of which nothing is heard: killed, stopped, or behind a line that is cut. Every
    /// process answers while it computes, reads data or measures. 30 s.
    pub silence: Duration,
    /// For a process that answers but does not come: it hangs, or measures for very long. An hour.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            longest: Duration::from_secs(3_600),
        }
    }
}

impl Patience {
    /// For a process of which nothing is heard.
    pub fn with_silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// For a process that answers but does not come.
    pub fn with_longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let second = Duration::from_secs(1);
        for (field, value) in [("silence", self.silence), ("longest", self.longest)] {
            if value < second {
                return Err(Error::setting(
                    field,
                    format!("{value:?}"),
                    "must be a second at least: a process answers ten times in it",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_too_short_to_answer_in_are_refused() {
        Patience::default().validate().expect("the usual");
        let short = Patience::default().with_silence(Duration::from_millis(10));
        let error = short.validate().expect_err("too short").to_string();
        assert!(error.contains("`silence` = 10ms"), "{error}");
        let short = Patience::default().with_longest(Duration::ZERO);
        assert!(short.validate().is_err());
    }
}
