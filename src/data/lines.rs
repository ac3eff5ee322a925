//! Lines of text files whose length has a bound.

use std::cell::Cell;
use std::io::{self, Read};

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
