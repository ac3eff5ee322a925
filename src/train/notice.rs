//! What a run tells beside its steps.

use std::fmt;
use std::path::PathBuf;

use super::{Finding, Warning};
use crate::text::visible;

/// Something worth telling that is not a step: observers get it through
/// [`Observer::notice`](super::Observer::notice), a finished [`Run`](super::Run) lists all, and the
/// `log` crate's logger, where the program has one, gets a line of each.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Notice {
    /// Preflight found what usually does not work.
    Warning(Warning),
    /// The health watch found something.
    Finding(Finding),
    /// A checkpoint was written.
    Saved {
        /// The steps it was made after.
        step: u64,
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// The time that writing it took.
        seconds: f64,
    },
    /// A checkpoint was due and is not there: what it would hold is not worth going on from, or it
    /// could not be written. Older ones are left alone.
    NotSaved {
        /// The steps made.
        step: u64,
        /// What is not finite, or what the system said.
        problem: String,
    },
    /// A file in the folder of checkpoints was renamed: damaged, undone, replaced, or in the way.
    PutAside {
        /// Its old name.
        file: PathBuf,
        /// Its new name.
        to: PathBuf,
        /// Why it was put aside.
        reason: String,
    },
    /// Something in the folder of checkpoints was left as it is.
    PassedOver {
        /// What.
        file: PathBuf,
        /// Why it was of no use.
        problem: String,
    },
    /// An observer failed, and the run goes on without what it would have made of this step.
    ObserverFailed {
        /// The steps made.
        step: u64,
        /// Its error.
        problem: String,
    },
    /// An [`Evaluator`](super::Evaluator)'s number could not be measured, or is not finite.
    NotMeasured {
        /// The steps made.
        step: u64,
        /// Its name; the names of all numbers of an evaluator that failed.
        metric: String,
        /// What went wrong.
        problem: String,
    },
    /// The run ends with an error. Where it stores checkpoints, the state after its last whole step
    /// was stored before: a [`Saved`](Self::Saved) or [`NotSaved`](Self::NotSaved) came first.
    Failed {
        /// The steps made.
        step: u64,
        /// The error.
        problem: String,
    },
    /// The run's time is up ([`Limits`](super::Limits)).
    TimeUp {
        /// The steps made.
        step: u64,
        /// The limit, in seconds of training.
        seconds: f64,
    },
    /// The run goes on from a checkpoint.
    Resumed {
        /// The steps it was made after.
        step: u64,
        /// The file.
        file: PathBuf,
        /// Newer checkpoints that could not be used, each with the reason.
        skipped: Vec<String>,
    },
    /// The run was to be resumed, but there is no checkpoint yet: it starts at the beginning.
    NothingToResume {
        /// The folder that was looked into.
        folder: PathBuf,
    },
    /// A finding sent the run back to a checkpoint.
    RolledBack {
        /// The steps made until then.
        from: u64,
        /// The steps of the checkpoint.
        to: u64,
        /// The factor on both learning rates from now on.
        rate_scale: f64,
    },
    /// The run was asked to stop.
    Interrupted {
        /// The steps made.
        step: u64,
        /// The signal's number, if a signal asked.
        signal: Option<i32>,
    },
}

impl Notice {
    /// The kind's name in logs: `warning`, `finding`, `saved`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Warning(_) => "warning",
            Self::Finding(_) => "finding",
            Self::Saved { .. } => "saved",
            Self::NotSaved { .. } => "not_saved",
            Self::PutAside { .. } => "put_aside",
            Self::PassedOver { .. } => "passed_over",
            Self::ObserverFailed { .. } => "observer_failed",
            Self::NotMeasured { .. } => "not_measured",
            Self::Failed { .. } => "failed",
            Self::TimeUp { .. } => "time_up",
            Self::Resumed { .. } => "resumed",
            Self::NothingToResume { .. } => "nothing_to_resume",
            Self::RolledBack { .. } => "rolled_back",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    /// Hands one line to the program's logger; `false` where it has none that takes it.
    pub(super) fn log(&self) -> bool {
        let level = self.level();
        log::log!(level, "{self}");
        log::log_enabled!(level)
    }

