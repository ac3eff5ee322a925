//! Numbers put elsewhere: ranges of channels, and pixels that become channels.
//!
//! Each map has the next one's matrix transposed, so that gradients of any order are maps of this list.
//! Whichever way a tensor lies, it is read and written in its order, and nothing is turned around
//! before or after.

use burn::backend::flex::FlexTensor;

use super::buffers::{self, Buffer};
use super::simd::{Loop, vectorized};
use super::storage::Order;
use super::threads;

/// Where numbers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rearrange {
    /// Of `of` channels those from `first` on, `count` of them.
    Take {
        first: usize,
        count: usize,
        of: usize,
    },
    /// `count` channels as those from `first` on, of `of`; the others are 0.
    Put {
        first: usize,
        count: usize,
        of: usize,
    },
    /// Channels to pixels, `[n, c·factor², h, w]` to `[n, c, factor·h, factor·w]`.
    Shuffle(usize),
    /// Pixels to channels, the way back.
    Unshuffle(usize),
}

impl Rearrange {
    /// The map whose matrix is this one's transposed.
    pub(super) fn transposed(self) -> Self {
        match self {
            Self::Take { first, count, of } => Self::Put { first, count, of },
            Self::Put { first, count, of } => Self::Take { first, count, of },
            Self::Shuffle(factor) => Self::Unshuffle(factor),
            Self::Unshuffle(factor) => Self::Shuffle(factor),
        }
    }

    /// Whether tensors of this shape can be rearranged so.
    pub(super) fn suits(self, shape: &[usize]) -> bool {
        let [_, channels, pixels @ ..] = shape else {
            return false;
        };
        match self {
            Self::Take { first, count, of } => *channels == of && count > 0 && first + count <= of,
            Self::Put { first, count, of } => {
                *channels == count && count > 0 && first + count <= of
            }
            Self::Shuffle(factor) => {
                pixels.len() == 2 && factor > 0 && channels.is_multiple_of(factor * factor)
            }
            Self::Unshuffle(factor) => {
                let whole = |side: &usize| side.is_multiple_of(factor);
                pixels.len() == 2 && factor > 0 && pixels.iter().all(whole)
            }
        }
    }

    /// The shape of what comes out.
    fn output(self, given: &[usize]) -> Vec<usize> {
        let mut shape = given.to_vec();
        match self {
            Self::Take { count, .. } => shape[1] = count,
            Self::Put { of, .. } => shape[1] = of,
            Self::Shuffle(factor) => {
                shape[1] /= factor * factor;
                shape[2] *= factor;
                shape[3] *= factor;
            }
            Self::Unshuffle(factor) => {
                shape[1] *= factor * factor;
                shape[2] /= factor;
                shape[3] /= factor;
            }
        }
        shape
    }
}

/// The rearranged tensor.
pub(super) fn apply(map: Rearrange, x: &FlexTensor) -> FlexTensor {
    let given: &[usize] = x.layout().shape();
    let shape = map.output(given);
    let order = Order::of(x);
    let last = order == Order::ChannelsLast;
    let numbers = order.numbers(x);
    let y = match map {
        Rearrange::Take { first, count, of } => {
            // Row by row, a range of channels is a range of each sample's numbers.
            let unit = if last { 1 } else { pixels(given) };
            by_rows(&numbers, [of * unit, count * unit], |y, x| {
                y.copy_from_slice(&x[first * unit..(first + count) * unit]);
            })
        }
        Rearrange::Put { first, count, of } => {
            let unit = if last { 1 } else { pixels(given) };
            by_rows(&numbers, [count * unit, of * unit], |y, x| {
                let (before, rest) = y.split_at_mut(first * unit);
                let (place, after) = rest.split_at_mut(count * unit);
                before.fill(0.0);
                place.copy_from_slice(x);
                after.fill(0.0);
            })
        }
        Rearrange::Shuffle(factor) => {
            let squares = Squares::new(factor, last, &shape);
            blocks(&numbers, squares, |squares, larger, smaller| {
                vectorized(ToPixels(squares, larger, smaller));
            })
        }
        Rearrange::Unshuffle(factor) => {
            let squares = Squares::new(factor, last, given);
            blocks(&numbers, squares, |squares, smaller, larger| {
                vectorized(ToChannels(squares, larger, smaller));
            })
        }
    };
    order.tensor(y, &shape)
}

