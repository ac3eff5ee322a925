//! Rows as numbers, for classifiers and distances.

use std::collections::HashMap;

use crate::data::table::{Cells, Table};
use crate::error::Result;
use crate::metrics::{ExtractorId, Features};

/// A map of rows to numbers, fitted to real rows: numbers of mean 0 and deviation 1 (a missing one is
/// the mean, with an indicator beside it), names as one-hot vectors in which the entry is √½, so that
/// two names are at distance 1.
#[derive(Debug, Clone)]
pub struct RowNumbers {
    columns: Vec<Part>,
    width: usize,
}

#[derive(Debug, Clone)]
enum Part {
    /// Left out.
    None,
    Number {
        mean: f64,
        inverse: f64,
        missing: bool,
    },
    /// Places of names; behind them a missing value's.
    Names(HashMap<String, usize>),
}

impl Part {
    fn width(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Number { missing, .. } => 1 + usize::from(*missing),
            Self::Names(names) => names.len() + 1,
        }
    }
}

impl RowNumbers {
    /// A map for rows like these, without one of the columns, where it is the one to be told.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn fit(real: &Table, without: Option<&str>) -> Result<Self> {
        let without = without.map(|name| real.place(name)).transpose()?;
        let part = |(place, column): (usize, &crate::data::table::Column)| {
            if Some(place) == without {
                return Part::None;
            }
            match &column.cells {
                Cells::Codes(_) => {
                    let names = column.schema.categories.iter().cloned();
                    Part::Names(names.zip(0..).collect())
                }
                Cells::Numbers(values) => {
                    let present = values.iter().copied().filter(|x| !x.is_nan());
                    let count = present.clone().count().max(1) as f64;
                    let mean = present.clone().map(|x| x / count).sum::<f64>();
                    let most = present
                        .clone()
                        .fold(0.0_f64, |most, x| most.max((x - mean).abs()));
                    let squares = present.map(|x| ((x - mean) / most).powi(2)).sum::<f64>();
                    let deviation = most * (squares / count).sqrt();
                    let inverse = if deviation > 0.0 {
                        1.0 / deviation
                    } else {
                        0.0
                    };
                    Part::Number {
                        mean,
                        inverse,
                        missing: values.iter().any(|x| x.is_nan()),
                    }
                }
            }
        };
        let columns: Vec<Part> = real.columns().iter().enumerate().map(part).collect();
        Ok(Self {
            width: columns.iter().map(Part::width).sum(),
            columns,
        })
    }

    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The numbers of all rows, `[rows, width]`, row-major.
    ///
    /// # Panics
    /// If the table has other columns than the fitted one.
    pub fn numbers(&self, table: &Table) -> Vec<f64> {
        let rows = table.rows();
        let mut numbers = vec![0.0; rows * self.width];
        let mut start = 0;
        let half = 0.5_f64.sqrt();
        for (part, column) in self.columns.iter().zip(table.columns()) {
            match (part, &column.cells) {
                (Part::None, _) => {}
                (
                    Part::Number {
                        mean,
                        inverse,
                        missing,
                    },
                    Cells::Numbers(values),
                ) => {
                    for (row, value) in values.iter().enumerate() {
                        let at = row * self.width + start;
                        match value.is_nan() {
                            false => numbers[at] = (value - mean) * inverse,
                            true if *missing => numbers[at + 1] = 1.0,
                            true => {}
                        }
                    }
                }
                (Part::Names(names), Cells::Codes(codes)) => {
                    let places: Vec<Option<usize>> = (column.schema.categories.iter())
                        .map(|name| names.get(name).copied())
                        .collect();
                    for (row, code) in codes.iter().enumerate() {
                        let place = match places.get(*code as usize) {
                            Some(place) => *place,
                            None => Some(names.len()),
                        };
                        // An unknown name is none of them.
                        if let Some(place) = place {
                            numbers[row * self.width + start + place] = half;
                        }
                    }
                }
                _ => panic!(
                    "column `{}` is of another kind than the fitted one",
                    column.schema.name
                ),
            }
            start += part.width();
        }
        numbers
    }

    /// The numbers of all rows in single precision, as features for metrics.
    ///
    /// # Errors
    /// If the table has no row.
    ///
    /// # Panics
    /// As [`numbers`](Self::numbers).
    pub fn features(&self, table: &Table) -> Result<Features> {
        let numbers = self.numbers(table).iter().map(|x| *x as f32).collect();
        let extractor = ExtractorId::new("rows").with_input("standardised numbers, one-hot names");
        Ok(Features::new(numbers, self.width)?.with_extractor(extractor))
    }
}
