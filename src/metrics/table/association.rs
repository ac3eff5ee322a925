//! How much two columns have to do with each other.

use std::collections::HashMap;

use crate::data::table::{Cells, Column};

/// Pearson's correlation of numbers, over rows that have both; 0 where one does not vary.
pub(super) fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let both: Vec<(f64, f64)> = (a.iter().zip(b))
        .filter(|(x, y)| !x.is_nan() && !y.is_nan())
        .map(|(x, y)| (*x, *y))
        .collect();
    let count = both.len() as f64;
    if both.is_empty() {
        return 0.0;
    }
    // In units of the largest: squares of 1e200 are infinite.
    let unit = |part: &dyn Fn(&(f64, f64)) -> f64| {
        let most = both
            .iter()
            .fold(0.0_f64, |most, pair| most.max(part(pair).abs()));
        if most > 0.0 { most } else { 1.0 }
    };
    let (unit_a, unit_b) = (unit(&|pair| pair.0), unit(&|pair| pair.1));
    let scaled = both.iter().map(|(x, y)| (x / unit_a, y / unit_b));
    let (sum_a, sum_b) = scaled
        .clone()
        .fold((0.0, 0.0), |sums, (x, y)| (sums.0 + x, sums.1 + y));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut aa, mut ab, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in scaled {
        let (x, y) = (x - mean_a, y - mean_b);
        aa += x * x;
        ab += x * y;
        bb += y * y;
    }
    // What rounding leaves of a constant is no variance.
    let varies = |sum: f64, mean: f64| sum > 1e-24 * count * mean.abs().max(f64::MIN_POSITIVE);
    if varies(aa, mean_a) && varies(bb, mean_b) {
        (ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Cramér's V of two columns of names, a missing value being one, without correction for bias:
///
/// ```text
/// V = √(χ²/(n·min(r − 1, c − 1)))
/// ```
pub(super) fn cramers_v(a: &[u32], b: &[u32]) -> f64 {
    let (mut cells, mut rows, mut columns) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (x, y) in a.iter().zip(b) {
        *cells.entry((*x, *y)).or_insert(0.0) += 1.0;
        *rows.entry(*x).or_insert(0.0) += 1.0;
        *columns.entry(*y).or_insert(0.0) += 1.0;
    }
    let least = rows.len().min(columns.len());
    if least < 2 {
        return 0.0;
    }
    // χ²/n = Σ o²/(r·c) − 1, by sorted cells so that sums have one order.
    let mut cells: Vec<((u32, u32), f64)> = cells.into_iter().collect();
    cells.sort_unstable_by_key(|(cell, _)| *cell);
    let sum: f64 = (cells.iter())
        .map(|((x, y), observed): &((u32, u32), f64)| {
            let expected: f64 = rows[x] * columns[y];
            observed * observed / expected
        })
        .sum();
    ((sum - 1.0).max(0.0) / (least - 1) as f64).sqrt().min(1.0)
}

/// The correlation ratio of numbers by names, a missing name being one; rows without the number are
/// left out:
///
/// ```text
/// η = √(Σ_v n_v·(mean_v − mean)² / Σ_i (x_i − mean)²)
/// ```
pub(super) fn correlation_ratio(names: &[u32], values: &[f64]) -> f64 {
    let pairs: Vec<(u32, f64)> = (names.iter().zip(values))
        .filter(|(_, x)| !x.is_nan())
        .map(|(name, x)| (*name, *x))
        .collect();
    let most = pairs.iter().fold(0.0_f64, |most, (_, x)| most.max(x.abs()));
    if !(most > 0.0) {
        return 0.0;
    }
    let count = pairs.len() as f64;
    let mean = pairs.iter().map(|(_, x)| x / most).sum::<f64>() / count;
    let mut groups: HashMap<u32, (f64, f64)> = HashMap::new();
    let mut total = 0.0;
    for (name, x) in &pairs {
        let deviation = x / most - mean;
        let group = groups.entry(*name).or_default();
        group.0 += 1.0;
        group.1 += deviation;
        total += deviation * deviation;
    }
    if !(total > 1e-24 * count) {
        return 0.0;
    }
    let mut groups: Vec<(u32, (f64, f64))> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(name, _)| *name);
    let between: f64 = groups.iter().map(|(_, (n, sum))| sum * sum / n).sum();
    (between / total).sqrt().min(1.0)
}

/// The name of the measure for two columns, and its value.
pub(super) fn association(a: &Column, b: &Column) -> (&'static str, f64) {
    match (&a.cells, &b.cells) {
        (Cells::Numbers(a), Cells::Numbers(b)) => ("pearson", pearson(a, b)),
        (Cells::Codes(a), Cells::Codes(b)) => ("cramers_v", cramers_v(a, b)),
        (Cells::Codes(names), Cells::Numbers(values))
        | (Cells::Numbers(values), Cells::Codes(names)) => {
            ("correlation_ratio", correlation_ratio(names, values))
        }
    }
}
