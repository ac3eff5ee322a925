//! One checkpoint as a file: a header and sections, under one checksum.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::sealed::{self, Heading, Kind, Sealed, Section, Unreadable};

const KIND: Kind = Kind {
    magic: "burn-gan checkpoint",
    noun: "checkpoint",
    version: 4,
};

/// What a file says of itself before its sections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The version of the crate that wrote it.
    pub(super) crate_version: String,
    /// Steps made.
    pub(super) step: u64,
    /// Everything that the run was made with.
    pub(super) settings: serde_json::Value,
    /// The metric that the best checkpoint is chosen by.
    pub(super) metric: Option<Metric>,
    /// What follows, in its order.
    sections: Vec<Section>,
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    pub(super) name: String,
    /// Not finite where it could not be measured.
    #[serde(with = "as_text")]
    pub(super) value: f64,
}

/// Numbers as text: JSON knows no NaN.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl Header {
    pub(super) fn new(step: u64, settings: serde_json::Value) -> Self {
        Self {
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            step,
            settings,
            metric: None,
            sections: Vec::new(),
        }
    }

    /// That of a file, nothing else of which is read.
    pub(super) fn peek(path: &Path) -> Result<Self, Unreadable> {
        sealed::peek(path, &KIND)
    }
}

impl Heading for Header {
    fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// A checkpoint that was found whole.
pub(super) type File = Sealed<Header>;

/// An error that names the file.
pub(super) fn refuse(path: &Path, problem: impl Into<String>) -> Error {
    Error::Checkpoint {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

/// As the crate's error, with the file.
pub(super) fn unreadable(error: Unreadable, path: &Path) -> Error {
    error.at(path, refuse)
}

/// Writes a checkpoint, whole or not at all, and returns its size.
pub(super) fn write(path: &Path, mut header: Header, sections: &[(&str, Vec<u8>)]) -> Result<u64> {
    header.sections = sealed::list(sections);
    let head = serde_json::to_string(&header)
        .map_err(|error| refuse(path, format!("its header can't be written: {error}")))?;
    sealed::write(path, &KIND, &head, sections)
}

/// Opens a file and checks that it is what was written.
pub(super) fn read(path: &Path) -> Result<File, Unreadable> {
    let file = File::open(path, &KIND)?;
    match super::folder::step_of(path) {
        Some(step) if step != file.header.step => Err(Unreadable::Wrong(format!(
            "is inconsistent: it was made after step {}, its name says {step}",
            file.header.step
        ))),
        _ => Ok(file),
    }
}

impl File {
    /// The bytes of a section that must be there.
    pub(super) fn required(&self, name: &str) -> Result<Vec<u8>> {
        self.optional(name)?
            .ok_or_else(|| refuse(&self.path, format!("has no section `{name}`")))
    }

    /// The bytes of a section; `None` where it has none of this name.
    pub(super) fn optional(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.section(name)
            .map_err(|error| unreadable(error, &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("step-000000007.checkpoint");
        let settings = serde_json::json!({"steps": 10, "loss": "hinge"});
        let mut header = Header::new(7, settings);
        header.metric = Some(Metric {
            name: "kl".to_owned(),
            value: f64::INFINITY,
        });
        let sections = [("networks", vec![1; 4_000]), ("empty", vec![])];
        let bytes = write(&path, header, &sections).expect("a written file");
        assert_eq!(bytes, std::fs::metadata(&path).expect("the file").len());
        let file = read(&path).expect("a whole file");
        assert_eq!(file.header.step, 7);
        assert_eq!(file.header.settings["loss"], "hinge");
        let metric = |header: &Header| header.metric.as_ref().expect("a metric").value;
        assert_eq!(metric(&file.header), f64::INFINITY);
        assert_eq!(metric(&Header::peek(&path).expect("it")), f64::INFINITY);
        assert_eq!(file.required("networks").expect("it").len(), 4_000);
        assert_eq!(file.optional("empty").expect("it"), Some(vec![]));
        assert!(file.required("ema").is_err());
    }

    #[test]
    fn a_name_of_another_step_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let header = || Header::new(7, serde_json::Value::Null);
        for (name, right) in [
            ("step-000000007.checkpoint", true),
            ("step-000000008.checkpoint", false),
            ("mine.checkpoint", true),
        ] {
            write(&at(name), header(), &[]).expect("a written file");
            assert_eq!(read(&at(name)).is_ok(), right, "{name}");
        }
    }
}
