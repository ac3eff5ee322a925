//! What a run came to.

use crate::pair::Pair;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Finding, Measurement, Notice};
use crate::error::Result;
use crate::models::save_safetensors;
use crate::report::{Report, ReportFinding};
use crate::step::TrainState;

/// Why a run ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Ending {
    /// All its steps are made.
    Finished,
    /// It was asked to stop ([`Interrupt`](super::Interrupt)); it can be resumed where it has
    /// checkpoints.
    Interrupted {
        /// The number of the signal that asked, if one did.
        signal: Option<i32>,
    },
    /// The health watch found something whose policy is to halt.
    Halted(Finding),
    /// It has trained for as long as it may ([`Limits`](super::Limits)); it can be resumed where it
    /// has checkpoints.
    TimeUp,
}

impl Ending {
    /// Whether all steps are made.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Finished)
    }

    /// The exit code that a program ends with after it, as shells understand it: 0 when finished,
    /// 128 + signal when a signal stopped the run (130 for Ctrl-C, 143 for SIGTERM), 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Interrupted {
                signal: Some(signal),
            } => u8::try_from(128 + signal).unwrap_or(1),
            Self::Interrupted { signal: None } | Self::Halted(_) | Self::TimeUp => 1,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Interrupted { signal: Some(2) } => f.write_str("stopped by Ctrl-C (SIGINT)"),
            Self::Interrupted { signal: Some(1) } => {
                f.write_str("stopped when its terminal was closed (SIGHUP)")
            }
            Self::Interrupted { signal: Some(15) } => f.write_str("stopped by SIGTERM"),
            Self::Interrupted {
                signal: Some(signal),
            } => write!(f, "stopped by signal {signal}"),
            Self::Interrupted { signal: None } => f.write_str("stopped on request"),
            Self::Halted(finding) => write!(f, "halted: {finding}"),
            Self::TimeUp => f.write_str("stopped at its limit of time"),
        }
    }
}

/// A run that is over: the state it left, and how it went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run<P: Pair> {
    /// The networks and what trained them.
    pub state: TrainState<P>,
    /// Why it ended.
    pub ending: Ending,
    /// All that was told beside the steps, in this process, in its order; of more than 10,000 the
    /// first and the last 5,000.
    pub notices: Vec<Notice>,
    /// All findings of the health watch, those before a resume included; of more than 1,000 the
    /// first and the last 500.
    pub findings: Vec<Finding>,
    /// The newest of each number that evaluators have measured.
    pub measurements: Vec<Measurement>,
    /// Training time, that before a resume included.
    pub elapsed: Duration,
    /// The checkpoint that the run went on from, if it did.
    pub resumed_from: Option<PathBuf>,
    /// Why `state` is in no checkpoint, where it should be: the disk is full, or it holds numbers
    /// that are not finite. It is all there is of the run's last steps then.
    pub unsaved: Option<String>,
}

impl<P: Pair> Run<P> {
    /// The exit code for a program that ends with this run: that of its
    /// [ending](Ending::exit_code), but not 0 where the end state could not be stored.
    pub fn exit_code(&self) -> u8 {
        match self.ending.exit_code() {
            0 if self.unsaved.is_some() => 1,
            code => code,
        }
    }

    /// Writes the generator's weights into a folder, for programs of any kind
    /// ([`save_safetensors`]): `generator.safetensors` as they were trained and, where the run keeps
    /// an average of them, `generator_ema.safetensors`. Returns the files, for
    /// [`Report::files`].
    ///
    /// # Errors
    /// Those of [`save_safetensors`].
    pub fn save_weights(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let folder = folder.as_ref();
        let trained = folder.join("generator.safetensors");
        save_safetensors(&trained, &self.state.trained(), &[])?;
        let mut files = vec![trained];
        if self.state.ema.is_some() {
            let averaged = folder.join("generator_ema.safetensors");
            save_safetensors(&averaged, &self.state.sampler(), &[])?;
            files.push(averaged);
        }
        Ok(files)
    }

    /// Adds to a report how the run went: why it ended, its findings, its time (`training`), its
    /// steps, the digest of its state, and what evaluators have measured last.
    pub fn report(&self, report: Report) -> Report {
        let step = self.state.step;
        let ending = match &self.ending {
            Ending::Finished => "finished".to_owned(),
            Ending::Halted(finding) => format!("halted after step {step}: {}", finding.title()),
            stopped => format!("{stopped} after step {step}"),
        };
        let report = report
            .ending(ending)
            .timing("training", self.elapsed.as_secs_f64())
            .metric("steps", step)
            .metric("digest", self.state.digest());
        let report = (self.measurements.iter()).fold(report, |report, number| {
            report.metric(&number.name, number.value)
        });
        let report = match &self.unsaved {
            Some(problem) => report.metric("unsaved", problem),
            None => report,
        };
        self.findings
            .iter()
            .fold(report, |report, finding| report.finding(finding.into()))
    }
}

impl From<&Finding> for ReportFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            step: finding.step,
            severity: finding.severity(),
            title: finding.title().to_string(),
            evidence: finding.evidence(),
            why: finding.why().to_string(),
            advice: finding.advice().to_string(),
        }
    }
}
