//! Several channels in a group: for some neighbouring pixels at once, the sums over a group's
//! channels, as many outputs side by side as fit into vectors.

use super::Grouped;
use crate::kernels::simd::{Loop, fused, vectorized};

/// Pixels, or channels, whose sums are in registers at once.
const PIXELS: usize = 4;

/// Calls a loop for the widest lanes that divide the numbers side by side, with or without fused
/// multiply-adds.
macro_rules! in_lanes {
    ($count:expr, $name:ident($($argument:expr),*)) => {{
        macro_rules! lanes {
            ($fused:literal) => {
                match $count {
                    count if count % 16 == 0 => $name::<16, $fused>($($argument),*),
                    count if count % 8 == 0 => $name::<8, $fused>($($argument),*),
                    count if count % 4 == 0 => $name::<4, $fused>($($argument),*),
                    _ => $name::<1, $fused>($($argument),*),
                }
            };
        }
        if fused() { lanes!(true) } else { lanes!(false) }
    }};
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    // Where the processor has no such instruction, it is a function of the C library.
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// acc[p][lane] += Σᵢ numbers[p][i]·matrix[i][lane]; the matrix's rows lie `stride` apart.
#[inline(always)]
fn accumulate<const P: usize, const L: usize, const FUSED: bool>(
    acc: &mut [[f32; L]; P],
    numbers: [&[f32]; P],
    matrix: &[f32],
    stride: usize,
) {
    let count = numbers[0].len();
    for i in 0..count {
        let row = &matrix[i * stride..i * stride + L];
        let row: [f32; L] = std::array::from_fn(|lane| row[lane]);
        for p in 0..P {
            let number = numbers[p][i];
            for lane in 0..L {
                acc[p][lane] = multiply_add::<FUSED>(number, row[lane], acc[p][lane]);
            }
        }
    }
}

pub(super) fn forward(grouped: &Grouped, frame: &[f32], weight: &[f32], y: &mut [f32]) {
    in_lanes!(grouped.group()[1], forward_in(grouped, frame, weight, y));
}

fn forward_in<const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    frame: &[f32],
    weight: &[f32],
    y: &mut [f32],
) {
    vectorized(Forward::<L, FUSED> {
        grouped: *grouped,
        frame,
        weight,
        y,
    });
}

struct Forward<'a, const L: usize, const FUSED: bool> {
    grouped: Grouped,
    frame: &'a [f32],
    weight: &'a [f32],
    y: &'a mut [f32],
}

impl<const L: usize, const FUSED: bool> Loop for Forward<'_, L, FUSED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            grouped,
            frame,
            weight,
            y,
        } = self;
        let [_, width] = grouped.sizes.output;
        for (row, y) in y.chunks_exact_mut(width * grouped.outputs).enumerate() {
            let whole = width / PIXELS * PIXELS;
            for column in (0..whole).step_by(PIXELS) {
                let y = &mut y[column * grouped.outputs..];
                pixels::<PIXELS, L, FUSED>(&grouped, frame, weight, [row, column], y);
            }
            for column in whole..width {
                let y = &mut y[column * grouped.outputs..];
                pixels::<1, L, FUSED>(&grouped, frame, weight, [row, column], y);
            }
        }
    }
}

/// All outputs of `P` pixels beside each other.
#[inline(always)]
fn pixels<const P: usize, const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    frame: &[f32],
    weight: &[f32],
    [row, column]: [usize; 2],
    y: &mut [f32],
) {
    let [channels, outputs] = grouped.group();
    let [height, width] = grouped.sizes.kernel;
    let [_, frame_width] = grouped.framed();
    let stride = grouped.sizes.stride;
    let matrix = channels * outputs;
    for (group, weight) in weight.chunks_exact(height * width * matrix).enumerate() {
        for lane in (0..outputs).step_by(L) {
            let mut acc = [[0.0f32; L]; P];
            for k in 0..height {
                let line = (row * stride[0] + k) * frame_width + column * stride[1];
                for l in 0..width {
                    let numbers: [&[f32]; P] = std::array::from_fn(|p| {
                        let pixel = (line + l + p * stride[1]) * grouped.channels;
                        &frame[pixel + group * channels..][..channels]
                    });
                    let matrix = &weight[(k * width + l) * matrix + lane..];
                    accumulate::<P, L, FUSED>(&mut acc, numbers, matrix, outputs);
                }
            }
            for (p, acc) in acc.iter().enumerate() {
                y[p * grouped.outputs + group * outputs + lane..][..L].copy_from_slice(acc);
            }
        }
    }
}

pub(super) fn input_gradient(grouped: &Grouped, y: &[f32], weight: &[f32], frame: &mut [f32]) {
    in_lanes!(
        grouped.group()[0],
        input_gradient_in(grouped, y, weight, frame)
    );
}

fn input_gradient_in<const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    y: &[f32],
    weight: &[f32],
    frame: &mut [f32],
) {
    vectorized(InputGradient::<L, FUSED> {
        grouped: *grouped,
        y,
        weight,
        frame,
    });
}

struct InputGradient<'a, const L: usize, const FUSED: bool> {
    grouped: Grouped,
    y: &'a [f32],
    weight: &'a [f32],
    frame: &'a mut [f32],
}