    /// Whether somebody should see it although nobody asked to.
    pub(super) fn is_urgent(&self) -> bool {
        self.level() <= log::Level::Warn
    }

    fn level(&self) -> log::Level {
        match self {
            Self::Failed { .. } => log::Level::Error,
            Self::Warning(_)
            | Self::Finding(_)
            | Self::NotSaved { .. }
            | Self::PutAside { .. }
            | Self::PassedOver { .. }
            | Self::ObserverFailed { .. }
            | Self::NotMeasured { .. }
            | Self::RolledBack { .. } => log::Level::Warn,
            Self::Resumed { skipped, .. } if !skipped.is_empty() => log::Level::Warn,
            Self::Saved { .. } => log::Level::Debug,
            _ => log::Level::Info,
        }
    }
}

/// One line. Characters of names that would steer a terminal are shown as escapes.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&Raw(self).to_string()))
    }
}

/// A notice with names as they are.
struct Raw<'a>(&'a Notice);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Notice::Warning(warning) => write!(f, "warning: {warning}"),
            Notice::Finding(finding) => write!(f, "{finding}"),
            Notice::Saved {
                step,
                file,
                bytes,
                seconds,
            } => write!(
                f,
                "step {step}: checkpoint {} ({:.1} MB, {seconds:.2} s)",
                file.display(),
                *bytes as f64 / 1e6
            ),
            Notice::NotSaved { step, problem } => {
                write!(f, "step {step}: no checkpoint: {problem}")
            }
            Notice::PutAside { file, to, reason } => {
                let name = to.file_name().unwrap_or_default().display();
                write!(f, "{} is now {name}: {reason}", file.display())
            }
            Notice::PassedOver { file, problem } => {
                write!(f, "{} was passed over: {problem}", file.display())
            }
            Notice::ObserverFailed { step, problem } => {
                write!(f, "step {step}: an observer failed: {problem}")
            }
            Notice::NotMeasured {
                step,
                metric,
                problem,
            } => write!(f, "step {step}: `{metric}` was not measured: {problem}"),
            Notice::Failed { step, problem } => {
                write!(f, "the run ends after step {step}: {problem}")
            }
            Notice::TimeUp { step, seconds } => {
                write!(f, "time is up ({seconds} s) after step {step}")
            }
            Notice::Resumed {
                step,
                file,
                skipped,
            } => {
                write!(f, "resumed after step {step} from {}", file.display())?;
                for problem in skipped {
                    write!(f, "; not used: {problem}")?;
                }
                Ok(())
            }
            Notice::NothingToResume { folder } => write!(
                f,
                "no checkpoint in {}: starting at the beginning",
                folder.display()
            ),
            Notice::RolledBack {
                from,
                to,
                rate_scale,
            } => write!(
                f,
                "step {from}: back to the checkpoint of step {to}, learning rates × {rate_scale}"
            ),
            Notice::Interrupted { step, signal } => match signal {
                Some(signal) => write!(f, "stopped by signal {signal} after step {step}"),
                None => write!(f, "stopped on request after step {step}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_steer_a_terminal_are_escaped() {
        let name = "a\u{1b}[2J\n\u{202e}gnp";
        let file = PathBuf::from(name);
        for notice in [
            Notice::Saved {
                step: 1,
                file: file.clone(),
                bytes: 1,
                seconds: 0.0,
            },
            Notice::NotSaved {
                step: 1,
                problem: name.to_owned(),
            },
            Notice::Resumed {
                step: 1,
                file: file.clone(),
                skipped: vec![name.to_owned()],
            },
            Notice::NothingToResume { folder: file },
        ] {
            let text = notice.to_string();
            assert!(text.contains(r"a\u{1b}[2J\n\u{202e}gnp"), "{text}");
            assert!(!text.contains(['\u{1b}', '\n', '\u{202e}']), "{text}");
        }
    }
}
