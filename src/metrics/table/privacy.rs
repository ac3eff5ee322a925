//! Whether generated rows are copies.

use std::collections::HashMap;

use serde::Serialize;

use super::comparable;
use super::rows::RowNumbers;
use crate::data::table::Table;
use crate::error::Result;
use crate::metrics::Memorisation;

const NAME: &str = "closest_records";

/// What [`closest_records`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClosestRecords {
    /// The share of generated rows that are, cell by cell, a row of the training table.
    pub copies: f64,
    /// The same share of held-out real rows: what chance makes of a table with few different rows.
    pub copies_held_out: f64,
    /// The median distance of a generated row to its nearest training row.
    pub median_distance: f64,
    /// That of a held-out real row.
    pub median_distance_held_out: f64,
    /// The probability that a generated row is nearer to the training rows than a held-out one; 0.5
    /// is right, above it rows are too near.
    pub nearer_than_held_out: f64,
    /// Its distance from 0.5 in standard errors.
    pub z: f64,
}

/// How near generated rows are to the rows that the generator was trained on, beside real rows that it
/// was not trained on.
///
/// Distances are Euclidean between rows as [`RowNumbers`] has them: a deviation of one number, or one
/// other name, is 1. Copies are compared as they are written, cell by cell. A generator that draws from the
/// distribution has as many copies, and as small distances, as held-out rows have. *Cost*: rows of
/// both kinds × training rows × numbers of a row.
///
/// # Errors
/// If the tables have other columns or no row, or all training rows have copies among each other.
pub fn closest_records(
    training: &Table,
    held_out: &Table,
    generated: &Table,
) -> Result<ClosestRecords> {
    closest_records_of(training, training, [held_out, generated])
}

/// [`closest_records`] of held-out and of generated rows, with distances to some of the training rows
/// alone; copies are looked for among all of them.
pub(super) fn closest_records_of(
    training: &Table,
    near: &Table,
    [held_out, generated]: [&Table; 2],
) -> Result<ClosestRecords> {
    comparable(NAME, training, generated)?;
    comparable(NAME, training, held_out)?;
    let numbers = RowNumbers::fit(near, None)?;
    let features = |table: &Table| numbers.features(table);
    let scores = Memorisation::default().measure_with_held_out(
        &features(near)?,
        &features(held_out)?,
        &features(generated)?,
    )?;
    let [copies_held_out, copies] = copies(training, [held_out, generated]);
    Ok(ClosestRecords {
        copies,
        copies_held_out,
        median_distance: scores.generated.median_distance,
        median_distance_held_out: scores.held_out.median_distance,
        nearer_than_held_out: scores.nearer_than_held_out,
        z: scores.z,
    })
}

/// The share of each table's rows that are training rows. What is remembered are these tables' rows, of which
/// there may be far fewer.
fn copies(training: &Table, tables: [&Table; 2]) -> [f64; 2] {
    let rows = |table: &Table| 0..table.rows();
    let mut known: HashMap<Vec<String>, bool> = (tables.into_iter())
        .flat_map(|table| rows(table).map(|row| (written(table, row), false)))
        .collect();
    for row in rows(training) {
        if let Some(found) = known.get_mut(&written(training, row)) {
            *found = true;
        }
    }
    tables.map(|table| {
        let copies = rows(table).filter(|row| known[&written(table, *row)]);
        copies.count() as f64 / table.rows() as f64
    })
}

fn written(table: &Table, row: usize) -> Vec<String> {
    table
        .columns()
        .iter()
        .map(|column| column.text(row))
        .collect()
}
