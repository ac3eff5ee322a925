//! Lengths and widths of a series, from its own length down to a few moments.

use burn::module::Initializer;

use crate::error::{Result, check};
use crate::sizes;

/// The shortest window, and what is halved once more.
const SHORTEST: usize = 8;
/// What is quartered.
const QUARTERED: usize = 32;
/// The shortest kernel: one that reaches over the longest step.
const KERNEL: usize = 4;
/// How much wider the shortest series are than the longest, at the most.
const WIDEST: usize = 16;

/// Strides and lengths of a window, from the full length downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pyramid {
    /// By how much each length is shortened: quarters as long as there are 32 moments, then halves, until
    /// there are fewer than 8.
    pub strides: Vec<usize>,
    /// The length that is left, rounded up at each step.
    pub base: usize,
}

impl Pyramid {
    pub(super) fn of(time: usize) -> Self {
        let mut base = time;
        let mut strides = Vec::new();
        while base >= SHORTEST {
            let stride = if base >= QUARTERED { 4 } else { 2 };
            base = base.div_ceil(stride);
            strides.push(stride);
        }
        Self { strides, base }
    }

    /// The length that the strides make of the base: at least the window's.
    pub(super) fn made(&self) -> usize {
        self.base * self.strides.iter().product::<usize>()
    }

    /// Channels at the full length, then behind each stride.
    pub(super) fn widths(&self, width: usize) -> Vec<usize> {
        let wider = |stage: usize| width.saturating_mul((1 << stage.min(16)).min(WIDEST));
        (0..=self.strides.len()).map(wider).collect()
    }
}

/// What both networks' settings have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub channels: usize,
    pub time: usize,
    pub width: usize,
    pub kernel: usize,
}

impl Sizes {
    /// Refuses sizes that are too small or too large; `ends` are the numbers that a linear layer at the
    /// short end has on its other side.
    pub(super) fn check(self, ends: usize) -> Result<Pyramid> {
        sizes::size("channels", self.channels)?;
        check::at_least("time", self.time, SHORTEST)?;
        sizes::shape("shape", &[self.channels, self.time])?;
        sizes::size("width", self.width)?;
        check::at_least("kernel", self.kernel, KERNEL)?;
        sizes::size("kernel", self.kernel)?;
        let pyramid = Pyramid::of(self.time);
        let widths = pyramid.widths(self.width);
        let mut layers = vec![vec![self.channels, widths[0], self.kernel]];
        for pair in widths.windows(2) {
            layers.push(vec![pair[0], pair[1], self.kernel]);
        }
        layers.push(vec![ends, widths[widths.len() - 1], pyramid.base]);
        sizes::network("width", &layers)?;
        Ok(pyramid)
    }
}

/// Weights that keep the size of what goes through them and a ReLU, `terms` of them in a sum.
pub(super) fn keeping_size(terms: f64) -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: (2.0 / terms).sqrt(),
    }
}
