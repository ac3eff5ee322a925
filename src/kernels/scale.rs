//! Each channel of each sample times a number of its own, and what its gradients are made of.

use burn::backend::flex::FlexTensor;

use super::activation::{Elementwise, apply};
use super::simd::{Once, vectorized};
use super::storage::{channels_last, from_channels_last_like, from_rows};
use super::{buffers, threads};

/// Pixels whose sum is taken in f32.
const BLOCK: usize = 64;

/// Batch, channels, and the numbers of a sample.
fn sizes(tensor: &FlexTensor) -> [usize; 3] {
    let shape: &[usize] = tensor.layout().shape();
    [shape[0], shape[1], shape[1..].iter().product()]
}

/// f(x·s + b), s and b `[n, c]`.
pub(super) fn scale(
    x: &FlexTensor,
    scale: &FlexTensor,
    shift: Option<&[f32]>,
    activation: Elementwise,
) -> FlexTensor {
    let [batch, channels, sample] = sizes(x);
    let given = x;
    let (x, scale) = (channels_last(x), channels_last(scale));
    let mut y = buffers::take(x.len());
    let ranges = threads::split(batch, threads::for_numbers(x.len()));
    let pieces = threads::cut(&mut y, &ranges, sample);
    threads::run(ranges.into_iter().zip(pieces), |(samples, y)| {
        for (index, y) in samples.zip(y.chunks_exact_mut(sample)) {
            let place = index * channels..(index + 1) * channels;
            let x = &x[index * sample..(index + 1) * sample];
            let (scale, shift) = (&scale[place.clone()], shift.map(|shift| &shift[place]));
            scale_sample(y, x, scale, shift);
            apply(y, activation);
        }
    });
    let shape = given.layout().shape().to_vec();
    from_channels_last_like(y, &shape, given)
}

fn scale_sample(y: &mut [f32], x: &[f32], scale: &[f32], shift: Option<&[f32]>) {
    let once = Once;
    let channels = scale.len();
    vectorized(move || {
        let _once = once;
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for i in 0..channels {
                y[i] = x[i] * scale[i];
            }
            if let Some(shift) = shift {
                for (y, shift) in y.iter_mut().zip(shift) {
                    *y += shift;
                }
            }
        }
    });
}

/// Σ x·y over each sample's pixels, `[n, c]`.
pub(super) fn dot(x: &FlexTensor, y: &FlexTensor) -> FlexTensor {
    let (x_numbers, y_numbers) = (channels_last(x), channels_last(y));
    sample_sums(x, |index, sum| {
        for ((sum, x), y) in sum
            .iter_mut()
            .zip(&x_numbers[index..])
            .zip(&y_numbers[index..])
        {
            *sum += x * y;
        }
    })
}

/// Σ x over each sample's pixels, `[n, c]`.
pub(super) fn sums(x: &FlexTensor) -> FlexTensor {
    let numbers = channels_last(x);
    sample_sums(x, |index, sum| {
        for (sum, x) in sum.iter_mut().zip(&numbers[index..]) {
            *sum += x;
        }
    })
}

/// Adds up over each sample's pixels what `add` adds of the pixel whose numbers begin there: in f32
/// over short blocks, in f64 over the blocks.
fn sample_sums(like: &FlexTensor, add: impl Fn(usize, &mut [f32]) + Sync) -> FlexTensor {
    let [batch, channels, sample] = sizes(like);
    let mut out = buffers::take(batch * channels);
    let ranges = threads::split(batch, threads::for_numbers(batch * sample));
    let pieces = threads::cut(&mut out, &ranges, channels);
    let add = &add;
    threads::run(ranges.into_iter().zip(pieces), |(samples, out)| {
        let mut sum = vec![0.0f32; channels];
        let mut total = vec![0.0f64; channels];
        for (index, out) in samples.zip(out.chunks_exact_mut(channels)) {
            total.fill(0.0);
            for start in (0..sample).step_by(BLOCK * channels) {
                sum.fill(0.0);
                let end = (start + BLOCK * channels).min(sample);
                for pixel in (start..end).step_by(channels) {
                    add(index * sample + pixel, &mut sum);
                }
                for (total, sum) in total.iter_mut().zip(&sum) {
                    *total += f64::from(*sum);
                }
            }
            for (out, total) in out.iter_mut().zip(&total) {
                *out = *total as f32;
            }
        }
    });
    from_rows(out, &[batch, channels])
}
