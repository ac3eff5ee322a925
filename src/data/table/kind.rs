//! Kinds of columns.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ColumnKind {
    /// Numbers with any decimals.
    Continuous,
    /// Whole numbers.
    Integer,
    /// One of several names.
    Categorical,
    /// One of two names: yes and no, 0 and 1.
    Boolean,
    /// One of several names that have an order: sizes, marks, small counts.
    Ordered,
    /// Points in time.
    Date,
}
}

impl ColumnKind {
    /// Whether values are numbers (points in time among them) and not names.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Continuous | Self::Integer | Self::Date)
    }

    /// The word in settings and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Integer => "integer",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
            Self::Ordered => "ordered",
            Self::Date => "date",
        }
    }
}
