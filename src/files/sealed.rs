//! Files under a checksum: a line that names the format, a digest, a header, sections.
//!
//! ```text
//! burn-gan checkpoint 2
//! SHA-256 of all that follows this line
//! the header, as JSON on one line, with the names and lengths of the sections
//! the sections, one behind the other
//! ```
//!
//! A file is read as if somebody had made it to do harm: nothing is allocated for a length that
//! the file only claims, and nothing that it holds is believed before the checksum was right.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{open, read_exactly, write_pieces};
use crate::error::{Error, Result};
use crate::text::hex;

/// A kind of file.
pub(crate) struct Kind {
    /// What its first line begins with.
    pub(crate) magic: &'static str,
    /// What it is called in sentences.
    pub(crate) noun: &'static str,
    /// The version of its form, which ends the first line.
    pub(crate) version: u32,
}

/// Longer first lines are no first lines.
const MAGIC_AT_MOST: u64 = 128;
const DIGEST: u64 = 64;
/// Settings have kilobytes.
const HEADER_AT_MOST: u64 = 64 << 20;
/// Bytes that are hashed at a time.
const CHUNK: usize = 1 << 16;

/// The header of a file, which says what sections follow it.
pub(crate) trait Heading: DeserializeOwned {
    fn sections(&self) -> &[Section];
}

/// A section's name and length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    name: String,
    bytes: u64,
}

/// What a header has to say of these sections.
pub(crate) fn list(sections: &[(&str, Vec<u8>)]) -> Vec<Section> {
    let section = |(name, bytes): &(&str, Vec<u8>)| Section {
        name: (*name).to_owned(),
        bytes: bytes.len() as u64,
    };
    sections.iter().map(section).collect()
}

/// Why a file can't be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not what was written: cut short or changed.
    Damaged(String),
    /// It does not begin as a file of this kind does.
    Foreign(String),
    /// It is of another version.
    Version(String),
    /// Its checksum is right, but what it holds can't be.
    Wrong(String),
    /// The system did not give it.
    Io(io::Error),
}

impl Unreadable {
    /// Whether it is proven that these are not the bytes that were written.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Foreign(_))
    }

    /// As the crate's error; what is not the system's goes through `refuse`.
    pub(crate) fn at(self, path: &Path, refuse: fn(&Path, String) -> Error) -> Error {
        match self {
            Self::Io(source) => Error::io(path, source),
            other => refuse(path, other.to_string()),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "is damaged: {what}"),
            Self::Foreign(what) | Self::Version(what) | Self::Wrong(what) => f.write_str(what),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a file, whole or not at all, and returns its size. The header lists the sections.
pub(crate) fn write(
    path: &Path,
    kind: &Kind,
    header: &str,
    sections: &[(&str, Vec<u8>)],
) -> Result<u64> {
    let mut digest = Sha256::new();
    digest.update(header);
    digest.update("\n");
    for (_, bytes) in sections {
        digest.update(bytes);
    }
    let head = format!(
        "{} {}\n{}\n{header}\n",
        kind.magic,
        kind.version,
        hex(&digest.finalize())
    );
    let mut pieces = vec![head.as_bytes()];
    pieces.extend(sections.iter().map(|(_, bytes)| bytes.as_slice()));
    write_pieces(path, &pieces)?;
    Ok(pieces.iter().map(|piece| piece.len() as u64).sum())
}

/// What stands before the sections.
struct Head {
    reader: BufReader<File>,
    /// Of the whole file.
    length: u64,
    digest: String,
    header: String,
}

/// A line of at most so many bytes, without its end; `None` where there is none, or no text.
fn line(reader: &mut impl BufRead, most: u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Ok(None);
    }
    Ok(String::from_utf8(bytes).ok())
}

fn head(path: &Path, kind: &Kind) -> Result<Head, Unreadable> {
    let (file, length) = open(path)?;
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let magic = line(&mut reader, MAGIC_AT_MOST)?.unwrap_or_default();
    let version = magic
        .strip_prefix(kind.magic)
        .and_then(|rest| rest.strip_prefix(' '))
        .and_then(|version| version.parse::<u32>().ok());
    let (noun, reads) = (kind.noun, kind.version);
    match version {
        Some(version) if version == reads => {}
        Some(version) => {
            return Err(Unreadable::Version(format!(
                "is a {noun} of format {version}; this version of the crate reads format {reads}: \
                 open it with the version that wrote it"
            )));
        }
        None => {
            let problem = match magic.strip_prefix("burn-gan ") {
                Some(other) => format!("is no {noun}: it begins as a `{other}`"),
                None => format!(
                    "is no {noun}: it does not begin with `{} {reads}`",
                    kind.magic
                ),
            };
            return Err(Unreadable::Foreign(problem));
        }
    }
    let damaged = |what: &str| Unreadable::Damaged(what.to_owned());
    let digest =
        line(&mut reader, DIGEST)?.ok_or_else(|| damaged("it ends before its checksum does"))?;
    let header =
        line(&mut reader, HEADER_AT_MOST)?.ok_or_else(|| damaged("its header has no end"))?;
    Ok(Head {
        reader,
        length,
        digest,
        header,
    })
}

