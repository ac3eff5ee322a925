//! Each column by itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::comparable;
use crate::data::table::{Cells, Table};
use crate::error::Result;

/// How far a generated column is from the real one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnShape {
    /// The column.
    pub column: String,
    /// `kolmogorov_smirnov` or `total_variation`.
    pub measure: &'static str,
    /// From 0, for the same distribution, to 1.
    pub distance: f64,
}

/// What [`column_shapes`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnShapes {
    /// 1 minus the mean distance: 1 is perfect.
    pub score: f64,
    /// Each column.
    pub columns: Vec<ColumnShape>,
}

/// The distance of each generated column's distribution from the real one's.
///
/// ```text
/// numbers, dates:  sup_x max(|P_real(X ≤ x) − P_generated(X ≤ x)|,
///                            |P_real(X ≤ x or missing) − P_generated(X ≤ x or missing)|)
/// names:           ½·Σ_v |p_real(v) − p_generated(v)|         (total variation; a missing value is one)
/// score = 1 − mean over columns
/// ```
///
/// P is of all rows. Without missing values the first is the Kolmogorov–Smirnov statistic; with them it is
/// the larger of those with every missing value before all numbers and behind them. It is at least the
/// difference of the shares that are missing (the total variation of missing and present), and that alone
/// where the numbers agree from end to end: a generator that leaves nothing blank does not have 1.
///
/// *Bias*: without missing values, of n real and m generated rows of one distribution the first is about
/// 0.87·√((n + m)/(n·m)), not 0. *Cost*: a sort.
///
/// # Errors
/// If the tables have other columns, or no row.
pub fn column_shapes(real: &Table, generated: &Table) -> Result<ColumnShapes> {
    comparable("column_shapes", real, generated)?;
    let pairs = real.columns().iter().zip(generated.columns());
    let columns: Vec<ColumnShape> = pairs
        .map(|(a, b)| {
            let (measure, distance) = match (&a.cells, &b.cells) {
                (Cells::Numbers(a), Cells::Numbers(b)) => {
                    ("kolmogorov_smirnov", kolmogorov_smirnov(a, b))
                }
                _ => ("total_variation", total_variation(&a.shares(), &b.shares())),
            };
            ColumnShape {
                column: a.schema.name.clone(),
                measure,
                distance,
            }
        })
        .collect();
    let sum: f64 = columns.iter().map(|column| column.distance).sum();
    Ok(ColumnShapes {
        score: 1.0 - sum / columns.len() as f64,
        columns,
    })
}

/// The largest difference of two empirical distribution functions, missing values being before all numbers
/// or behind them.
pub(super) fn kolmogorov_smirnov(of_a: &[f64], of_b: &[f64]) -> f64 {
    let sorted = |values: &[f64]| -> Vec<f64> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(of_a), sorted(of_b));
    let (rows_a, rows_b) = (of_a.len() as f64, of_b.len() as f64);
    let missing = (of_a.len() - a.len()) as f64 / rows_a - (of_b.len() - b.len()) as f64 / rows_b;
    // Where one has no more numbers, the difference goes straight to that of the missing values.
    let (mut i, mut j, mut most) = (0, 0, missing.abs());
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        let difference = i as f64 / rows_a - j as f64 / rows_b;
        most = most.max(difference.abs()).max((difference + missing).abs());
    }
    most
}

/// Half of the sum of all differences.
pub(super) fn total_variation<K: Ord>(a: &BTreeMap<K, f64>, b: &BTreeMap<K, f64>) -> f64 {
    let of_a: f64 = a
        .iter()
        .map(|(key, share)| (share - b.get(key).unwrap_or(&0.0)).abs())
        .sum();
    let of_b: f64 = b
        .iter()
        .filter(|(key, _)| !a.contains_key(key))
        .map(|(_, share)| share)
        .sum();
    0.5 * (of_a + of_b)
}
