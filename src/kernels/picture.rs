//! Maps of pictures that are affine in each picture, x ↦ A·x + b, with numbers of its own for each
//! sample of a batch.
//!
//! Their derivatives need A and its transpose, which are on the list themselves, so that they can be
//! differentiated any number of times.

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

/// Places further away are as good as here.
const FAR: f32 = 1e9;

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
    fn colour(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        match self.channels {
            1 => self.colour_of::<1>(part, from, to, numbers),
            3 => self.colour_of::<3>(part, from, to, numbers),
            4 => self.colour_of::<4>(part, from, to, numbers),
            _ => self.colour_of_any(part, from, to, numbers),
        }
    }

    /// What is added to each channel of each pixel.
    fn added(&self, part: Part, numbers: &[f32], channel: usize, mean: f32) -> f32 {
        let squared = self.channels * self.channels;
        // The share of the mean is its own transpose.
        let shared = numbers[squared + self.channels] * mean;
        match part {
            Part::Whole => shared + numbers[squared + channel],
            Part::Linear | Part::Transposed => shared,
        }
    }

    /// The mean of a picture, where a map asks for it.
    fn mean(&self, from: &[f32], numbers: &[f32]) -> f32 {
        if numbers[self.channels * (self.channels + 1)] == 0.0 {
            return 0.0;
        }
        let mut lanes = [0.0f32; 16];
        let chunks = from.chunks_exact(16);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane += x;
            }
        }
        (lanes.iter().sum::<f32>() + rest) / from.len() as f32
    }

    /// The entry of M, or of its transpose.
    fn entry(&self, part: Part, numbers: &[f32], to: usize, from: usize) -> f32 {
        match part {
            Part::Whole | Part::Linear => numbers[to * self.channels + from],
            Part::Transposed => numbers[from * self.channels + to],
        }
    }

    fn colour_of<const C: usize>(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        let mean = self.mean(from, numbers);
        let matrix: [[f32; C]; C] =
            std::array::from_fn(|o| std::array::from_fn(|i| self.entry(part, numbers, o, i)));
        let added: [f32; C] = std::array::from_fn(|o| self.added(part, numbers, o, mean));
        let mixed = |x: [f32; C]| -> [f32; C] {
            std::array::from_fn(|o| {
                let mut sum = added[o];
                for i in 0..C {
                    sum += matrix[o][i] * x[i];
                }
                sum
            })
        };
        if self.by_channel == 1 {
            for (to, from) in to.chunks_exact_mut(C).zip(from.chunks_exact(C)) {
                to.copy_from_slice(&mixed(std::array::from_fn(|i| from[i])));
            }
            return;
        }
        let pixels = self.height * self.width;
        for pixel in 0..pixels {
            let y = mixed(std::array::from_fn(|i| from[i * pixels + pixel]));
            for (o, y) in y.into_iter().enumerate() {
                to[o * pixels + pixel] = y;
            }
        }
    }

    fn colour_of_any(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        let mean = self.mean(from, numbers);
        for pixel in 0..self.height * self.width {
            let first = pixel * self.by_pixel;
            for o in 0..self.channels {
                let mut sum = self.added(part, numbers, o, mean);
                for i in 0..self.channels {
                    let x = from[first + i * self.by_channel];
                    sum += self.entry(part, numbers, o, i) * x;
                }
                to[first + o * self.by_channel] = sum;
            }
        }
    }

    fn warp(&self, part: Part, fill: Fill, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        let outside = match (part, fill) {
            (Part::Whole, Fill::Value(value)) => value as f32,
            _ => 0.0,
        };
        if part == Part::Transposed {
            to.fill(0.0);
        }
        let n: [f32; 6] = std::array::from_fn(|index| numbers[index]);
        let mut pixel = 0;
        for down in 0..self.height {
            let [across_from, down_from] = [0, 3].map(|row| n[row + 1] * down as f32 + n[row + 2]);
            for across in 0..self.width {
                let right = n[0] * across as f32 + across_from;
                let below = n[3] * across as f32 + down_from;
                self.tap(part, fill, from, to, pixel, [right, below], outside);
                pixel += self.by_pixel;
            }
        }
    }

    /// One pixel of a warp, at `pixel` in the output, taken from `place` in the input.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn tap(
        &self,
        part: Part,
        fill: Fill,
        from: &[f32],
        to: &mut [f32],
        pixel: usize,
        place: [f32; 2],
        outside: f32,
    ) {
        let whole = place.map(f32::floor);
        let beyond = [place[0] - whole[0], place[1] - whole[1]];
        let [column, row] = whole.map(|place| place.clamp(-FAR, FAR) as i64);
        // A weight of 0 takes nothing, not even a NaN.
        let taps = |axis: usize| if beyond[axis] == 0.0 { 1 } else { 2 };
        let transposed = part == Part::Transposed;
        if !transposed {
            for channel in 0..self.channels {
                to[pixel + channel * self.by_channel] = 0.0;
            }
        }
        for lower in 0..taps(1) {
            let row = fill.source(row + lower, self.height);
            let by_row = if lower == 0 {
                1.0 - beyond[1]
            } else {
                beyond[1]
            };
            for further in 0..taps(0) {
                let column = fill.source(column + further, self.width);
                let weight = by_row
                    * if further == 0 {
                        1.0 - beyond[0]
                    } else {
                        beyond[0]
                    };
                let inside = (0..self.height as i64).contains(&row)
                    && (0..self.width as i64).contains(&column);
                let source =
                    inside.then(|| (row as usize * self.width + column as usize) * self.by_pixel);
                for channel in 0..self.channels {
                    let channel = channel * self.by_channel;
                    match (source, transposed) {
                        (Some(source), false) => {
                            to[pixel + channel] += weight * from[source + channel];
                        }
                        (Some(source), true) => {
                            to[source + channel] += weight * from[pixel + channel];
                        }
                        (None, false) => to[pixel + channel] += weight * outside,
                        (None, true) => {}
                    }
                }
            }
        }
    }

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
