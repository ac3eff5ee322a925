//! One axis: its range, how values lie on it, its ticks and their labels.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use super::canvas::Drawn;

/// Numbers from here on count as infinite: differences of larger ones overflow in tick arithmetic.
const HUGE: f64 = 1e100;

/// Whether a number can be placed on a linear axis.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() < HUGE
}

/// Whether a number can be placed on a logarithmic axis.
pub(super) fn drawable_log(value: f64) -> bool {
    value > 1.0 / HUGE && value < HUGE
}

/// The range from the smallest to the largest of `values`, the undrawable ones left out, `margin`
/// of its width added at both ends; `None` without a drawable value. A single value gets a range
/// around it.
pub(super) fn range_of(values: impl IntoIterator<Item = f64>, margin: f64) -> Option<Range<f64>> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|&value| drawable(value)) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return None;
    }
    // Below a billionth of the values' size, ticks could not be distinguished.
    let size = low.abs().max(high.abs());
    if high - low < 1e-9 * size || high - low < 1e-200 {
        let half = if size < 1e-200 { 0.5 } else { 0.05 * size };
        return Some(low - half..high + half);
    }
    let extra = margin * (high - low);
    Some(low - extra..high + extra)
}

/// A tick's label: six significant digits at most, no trailing zeros, powers of ten where it is
/// shorter.
pub(super) fn tick(value: f64) -> String {
    let size = value.abs();
    // Ticks are sums of steps, so that the one at zero may be off by a rounding error.
    if size < 1e-12 && size > 0.0 {
        return format!("{value:.0e}");
    }
    if size >= 1e6 || (size > 0.0 && size < 1e-3) {
        let text = format!("{value:.2e}");
        return match text.split_once('e') {
            Some((digits, power)) => format!("{}e{power}", shorten(digits)),
            None => text,
        };
    }
    let text = format!("{value:.5}");
    match shorten(&text) {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Drops trailing zeros after the decimal point.
fn shorten(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// A range that was asked for, refused where no axis can be made of it.
pub(super) fn fixed((low, high): (f64, f64)) -> Drawn<Range<f64>> {
    let size = low.abs().max(high.abs());
    let room = high - low >= 1e-9 * size && high - low >= 1e-200;
    if !drawable(low) || !drawable(high) || !room {
        return Err(format!(
            "the range {low} to {high} is empty, too narrow or not finite"
        ));
    }
    Ok(low..high)
}

/// An axis from the low to the high end of a range, linear or logarithmic (the range positive
/// then).
///
/// The drawing library has both, but its search for ticks does not end for some ranges.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    pub(super) log: bool,
}

impl Axis {
    pub(super) fn linear(range: Range<f64>) -> Self {
        Self { range, log: false }
    }

    /// Whether a number can be placed on it, inside the range or out of it.
    pub(super) fn drawable(&self, value: f64) -> bool {
        if self.log {
            drawable_log(value)
        } else {
            drawable(value)
        }
    }

    /// A value on the scale on which the axis is even.
    pub(super) fn scale(&self, value: f64) -> f64 {
        if self.log { value.ln() } else { value }
    }

    /// The value at a place of that scale; never outside the range by rounding.
    pub(super) fn unscale(&self, place: f64) -> f64 {
        let value = if self.log { place.exp() } else { place };
        value.clamp(self.range.start, self.range.end)
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (low, high) = (self.scale(self.range.start), self.scale(self.range.end));
        let share = (self.scale(*value) - low) / (high - low);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Only labelled lines are drawn, no finer ones between.
        let count = hint.max_num_points();
        if hint.weight().allow_light_points() || count == 0 {
            Vec::new()
        } else if self.log {
            log_ticks(&self.range, count)
        } else {
            linear_ticks(&self.range, count)
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Where the ticks of a linear axis stand: about `count`, at multiples of 1, 2 or 5 times a power
/// of ten.
fn linear_ticks(range: &Range<f64>, count: usize) -> Vec<f64> {
    let raw = (range.end - range.start) / count as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|&step| step >= raw)
        .unwrap_or(10.0 * power);
    let first = (range.start / step - 1e-6).ceil();
    (0..=count)
        .map(|index| (first + index as f64) * step)
        .take_while(|&value| value <= range.end + 1e-6 * step)
        .collect()
}

/// Where the ticks of a logarithmic axis stand: powers of ten, every so many that there are about
/// `count`; with less than two of them in the range also twice and five times those; and as on a
/// linear axis in a range too narrow for that.
fn log_ticks(range: &Range<f64>, count: usize) -> Vec<f64> {
    let inside =
        |value: &f64| (range.start * (1.0 - 1e-9)..=range.end * (1.0 + 1e-9)).contains(value);
    let (low, high) = (
        range.start.log10().floor() as i32,
        range.end.log10().ceil() as i32,
    );
    let stride = (high - low).div_euclid(count as i32) + 1;
    let powers: Vec<f64> = (low..=high)
        .filter(|power| power.rem_euclid(stride) == 0)
        .map(|power| 10f64.powi(power))
        .filter(inside)
        .collect();
    if powers.len() > 1 {
        return powers;
    }
    let finer: Vec<f64> = (low..=high)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
        .filter(inside)
        .collect();
    if finer.len() > 1 {
        return finer;
    }
    linear_ticks(range, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.30000000000000004, "0.3"),
            (-2.5, "-2.5"),
            (30000.0, "30000"),
            (2e6, "2e6"),
            (1e-4, "1e-4"),
            (1.5e-5, "1.5e-5"),
            (100.0, "100"),
        ];
        for (value, expected) in cases {
            assert_eq!(tick(value), expected);
        }
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(
            linear_ticks(&(0.0..1.0), 5),
            [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
        );
        assert_eq!(linear_ticks(&(-2.5..2.5), 4), [-2.0, 0.0, 2.0]);
        assert_eq!(
            linear_ticks(&(0.0..29_500.0), 6),
            [0.0, 5e3, 1e4, 1.5e4, 2e4, 2.5e4]
        );
        assert_eq!(linear_ticks(&(-1e99..1e99), 2), [-1e99, 0.0, 1e99]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_where_there_are_enough() {
        assert_eq!(log_ticks(&(1e-4..1.0), 8), [1e-4, 1e-3, 1e-2, 1e-1, 1.0]);
        assert_eq!(log_ticks(&(1.5..30.0), 8), [2.0, 5.0, 10.0, 20.0]);
        assert_eq!(
            log_ticks(&(5.9..6.9), 5),
            [6.0, 6.2, 6.4, 6.6000000000000005, 6.800000000000001]
        );
        let many = log_ticks(&(1e-250..1e90), 8);
        assert!((4..=9).contains(&many.len()), "{many:?}");
    }

    #[test]
    fn a_range_leaves_out_what_cannot_be_drawn() {
        let values = [f64::NAN, 2.0, f64::INFINITY, 4.0, -1e300];
        assert_eq!(range_of(values, 0.0), Some(2.0..4.0));
        assert_eq!(range_of(values, 0.25), Some(1.5..4.5));
        assert_eq!(range_of([f64::NAN], 0.0), None);
        assert_eq!(range_of([], 0.0), None);
    }

    #[test]
    fn values_lie_evenly_on_their_scale() {
        let linear = Axis::linear(0.0..10.0);
        assert_eq!(linear.map(&2.5, (100, 500)), 200);
        assert_eq!(linear.map(&10.0, (500, 100)), 100);
        let log = Axis {
            range: 1.0..1e4,
            log: true,
        };
        assert_eq!(log.map(&10.0, (0, 400)), 100);
        assert_eq!(log.unscale(log.scale(1e4)), 1e4);
    }

    #[test]
    fn a_logarithmic_axis_holds_positive_numbers_only() {
        assert!([1e-99, 1.0, 1e99].into_iter().all(drawable_log));
        let not = [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
        assert!(!not.into_iter().any(drawable_log));
    }

    #[test]
    fn ranges_that_no_axis_has_are_refused() {
        for range in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
            (0.0, 1e-300),
        ] {
            assert!(fixed(range).is_err(), "{range:?}");
        }
        assert_eq!(fixed((-1.0, 2.0)), Ok(-1.0..2.0));
    }

    #[test]
    fn a_single_value_gets_a_range_around_it() {
        assert_eq!(range_of([0.0], 0.0), Some(-0.5..0.5));
        assert_eq!(range_of([-2.0, -2.0], 0.0), Some(-2.1..-1.9));
        let close = range_of([1.0, 1.0 + f64::EPSILON], 0.0).unwrap();
        assert!(close.end - close.start > 0.09);
    }
}
