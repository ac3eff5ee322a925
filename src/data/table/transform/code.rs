//! Rows as numbers, and how those are laid out.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// One of the outputs of a generator of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// A number in (−1, 1), by a tanh.
    Tanh,
    /// A one-hot vector of so many entries, by a Gumbel-softmax.
    OneHot(usize),
}
}

impl Head {
    /// The numbers that it has.
    pub fn width(&self) -> usize {
        match self {
            Self::Tanh => 1,
            Self::OneHot(slots) => *slots,
        }
    }
}

/// A column as entries of a one-hot vector and places before it, in little memory: a one-hot vector
/// is written when it is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct CodedColumn {
    slots: Vec<u32>,
    /// None where the column has no places.
    places: Option<Vec<f64>>,
}

/// The rows of a table as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    rows: usize,
    columns: Vec<CodedColumn>,
    heads: Vec<Head>,
    width: usize,
}

impl CodedColumn {
    pub(super) fn with_capacity(rows: usize, places: bool) -> Self {
        Self {
            slots: Vec::with_capacity(rows),
            places: places.then(|| Vec::with_capacity(rows)),
        }
    }

    pub(super) fn push(&mut self, slot: u32, place: f64) {
        self.slots.push(slot);
        if let Some(places) = &mut self.places {
            places.push(place);
        }
    }

    /// The entry that is 1, of each row.
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// The entry and the place of each row; 0 where there is none.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        let places = self.places.as_deref().unwrap_or_default();
        let places = places.iter().copied().chain(std::iter::repeat(0.0));
        self.slots.iter().copied().zip(places)
    }
}

impl Coded {
    pub(super) fn new(rows: usize, columns: Vec<CodedColumn>, heads: Vec<Head>) -> Self {
        let width = heads.iter().map(Head::width).sum();
        Self {
            rows,
            columns,
            heads,
            width,
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns.
    pub fn columns(&self) -> &[CodedColumn] {
        &self.columns
    }

    /// How the numbers of a row are laid out.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Appends the numbers of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn write_row(&self, row: usize, values: &mut Vec<f32>) {
        let mut heads = self.heads.iter();
        for column in &self.columns {
            if let Some(places) = &column.places {
                heads.next();
                values.push(places[row] as f32);
            }
            let slots = heads.next().map_or(0, Head::width);
            let start = values.len();
            values.resize(start + slots, 0.0);
            values[start + column.slots[row] as usize] = 1.0;
        }
    }

    /// Rows of numbers `[rows, width]` as they were meant: of each one-hot vector the largest entry.
    ///
    /// # Errors
    /// If there are no whole rows, or a number is not finite.
    pub(super) fn of_values(values: &[f32], heads: Vec<Head>) -> Result<Self> {
        let width: usize = heads.iter().map(Head::width).sum();
        if !values.len().is_multiple_of(width) {
            let problem = format!("{} numbers are no whole rows of {width}", values.len());
            return Err(Error::data("coded table", problem));
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::data(
                "coded table",
                format!(
                    "row {}, number {}, is {}",
                    place / width,
                    place % width,
                    values[place]
                ),
            ));
        }
        let rows = values.len() / width;
        let mut columns = Vec::new();
        let mut start = 0;
        let mut place = None;
        for head in &heads {
            match head {
                Head::Tanh => place = Some(start),
                Head::OneHot(slots) => {
                    let mut column = CodedColumn::with_capacity(rows, place.is_some());
                    for row in values.chunks_exact(width) {
                        let entries = &row[start..start + slots];
                        let mut largest = 0;
                        for (slot, entry) in entries.iter().enumerate() {
                            if *entry > entries[largest] {
                                largest = slot;
                            }
                        }
                        column.push(largest as u32, place.map_or(0.0, |p| f64::from(row[p])));
                    }
                    columns.push(column);
                    place = None;
                }
            }
            start += head.width();
        }
        Ok(Self::new(rows, columns, heads))
    }
}
