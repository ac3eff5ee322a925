//! The gated linear unit in one pass, and its gradient in another.
//!
//! ```text
//! y = a·σ(b)          ∂a = g·σ(b)          ∂b = g·a·σ′(b)          x = (a, b) along the channels
//! ```

use burn::backend::flex::FlexTensor;

use super::activation::{sigmoid, sigmoid_slope};
use super::simd::{Loop, vectorized};
use super::storage::Order;
use super::{buffers, threads};

/// A half's numbers that lie beside each other: a pixel's, or row by row a sample's.
fn half(x: &FlexTensor, order: Order) -> usize {
    let shape: &[usize] = x.layout().shape();
    let numbers: usize = match order {
        Order::ChannelsLast => shape[1],
        Order::Rows => shape[1..].iter().product(),
    };
    numbers / 2
}

/// y, `[n, c, …]`, of x, `[n, 2·c, …]`.
pub(super) fn forward(x: &FlexTensor) -> FlexTensor {
    let mut shape = x.layout().shape().to_vec();
    shape[1] /= 2;
    let order = Order::of(x);
    let (numbers, half) = (order.numbers(x), half(x, order));
    let mut y = buffers::take(numbers.len() / 2);
    let ranges = threads::split(y.len() / half, threads::for_numbers(numbers.len()));
    let pieces = threads::cut(&mut y, &ranges, half);
    threads::run(ranges.into_iter().zip(pieces), |(range, y)| {
        let x = &numbers[2 * half * range.start..2 * half * range.end];
        vectorized(Forward { x, y, half });
    });
    order.tensor(y, &shape)
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    half: usize,
}

impl Loop for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { x, y, half } = self;
        for (y, x) in y.chunks_exact_mut(half).zip(x.chunks_exact(2 * half)) {
            let (a, b) = x.split_at(half);
            for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
                *y = a * sigmoid(*b);
            }
        }
    }
}

/// The gradient with respect to x, which it lies as, from that of y.
pub(super) fn gradient(gradient: &FlexTensor, x: &FlexTensor) -> FlexTensor {
    let order = Order::of(x);
    let (numbers, gradient) = (order.numbers(x), order.numbers(gradient));
    let half = half(x, order);
    let mut out = buffers::take(numbers.len());
    let ranges = threads::split(gradient.len() / half, threads::for_numbers(numbers.len()));
    let pieces = threads::cut(&mut out, &ranges, 2 * half);
    threads::run(ranges.into_iter().zip(pieces), |(range, out)| {
        vectorized(Backward {
            x: &numbers[2 * half * range.start..2 * half * range.end],
            gradient: &gradient[half * range.start..half * range.end],
            out,
            half,
        });
    });
    order.tensor(out, x.layout().shape())
}

struct Backward<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
    half: usize,
}

impl Loop for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            x,
            gradient,
            out,
            half,
        } = self;
        let rows = out.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half));
        for ((out, x), g) in rows.zip(gradient.chunks_exact(half)) {
            let (a, b) = x.split_at(half);
            let (for_a, for_b) = out.split_at_mut(half);
            for i in 0..half {
                for_a[i] = g[i] * sigmoid(b[i]);
                for_b[i] = g[i] * a[i] * sigmoid_slope(b[i]);
            }
        }
    }
}
