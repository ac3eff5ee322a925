//! Choices of one case.

use burn_gan::random::Stream;

/// A stream with the choices that mutators make.
pub struct Random(Stream);

impl Random {
    pub fn new(seed: u64, reader: &str, case: u64) -> Self {
        Self(Stream::new(seed, &format!("{reader} {case}")))
    }

    /// One of `0..below`; 0 where there is nothing to choose.
    pub fn below(&mut self, below: usize) -> usize {
        if below == 0 { 0 } else { self.0.index(below) }
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A part of `0..length`, as (start, end); short ones mostly.
    pub fn range(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        let most = if self.one_in(4) { length } else { 16 };
        let end = (start + self.below(most + 1)).min(length);
        (start, end)
    }
}
