//! Two columns together.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::association::{association, pearson};
use super::comparable;
use super::shapes::total_variation;
use crate::data::table::{Cells, Column, MISSING, Table};
use crate::error::{Error, Result};

/// Numbers beside names are put into so many bins.
const BINS: usize = 10;

/// Two columns of real and of generated rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairTrend {
    /// The columns.
    pub columns: (String, String),
    /// `pearson`, `cramers_v` or `correlation_ratio`.
    pub measure: &'static str,
    /// The measure of the real rows.
    pub real: f64,
    /// The measure of the generated ones.
    pub generated: f64,
    /// How alike the two are together, from 0 to 1.
    pub similarity: f64,
}

/// What [`pair_trends`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairTrends {
    /// The mean of |real − generated| over pairs of columns: 0 is perfect.
    pub difference: f64,
    /// The mean similarity: 1 is perfect.
    pub score: f64,
    /// Each pair.
    pub pairs: Vec<PairTrend>,
}

/// How far generated columns go together as the real ones do, pair by pair.
///
/// ```text
/// association: of numbers Pearson's correlation, of names Cramér's V, of a name and a number the
///              correlation ratio
/// difference = mean over pairs |association_real − association_generated|
/// similarity:  of numbers 1 − |r_real − r_generated|/2, otherwise 1 − ½·Σ |p_real(v, w) − p_generated(v, w)|
/// ```
///
/// For similarity numbers beside names are put into ten bins of equal width over the real column's
/// range. It is a total variation of as many cells as two columns have, so that real rows against real
/// ones are below 1. *Cost*: rows × pairs.
///
/// # Errors
/// If the tables have other columns, no row, or only one column.
pub fn pair_trends(real: &Table, generated: &Table) -> Result<PairTrends> {
    comparable("pair_trends", real, generated)?;
    let (a, b) = (real.columns(), generated.columns());
    let pairs: Vec<(usize, usize)> = (0..a.len())
        .flat_map(|first| (first + 1..a.len()).map(move |second| (first, second)))
        .collect();
    if pairs.is_empty() {
        return Err(Error::data(
            "pair_trends",
            "a table of one column has no pair of them",
        ));
    }
    let pairs: Vec<PairTrend> = (pairs.par_iter())
        .map(|(i, j)| {
            let (measure, of_real) = association(&a[*i], &a[*j]);
            let (_, of_generated) = association(&b[*i], &b[*j]);
            PairTrend {
                columns: (a[*i].schema.name.clone(), a[*j].schema.name.clone()),
                measure,
                real: of_real,
                generated: of_generated,
                similarity: similarity([&a[*i], &a[*j]], [&b[*i], &b[*j]]),
            }
        })
        .collect();
    let mean =
        |part: &dyn Fn(&PairTrend) -> f64| pairs.iter().map(part).sum::<f64>() / pairs.len() as f64;
    Ok(PairTrends {
        difference: mean(&|pair| (pair.real - pair.generated).abs()),
        score: mean(&|pair| pair.similarity),
        pairs,
    })
}

fn similarity(real: [&Column; 2], generated: [&Column; 2]) -> f64 {
    if let ([Cells::Numbers(a), Cells::Numbers(b)], [Cells::Numbers(c), Cells::Numbers(d)]) =
        (real.map(|c| &c.cells), generated.map(|c| &c.cells))
    {
        return 1.0 - 0.5 * (pearson(a, b) - pearson(c, d)).abs();
    }
    let bins = real.map(Bins::of);
    let shares = |columns: [&Column; 2]| {
        let rows = columns[0].len();
        let mut shares = BTreeMap::new();
        for row in 0..rows {
            let cell = (bins[0].cell(columns[0], row), bins[1].cell(columns[1], row));
            *shares.entry(cell).or_insert(0.0) += 1.0 / rows as f64;
        }
        shares
    };
    1.0 - total_variation(&shares(real), &shares(generated))
}

/// What the cells of a column are counted under.
enum Bins<'a> {
    /// Names, by their places in the real column.
    Names(BTreeMap<&'a str, u32>),
    /// Bins between two numbers.
    Numbers { low: f64, width: f64 },
}

impl<'a> Bins<'a> {
    fn of(real: &'a Column) -> Self {
        match &real.cells {
            Cells::Codes(_) => {
                let names = real.schema.categories.iter().map(String::as_str);
                Self::Names(names.zip(0..).collect())
            }
            Cells::Numbers(values) => {
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                Self::Numbers {
                    low,
                    width: (high - low) / BINS as f64,
                }
            }
        }
    }

    fn cell(&self, column: &Column, row: usize) -> u32 {
        match (self, &column.cells) {
            (Self::Names(names), Cells::Codes(codes)) => {
                let name = column.schema.categories.get(codes[row] as usize);
                match name {
                    None => MISSING,
                    // A name that the real column has not is like no other.
                    Some(name) => names.get(name.as_str()).copied().unwrap_or(MISSING - 1),
                }
            }
            (Self::Numbers { low, width }, Cells::Numbers(values)) => {
                let value = values[row];
                if value.is_nan() {
                    return MISSING;
                }
                if !(*width > 0.0) {
                    return u32::from(value != *low);
                }
                // Numbers beyond the ends are in the last bins.
                ((value - low) / width).clamp(0.0, (BINS - 1) as f64) as u32
            }
            _ => MISSING,
        }
    }
}