fn pixels(shape: &[usize]) -> usize {
    shape[2..].iter().product()
}

/// Each row of the output from that of the input.
fn by_rows(x: &[f32], [from, to]: [usize; 2], row: impl Fn(&mut [f32], &[f32]) + Sync) -> Buffer {
    let rows = x.len() / from;
    let mut y = buffers::take(rows * to);
    let ranges = threads::split(rows, threads::for_numbers(x.len().max(y.len())));
    let pieces = threads::cut(&mut y, &ranges, to);
    threads::run(ranges.into_iter().zip(pieces), |(range, y)| {
        let x = x[range.start * from..range.end * from].chunks_exact(from);
        for (y, x) in y.chunks_exact_mut(to).zip(x) {
            row(y, x);
        }
    });
    y
}

/// Squares of pixels that are channels in smaller images: both kinds of images fall into blocks of
/// the same numbers.
#[derive(Clone, Copy)]
struct Squares {
    factor: usize,
    /// Whether channels lie innermost: a block is a row of pixels of the smaller images. If not, it is
    /// a channel of the larger ones.
    last: bool,
    channels: usize,
    /// The smaller images'.
    height: usize,
    width: usize,
}

impl Squares {
    fn new(factor: usize, last: bool, larger: &[usize]) -> Self {
        Self {
            factor,
            last,
            channels: larger[1],
            height: larger[2] / factor,
            width: larger[3] / factor,
        }
    }

    fn block(self) -> usize {
        let others = if self.last {
            self.channels
        } else {
            self.height
        };
        self.factor * self.factor * self.width * others
    }

    /// Calls `pair(larger, smaller)` for all pairs of places within a block.
    #[inline(always)]
    fn each(self, pair: impl FnMut(usize, usize)) {
        // The sizes that networks have, known to the compiler.
        match self.factor {
            2 => self.pairs(2, pair),
            factor => self.pairs(factor, pair),
        }
    }

    #[inline(always)]
    fn pairs(self, factor: usize, mut pair: impl FnMut(usize, usize)) {
        let Self {
            last,
            channels,
            height,
            width,
            ..
        } = self;
        let square = factor * factor;
        if last {
            for a in 0..factor {
                for j in 0..width {
                    for b in 0..factor {
                        let larger = ((a * width + j) * factor + b) * channels;
                        let smaller = j * channels * square + a * factor + b;
                        for c in 0..channels {
                            pair(larger + c, smaller + c * square);
                        }
                    }
                }
            }
        } else {
            for i in 0..height {
                for a in 0..factor {
                    for b in 0..factor {
                        let larger = (i * factor + a) * width * factor + b;
                        let smaller = ((a * factor + b) * height + i) * width;
                        for j in 0..width {
                            pair(larger + j * factor, smaller + j);
                        }
                    }
                }
            }
        }
    }
}

/// larger from smaller.
struct ToPixels<'a>(Squares, &'a mut [f32], &'a [f32]);

impl Loop for ToPixels<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(squares, larger, smaller) = self;
        squares.each(|to, from| larger[to] = smaller[from]);
    }
}

/// smaller from larger.
struct ToChannels<'a>(Squares, &'a [f32], &'a mut [f32]);

impl Loop for ToChannels<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(squares, larger, smaller) = self;
        squares.each(|from, to| smaller[to] = larger[from]);
    }
}

/// Each block of the output from that of the input, of the same size.
fn blocks(
    x: &[f32],
    squares: Squares,
    block: impl Fn(Squares, &mut [f32], &[f32]) + Sync,
) -> Buffer {
    let size = squares.block();
    by_rows(x, [size, size], |y, x| block(squares, y, x))
}
