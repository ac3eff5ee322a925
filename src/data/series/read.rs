//! Which format a file has.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::set::SeriesSet;
use super::settings::SeriesSettings;
use super::{csv_file, ts};
use crate::data::lines;
use crate::error::{Error, Result};

/// The longest line of a `.ts` file, 64 MiB.
const LINE: usize = 64 << 20;

impl SeriesSettings {
    /// Reads a file: `.ts` or CSV by its name (`.ts`, `.ts.gz`, anything else).
    ///
    /// # Errors
    /// If a setting is refused or names no column of the file; if the file can't be read, is not of its
    /// format, or a series has other channels than the one before, another length without a
    /// [`window`](Self::window), or is shorter than one: the line. If there is no series, a line is longer
    /// than 64 MiB (4 MiB in CSV), or windows would take more than [`memory`](Self::memory).
    pub fn read(&self, file: impl AsRef<Path>) -> Result<SeriesSet> {
        let path = file.as_ref();
        let (source, _) = lines::open(path).map_err(|error| Error::io(path, error))?;
        self.read_from(path, source)
    }

    /// [`read`](Self::read) of what `source` gives.
    pub(super) fn read_from(&self, path: &Path, source: impl BufRead) -> Result<SeriesSet> {
        self.validate()?;
        match is_ts(path) {
            true => ts::read(self, path, source),
            false => csv_file::read(self, path, source),
        }
    }
}

/// Whether a file's name is that of a `.ts` file.
pub(super) fn is_ts(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".ts")
}

/// The next line without its end, of at most [`LINE`] bytes; false at the end of the file.
pub(super) fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut part = source.by_ref().take(LINE as u64 + 1);
    part.read_until(b'\n', line)?;
    if line.len() > LINE {
        let words = format!("a line is longer than {LINE} bytes");
        return Err(io::Error::other(words));
    }
    let more = !line.is_empty();
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        line.pop();
    }
    Ok(more)
}
