//! Points in time as numbers.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// The formats that are guessed, each with its own order of day and month. Where a file fits two of
/// them the first is taken.
pub(super) const FORMATS: &[&str] = &[
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
];

/// Whether a format has a time of day: then points are seconds, otherwise days.
pub(super) fn has_time(format: &str) -> bool {
    ["%H", "%I", "%M", "%S", "%T", "%R", "%s"]
        .iter()
        .any(|part| format.contains(part))
}

/// The number that a text stands for: days, or seconds where the format has a time, since the start
/// of 1970.
pub(super) fn number(text: &str, format: &str) -> Option<f64> {
    if has_time(format) {
        let time = NaiveDateTime::parse_from_str(text, format).ok()?;
        return Some(time.and_utc().timestamp() as f64);
    }
    let date = NaiveDate::parse_from_str(text, format).ok()?;
    let seconds = date.and_time(NaiveTime::MIN).and_utc().timestamp();
    Some((seconds / 86_400) as f64)
}

/// How a point is written; `None` outside of the calendar or for a format that is none.
pub(super) fn text(number: f64, format: &str) -> Option<String> {
    let seconds = match has_time(format) {
        true => number.round(),
        false => number.round() * 86_400.0,
    };
    if !(seconds.abs() < 1e15) {
        return None;
    }
    let time = DateTime::from_timestamp(seconds as i64, 0)?.naive_utc();
    let mut text = String::new();
    // A format that is none fails while it is written.
    std::fmt::Write::write_fmt(&mut text, format_args!("{}", time.format(format))).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_days_or_seconds_and_come_back() {
        for (format, text_of, value) in [
            ("%Y-%m-%d", "1970-01-02", 1.0),
            ("%d.%m.%Y", "31.12.1969", -1.0),
            ("%Y-%m-%d %H:%M:%S", "1970-01-01 01:00:05", 3605.0),
            ("%m/%d/%Y", "02/29/2024", 19_782.0),
        ] {
            assert_eq!(number(text_of, format), Some(value), "{text_of}");
            assert_eq!(text(value, format).as_deref(), Some(text_of));
        }
        assert_eq!(number("2023-02-29", "%Y-%m-%d"), None);
        assert_eq!(number("x", "%Q"), None);
        assert_eq!(text(1.0, "%Q"), None);
        assert_eq!(text(1e300, "%Y"), None);
    }
}