fn heading<H: DeserializeOwned>(header: &str) -> Result<H, Unreadable> {
    serde_json::from_str(header)
        .map_err(|error| Unreadable::Wrong(format!("has a header that can't be read: {error}")))
}

/// The header of a file, nothing else of which is read: no checksum is looked at.
pub(crate) fn peek<H: DeserializeOwned>(path: &Path, kind: &Kind) -> Result<H, Unreadable> {
    heading(&head(path, kind)?.header)
}

/// A file that was read through and found whole; its sections are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Sealed<H> {
    pub(crate) path: PathBuf,
    pub(crate) header: H,
    file: File,
    /// Name, place and length.
    sections: Vec<(String, u64, u64)>,
}

impl<H: Heading> Sealed<H> {
    /// Opens a file and checks that it is what was written.
    pub(crate) fn open(path: &Path, kind: &Kind) -> Result<Self, Unreadable> {
        let mut head = head(path, kind)?;
        let body = verify(&mut head)?;
        let header: H = heading(&head.header)?;
        let sections = places(header.sections(), head.length - body, body)?;
        Ok(Self {
            path: path.to_owned(),
            header,
            file: head.reader.into_inner(),
            sections,
        })
    }

    /// The bytes of a section; `None` where it has none of this name.
    pub(crate) fn section(&self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some((_, place, length)) = self.sections.iter().find(|(own, ..)| own == name) else {
            return Ok(None);
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(*place))?;
        Ok(Some(read_exactly(file, *length)?))
    }

    /// The sections' names, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, ..)| name.as_str())
    }
}

