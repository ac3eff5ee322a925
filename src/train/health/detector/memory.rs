//! A process that takes ever more memory.

use serde::{Deserialize, Serialize};

use super::onset::{Now, Onset};
use crate::train::health::config::MemoryGrowth;
use crate::train::health::finding::FindingKind;

/// Pieces that are kept; then neighbours are joined.
const PIECES: usize = 16;
/// Steps in a piece, at first.
const STEPS: u64 = 50;
/// Pieces that must show the growth.
const ENOUGH: usize = 6;

/// The run's memory in pieces of equal length.
///
/// Joining pieces lets a fixed number of them reach back to the run's beginning, so that slow
/// growth is found as well as fast growth, only later.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct MemoryState {
    pieces: Vec<Piece>,
    /// How often pieces were joined: a piece has `STEPS`·2^`joined` steps.
    joined: u32,
    /// The piece that is being filled.
    open: Option<Piece>,
    pub(in crate::train::health) grows: Onset,
}

/// The least memory in a stretch of the run, and the steps of its first and last check. The
/// least, because what is taken for a moment is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Piece {
    least: u64,
    begin: u64,
    end: u64,
}

impl Piece {
    fn joined(self, later: Self) -> Self {
        Self {
            least: self.least.min(later.least),
            begin: self.begin,
            end: later.end,
        }
    }
}

impl MemoryState {
    pub(in crate::train::health) fn check(
        &mut self,
        bytes: u64,
        config: &MemoryGrowth,
        now: Now,
    ) -> Option<FindingKind> {
        if now.step <= config.warm_up {
            return None;
        }
        let reading = Piece {
            least: bytes,
            begin: now.step,
            end: now.step,
        };
        let open = self.open.map_or(reading, |open| open.joined(reading));
        self.open = Some(open);
        if now.step.saturating_sub(open.begin) < STEPS << self.joined.min(48) {
            return None;
        }
        self.open = None;
        self.pieces.push(open);

        let growth = self.growth(config);
        let tell = self.grows.note(growth.is_some(), 1, now);
        if self.pieces.len() >= PIECES {
            self.pieces = self
                .pieces
                .chunks(2)
                .map(|pair| match *pair {
                    [first, second] => first.joined(second),
                    _ => pair[0],
                })
                .collect();
            self.joined += 1;
        }
        growth.filter(|_| tell)
    }

    /// The growth over the last pieces that rise one after the other, if it is steady and large.
    fn growth(&self, config: &MemoryGrowth) -> Option<FindingKind> {
        let rises = |pair: &&[Piece]| pair[0].least < pair[1].least;
        let rising = self.pieces.windows(2).rev().take_while(rises).count() + 1;
        let run = self.pieces.get(self.pieces.len().checked_sub(rising)?..)?;
        if run.len() < ENOUGH {
            return None;
        }
        let (first, last) = (run[0], run[run.len() - 1]);
        let middle = run[run.len() / 2];
        let grown = last.least - first.least;
        // Memory that comes to rest has its growth in the first half.
        let steady = 4 * (last.least - middle.least) >= grown;
        let large = grown > config.least_bytes && grown as f64 > config.growth * first.least as f64;
        (steady && large).then_some(FindingKind::MemoryGrowth {
            from_bytes: first.least,
            to_bytes: last.least,
            steps: last.end.saturating_sub(first.end),
        })
    }
}
