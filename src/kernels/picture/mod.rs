//! Maps of pictures that are affine in each picture, x ↦ A·x + b, with numbers of its own for each
//! sample of a batch.
//!
//! Their derivatives need A and its transpose, which are on the list themselves, so that they can be
//! differentiated any number of times.

mod colour;
mod warp;

use burn::backend::flex::FlexTensor;

use super::buffers;
use super::storage::{channels_last, from_channels_last, from_rows, lies_channels_last, row_major};
use super::threads;
use crate::network::Fill;

/// What is done with a picture `[channels, height, width]`, and by which numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Picture {
    /// Each pixel's channels through a matrix, an offset, and a share of the picture's mean:
    ///
    /// ```text
    /// y_o = Σ_i M_oi·x_i + μ·mean(x) + b_o        numbers: M row by row, b, μ; c² + c + 1
    /// ```
    Colour,
    /// Pixels from other places, by bilinear interpolation, exact at whole ones:
    ///
    /// ```text
    /// y(X, Y) = x(n₀·X + n₁·Y + n₂, n₃·X + n₄·Y + n₅)        X to the right, Y down
    /// ```
    Warp(Fill),
    /// Zeros in a rectangle: rows from, rows to, columns from, columns to.
    Cut,
}

/// Which part of an affine map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A·x + b.
    Whole,
    /// A·x.
    Linear,
    /// Aᵀ·x.
    Transposed,
}

impl Part {
    /// What the backward pass does with a gradient.
    pub(super) fn backward(self) -> Self {
        match self {
            Self::Whole | Self::Linear => Self::Transposed,
            Self::Transposed => Self::Linear,
        }
    }
}

/// The map of each picture of `[batch, channels, height, width]`; `numbers` is `[batch, …]`.
pub(super) fn apply(
    picture: Picture,
    part: Part,
    x: &FlexTensor,
    numbers: &FlexTensor,
) -> FlexTensor {
    let shape = x.layout().shape().to_vec();
    let [batch, channels, height, width] = [0, 1, 2, 3].map(|axis| shape[axis]);
    let last = lies_channels_last(x);
    let out = {
        let order = if last { channels_last } else { row_major };
        let (x, numbers) = (order(x), row_major(numbers));
        let form = Form {
            channels,
            height,
            width,
            by_pixel: if last { channels } else { 1 },
            by_channel: if last { 1 } else { height * width },
        };
        let (size, per) = (x.len() / batch, numbers.len() / batch);
        let mut out = buffers::take(x.len());
        let ranges = threads::split(batch, threads::for_numbers(x.len()));
        let pieces = threads::cut(&mut out, &ranges, size);
        threads::run(ranges.into_iter().zip(pieces), |(range, out)| {
            let from = x[range.start * size..range.end * size].chunks_exact(size);
            let numbers = numbers[range.start * per..range.end * per].chunks_exact(per);
            for ((to, from), numbers) in out.chunks_exact_mut(size).zip(from).zip(numbers) {
                match picture {
                    Picture::Colour => form.colour(part, from, to, numbers),
                    Picture::Warp(fill) => form.warp(part, fill, from, to, numbers),
                    Picture::Cut => form.cut(from, to, numbers),
                }
            }
        });
        out
    };
    if last {
        from_channels_last(out, &shape)
    } else {
        from_rows(out, &shape)
    }
}

/// The sizes of a picture, and how its numbers lie.
#[derive(Debug, Clone, Copy)]
struct Form {
    channels: usize,
    height: usize,
    width: usize,
    /// From a pixel to the next.
    by_pixel: usize,
    /// From a channel to the next.
    by_channel: usize,
}

impl Form {
    fn cut(&self, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        to.copy_from_slice(from);
        let [top, bottom, left, right] = std::array::from_fn(|index| numbers[index] as usize);
        for row in top..bottom.min(self.height) {
            for column in left..right.min(self.width) {
                let pixel = (row * self.width + column) * self.by_pixel;
                for channel in 0..self.channels {
                    to[pixel + channel * self.by_channel] = 0.0;
                }
            }
        }
    }
}
