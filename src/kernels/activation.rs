//! Activations over slices, and their slopes told from their outputs.

use super::simd::{Once, vectorized};
use crate::nn::Activation;

/// The functions that kernels know, in f32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Slope {
    Identity,
    Relu,
    LeakyRelu(f32),
    Tanh,
    Sigmoid,
}

impl Slope {
    /// `None` for a leaky ReLU whose slope is not above 0: its output does not tell where the
    /// input was.
    pub(super) fn of(activation: Activation) -> Option<Self> {
        match activation {
            Activation::Identity => Some(Self::Identity),
            Activation::Relu => Some(Self::Relu),
            Activation::LeakyRelu { slope } if slope > 0.0 => Some(Self::LeakyRelu(slope as f32)),
            Activation::LeakyRelu { .. } => None,
            Activation::Tanh => Some(Self::Tanh),
            Activation::Sigmoid => Some(Self::Sigmoid),
        }
    }

    /// Whether the slope is constant on both sides of 0: its own derivative vanishes.
    pub(super) fn is_piecewise_linear(self) -> bool {
        !matches!(self, Self::Tanh | Self::Sigmoid)
    }
}

/// x becomes f(x).
pub(super) fn apply(numbers: &mut [f32], activation: Slope) {
    match activation {
        Slope::Identity => {}
        // Comparisons, not `max`: NaN passes.
        Slope::Relu => each(numbers, |x| if x <= 0.0 { 0.0 } else { x }),
        Slope::LeakyRelu(slope) => each(numbers, |x| if x < 0.0 { slope * x } else { x }),
        Slope::Tanh => each(numbers, tanh),
        Slope::Sigmoid => each(numbers, |x| 0.5 + 0.5 * tanh(0.5 * x)),
    }
}

/// Each row plus the bias, then f.
pub(super) fn apply_with_bias(rows: &mut [f32], bias: Option<&[f32]>, activation: Slope) {
    let Some(bias) = bias else {
        return apply(rows, activation);
    };
    for row in rows.chunks_exact_mut(bias.len()) {
        for (x, bias) in row.iter_mut().zip(bias) {
            *x += bias;
        }
        apply(row, activation);
    }
}

/// out = g·f′, f′ told from y = f(x). At 0 the ReLU has slope 0, the leaky one 1, as burn has it.
pub(super) fn gradient(out: &mut [f32], gradient: &[f32], y: &[f32], activation: Slope) {
    match activation {
        Slope::Identity => out.copy_from_slice(gradient),
        Slope::Relu => zip(out, gradient, y, |g, y| if y <= 0.0 { 0.0 } else { g }),
        Slope::LeakyRelu(slope) => {
            zip(out, gradient, y, |g, y| if y < 0.0 { slope * g } else { g });
        }
        Slope::Tanh => zip(out, gradient, y, |g, y| g * (1.0 - y * y)),
        Slope::Sigmoid => zip(out, gradient, y, |g, y| g * (y * (1.0 - y))),
    }
}

fn each(numbers: &mut [f32], f: impl Fn(f32) -> f32) {
    let once = Once;
    vectorized(move || {
        let _once = once;
        for x in numbers {
            *x = f(*x);
        }
    });
}

fn zip(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    let once = Once;
    vectorized(move || {
        let _once = once;
        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *out = f(*a, *b);
        }
    });
}

/// tanh without a branch, so that several are computed at once.
///
/// ```text
/// tanh x ≈ x·p(x²)/q(x²)
/// ```
///
/// p of degree 6 and q of degree 3 with the minimax coefficients that Eigen's `ptanh` uses; beyond
/// ±7.9 the result is ±1 to the last bit but one. Within 4e-7 of tanh, relative (a test compares).
#[inline(always)]
fn tanh(x: f32) -> f32 {
    // Not `clamp` by comparisons that lose NaN: f32::clamp keeps it.
    let x = x.clamp(-7.998_811_7, 7.998_811_7);
    let s = x * x;
    let p = -2.760_768_5e-16f32;
    let p = p * s + 2.000_188e-13;
    let p = p * s + -8.604_672e-11;
    let p = p * s + 5.122_297_1e-8;
    let p = p * s + 1.485_722_3e-5;
    let p = p * s + 6.372_619_3e-4;
    let p = p * s + 4.893_524_6e-3;
    let q = 1.198_258_4e-6f32;
    let q = q * s + 1.185_347_1e-4;
    let q = q * s + 2.268_434_6e-3;
    let q = q * s + 4.893_525e-3;
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_that_of_double_precision() {
        let mut worst = 0.0f64;
        for i in -200_000..=200_000i32 {
            let x = i as f32 * 5e-5;
            let expected = f64::from(x).tanh();
            let error = (f64::from(tanh(x)) - expected).abs();
            worst = worst.max(if expected == 0.0 {
                error
            } else {
                error / expected.abs()
            });
        }
        assert!(worst < 4e-7, "{worst:e}");
        assert_eq!(tanh(0.0), 0.0);
        for x in [1e-30f32, 1e-10, 1e-4] {
            assert!((tanh(x) / x - 1.0).abs() < 1e-6);
        }
        for x in [8.0, 20.0, 1e30, f32::INFINITY] {
            assert!((tanh(x) - 1.0).abs() < 4e-7 && (tanh(-x) + 1.0).abs() < 4e-7);
        }
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn nan_passes_every_function() {
        for activation in [
            Slope::Identity,
            Slope::Relu,
            Slope::LeakyRelu(0.2),
            Slope::Tanh,
            Slope::Sigmoid,
        ] {
            let mut x = [f32::NAN, 1.0];
            apply(&mut x, activation);
            assert!(x[0].is_nan() && x[1].is_finite());
        }
    }
}
