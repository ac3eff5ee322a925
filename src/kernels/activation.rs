//! Activations over slices, and their slopes: computed from the output where the function is linear
//! on both sides of 0, from the input where it is smooth.

use super::simd::{Once, vectorized};
use crate::activation::Activation;

/// The functions that kernels know, in f32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Elementwise {
    Identity,
    Relu,
    LeakyRelu(f32),
    Tanh,
    Sigmoid,
}

impl Elementwise {
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

    /// Whether the slope is constant on both sides of 0: its own derivative vanishes, and the
    /// output tells it. A layer's kernel applies such a function itself.
    pub(super) fn is_piecewise_linear(self) -> bool {
        !matches!(self, Self::Tanh | Self::Sigmoid)
    }
}

/// x becomes f(x).
pub(super) fn apply(numbers: &mut [f32], activation: Elementwise) {
    match activation {
        Elementwise::Identity => {}
        // Comparisons, not `max`: NaN passes.
        Elementwise::Relu => each(numbers, |x| if x <= 0.0 { 0.0 } else { x }),
        Elementwise::LeakyRelu(slope) => each(numbers, |x| if x < 0.0 { slope * x } else { x }),
        Elementwise::Tanh => each(numbers, tanh),
        Elementwise::Sigmoid => each(numbers, sigmoid),
    }
}

/// Each row plus the bias, then f.
pub(super) fn apply_with_bias(rows: &mut [f32], bias: Option<&[f32]>, activation: Elementwise) {
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

/// out = g·f′, f′ computed from f(x), or from x where f is smooth. At 0 the ReLU has slope 0, the
/// leaky one 1, as burn has it.
pub(super) fn gradient(
    out: &mut [f32],
    gradient: &[f32],
    told_from: &[f32],
    activation: Elementwise,
) {
    let y = told_from;
    match activation {
        Elementwise::Identity => out.copy_from_slice(gradient),
        Elementwise::Relu => zip(out, gradient, y, |g, y| if y <= 0.0 { 0.0 } else { g }),
        Elementwise::LeakyRelu(slope) => {
            zip(out, gradient, y, |g, y| if y < 0.0 { slope * g } else { g });
        }
        Elementwise::Tanh => zip(out, gradient, told_from, |g, x| g * tanh_slope(x)),
        Elementwise::Sigmoid => zip(out, gradient, told_from, |g, x| g * sigmoid_slope(x)),
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

/// eˣ without a branch, so that several are computed at once, for x from −104, where it becomes 0,
/// to
/// 88. NaN passes.
///
/// ```text
/// eˣ = 2ⁿ·e^r,     n = round(x/ln 2),     r = x − n·ln 2
/// ```
///
/// r in two steps, so that it keeps its digits; e^r by the minimax polynomial of Cephes' `expf`; 2ⁿ
/// as two factors, so that results below 1.2e-38 are rounded once.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Added to a number below 2²² in size it leaves no digits after the point.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let p = p * (r * r) + r + 1.0;
    let half = power >> 1;
    p * power_of_two(half) * power_of_two(power.wrapping_sub(half))
}

/// 2ⁿ for n from −126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32).wrapping_shl(23))
}

/// e^−|x|, in (0, 1].
#[inline(always)]
fn decay(x: f32) -> f32 {
    let below = -x.abs();
    // Not `max`: NaN passes.
    exp(if below < -104.0 { -104.0 } else { below })
}

/// tanh without a branch, within 3 units in the last place.
///
/// ```text
/// tanh x = x + x³·p(x²)                     |x| < 0.625
/// tanh x = ±(1 − 2·e/(1 + e)),  e = e^−2|x|  beyond
/// ```
///
/// p is the minimax polynomial of Cephes' `tanhf`.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let s = x * x;
    let p = -5.704_988_7e-3f32;
    let p = p * s + 2.063_909e-2;
    let p = p * s + -5.373_971_6e-2;
    let p = p * s + 1.333_144_2e-1;
    let p = p * s + -3.333_328e-1;
    let near = p * s * magnitude + magnitude;
    let e = decay(2.0 * x);
    let far = 1.0 - 2.0 * e / (1.0 + e);
    let y = if magnitude < 0.625 { near } else { far };
    y.copysign(x)
}

