//! What generated numbers need to become rows again, as a file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::conditions::TableConditions;
use super::transform::TableTransform;
use crate::error::Result;
use crate::files;

/// The transform of a table and what its rows are conditioned on, as they are stored beside a
/// generator: JSON that people can read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedTable {
    /// How rows are coded.
    pub transform: TableTransform,
    /// The columns that rows are conditioned on, if any.
    pub conditions: Option<TableConditions>,
}

impl SavedTable {
    /// Writes the file; it is whole or absent.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write_json(path.as_ref(), self)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it can't be read, is longer than a gibibyte, holds something else, or its parts do not go
    /// together.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        files::read_json(path.as_ref(), "table's code", |saved: &Self| {
            saved.transform.consistent()?;
            match &saved.conditions {
                Some(conditions) => conditions.consistent(&saved.transform),
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Table, TransformSettings};
    use super::*;
    use crate::random::Stream;

    fn saved() -> SavedTable {
        let numbers = Stream::new(1, "values").normal(60);
        let table = Table::new(vec![
            Column::continuous("x", numbers.iter().map(|x| f64::from(*x)).collect()),
            Column::categorical("c", (0..60).map(|i| i % 3).collect(), ["a", "b", "c"]),
        ]);
        let table = table.expect("a table");
        let transform = TableTransform::fit(&table, &TransformSettings::default());
        let transform = transform.expect("a transform");
        let coded = transform
            .encode(&table, &mut Stream::new(2, "modes"))
            .expect("numbers");
        let conditions = TableConditions::of(&transform, &coded);
        SavedTable {
            transform,
            conditions,
        }
    }

    #[test]
    fn what_is_saved_is_opened_and_what_is_damaged_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.json");
        let saved = saved();
        saved.save(&path).expect("a file");
        assert_eq!(SavedTable::open(&path).expect("the same"), saved);
        let text = std::fs::read_to_string(&path).expect("text");
        for (from, to) in [
            ("\"means\":[", "\"means\":[0.0,"),
            ("\"deviations\":[", "\"deviations\":[-1.0,"),
            ("\"start\":0", "\"start\":1"),
            ("\"head\":2", "\"head\":1"),
            ("\"column\":1", "\"column\":0"),
            ("\"name\":\"x\"", "\"name\":\"c\""),
            ("\"least\":", "\"most\":1,\"least\":"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replacen(from, to, 1)).expect("a file");
            let error = SavedTable::open(&path).expect_err(from).to_string();
            assert!(error.contains("holds no table's code"), "{error}");
        }
    }
}
