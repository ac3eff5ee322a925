//! How good generated rows of a table are.
//!
//! | file | what it measures |
//! |---|---|
//! | `shapes.rs` | each column by itself |
//! | `pairs.rs`, `association.rs` | two columns together |
//! | `utility.rs`, `classify.rs`, `boosted.rs` | what a classifier learns from generated rows |
//! | `privacy.rs` | whether they are copies |
//! | `rows.rs` | rows as numbers, for classifiers and distances |
//! | `scorer.rs` | all of them, with their provenance |

mod association;
mod boosted;
mod classify;
#[cfg(test)]
mod golden;
mod pairs;
mod privacy;
mod rows;
mod scorer;
mod shapes;
mod utility;

pub use classify::TableClassifier;
pub use pairs::{PairTrend, PairTrends, pair_trends};
pub use privacy::{ClosestRecords, closest_records};
pub use rows::RowNumbers;
pub use scorer::TableScorer;
pub use shapes::{ColumnShape, ColumnShapes, column_shapes};
pub use utility::{ClassifierScores, Utility, UtilityScores};

use crate::data::table::Table;
use crate::error::{Error, Result};

/// Refuses tables that can't be compared.
fn comparable(metric: &str, real: &Table, generated: &Table) -> Result<()> {
    for (table, name) in [(real, "real"), (generated, "generated")] {
        if table.rows() == 0 {
            return Err(Error::data(metric, format!("the {name} table has no row")));
        }
    }
    let names = |table: &Table| -> Vec<(String, bool)> {
        let columns = table.columns().iter().map(|column| &column.schema);
        columns
            .map(|s| (s.name.clone(), s.kind.is_numeric()))
            .collect()
    };
    let (a, b) = (names(real), names(generated));
    if a != b {
        let place = a.iter().zip(&b).position(|(a, b)| a != b);
        let place = place.unwrap_or(a.len().min(b.len()));
        let words = |columns: &[(String, bool)]| match columns.get(place) {
            Some((name, true)) => format!("`{name}` (numbers)"),
            Some((name, false)) => format!("`{name}` (names)"),
            None => "no more columns".to_owned(),
        };
        return Err(Error::data(
            metric,
            format!(
                "the tables differ in column {}: {} in the real one, {} in the generated one",
                place + 1,
                words(&a),
                words(&b)
            ),
        ));
    }
    Ok(())
}
