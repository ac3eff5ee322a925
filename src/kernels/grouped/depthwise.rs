//! One channel in a group: rows of channels times rows of channels.

use super::Grouped;
use crate::kernels::simd::{Once, vectorized};

/// For each output pixel and each tap: where their numbers begin in the frame, in y and in the
/// weight.
fn places(grouped: &Grouped) -> impl Iterator<Item = [usize; 3]> + use<> {
    let grouped = *grouped;
    let [height, width] = grouped.sizes.output;
    let (kernel, taps) = (grouped.sizes.kernel, grouped.taps());
    let [_, frame_width] = grouped.framed();
    (0..height * width).flat_map(move |pixel| {
        let row = pixel / width * grouped.sizes.stride[0];
        let column = pixel % width * grouped.sizes.stride[1];
        (0..taps).map(move |tap| {
            let (row, column) = (row + tap / kernel[1], column + tap % kernel[1]);
            [row * frame_width + column, pixel, tap].map(|place| place * grouped.channels)
        })
    })
}

/// to += a·b.
#[inline(always)]
fn add_product(to: &mut [f32], a: &[f32], b: &[f32]) {
    for (to, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
        *to += a * b;
    }
}

pub(super) fn forward(grouped: &Grouped, frame: &[f32], weight: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    let (once, count, places) = (Once, grouped.channels, places(grouped));
    vectorized(move || {
        let _once = once;
        for [x, to, w] in places {
            let (x, w) = (&frame[x..x + count], &weight[w..w + count]);
            add_product(&mut y[to..to + count], x, w);
        }
    });
}

pub(super) fn input_gradient(grouped: &Grouped, y: &[f32], weight: &[f32], frame: &mut [f32]) {
    let (once, count, places) = (Once, grouped.channels, places(grouped));
    vectorized(move || {
        let _once = once;
        for [to, y_at, w] in places {
            let (y, w) = (&y[y_at..y_at + count], &weight[w..w + count]);
            add_product(&mut frame[to..to + count], y, w);
        }
    });
}

pub(super) fn weight_gradient(grouped: &Grouped, frame: &[f32], y: &[f32], sum: &mut [f32]) {
    let (once, count, places) = (Once, grouped.channels, places(grouped));
    vectorized(move || {
        let _once = once;
        for [x, y_at, to] in places {
            let (x, y) = (&frame[x..x + count], &y[y_at..y_at + count]);
            add_product(&mut sum[to..to + count], x, y);
        }
    });
}