/// 1/(1 + e^−x) without a branch, within 3 units in the last place, down to the smallest number.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = decay(x);
    let above = if x < 0.0 { e } else { 1.0 };
    above / (1.0 + e)
}

/// tanh′ = 4·e/(1 + e)², e = e^−2|x|: unlike 1 − tanh² it keeps its digits.
#[inline(always)]
fn tanh_slope(x: f32) -> f32 {
    let e = decay(2.0 * x);
    let root = 1.0 + e;
    4.0 * e / (root * root)
}

/// sigmoid′ = e/(1 + e)², e = e^−|x|.
#[inline(always)]
pub(super) fn sigmoid_slope(x: f32) -> f32 {
    let e = decay(x);
    let root = 1.0 + e;
    e / (root * root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// |found − exact| in units in the last place of f32 at `exact`; 2^−149 below 2^−126.
    fn units(found: f32, exact: f64) -> f64 {
        let exponent = if exact == 0.0 {
            -126
        } else {
            exact.abs().log2().floor() as i32
        };
        (f64::from(found) - exact).abs() / 2f64.powi(exponent.max(-126) - 23)
    }

    /// The largest error over all of f32, every 1,999th number, and where it is.
    fn worst(function: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> (f64, f32) {
        let all = (0..=u32::MAX).step_by(1_999).map(f32::from_bits);
        // Where both functions change: more of them.
        let near = (-110_000..=110_000).map(|i| i as f32 * 1e-3);
        let errors = all.chain(near).filter(|x| !x.is_nan()).map(|x| {
            let error = units(function(x), exact(f64::from(x)));
            assert!(!error.is_nan(), "{x:e}");
            (error, x)
        });
        errors.fold(
            (0.0, 0.0),
            |worst, now| if now.0 > worst.0 { now } else { worst },
        )
    }

    #[test]
    fn smooth_functions_and_their_slopes_are_right_to_four_units_in_the_last_place() {
        let exact_sigmoid = |x: f64| {
            let e = (-x.abs()).exp();
            if x < 0.0 {
                e / (1.0 + e)
            } else {
                1.0 / (1.0 + e)
            }
        };
        let exact_sigmoid_slope = |x: f64| {
            let e = (-x.abs()).exp();
            e / (1.0 + e).powi(2)
        };
        let worst = [
            ("tanh", worst(tanh, f64::tanh)),
            ("tanh′", worst(tanh_slope, |x| x.cosh().powi(-2))),
            ("sigmoid", worst(sigmoid, exact_sigmoid)),
            ("sigmoid′", worst(sigmoid_slope, exact_sigmoid_slope)),
        ];
        for (name, (error, at)) in worst {
            println!("{name}: {error:.2} at {at:e}");
            assert!(error < 4.0, "{name}: {error} at {at:e}");
        }
    }

    #[test]
    fn smooth_functions_end_as_they_should() {
        for x in [9.1, 20.0, 1e30, f32::INFINITY] {
            assert_eq!((tanh(x), tanh(-x)), (1.0, -1.0));
        }
        assert_eq!(
            (sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)),
            (1.0, 0.0)
        );
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!((tanh_slope(0.0), sigmoid_slope(0.0)), (1.0, 0.25));
        for slope in [tanh_slope, sigmoid_slope] {
            assert_eq!((slope(f32::INFINITY), slope(f32::NEG_INFINITY)), (0.0, 0.0));
        }
        assert_eq!(tanh(0.0).to_bits(), 0.0f32.to_bits());
        assert_eq!(tanh(-0.0).to_bits(), (-0.0f32).to_bits());
        // Numbers so small that they have fewer digits.
        assert_eq!(tanh(1e-40), 1e-40);
        assert!(sigmoid(-100.0) > 0.0 && sigmoid(-103.0) > 0.0);
        for function in [tanh, sigmoid, tanh_slope, sigmoid_slope] {
            assert!(function(f32::NAN).is_nan() && function(-f32::NAN).is_nan());
        }
    }

    #[test]
    fn nan_passes_every_function() {
        for activation in [
            Elementwise::Identity,
            Elementwise::Relu,
            Elementwise::LeakyRelu(0.2),
            Elementwise::Tanh,
            Elementwise::Sigmoid,
        ] {
            let mut x = [f32::NAN, 1.0];
            apply(&mut x, activation);
            assert!(x[0].is_nan() && x[1].is_finite());
        }
    }
}
