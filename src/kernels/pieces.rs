//! The largest of a unit's linear pieces, and where its gradient goes.
//!
//! Which piece is the largest is a constant to every derivative. With that known, taking it and
//! putting a gradient back in its place are each other's derivatives, so that the list of
//! operations is closed.

use burn::backend::flex::FlexTensor;

use super::buffers;
use super::storage::{from_rows, row_major};
use super::threads;

/// The place of the largest of each unit's pieces, `[rows, units]`, counted from 0, as a number;
/// the first of equal ones, and a NaN before any number. `x` is `[rows, units·pieces]`.
pub(super) fn winners(x: &FlexTensor, pieces: usize) -> FlexTensor {
    let (numbers, shape) = (row_major(x), unit_shape(x, pieces));
    let mut places = buffers::take(shape[0] * shape[1]);
    each(&mut places, 1, |first, places| {
        let units = numbers[first * pieces..].chunks_exact(pieces);
        for (place, unit) in places.iter_mut().zip(units) {
            let (mut best, mut largest) = (0, unit[0]);
            for (piece, x) in unit.iter().enumerate().skip(1) {
                if *x > largest || (x.is_nan() && !largest.is_nan()) {
                    (best, largest) = (piece, *x);
                }
            }
            *place = best as f32;
        }
    });
    from_rows(places, &shape)
}

/// Of each unit the piece at the given place: `[rows, units]`.
pub(super) fn chosen(x: &FlexTensor, places: &FlexTensor, pieces: usize) -> FlexTensor {
    let shape = unit_shape(x, pieces);
    let (numbers, places) = (row_major(x), row_major(places));
    let mut out = buffers::take(shape[0] * shape[1]);
    each(&mut out, 1, |first, out| {
        let units = numbers[first * pieces..].chunks_exact(pieces);
        for ((y, unit), place) in out.iter_mut().zip(units).zip(&places[first..]) {
            *y = unit[*place as usize];
        }
    });
    from_rows(out, &shape)
}

/// Each number at the given place of its unit, zeros at the others: `[rows, units·pieces]`.
pub(super) fn scattered(y: &FlexTensor, places: &FlexTensor, pieces: usize) -> FlexTensor {
    let shape: &[usize] = y.layout().shape();
    let shape = [shape[0], shape[1] * pieces];
    let (numbers, places) = (row_major(y), row_major(places));
    let mut out = buffers::take(shape[0] * shape[1]);
    each(&mut out, pieces, |first, out| {
        out.fill(0.0);
        let units = out.chunks_exact_mut(pieces);
        for ((unit, y), place) in units.zip(&numbers[first..]).zip(&places[first..]) {
            unit[*place as usize] = *y;
        }
    });
    from_rows(out, &shape)
}

/// `[rows, units]`.
fn unit_shape(x: &FlexTensor, pieces: usize) -> [usize; 2] {
    let shape: &[usize] = x.layout().shape();
    [shape[0], shape[1] / pieces]
}

/// Shares of an output that has so many numbers for each unit, each with its first unit.
fn each(out: &mut [f32], numbers: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let units = out.len() / numbers;
    let ranges = threads::split(units, threads::for_numbers(out.len()));
    let pieces = threads::cut(out, &ranges, numbers);
    threads::run(ranges.into_iter().zip(pieces), |(range, out)| {
        work(range.start, out);
    });
}