/// Compares the checksum with what follows it, and says where the sections begin.
fn verify(head: &mut Head) -> Result<u64, Unreadable> {
    let mut sum = Sha256::new();
    sum.update(&head.header);
    sum.update("\n");
    let body = head.reader.stream_position()?;
    let mut chunk = vec![0; CHUNK];
    let mut end = body;
    loop {
        match head.reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                sum.update(&chunk[..count]);
                end += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if hex(&sum.finalize()) != head.digest || end != head.length {
        return Err(Unreadable::Damaged(
            "its checksum does not fit what it holds; it was cut short or changed".to_owned(),
        ));
    }
    Ok(body)
}

/// Where sections lie that fill `length` bytes from `start` on.
fn places(
    sections: &[Section],
    length: u64,
    start: u64,
) -> Result<Vec<(String, u64, u64)>, Unreadable> {
    let total = sections
        .iter()
        .try_fold(0_u64, |sum, section| sum.checked_add(section.bytes));
    if total != Some(length) {
        let said = total.map_or("more than a file can hold".to_owned(), |total| {
            format!("{total} bytes")
        });
        return Err(Unreadable::Wrong(format!(
            "is inconsistent: its sections should be {said}, they are {length}"
        )));
    }
    let mut known = HashSet::new();
    let mut place = start;
    let mut places = Vec::new();
    for Section { name, bytes } in sections {
        if !known.insert(name) {
            return Err(Unreadable::Wrong(format!(
                "is inconsistent: it has two sections `{name}`"
            )));
        }
        places.push((name.clone(), place, *bytes));
        place += bytes;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KIND: Kind = Kind {
        magic: "burn-gan test",
        noun: "test",
        version: 3,
    };

    #[derive(Debug, Serialize, Deserialize)]
    struct Plain {
        about: String,
        sections: Vec<Section>,
    }

    impl Heading for Plain {
        fn sections(&self) -> &[Section] {
            &self.sections
        }
    }

    fn whole() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.test");
        let sections = [
            ("long", (0..=255).cycle().take(2_000).collect()),
            ("empty", vec![]),
            ("run", b"a\nb".to_vec()),
        ];
        let header = Plain {
            about: "it".to_owned(),
            sections: list(&sections),
        };
        let header = serde_json::to_string(&header).expect("JSON");
        let bytes = write(&path, &KIND, &header, &sections).expect("a written file");
        let whole = fs::read(&path).expect("the file");
        assert_eq!(bytes, whole.len() as u64);
        (folder, path, whole)
    }

    fn opened(path: &Path, bytes: &[u8]) -> Result<Sealed<Plain>, Unreadable> {
        fs::write(path, bytes).expect("a writable file");
        Sealed::open(path, &KIND)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let (_folder, path, whole) = whole();
        let file = opened(&path, &whole).expect("a whole file");
        assert_eq!(file.header.about, "it");
        let section = |name| file.section(name).expect("a readable file");
        assert_eq!(section("run").as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(section("long").map(|bytes| bytes.len()), Some(2_000));
        assert_eq!(section("empty"), Some(vec![]));
        assert_eq!(section("none"), None);
        assert_eq!(file.names().collect::<Vec<_>>(), ["long", "empty", "run"]);
        assert_eq!(peek::<Plain>(&path, &KIND).expect("a header").about, "it");
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_told_as_damage_or_as_another_version() {
        let (_folder, path, whole) = whole();
        for length in 0..whole.len() {
            // All short ones, and every fiftieth of the long.
            if length < 300 || length % 50 == 0 || length + 5 > whole.len() {
                let found = opened(&path, &whole[..length]).expect_err("a cut file");
                assert!(found.is_damage(), "{length}: {found}");
            }
        }
        let magic = whole
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a line");
        for place in (0..whole.len()).filter(|place| *place < 300 || place % 41 == 0) {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                let found = opened(&path, &bytes).expect_err("a changed file");
                let version = place + 1 == magic && matches!(found, Unreadable::Version(_));
                assert!(found.is_damage() || version, "{place}, {bit}: {found}");
            }
        }
        let mut longer = whole;
        longer.push(0);
        assert!(
            opened(&path, &longer)
                .expect_err("a longer file")
                .is_damage()
        );
    }

    #[test]
    fn every_kind_of_failure_is_told_from_the_others() {
        let (folder, path, whole) = whole();
        let told = |bytes: &[u8]| opened(&path, bytes).expect_err("no such file");
        let newer = told(b"burn-gan test 4\n");
        assert!(matches!(&newer, Unreadable::Version(text) if text.contains("format 4")));
        let other = told(b"burn-gan checkpoint 3\n");
        assert!(matches!(&other, Unreadable::Foreign(text) if text.contains("`checkpoint 3`")));
        for garbage in [&b""[..], &[0; 5_000], b"{}\n", b"burn-gan test x\n"] {
            assert!(matches!(told(garbage), Unreadable::Foreign(_)));
        }
        let absent = Sealed::<Plain>::open(&folder.path().join("absent"), &KIND);
        assert!(matches!(absent, Err(Unreadable::Io(_))));
        assert!(matches!(
            Sealed::<Plain>::open(folder.path(), &KIND),
            Err(Unreadable::Io(_))
        ));
        drop(whole);
    }

    /// A header with a right checksum before 5 bytes.
    fn sealed(path: &Path, header: &str) -> Unreadable {
        let body = [("", b"12345".to_vec())];
        write(path, &KIND, header, &body).expect("a written file");
        Sealed::<Plain>::open(path, &KIND).expect_err("a wrong header")
    }

    #[test]
    fn lengths_that_are_not_the_files_are_wrong_before_anything_is_allocated() {
        let (_folder, path, _) = whole();
        let sections = |list: &str| {
            let found = sealed(&path, &format!(r#"{{"about":"","sections":[{list}]}}"#));
            assert!(matches!(found, Unreadable::Wrong(_)), "{found}");
            found.to_string()
        };
        let max = u64::MAX;
        for (list, words) in [
            (
                r#"{"name":"a","bytes":4}"#.to_owned(),
                "4 bytes, they are 5",
            ),
            (format!(r#"{{"name":"a","bytes":{max}}}"#), "they are 5"),
            (
                format!(r#"{{"name":"a","bytes":{max}}},{{"name":"b","bytes":6}}"#),
                "more than a file can hold",
            ),
            (
                r#"{"name":"a","bytes":2},{"name":"a","bytes":3}"#.to_owned(),
                "two sections `a`",
            ),
            (r#"{"name":"a","bytes":-5}"#.to_owned(), "can't be read"),
            (
                r#"{"name":"a","bytes":5,"b":1}"#.to_owned(),
                "unknown field",
            ),
        ] {
            let told = sections(&list);
            assert!(told.contains(words), "{told}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(sealed(&path, &deep).to_string().contains("can't be read"));
    }
}
