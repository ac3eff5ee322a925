//! Which way a number is good.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// Which of two values of a number is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The lower: divergences, distances.
    Lower,
    /// The higher: scores, modes captured.
    Higher,
}
}

impl Better {
    /// Whether `a` is better than `b`; a NaN is not better than anything.
    pub fn than(self, a: f64, b: f64) -> bool {
        match self {
            Self::Lower => a < b,
            Self::Higher => a > b,
        }
    }
}
