//! A column: what is known of it, and its cells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::date;
use super::kind::ColumnKind;

/// The code of a missing category.
pub const MISSING: u32 = u32::MAX;

/// What is known of a column beside its cells; stored with what is made of the column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSchema {
    /// The name in the header.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// The most decimals that a number of the column is written with, where that is known.
    pub decimals: Option<u8>,
    /// How points in time are written, as `strftime` has it: `%Y-%m-%d`.
    pub format: Option<String>,
    /// The names of categories; of an ordered column in their order.
    pub categories: Vec<String>,
}

/// The values of a column, one for each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Numbers; of dates seconds since the start of 1970, or days where their format has no time. NaN
    /// where a value is missing.
    Numbers(Vec<f64>),
    /// The places of names among the column's categories; [`MISSING`] where there is none.
    Codes(Vec<u32>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What is known of it.
    pub schema: ColumnSchema,
    /// Its cells.
    pub cells: Cells,
}

impl ColumnSchema {
    /// A column of numbers.
    pub fn numbers(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            kind,
            decimals: None,
            format: None,
            categories: Vec::new(),
        }
    }

    /// How a number of the column is written.
    pub(super) fn number_text(&self, value: f64) -> String {
        if value.is_nan() {
            return String::new();
        }
        match (self.kind, &self.format, self.decimals) {
            (ColumnKind::Date, Some(format), _) => date::text(value, format).unwrap_or_default(),
            (ColumnKind::Integer | ColumnKind::Date, _, _) => format!("{value:.0}"),
            (_, _, Some(decimals)) => format!("{value:.*}", usize::from(decimals)),
            // Without exponents very large and small numbers would have hundreds of digits.
            _ if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => format!("{value:e}"),
            _ => value.to_string(),
        }
    }
}

impl Column {
    /// A column of continuous numbers; NaN where one is missing.
    pub fn continuous(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self {
            schema: ColumnSchema::numbers(name, ColumnKind::Continuous),
            cells: Cells::Numbers(values),
        }
    }

    /// A column of whole numbers; NaN where one is missing.
    pub fn integer(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self {
            schema: ColumnSchema::numbers(name, ColumnKind::Integer),
            cells: Cells::Numbers(values),
        }
    }

    /// A column of categories by their places among `categories`; [`MISSING`] where there is none.
    pub fn categorical(
        name: impl Into<String>,
        codes: Vec<u32>,
        categories: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let mut schema = ColumnSchema::numbers(name, ColumnKind::Categorical);
        schema.categories = categories.into_iter().map(Into::into).collect();
        Self {
            schema,
            cells: Cells::Codes(codes),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match &self.cells {
            Cells::Numbers(values) => values.len(),
            Cells::Codes(codes) => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the value of a row is missing.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.cells {
            Cells::Numbers(values) => values[row].is_nan(),
            Cells::Codes(codes) => codes[row] == MISSING,
        }
    }

    /// The cell of a row as a file has it; empty where the value is missing.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn text(&self, row: usize) -> String {
        match &self.cells {
            Cells::Numbers(values) => self.schema.number_text(values[row]),
            Cells::Codes(codes) => {
                let name = self.schema.categories.get(codes[row] as usize);
                name.cloned().unwrap_or_default()
            }
        }
    }

    /// The share of each name, a missing value's under an empty one; none of numbers.
    pub(crate) fn shares(&self) -> BTreeMap<&str, f64> {
        let mut shares = BTreeMap::new();
        let Cells::Codes(codes) = &self.cells else {
            return shares;
        };
        let each = 1.0 / codes.len() as f64;
        for code in codes {
            let name = match *code {
                MISSING => "",
                code => self.schema.categories[code as usize].as_str(),
            };
            *shares.entry(name).or_insert(0.0) += each;
        }
        shares
    }

    /// The rows at these places alone, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let cells = match &self.cells {
            Cells::Numbers(values) => Cells::Numbers(rows.iter().map(|row| values[*row]).collect()),
            Cells::Codes(codes) => Cells::Codes(rows.iter().map(|row| codes[*row]).collect()),
        };
        Self {
            schema: self.schema.clone(),
            cells,
        }
    }
}