impl<const L: usize, const FUSED: bool> Loop for InputGradient<'_, L, FUSED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            grouped,
            y,
            weight,
            frame,
        } = self;
        let [_, width] = grouped.sizes.output;
        for (row, y) in y.chunks_exact(width * grouped.outputs).enumerate() {
            let whole = width / PIXELS * PIXELS;
            for column in (0..whole).step_by(PIXELS) {
                let y = &y[column * grouped.outputs..];
                give_back::<PIXELS, L, FUSED>(&grouped, y, weight, [row, column], frame);
            }
            for column in whole..width {
                let y = &y[column * grouped.outputs..];
                give_back::<1, L, FUSED>(&grouped, y, weight, [row, column], frame);
            }
        }
    }
}

/// Adds what `P` pixels of y give to the pixels of the frame under their kernels.
#[inline(always)]
fn give_back<const P: usize, const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    y: &[f32],
    weight: &[f32],
    [row, column]: [usize; 2],
    frame: &mut [f32],
) {
    let [channels, outputs] = grouped.group();
    let [height, width] = grouped.sizes.kernel;
    let [_, frame_width] = grouped.framed();
    let stride = grouped.sizes.stride;
    let matrix = channels * outputs;
    for (group, weight) in weight.chunks_exact(height * width * matrix).enumerate() {
        let numbers: [&[f32]; P] =
            std::array::from_fn(|p| &y[p * grouped.outputs + group * outputs..][..outputs]);
        for k in 0..height {
            let line = (row * stride[0] + k) * frame_width + column * stride[1];
            for l in 0..width {
                for lane in (0..channels).step_by(L) {
                    let mut acc = [[0.0f32; L]; P];
                    let matrix = &weight[(k * width + l) * matrix + lane..];
                    accumulate::<P, L, FUSED>(&mut acc, numbers, matrix, channels);
                    for (p, acc) in acc.iter().enumerate() {
                        let pixel = (line + l + p * stride[1]) * grouped.channels;
                        let to = &mut frame[pixel + group * channels + lane..][..L];
                        for (to, acc) in to.iter_mut().zip(acc) {
                            *to += acc;
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn weight_gradient(grouped: &Grouped, frame: &[f32], y: &[f32], sum: &mut [f32]) {
    in_lanes!(
        grouped.group()[1],
        weight_gradient_in(grouped, frame, y, sum)
    );
}

fn weight_gradient_in<const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    frame: &[f32],
    y: &[f32],
    sum: &mut [f32],
) {
    vectorized(WeightGradient::<L, FUSED> {
        grouped: *grouped,
        frame,
        y,
        sum,
    });
}

struct WeightGradient<'a, const L: usize, const FUSED: bool> {
    grouped: Grouped,
    frame: &'a [f32],
    y: &'a [f32],
    sum: &'a mut [f32],
}

impl<const L: usize, const FUSED: bool> Loop for WeightGradient<'_, L, FUSED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            grouped,
            frame,
            y,
            sum,
        } = self;
        let [channels, outputs] = grouped.group();
        let [kernel_height, kernel_width] = grouped.sizes.kernel;
        let matrix = channels * outputs;
        let whole = channels / PIXELS * PIXELS;
        let weights = sum.chunks_exact_mut(kernel_height * kernel_width * matrix);
        for (group, sum) in weights.enumerate() {
            for (tap, sum) in sum.chunks_exact_mut(matrix).enumerate() {
                let tap = [tap / kernel_width, tap % kernel_width];
                for lane in (0..outputs).step_by(L) {
                    for channel in (0..whole).step_by(PIXELS) {
                        let place = [group, channel, lane];
                        channels_of::<PIXELS, L, FUSED>(&grouped, frame, y, tap, place, sum);
                    }
                    for channel in whole..channels {
                        let place = [group, channel, lane];
                        channels_of::<1, L, FUSED>(&grouped, frame, y, tap, place, sum);
                    }
                }
            }
        }
    }
}

/// Adds the products of `P` channels with outputs from `lane` on, over all pixels, row by row.
#[inline(always)]
fn channels_of<const P: usize, const L: usize, const FUSED: bool>(
    grouped: &Grouped,
    frame: &[f32],
    y: &[f32],
    [k, l]: [usize; 2],
    [group, channel, lane]: [usize; 3],
    sum: &mut [f32],
) {
    let [channels, outputs] = grouped.group();
    let [_, width] = grouped.sizes.output;
    let [_, frame_width] = grouped.framed();
    let stride = grouped.sizes.stride;
    let mut total = [[0.0f32; L]; P];
    for (row, y) in y.chunks_exact(width * grouped.outputs).enumerate() {
        let line = ((row * stride[0] + k) * frame_width + l) * grouped.channels;
        let frame = &frame[line + group * channels + channel..];
        let mut acc = [[0.0f32; L]; P];
        for (column, y) in y.chunks_exact(grouped.outputs).enumerate() {
            let y = &y[group * outputs + lane..][..L];
            let y: [f32; L] = std::array::from_fn(|lane| y[lane]);
            let x = &frame[column * stride[1] * grouped.channels..][..P];
            for p in 0..P {
                for lane in 0..L {
                    acc[p][lane] = multiply_add::<FUSED>(x[p], y[lane], acc[p][lane]);
                }
            }
        }
        for (total, acc) in total.iter_mut().zip(acc) {
            for (total, acc) in total.iter_mut().zip(acc) {
                *total += acc;
            }
        }
    }
    for (p, total) in total.iter().enumerate() {
        let to = &mut sum[(channel + p) * outputs + lane..][..L];
        for (to, total) in to.iter_mut().zip(total) {
            *to += total;
        }
    }
}
