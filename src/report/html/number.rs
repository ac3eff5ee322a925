//! Numbers for people. `report.json` has them in full precision.

use serde_json::{Number, Value};

/// A narrow space that no line breaks at.
const SPACE: char = '\u{202f}';

/// Something measured: four significant digits of what is not whole, thousands apart.
pub(super) fn measured(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    apart(&significant(value, 4)).replace('-', "−")
}

/// A setting's number, as one would type it.
pub(super) fn setting(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => significant(value, 6),
        _ => number.to_string(),
    }
}

/// A count, thousands apart.
pub(super) fn count(value: u64) -> String {
    apart(&value.to_string())
}

/// A metric that is no list and no object.
pub(super) fn metric(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() => measured(value),
            _ => apart(&number.to_string()).replace('-', "−"),
        },
        other => word(other),
    }
}

/// What a value that is no number says.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How long something took, in its two largest units.
pub(super) fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return format!("{} s", measured(seconds));
    }
    if seconds < 0.9995 {
        return format!("{} ms", significant(1e3 * seconds, 3));
    }
    if seconds < 59.95 {
        return format!("{} s", significant(seconds, 3));
    }
    // Rounded to the smaller unit before it is split: 119.9 seconds are "2 min", not "1 min 60 s".
    let whole = |unit: f64| (seconds / unit).round() as u64;
    let (small, each, units) = if whole(1.0) < 3_600 {
        (whole(1.0), 60, ["min", "s"])
    } else if whole(60.0) < 1_440 {
        (whole(60.0), 60, ["h", "min"])
    } else {
        (whole(3_600.0), 24, ["d", "h"])
    };
    match small % each {
        0 => format!("{} {}", count(small / each), units[0]),
        rest => format!("{} {} {rest} {}", count(small / each), units[0], units[1]),
    }
}

fn not_finite(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value > 0.0 {
        "∞".to_owned()
    } else {
        "−∞".to_owned()
    }
}

/// A finite number of at most so many significant digits; whole digits are never cut.
fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{:.*e}", digits - 1, value);
    let Some((mantissa, power)) = text.split_once('e') else {
        return text;
    };
    let power: i32 = power.parse().unwrap_or_default();
    if !(-4..9).contains(&power) {
        return format!("{}e{power}", shorten(mantissa));
    }
    let decimals = (digits as i32 - 1 - power).max(0) as usize;
    shorten(&format!("{value:.decimals$}")).to_owned()
}

/// Drops trailing zeros after the decimal point.
fn shorten(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// Sets thousands apart where there are at least five digits before the point.
fn apart(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits < 5 {
        return text.to_owned();
    }
    let mut spaced = sign.to_owned();
    for (index, digit) in rest.chars().enumerate() {
        if index > 0 && index < digits && (digits - index).is_multiple_of(3) {
            spaced.push(SPACE);
        }
        spaced.push(digit);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn measured_numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (f64::from(0.3_f32), "0.3"),
            (1.3091139793395996, "1.309"),
            (-0.038590192794799805, "−0.03859"),
            (0.9784, "0.9784"),
            (99.99999, "100"),
            (1234.56, "1235"),
            (123456.7, "123\u{202f}457"),
            (-12345.0, "−12\u{202f}345"),
            (1.23456e-7, "1.235e−7"),
            (6.02214e23, "6.022e23"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, expected) in cases {
            assert_eq!(measured(value), expected);
        }
        assert_eq!(
            metric(&json!(u64::MAX)),
            "18 446 744 073 709 551 615".replace(' ', "\u{202f}")
        );
        assert_eq!(metric(&json!(-20_000)), "−20\u{202f}000");
        assert_eq!(metric(&json!(null)), "none");
    }

    #[test]
    fn settings_are_as_one_types_them() {
        let cases = [
            (json!(0.0005), "0.0005"),
            (json!(1e-8), "1e-8"),
            (json!(0.30000001192092896), "0.3"),
            (json!(30_000), "30000"),
            (json!(3.0), "3"),
            (json!(-0.25), "-0.25"),
            (json!(100_000.0), "100000"),
        ];
        for (value, expected) in cases {
            assert_eq!(setting(value.as_number().unwrap()), expected);
        }
    }

    #[test]
    fn durations_have_two_units_and_never_sixty_seconds() {
        let cases = [
            (0.0, "0 ms"),
            (0.00042, "0.42 ms"),
            (0.85, "850 ms"),
            (42.34, "42.3 s"),
            (59.96, "1 min"),
            (85.2, "1 min 25 s"),
            (119.9, "2 min"),
            (1146.46, "19 min 6 s"),
            (3_580.0, "59 min 40 s"),
            (3_599.9, "1 h"),
            (7_530.0, "2 h 6 min"),
            (84_700.0, "23 h 32 min"),
            (86_399.0, "1 d"),
            (277_200.0, "3 d 5 h"),
            (-1.0, "−1 s"),
            (f64::NAN, "NaN s"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }
}
