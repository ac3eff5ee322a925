//! What may be chosen of a transform.

use serde::Serialize;

use super::mixture::NormalMixtureConfig;
use crate::error::{Error, Result, check};
use crate::settings::settings;

settings! {
/// What becomes of names that few rows have.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RareCategories {
    /// Each keeps an entry of its own.
    #[default]
    Keep,
    /// All names of a column that fewer than this share of its rows have become one.
    Merge {
        /// The share, above 0 and below 1.
        below: f64,
        /// What the merged ones are called.
        name: String,
    },
}
}

settings! {
/// How a [`TableTransform`](super::TableTransform) is fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct TransformSettings {
    /// The mixture of a column of numbers.
    pub mixture: NormalMixtureConfig,
    /// A number that at least this share of a column's values (and at least ten rows) have is a mode
    /// of its own, without width: 0 of an income, 40 of hours a week. 0.05 by default; 1 where a
    /// column has to be constant for it.
    pub point: f64,
    /// What becomes of names that few rows have; each is kept by default.
    pub rare: RareCategories,
}
}

impl Default for TransformSettings {
    fn default() -> Self {
        Self {
            mixture: NormalMixtureConfig::default(),
            point: 0.05,
            rare: RareCategories::Keep,
        }
    }
}

impl TransformSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the mixture's are wrong, or a share is not above 0 and at most (of rare names: below) 1.
    pub fn validate(&self) -> Result<()> {
        self.mixture
            .validate()
            .map_err(|error| error.within("mixture"))?;
        check::positive("point", self.point)?;
        check::at_most_one("point", self.point)?;
        if let RareCategories::Merge { below, name } = &self.rare {
            check::positive("rare.below", *below)?;
            check::below_one("rare.below", *below)?;
            if name.is_empty() {
                return Err(Error::setting("rare.name", "\"\"", "must not be empty"));
            }
        }
        Ok(())
    }
}
