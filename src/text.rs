//! Text of others (names of files, classes and settings, messages of other programs) as it can be
//! shown.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// Text as it can stand in a line on a terminal: what would move the cursor, break the line or turn
/// the direction of writing is written as an escape, `\n` or `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, hides, |out, c| out.extend(c.escape_default()))
}

/// A number in three significant digits, with an exponent where it is very large or small.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else {
        let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    }
}

/// Bytes as hexadecimal digits, as checksums are shown.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// [`visible`], for a path.
pub(crate) fn visible_path(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// [`visible`], with lines joined: the messages of burn's checks are of several.
pub(crate) fn visible_sentence(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(|line| visible(line.trim())).collect();
    lines.join(" ").trim().to_owned()
}

/// A page or another text of several lines as it can be shown: line ends and tabs stay.
#[cfg_attr(not(feature = "plot"), allow(dead_code))]
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    let hides = |c: char| !matches!(c, '\n' | '\t') && hides(c);
    escaped(text, hides, |out, c| out.extend(c.escape_default()))
}

/// JSON as it can be shown: the same values, with what [`visible`] escapes as JSON's own escapes.
/// serde escapes the control characters of ASCII only.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    let hides = |c: char| !c.is_ascii_whitespace() && hides(c);
    escaped(json, hides, |out, c| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn escaped<'a>(
    text: &'a str,
    hides: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'a, str> {
    if !text.chars().any(&hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hides(c) {
            escape(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Characters that are not seen themselves and change how others are.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Lines and paragraphs that end.
            '\u{2028}' | '\u{2029}'
            // Directions of writing: marks, embeddings, overrides, isolates.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Nothing at all: soft hyphen, spaces without width, tags.
            | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_34, "0.0123"),
            (-1.234, "-1.23"),
            (1234.5, "1234"),
            (1e6, "1.00e6"),
            (3.2e-7, "3.20e-7"),
        ] {
            assert_eq!(digits(value), text);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        for (text, shown) in [
            ("plain, ü, 漢字, 👩‍🚀", "plain, ü, 漢字, 👩‍🚀"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("a\nb\rc\td", r"a\nb\rc\td"),
            ("\u{7f}\u{9b}2J\0", r"\u{7f}\u{9b}2J\u{0}"),
            ("a\u{202e}gnp.exe", r"a\u{202e}gnp.exe"),
            ("a\u{2028}b", r"a\u{2028}b"),
            (r"C:\new", r"C:\new"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(
            visible_sentence("=== Error ===\n  Reason:\r\n\t1. \u{1b}shape\n"),
            r"=== Error === Reason: 1. \u{1b}shape"
        );
        assert_eq!(visible_lines("a\n\tb\u{1b}"), "a\n\tb\\u{1b}");
    }

    #[test]
    fn escaped_json_says_the_same() {
        let value = serde_json::json!({"\u{202e}": "\u{9b}\n\u{e0041}\u{1b}ü"});
        let json = serde_json::to_string_pretty(&value).unwrap();
        let shown = visible_json(&json);
        assert!(shown.chars().all(|c| c == '\n' || !hides(c)), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
