//! Batch normalisation with its activation: three passes over the data forward, two backward.
//!
//! Rows are pixels, channels lie innermost. Sums run in f32 over short blocks and in f64 over the
//! blocks, so that a channel of a million pixels loses no digits.

use std::ops::Range;

use super::activation::{self, Elementwise};
use super::buffers::{self, Buffer};
use super::threads;

/// Rows whose sum is taken in f32.
const BLOCK: usize = 64;
/// The same for the sums of a batch norm, whose terms cancel.
const NORM_BLOCK: usize = 16;

/// Shares of rows for all threads, or one where the work is small.
fn shares(numbers: usize, channels: usize) -> Vec<Range<usize>> {
    threads::split(numbers / channels, threads::for_numbers(numbers))
}

/// Per-channel sums of all rows, share by share. `add` adds a row to the
/// sums; it gets `sums` numbers for each channel.
fn share_sums(
    shares: &[Range<usize>],
    width: usize,
    block: usize,
    add: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<f64> {
    let mut totals = vec![vec![0.0f64; width]; shares.len()];
    threads::run(shares.iter().cloned().zip(&mut totals), |(rows, total)| {
        let mut sums = vec![0.0f32; width];
        for start in rows.clone().step_by(block) {
            sums.fill(0.0);
            for row in start..(start + block).min(rows.end) {
                add(row, &mut sums);
            }
            for (total, sum) in total.iter_mut().zip(&sums) {
                *total += f64::from(*sum);
            }
        }
    });
    threads::total(totals).unwrap_or_default()
}

/// The sum of each column of rows of `channels`.
pub(super) fn channel_sums(x: &[f32], channels: usize) -> Buffer {
    let shares = shares(x.len(), channels);
    let sums = share_sums(&shares, channels, BLOCK, |row, sums| {
        for (sum, x) in sums.iter_mut().zip(&x[row * channels..]) {
            *sum += x;
        }
    });
    let mut out = buffers::take(channels);
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = sum as f32;
    }
    out
}

/// A batch's statistics, per channel.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    pub(super) mean: Vec<f32>,
    /// The biased variance: the mean of the squared distances.
    pub(super) variance: Vec<f32>,
}

/// The mean and the variance of each channel.
pub(super) fn statistics(x: &[f32], channels: usize) -> Statistics {
    let shares = shares(x.len(), channels);
    let rows = (x.len() / channels) as f64;
    let mean: Vec<f32> = share_sums(&shares, channels, NORM_BLOCK, |row, sums| {
        for (sum, x) in sums.iter_mut().zip(&x[row * channels..]) {
            *sum += x;
        }
    })
    .into_iter()
    .map(|sum| (sum / rows) as f32)
    .collect();
    let variance = share_sums(&shares, channels, NORM_BLOCK, |row, sums| {
        for ((sum, x), mean) in sums.iter_mut().zip(&x[row * channels..]).zip(&mean) {
            let distance = x - mean;
            *sum += distance * distance;
        }
    })
    .into_iter()
    .map(|sum| (sum / rows) as f32)
    .collect();
    Statistics { mean, variance }
}

/// 1/√(variance + ε).
pub(super) fn inverse_deviation(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance
        .iter()
        .map(|variance| 1.0 / (variance + epsilon).sqrt())
        .collect()
}

/// f((x − mean)·scale + shift), per channel.
pub(super) fn normalize(
    x: &[f32],
    mean: &[f32],
    scale: &[f32],
    shift: &[f32],
    activation: Elementwise,
) -> Buffer {
    let channels = mean.len();
    let shares = shares(x.len(), channels);
    let mut out = buffers::take(x.len());
    let pieces = threads::cut(&mut out, &shares, channels);
    threads::run(shares.iter().cloned().zip(pieces), |(rows, out)| {
        let x = &x[rows.start * channels..];
        for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for i in 0..channels {
                out[i] = (x[i] - mean[i]) * scale[i] + shift[i];
            }
            activation::apply(out, activation);
        }
    });
    out
}

/// What the backward pass brings out.
pub(super) struct Gradients {
    pub(super) x: Buffer,
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
}

/// The gradients of y = f(γ·x̂ + β), x̂ = (x − mean)/deviation with the batch's own statistics.
///
/// ```text
/// g ← g·f′          ∂β = Σ g          ∂γ = Σ g·x̂
/// ∂x = γ/deviation·(g − ∂β/n − x̂·∂γ/n)
/// ```
pub(super) fn gradients(
    gradient: &[f32],
    x: &[f32],
    y: &[f32],
    gamma: &[f32],
    mean: &[f32],
    inverse_deviation: &[f32],
    activation: Elementwise,
) -> Gradients {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let shares = shares(x.len(), channels);
    let mut out = buffers::take(x.len());

    // Before the activation; the sums need it, and so does the second pass.
    let pieces = threads::cut(&mut out, &shares, channels);
    let mut totals = vec![vec![0.0f64; 2 * channels]; shares.len()];
    threads::run(
        shares.iter().cloned().zip(pieces).zip(&mut totals),
        |((rows, out), total)| {
            let mut sums = vec![0.0f32; 2 * channels];
            for start in (0..rows.len()).step_by(NORM_BLOCK) {
                sums.fill(0.0);
                let (beta, gamma) = sums.split_at_mut(channels);
                for row in start..(start + NORM_BLOCK).min(rows.len()) {
                    let here = row * channels..(row + 1) * channels;
                    let all = (rows.start + row) * channels..(rows.start + row + 1) * channels;
                    let (g, x) = (&mut out[here], &x[all.clone()]);
                    activation::gradient(g, &gradient[all.clone()], &y[all], activation);
                    for i in 0..channels {
                        beta[i] += g[i];
                        gamma[i] += g[i] * ((x[i] - mean[i]) * inverse_deviation[i]);
                    }
                }
                for (total, sum) in total.iter_mut().zip(&sums) {
                    *total += f64::from(*sum);
                }
            }
        },
    );
    let sums: Vec<f32> = threads::total(totals)
        .unwrap_or_default()
        .into_iter()
        .map(|sum| sum as f32)
        .collect();
    let (beta_sum, gamma_sum) = sums.split_at(channels);

    let per_row = 1.0 / rows as f32;
    let scale: Vec<f32> = (0..channels)
        .map(|i| gamma[i] * inverse_deviation[i])
        .collect();
    let center: Vec<f32> = beta_sum.iter().map(|sum| sum * per_row).collect();
    let slope: Vec<f32> = (0..channels)
        .map(|i| gamma_sum[i] * per_row * inverse_deviation[i])
        .collect();
    let pieces = threads::cut(&mut out, &shares, channels);
    threads::run(shares.iter().cloned().zip(pieces), |(rows, out)| {
        let x = &x[rows.start * channels..];
        for (g, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for i in 0..channels {
                g[i] = scale[i] * (g[i] - center[i] - (x[i] - mean[i]) * slope[i]);
            }
        }
    });
    Gradients {
        x: out,
        gamma: gamma_sum.to_vec(),
        beta: beta_sum.to_vec(),
    }
}
