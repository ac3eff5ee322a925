//! What a run's health checks found.

use serde::{Deserialize, Serialize};

use crate::json::Json;

/// How much a finding matters.
///
/// ```
/// use burn_gan::report::Severity;
///
/// assert!(Severity::Error > Severity::Info);
/// assert_eq!(serde_json::to_string(&Severity::Warning).unwrap(), r#""warning""#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Something that often ends badly.
    Warning,
    /// The run, or its outcome, is broken.
    Error,
}

impl Severity {
    /// The word that stands for it, in reports and their pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that a health check noticed during a run, as a report tells it.
///
/// ```
/// use burn_gan::report::{Report, ReportFinding, Severity};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let finding = ReportFinding {
///     step: 1_200,
///     severity: Severity::Warning,
///     title: "The discriminator wins".to_owned(),
///     evidence: "it recognised 99.8 % of the last 500 batches".to_owned(),
///     why: "The generator's gradient vanishes.".to_owned(),
///     advice: "Raise the penalty's weight, or lower the discriminator's learning rate.".to_owned(),
/// };
/// Report::new("mnist").finding(finding).save(folder.path())?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportFinding {
    /// The step at which it was noticed.
    pub step: u64,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What was measured.
    pub evidence: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    pub advice: String,
}

impl ReportFinding {
    /// Its fields, as serde names them.
    pub(super) fn json(&self) -> Json {
        Json::object([
            ("step", Json::integer(self.step)),
            ("severity", Json::text(self.severity.word())),
            ("title", Json::text(&self.title)),
            ("evidence", Json::text(&self.evidence)),
            ("why", Json::text(&self.why)),
            ("advice", Json::text(&self.advice)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_a_finding_as_serde_does() {
        for severity in [Severity::Info, Severity::Warning, Severity::Error] {
            let finding = ReportFinding {
                step: u64::MAX,
                severity,
                title: "a".to_owned(),
                evidence: "b".to_owned(),
                why: "c".to_owned(),
                advice: "d".to_owned(),
            };
            let text = finding.json().pretty();
            assert_eq!(text, serde_json::to_string_pretty(&finding).unwrap());
            let read: ReportFinding = serde_json::from_str(&text).unwrap();
            assert_eq!(read, finding);
        }
    }
}
