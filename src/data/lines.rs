//! Text files, plain or compressed, and their lines, whose length has a bound.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::files;

/// A regular file to read, decompressed if its first two bytes are gzip's, and its length on the disk.
pub(super) fn open(path: &Path) -> io::Result<(Box<dyn BufRead>, u64)> {
    let (file, length) = files::open(path)?;
    let mut file = BufReader::new(file);
    let source: Box<dyn BufRead> = match file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    };
    Ok((source, length))
}

/// Passes bytes on as long as lines end: one that doesn't would be in memory whole, however long.
pub(super) struct Lines<'a, R> {
    pub(super) source: R,
    /// Bytes since a line was given.
    pub(super) since: &'a Cell<usize>,
    pub(super) most: usize,
}

impl<R: Read> Read for Lines<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.since.set(self.since.get() + count);
        if self.since.get() > self.most {
            let words = format!("a line is longer than {} bytes", self.most);
            return Err(io::Error::other(words));
        }
        Ok(count)
    }
}
