//! What may be chosen of a transform.

use std::collections::BTreeMap;

use serde::Serialize;

use super::mixture::NormalMixtureConfig;
use crate::data::table::column::ColumnSchema;
use crate::data::table::whole::Table;
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
/// What holds for one column in the place of what holds for all of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(default)]
pub struct ColumnTransform {
    /// The mixture, of a column of numbers.
    pub mixture: Option<NormalMixtureConfig>,
    /// The share from which on a number is a mode of its own, of a column of numbers.
    pub point: Option<f64>,
    /// What becomes of rare names, of a column of names.
    pub rare: Option<RareCategories>,
}
}

settings! {
/// How a [`TableTransform`](super::TableTransform) is fitted; `transform` in the settings file of a table
/// ([`TableSettings`](crate::data::table::TableSettings)).
///
/// ```
/// use burn_gan::data::table::{RareCategories, TransformSettings};
///
/// let settings: TransformSettings = serde_json::from_str(r#"{
///     "point": 0.1,
///     "rare": {"merge": {"below": 0.01, "name": "other"}},
///     "columns": {"country": {"rare": "keep"}}
/// }"#)?;
/// assert_eq!(settings.columns["country"].rare, Some(RareCategories::Keep));
/// # Ok::<(), serde_json::Error>(())
/// ```
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
    /// What is said of single columns, by their names.
    pub columns: BTreeMap<String, ColumnTransform>,
}
}

impl Default for TransformSettings {
    fn default() -> Self {
        Self {
            mixture: NormalMixtureConfig::default(),
            point: 0.05,
            rare: RareCategories::Keep,
            columns: BTreeMap::new(),
        }
    }
}

impl TransformSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// If a mixture's are wrong, or a share is not above 0 and at most (of rare names: below) 1, of all
    /// columns or of one.
    pub fn validate(&self) -> Result<()> {
        mixture(&self.mixture)?;
        point(self.point)?;
        self.rare.validate()?;
        for (name, own) in &self.columns {
            own.validate()
                .map_err(|error| error.within(&format!("columns.{name}")))?;
        }
        Ok(())
    }

    /// What holds for a column.
    pub(super) fn for_column(&self, schema: &ColumnSchema) -> Self {
        let own = self.columns.get(&schema.name).cloned().unwrap_or_default();
        Self {
            mixture: own.mixture.unwrap_or_else(|| self.mixture.clone()),
            point: own.point.unwrap_or(self.point),
            rare: own.rare.unwrap_or_else(|| self.rare.clone()),
            columns: BTreeMap::new(),
        }
    }

    /// Refuses what is said of a column that the table has not, or has of another kind.
    pub(super) fn fit_to(&self, table: &Table) -> Result<()> {
        for (name, own) in &self.columns {
            let numeric = table.column(name)?.schema.kind.is_numeric();
            let (said, words) = match numeric {
                true => (
                    [own.rare.is_some().then_some("rare"), None],
                    "names, and this one has numbers",
                ),
                false => {
                    let mixture = own.mixture.is_some().then_some("mixture");
                    (
                        [mixture, own.point.is_some().then_some("point")],
                        "numbers, and this one has names",
                    )
                }
            };
            if let Some(field) = said.into_iter().flatten().next() {
                let problem =
                    format!("has `{field}`, which is for a column of {words}; leave it out");
                return Err(Error::setting("columns", name, problem));
            }
        }
        Ok(())
    }
}

impl ColumnTransform {
    fn validate(&self) -> Result<()> {
        self.mixture.as_ref().map_or(Ok(()), mixture)?;
        self.point.map_or(Ok(()), point)?;
        self.rare.as_ref().map_or(Ok(()), RareCategories::validate)
    }
}

impl RareCategories {
    fn validate(&self) -> Result<()> {
        let Self::Merge { below, name } = self else {
            return Ok(());
        };
        check::positive("rare.below", *below)?;
        check::below_one("rare.below", *below)?;
        match name.is_empty() {
            true => Err(Error::setting("rare.name", "\"\"", "must not be empty")),
            false => Ok(()),
        }
    }
}

fn mixture(mixture: &NormalMixtureConfig) -> Result<()> {
    (mixture.validate()).map_err(|error| error.within("mixture"))
}

fn point(point: f64) -> Result<()> {
    check::positive("point", point)?;
    check::at_most_one("point", point)
}
