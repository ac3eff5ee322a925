//! One checkpoint as a file: a header and sections, under one checksum.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::write_whole;

/// The first line; the number is the format's version.
const MAGIC: &str = "burn-gan checkpoint 1";

/// What a file says of itself before its sections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of the crate that wrote it.
    pub(super) crate_version: String,
    /// Steps made.
    pub(super) step: u64,
    /// Of the records: `full` or `double`.
    pub(super) precision: String,
    /// Everything that the run was made with.
    pub(super) settings: serde_json::Value,
    /// The metric that the best checkpoint is chosen by.
    pub(super) metric: Option<Metric>,
    /// What follows, in its order.
    sections: Vec<Section>,
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Section {
    name: String,
    bytes: usize,
}

impl Header {
    pub(super) fn new(step: u64, precision: &str, settings: serde_json::Value) -> Self {
        Self {
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            step,
            precision: precision.to_owned(),
            settings,
            metric: None,
            sections: Vec::new(),
        }
    }
}

/// A checkpoint that was read and found whole.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    body: Vec<u8>,
}

/// An error that names the file.
pub(super) fn refuse(path: &Path, problem: impl Into<String>) -> Error {
    Error::Checkpoint {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

/// Writes a checkpoint, whole or not at all, and returns its size.
///
/// ```text
/// burn-gan checkpoint 1
/// SHA-256 of all that follows this line
/// the header, as JSON
/// the sections, one behind the other
/// ```
pub(super) fn write(path: &Path, mut header: Header, sections: &[(&str, Vec<u8>)]) -> Result<u64> {
    header.sections = sections
        .iter()
        .map(|(name, bytes)| Section {
            name: (*name).to_owned(),
            bytes: bytes.len(),
        })
        .collect();
    let head = serde_json::to_string(&header)
        .map_err(|error| refuse(path, format!("its header can't be written: {error}")))?;
    let mut digest = Sha256::new();
    digest.update(&head);
    digest.update("\n");
    for (_, bytes) in sections {
        digest.update(bytes);
    }
    let length: usize = sections.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut whole = Vec::with_capacity(length + head.len() + 128);
    whole.extend_from_slice(format!("{MAGIC}\n{}\n{head}\n", hex(&digest.finalize())).as_bytes());
    for (_, bytes) in sections {
        whole.extend_from_slice(bytes);
    }
    write_whole(path, &whole)?;
    Ok(whole.len() as u64)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A text line's end and the bytes behind it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((text, &bytes[end + 1..]))
}

impl File {
    /// Reads a file and checks that it is what was written.
    ///
    /// # Errors
    /// If the file can't be read, is no checkpoint, of another version, or damaged.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
        let foreign = || {
            refuse(
                path,
                format!("is no checkpoint: it does not begin with `{MAGIC}`"),
            )
        };
        let (magic, rest) = line(&bytes).ok_or_else(foreign)?;
        if magic != MAGIC {
            return Err(match magic.strip_prefix("burn-gan checkpoint ") {
                Some(version) => refuse(
                    path,
                    format!(
                        "is a checkpoint of format {version}; this version of the crate reads \
                         format 1"
                    ),
                ),
                None => foreign(),
            });
        }
        let damaged = |what: &str| refuse(path, format!("is damaged: {what}"));
        let (digest, checked) = line(rest).ok_or_else(|| damaged("it ends in its checksum"))?;
        if hex(&Sha256::digest(checked)) != digest {
            return Err(damaged(
                "its checksum does not fit what it holds; it was cut short or changed",
            ));
        }
        let (head, body) = line(checked).ok_or_else(|| damaged("it has no header"))?;
        let header: Header = serde_json::from_str(head)
            .map_err(|error| damaged(&format!("its header can't be read: {error}")))?;
        let length: usize = header.sections.iter().map(|section| section.bytes).sum();
        if length != body.len() {
            return Err(damaged(&format!(
                "its sections should be {length} bytes, they are {}",
                body.len()
            )));
        }
        let body = body.to_vec();
        Ok(Self {
            path: path.to_owned(),
            header,
            body,
        })
    }

    /// The bytes of a section; `None` where it has none of this name.
    pub(super) fn section(&self, name: &str) -> Option<&[u8]> {
        let mut start = 0;
        for section in &self.header.sections {
            let end = start + section.bytes;
            if section.name == name {
                return Some(&self.body[start..end]);
            }
            start = end;
        }
        None
    }

    /// The bytes of a section that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&[u8]> {
        self.section(name)
            .ok_or_else(|| refuse(&self.path, format!("has no section `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("step-000000007.checkpoint");
        let settings = serde_json::json!({"steps": 10, "loss": "hinge"});
        let mut header = Header::new(7, "full", settings);
        header.metric = Some(Metric {
            name: "kl".to_owned(),
            value: f64::INFINITY,
        });
        let sections = [
            ("networks", (0..=255).cycle().take(4_000).collect()),
            ("empty", vec![]),
            ("run", b"a\nb".to_vec()),
        ];
        let bytes = write(&path, header, &sections).expect("a written file");
        assert_eq!(bytes, fs::metadata(&path).expect("the file").len());
        path
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::read(&written(folder.path())).expect("a whole file");
        assert_eq!(file.header.step, 7);
        assert_eq!(file.header.settings["loss"], "hinge");
        assert_eq!(
            file.header.metric.as_ref().expect("a metric").value,
            f64::INFINITY
        );
        assert_eq!(file.required("networks").expect("it").len(), 4_000);
        assert_eq!(file.section("empty"), Some(&[][..]));
        assert_eq!(file.section("run"), Some(&b"a\nb"[..]));
        assert!(file.required("ema").is_err());
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let whole = fs::read(&path).expect("the file");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a writable file");
            let error = File::read(&path).expect_err("a damaged file").to_string();
            assert!(error.contains("step-000000007.checkpoint"), "{error}");
        };
        for length in 0..whole.len() {
            // All short ones, and every fiftieth of the long.
            if length < 400 || length % 50 == 0 || length + 5 > whole.len() {
                refused(&whole[..length]);
            }
        }
        for place in (0..whole.len()).filter(|place| *place < 400 || place % 41 == 0) {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                refused(&bytes);
            }
        }
        let mut longer = whole.clone();
        longer.push(0);
        refused(&longer);
    }

    #[test]
    fn another_format_says_its_version() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("newer.checkpoint");
        fs::write(&path, "burn-gan checkpoint 2\n").expect("a written file");
        let error = File::read(&path).expect_err("a newer file").to_string();
        assert!(error.contains("format 2"), "{error}");
    }
}
