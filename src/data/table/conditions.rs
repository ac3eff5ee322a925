//! The conditional vector of a table, and what it is drawn from.

use serde::{Deserialize, Serialize};

use super::transform::{Coded, TableCode, TableTransform};
use super::whole::Table;
use crate::error::{Error, Result};
use crate::random::Stream;

/// A column that rows may be conditioned on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionColumn {
    /// Its place among the columns of the table.
    pub column: usize,
    /// Its place among the heads of the generator.
    pub head: usize,
    /// Where its entries begin in the vector.
    pub start: usize,
    /// How many rows have each of its entries.
    pub counts: Vec<u64>,
}

/// What generated rows are conditioned on: one value of one column of names, as a vector with an entry
/// for each name of each such column, one of them 1 (the conditional vector).
///
/// Xu et al. 2019, arXiv:1907.00503, section 4.3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConditions {
    columns: Vec<ConditionColumn>,
}

/// How often a value is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionFrequency {
    /// By ln(1 + rows): rare values more often than they are there. So it is trained.
    Logarithm,
    /// By the rows that have it. So it is sampled.
    Rows,
}

impl TableConditions {
    /// The columns of names of a coded table that have more than one value; `None` if there is none.
    pub fn of(transform: &TableTransform, coded: &Coded) -> Option<Self> {
        let mut columns = Vec::new();
        let (mut head, mut start) = (0, 0);
        for (place, ((_, code), cells)) in transform.columns().zip(coded.columns()).enumerate() {
            head += usize::from(code.has_place());
            let slots = code.slots();
            if matches!(code, TableCode::Category(_)) && slots > 1 {
                let mut counts = vec![0; slots];
                cells
                    .slots()
                    .iter()
                    .for_each(|slot| counts[*slot as usize] += 1);
                columns.push(ConditionColumn {
                    column: place,
                    head,
                    start,
                    counts,
                });
                start += slots;
            }
            head += 1;
        }
        (!columns.is_empty()).then_some(Self { columns })
    }

    /// Whether its parts go together, and with a transform.
    pub(super) fn consistent(&self, transform: &TableTransform) -> Result<(), String> {
        let codes: Vec<&TableCode> = transform.columns().map(|(_, code)| code).collect();
        let mut start = 0;
        for own in &self.columns {
            let wrong = || format!("the condition on column {} does not fit", own.column);
            let code = codes.get(own.column).ok_or_else(wrong)?;
            let before = codes[..own.column]
                .iter()
                .map(|code| 1 + usize::from(code.has_place()));
            let head: usize = before.sum::<usize>() + usize::from(code.has_place());
            let fits = matches!(code, TableCode::Category(_))
                && own.counts.len() == code.slots()
                && own.start == start
                && own.head == head
                && own.counts.iter().any(|count| *count > 0);
            if !fits {
                return Err(wrong());
            }
            start += own.counts.len();
        }
        match self.columns.is_empty() {
            true => Err("conditions without a column".to_owned()),
            false => Ok(()),
        }
    }

    /// The columns.
    pub fn columns(&self) -> &[ConditionColumn] {
        &self.columns
    }

    /// The length of the vector.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.counts.len()).sum()
    }

    /// The places of the columns among a generator's heads.
    pub fn heads(&self) -> Vec<usize> {
        self.columns.iter().map(|column| column.head).collect()
    }

    /// One of the columns, all equally likely, and one of its entries.
    pub fn draw(&self, frequency: ConditionFrequency, stream: &mut Stream) -> (usize, usize) {
        let column = stream.index(self.columns.len());
        let mass = |count: u64| match frequency {
            ConditionFrequency::Logarithm => (count as f64).ln_1p(),
            ConditionFrequency::Rows => count as f64,
        };
        let counts = &self.columns[column].counts;
        let all: f64 = counts.iter().map(|count| mass(*count)).sum();
        let mut left = f64::from(stream.uniform(1, 0.0, 1.0)[0]) * all;
        let mut last = 0;
        for (slot, count) in counts.iter().enumerate() {
            let mass = mass(*count);
            if mass > 0.0 {
                last = slot;
                left -= mass;
                if left < 0.0 {
                    break;
                }
            }
        }
        (column, last)
    }

    /// The place in the vector of an entry of one of the columns.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn place(&self, column: usize, slot: usize) -> usize {
        self.columns[column].start + slot
    }

    /// Which of the columns is the one at this place of the table, if it is one of them.
    pub fn find(&self, column: usize) -> Option<usize> {
        self.columns.iter().position(|own| own.column == column)
    }

    /// Vectors `[rows, width]` with these entries 1.
    pub fn vectors(&self, places: &[usize]) -> Vec<f32> {
        let width = self.width();
        let mut values = vec![0.0; places.len() * width];
        for (row, place) in places.iter().enumerate() {
            values[row * width + place] = 1.0;
        }
        values
    }
}

/// `column = value`: what generated rows are to have.
///
/// ```
/// use burn_gan::data::table::RowFilter;
///
/// let filter: RowFilter = "education = Masters".parse()?;
/// assert_eq!((filter.column.as_str(), filter.value.as_str()), ("education", "Masters"));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFilter {
    /// The column's name.
    pub column: String,
    /// The cell as a file has it; empty for a missing value.
    pub value: String,
}

impl std::str::FromStr for RowFilter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((column, value)) = text.split_once('=') else {
            let problem = "must be a column and its value, such as `sex = Female`";
            return Err(Error::setting("condition", text, problem));
        };
        Ok(Self {
            column: column.trim().to_owned(),
            value: value.trim().to_owned(),
        })
    }
}

impl RowFilter {
    /// The rows of a table that have the value. Numbers are compared as numbers: `40` is `40.0`.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn matches(&self, table: &Table) -> Result<Vec<bool>> {
        let column = table.column(&self.column)?;
        let number: Option<f64> = self.value.parse().ok();
        let number = number.filter(|_| column.schema.kind.is_numeric());
        let has = |row: usize| {
            let text = column.text(row);
            text == self.value || (number.is_some() && text.parse().ok() == number)
        };
        Ok((0..table.rows()).map(has).collect())
    }
}
