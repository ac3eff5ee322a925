//! Pictures made larger, smaller or smoother by one fixed filter for all channels.
//!
//! ```text
//! y[i] = Σ_k f[k] · x[(i·down + k − begin)/up]      along height, then along width
//! ```
//!
//! over the k for which that is a whole number and within the picture: zeros are put between the
//! pixels, the filter passes over them, and of its results every so many are kept. The transposed map
//! is of the same kind, with up and down exchanged and the filter turned around, so that gradients of
//! any order are resamplings.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::simd::{Loop, Once, vectorized};
use super::storage::{channels_last, from_channels_last_like};
use super::{buffers, threads};

/// A filter with what it is done to, height first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resample {
    pub(crate) taps: [Arc<[f32]>; 2],
    pub(crate) up: [usize; 2],
    pub(crate) down: [usize; 2],
    /// Zeros before the first pixel, after the zeros were put in between; fewer than 0 cut off.
    pub(crate) begin: [isize; 2],
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Resample {
    /// Whether it is one of pictures of this shape.
    pub(super) fn suits(&self, [_, _, height, width]: [usize; 4]) -> bool {
        self.input == [height, width] && !self.output.contains(&0)
    }

    /// The map whose matrix is this one's transposed.
    pub(super) fn transposed(&self) -> Self {
        let turned = |taps: &Arc<[f32]>| taps.iter().rev().copied().collect();
        Self {
            taps: [turned(&self.taps[0]), turned(&self.taps[1])],
            up: self.down,
            down: self.up,
            begin: [0, 1].map(|axis| self.taps[axis].len() as isize - 1 - self.begin[axis]),
            input: self.output,
            output: self.input,
        }
    }

    /// For each output along an axis, the inputs that it is made of and their weights.
    fn sums(&self, axis: usize) -> Vec<Vec<(usize, f32)>> {
        let up = self.up[axis] as isize;
        let sum = |i: usize| {
            let first = (i * self.down[axis]) as isize - self.begin[axis];
            let at = |(k, tap): (usize, &f32)| {
                let place = first + k as isize;
                let within = place >= 0 && place % up == 0;
                let input = (place / up) as usize;
                (within && input < self.input[axis]).then_some((input, *tap))
            };
            self.taps[axis].iter().enumerate().filter_map(at).collect()
        };
        (0..self.output[axis]).map(sum).collect()
    }
}

/// The resampled pictures.
pub(super) fn apply(filter: &Resample, x: &FlexTensor) -> FlexTensor {
    let shape: &[usize] = x.layout().shape();
    let [batch, channels] = [shape[0], shape[1]];
    let [height, width] = filter.output;
    let line = filter.input[1] * channels;
    let given = x;
    let x = channels_last(x);
    let [rows, columns] = [filter.sums(0), filter.sums(1)];
    let mut y = buffers::take(batch * height * width * channels);
    let ranges = threads::split(batch * height, threads::for_numbers(x.len().max(y.len())));
    let pieces = threads::cut(&mut y, &ranges, width * channels);
    threads::run(ranges.into_iter().zip(pieces), |(range, y)| {
        let mut sum = vec![0.0f32; line];
        for (row, y) in range.zip(y.chunks_exact_mut(width * channels)) {
            let image = &x[row / height * filter.input[0] * line..][..filter.input[0] * line];
            let row = &rows[row % height];
            let place = |input: usize| input * line..(input + 1) * line;
            if let [(input, 1.0)] = row[..] {
                across(&image[place(input)], &columns, channels, y);
            } else {
                add_up(&mut sum, image, row, place);
                across(&sum, &columns, channels, y);
            }
        }
    });
    from_channels_last_like(y, &[batch, channels, height, width], given)
}

/// The sums along a row of pixels.
fn across(line: &[f32], columns: &[Vec<(usize, f32)>], channels: usize, y: &mut [f32]) {
    vectorized(Across {
        line,
        columns,
        channels,
        y,
    });
}

struct Across<'a> {
    line: &'a [f32],
    columns: &'a [Vec<(usize, f32)>],
    channels: usize,
    y: &'a mut [f32],
}

impl Loop for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            line,
            columns,
            channels,
            y,
        } = self;
        for (y, column) in y.chunks_exact_mut(channels).zip(columns) {
            let place = |input: usize| input * channels..(input + 1) * channels;
            weighted(y, line, column, place);
        }
    }
}

/// out = Σ weight·numbers at the place of each input.
fn add_up(
    out: &mut [f32],
    numbers: &[f32],
    inputs: &[(usize, f32)],
    place: impl Fn(usize) -> Range<usize>,
) {
    let once = Once;
    vectorized(move || {
        let _once = once;
        weighted(out, numbers, inputs, place);
    });
}

#[inline(always)]
fn weighted(
    out: &mut [f32],
    numbers: &[f32],
    inputs: &[(usize, f32)],
    place: impl Fn(usize) -> Range<usize>,
) {
    let Some(((input, weight), rest)) = inputs.split_first() else {
        return out.fill(0.0);
    };
    for (out, x) in out.iter_mut().zip(&numbers[place(*input)]) {
        *out = weight * x;
    }
    for (input, weight) in rest {
        for (out, x) in out.iter_mut().zip(&numbers[place(*input)]) {
            *out += weight * x;
        }
    }
}
