//! Kinds of columns by what stands in them.

use std::collections::BTreeSet;

use super::date;
use super::kind::ColumnKind;

/// Columns of whole numbers with at most so many values are ordered categories.
const FEW: usize = 10;
/// Decimals beyond which a number is not rounded when it is written.
const DECIMALS: i64 = 15;
/// Whole numbers up to here are floats: 2⁵³.
const WHOLE: f64 = 9_007_199_254_740_992.0;
/// Larger numbers are none: their differences would be infinite.
const LARGEST: f64 = 1e300;
/// Longer cells are no numbers.
const LONGEST: usize = 400;

const PAIRS: [[&str; 2]; 5] = [
    ["true", "false"],
    ["yes", "no"],
    ["y", "n"],
    ["t", "f"],
    ["0", "1"],
];

/// What the cells of a column have been so far.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    /// Cells with a value.
    present: u64,
    numbers: bool,
    integers: bool,
    /// The most decimals so far; `None` once a number had too many.
    decimals: Option<u8>,
    /// Formats that all cells so far have.
    dates: Vec<&'static str>,
    /// The first few values that differ, and whether there were more.
    values: BTreeSet<String>,
    more: bool,
}

impl Guess {
    pub(super) fn new() -> Self {
        Self {
            present: 0,
            numbers: true,
            integers: true,
            decimals: Some(0),
            dates: date::FORMATS.to_vec(),
            values: BTreeSet::new(),
            more: false,
        }
    }

    /// Looks at a cell that has a value.
    pub(super) fn see(&mut self, cell: &str) {
        self.present += 1;
        if self.numbers {
            match number(cell) {
                Some(value) => {
                    self.integers &= is_whole(cell, value);
                    self.decimals = most(self.decimals, decimals(cell));
                }
                None => self.numbers = false,
            }
        }
        self.dates.retain(|format| {
            let read = date::number(cell, format);
            read.and_then(|number| date::text(number, format))
                .as_deref()
                == Some(cell)
        });
        if !self.more && !self.values.contains(cell) {
            self.more = self.values.len() == FEW;
            if !self.more {
                self.values.insert(cell.to_owned());
            }
        }
    }

    /// Whether all cells so far were numbers, and there was one.
    pub(super) fn is_numeric(&self) -> bool {
        self.present > 0 && self.numbers
    }

    pub(super) fn kind(&self) -> ColumnKind {
        if self.present == 0 {
            return ColumnKind::Categorical;
        }
        let lower: BTreeSet<String> = self.values.iter().map(|v| v.to_lowercase()).collect();
        let is = |pair: &[&str; 2]| pair.iter().all(|name| lower.contains(*name));
        if !self.more && self.values.len() == 2 && lower.len() == 2 && PAIRS.iter().any(is) {
            ColumnKind::Boolean
        } else if self.numbers && self.integers && !self.more {
            ColumnKind::Ordered
        } else if self.numbers && self.integers {
            ColumnKind::Integer
        } else if self.numbers {
            ColumnKind::Continuous
        } else if !self.dates.is_empty() {
            ColumnKind::Date
        } else {
            ColumnKind::Categorical
        }
    }

    /// The most decimals of a number.
    pub(super) fn decimals(&self) -> Option<u8> {
        self.decimals.filter(|_| self.is_numeric())
    }

    /// The format of all dates.
    pub(super) fn format(&self) -> Option<&'static str> {
        self.dates.first().copied().filter(|_| self.present > 0)
    }
}

fn most(a: Option<u8>, b: Option<u8>) -> Option<u8> {
    Some(a?.max(b?))
}

/// The number that a cell is. `007` is none: it would not come back.
pub(super) fn number(cell: &str) -> Option<f64> {
    let digits = cell.trim_start_matches(['+', '-']);
    let mut first = digits.bytes();
    let begins = match (first.next(), first.next()) {
        (Some(b'0'), Some(b'0'..=b'9')) => false,
        (Some(b'0'..=b'9' | b'.'), _) => true,
        _ => false,
    };
    if !begins || cell.len() > LONGEST {
        return None;
    }
    let value: f64 = cell.parse().ok()?;
    let whole: Option<i128> = cell.parse().ok();
    let kept = whole.is_none_or(|whole| whole.unsigned_abs() <= WHOLE as u128);
    (value.abs() <= LARGEST && kept).then_some(value)
}

/// Whether a cell is a whole number, written as one.
fn is_whole(cell: &str, value: f64) -> bool {
    value.fract() == 0.0 && !cell.contains(['.', 'e', 'E'])
}

/// The decimals of a number as it is written, exponents taken into account; `None` where there are
/// more than a float could be rounded to.
pub(super) fn decimals(cell: &str) -> Option<u8> {
    let (mantissa, exponent) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let behind = mantissa.split_once('.').map_or("", |(_, behind)| behind);
    let exponent: i64 = exponent.parse().ok()?;
    let decimals = (behind.len() as i64 - exponent).max(0);
    let large = cell.parse::<f64>().ok()?.abs() * 10f64.powi(decimals.min(400) as i32) > WHOLE;
    let fits = decimals <= DECIMALS && !large;
    fits.then(|| u8::try_from(decimals).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> (ColumnKind, Option<u8>) {
        let mut guess = Guess::new();
        cells.iter().for_each(|cell| guess.see(cell));
        (guess.kind(), guess.decimals())
    }

    #[test]
    fn kinds_are_guessed_by_all_cells() {
        use ColumnKind::*;
        let many: Vec<String> = (0..11).map(|i| i.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&many), (Integer, Some(0)));
        assert_eq!(of(&["3", "-1", "3"]), (Ordered, Some(0)));
        assert_eq!(of(&["0", "1", "0"]).0, Boolean);
        assert_eq!(of(&["Yes", "no"]).0, Boolean);
        assert_eq!(of(&["Yes", "yes"]).0, Categorical);
        assert_eq!(of(&["1.50", "2"]), (Continuous, Some(2)));
        assert_eq!(of(&["1e-30", "1e30"]), (Continuous, None));
        assert_eq!(of(&["2.5e1", "-.125"]), (Continuous, Some(3)));
        assert_eq!(of(&["2024-02-29", "1999-12-31"]).0, Date);
        assert_eq!(of(&["2024-02-29", "2023-02-29"]).0, Categorical);
        assert_eq!(of(&["a", "1"]).0, Categorical);
        assert_eq!(of(&[]).0, Categorical);
        // Codes with zeros before them, keys beyond 2⁵³, numbers without an end.
        for name in [
            "007",
            "9007199254740993",
            "1e999",
            "inf",
            "nan",
            "0x10",
            "1_000",
            "",
        ] {
            assert_eq!(of(&[name, "12", "2"]).0, Categorical, "{name}");
        }
    }

    #[test]
    fn day_and_month_are_told_apart_where_a_cell_tells() {
        let format = |cells: &[&str]| {
            let mut guess = Guess::new();
            cells.iter().for_each(|cell| guess.see(cell));
            guess.format()
        };
        assert_eq!(format(&["01/02/2024", "13/02/2024"]), Some("%d/%m/%Y"));
        assert_eq!(format(&["01/02/2024", "02/13/2024"]), Some("%m/%d/%Y"));
        assert_eq!(format(&["1/2/2024"]), None);
    }
}
