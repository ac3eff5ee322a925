//! How a run reads its data.

use serde::Serialize;

use crate::error::{Result, check};
use crate::settings::settings;
use crate::sizes;

settings! {
/// How a run reads its batches: when a step needs them, or ahead, on threads of their own.
///
/// Batches and their order are the same for any number of threads, so that a run may be resumed
/// with another. Reading ahead is worth it where a batch takes long to read (files that are
/// decoded, a network's disk); data in memory is read in less time than another thread takes to
/// hand it over.
///
/// At most `threads · ahead` batches are in memory beside those of the step.
///
/// ```
/// use burn_gan::Latent;
/// use burn_gan::data::Loading;
/// use burn_gan::train::TrainerConfig;
///
/// let config = TrainerConfig::new(1_000, 64, Latent::normal(16))
///     .with_loading(Loading::on_threads(4));
/// config.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Loading {
    /// Threads that read ahead, at most 1,000. 0 (the default) for none: batches are read by the
    /// thread that trains.
    pub threads: usize,
    /// Batches that are read ahead for each thread, 1 to 1,000; 2 by default.
    pub ahead: usize,
}
}

impl Default for Loading {
    fn default() -> Self {
        Self {
            threads: 0,
            ahead: 2,
        }
    }
}

impl Loading {
    /// Reads ahead on so many threads.
    pub fn on_threads(threads: usize) -> Self {
        Self {
            threads,
            ..Self::default()
        }
    }

    /// Batches that are read ahead for each thread.
    pub fn with_ahead(mut self, ahead: usize) -> Self {
        self.ahead = ahead;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If there are more than 1,000 threads, or `ahead` is 0 or above 1,000.
    pub fn validate(&self) -> Result<()> {
        check::at_most("threads", self.threads, sizes::REPEATS)?;
        check::at_least("ahead", self.ahead, 1)?;
        check::at_most("ahead", self.ahead, sizes::REPEATS)
    }

    /// Batches that are read beside those of the step.
    pub(crate) fn batches(&self) -> usize {
        self.threads.saturating_mul(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_can_be_read_with_is_refused_by_name() {
        assert!(Loading::default().validate().is_ok());
        assert_eq!(Loading::default().batches(), 0);
        assert_eq!(Loading::on_threads(3).batches(), 6);
        for (wrong, field) in [
            (Loading::on_threads(1_001), "`threads` = 1001"),
            (Loading::on_threads(2).with_ahead(0), "`ahead` = 0"),
            (Loading::on_threads(2).with_ahead(1_001), "`ahead` = 1001"),
        ] {
            let error = wrong.validate().expect_err("a slip").to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
