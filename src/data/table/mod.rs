//! Tables: rows of columns of several kinds, read from CSV files, and the numbers that networks know
//! them by.
//!
//! | file | what is in it |
//! |---|---|
//! | `kind.rs`, `column.rs`, `whole.rs` | what a column and a table are |
//! | `settings.rs` | how a file is read, where that is not guessed |
//! | `guess.rs`, `date.rs` | kinds of columns by what stands in them |
//! | `read.rs`, `blanks.rs`, `write.rs` | CSV |
//! | `transform/` | a table as numbers, and back |
//! | `conditions.rs` | what generated rows are conditioned on |
//! | `dataset.rs` | a table to be trained on |
//! | `saved.rs` | transform and conditions as a file |

mod blanks;
mod column;
mod conditions;
mod dataset;
mod date;
mod guess;
mod kind;
mod read;
mod saved;
mod settings;
mod transform;
mod whole;
mod write;

pub use column::{Cells, Column, ColumnSchema, MISSING};
pub use conditions::{ConditionColumn, ConditionFrequency, RowFilter, TableConditions};
pub use dataset::{TableDraws, TableRows};
pub use kind::ColumnKind;
pub use saved::SavedTable;
pub use settings::{ColumnSettings, Header, TableSettings};
pub use transform::{
    CategoryCode, Coded, CodedColumn, ColumnTransform, Head, NormalMixture, NormalMixtureConfig,
    NumberCode, NumberScale, RareCategories, TableCode, TableTransform, TransformSettings,
};
pub use whole::Table;
