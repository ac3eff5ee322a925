//! Blanks before cells.

use std::io::{self, Read};

/// Leaves out blanks at the start of cells: behind them (`a, "b, c"`) a quote would be taken for a
/// letter.
#[derive(Debug)]
pub(super) struct Unindented<R> {
    source: R,
    delimiter: u8,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Before a cell.
    Start,
    /// In a cell without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote within quotes: the last, or the first of two that stand for one.
    Closed,
}

impl<R> Unindented<R> {
    pub(super) fn new(source: R, delimiter: u8) -> Self {
        Self {
            source,
            delimiter,
            place: Place::Start,
        }
    }

    /// Whether a byte is kept.
    fn keeps(&mut self, byte: u8) -> bool {
        let blank = matches!(byte, b' ' | b'\t') && byte != self.delimiter;
        let ends = byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        if self.place == Place::Start && blank {
            return false;
        }
        self.place = match (self.place, byte) {
            (Place::Start | Place::Closed, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Closed,
            (Place::Quoted, _) => Place::Quoted,
            _ if ends => Place::Start,
            _ => Place::Plain,
        };
        true
    }
}

impl<R: Read> Read for Unindented<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.source.read(buffer)?;
            if count == 0 {
                return Ok(0);
            }
            let mut kept = 0;
            for at in 0..count {
                let byte = buffer[at];
                if self.keeps(byte) {
                    buffer[kept] = byte;
                    kept += 1;
                }
            }
            // Nothing would be the end.
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_at_the_start_of_cells_and_nowhere_else() {
        for (text, expected) in [
            ("a,  \"b,  c\", d e\n  f", "a,\"b,  c\",d e\nf"),
            ("\"a \"\" b\", \"c\"", "\"a \"\" b\",\"c\""),
            ("5\" pipe, x", "5\" pipe,x"),
            ("   ", ""),
        ] {
            let mut all = String::new();
            let mut source = Unindented::new(text.as_bytes(), b',');
            source.read_to_string(&mut all).expect("text");
            assert_eq!(all, expected);
        }
        let mut all = String::new();
        let mut tabs = Unindented::new("a\t\t b".as_bytes(), b'\t');
        tabs.read_to_string(&mut all).expect("text");
        assert_eq!(all, "a\t\tb");
    }
}
