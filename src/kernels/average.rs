//! Passes over whole parameters: a moving average, a scaling, a sum of squares.

use burn::backend::flex::FlexTensor;

use super::adam::lay_out;
use super::simd::{Once, vectorized};
use super::storage::is_dense;
use super::threads;

/// decay·average + (1 − decay)·value, in the order in which `value` lies, in place where nobody
/// else holds the average.
pub(crate) fn towards(average: FlexTensor, value: FlexTensor, decay: f32) -> FlexTensor {
    let value = if is_dense(&value) {
        value
    } else {
        value.to_contiguous()
    };
    let mut average = lay_out(average, value.layout());
    let count = value.layout().num_elements();
    let from: &[f32] = value.storage();
    let shares = threads::split(count, threads::for_numbers(count));
    let to = threads::cut(average.storage_mut::<f32>(), &shares, 1);
    threads::run(shares.into_iter().zip(to), |(share, to)| {
        let from: &[f32] = &from[share];
        let once = Once;
        vectorized(move || {
            let _once = once;
            for (average, value) in to.iter_mut().zip(from) {
                *average = *average * decay + value * (1.0 - decay);
            }
        });
    });
    average
}

/// factor·x, in place where nobody else holds x.
pub(crate) fn scaled(x: FlexTensor, factor: f32) -> FlexTensor {
    let mut x = if is_dense(&x) { x } else { x.to_contiguous() };
    let count = x.layout().num_elements();
    let shares = threads::split(count, threads::for_numbers(count));
    let parts = threads::cut(x.storage_mut::<f32>(), &shares, 1);
    threads::run(parts, |part| {
        let once = Once;
        vectorized(move || {
            let _once = once;
            for number in part {
                *number *= factor;
            }
        });
    });
    x
}

/// Σx², summed in f64 in runs of fixed length: the same bits for any number of threads.
pub(crate) fn sum_of_squares(tensor: &FlexTensor) -> f64 {
    const LANES: usize = 16;
    let dense;
    let numbers: &[f32] = if is_dense(tensor) {
        tensor.storage()
    } else {
        dense = tensor.to_contiguous();
        dense.storage()
    };
    let once = Once;
    vectorized(move || {
        let _once = once;
        let mut sums = [0f64; LANES];
        let runs = numbers.chunks_exact(LANES);
        let rest = runs.remainder();
        for run in runs {
            for (sum, number) in sums.iter_mut().zip(run) {
                let number = f64::from(*number);
                *sum += number * number;
            }
        }
        let rest: f64 = rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        sums.iter().sum::<f64>() + rest
    })
}
