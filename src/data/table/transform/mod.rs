//! Tables as numbers that networks can make, and back.
//!
//! | file | what is in it |
//! |---|---|
//! | `settings.rs` | what may be chosen |
//! | `mixture.rs` | the Gaussian mixture of a column of numbers |
//! | `number.rs`, `category.rs` | one column as slots of a one-hot vector, and a number |
//! | `code.rs` | rows as numbers, and how those are laid out |

mod category;
mod code;
mod mixture;
mod number;
mod settings;
#[cfg(test)]
mod tests;

pub use category::CategoryCode;
pub use code::{Coded, CodedColumn, Head};
pub use mixture::{NormalMixture, NormalMixtureConfig};
pub use number::{NumberCode, NumberScale};
pub use settings::{ColumnTransform, RareCategories, TransformSettings};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::column::{Cells, Column, ColumnSchema};
use super::whole::Table;
use crate::error::{Error, Result};
use crate::random::Stream;

/// How one column is coded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TableCode {
    /// Numbers, and points in time.
    Number(NumberCode),
    /// Names.
    Category(CategoryCode),
}

/// A map of the rows of a table to numbers and back, fitted to a table in double precision; it
/// serialises.
///
/// A column of numbers becomes a place within a mode and the mode as a one-hot vector
/// ([`NumberCode`]), every other column a one-hot vector of its names ([`CategoryCode`]); a missing
/// value is one more entry of the vector. What comes back from numbers has the decimals and the bounds
/// of the data, and only names that it has. [`decode`](Self::decode) of [`encode`](Self::encode) is
/// the table that was fitted, to within 1e-6 relative in columns with more decimals than can be
/// rounded to, and exactly in all others (where rare names are merged, they stay merged).
///
/// Xu, Skoularidou, Cuesta-Infante, Veeramachaneni 2019, *Modeling tabular data using conditional
/// GAN*, arXiv:1907.00503, section 4.2. Beyond the paper: values that many rows share are modes of
/// their own, numbers over many orders of magnitude are taken by their logarithms, and numbers too far
/// from every mode lie in a wide one, where the paper cuts them off.
///
/// ```
/// use burn_gan::data::table::{Column, Table, TableTransform, TransformSettings};
/// use burn_gan::random::Stream;
///
/// let mut stream = Stream::new(1, "values");
/// let heights = stream.normal(200).iter().map(|x| f64::from(*x)).collect();
/// let table = Table::new(vec![
///     Column::continuous("height", heights),
///     Column::categorical("sex", (0..200).map(|i| i % 2).collect(), ["f", "m"]),
/// ])?;
/// let transform = TableTransform::fit(&table, &TransformSettings::default())?;
/// let coded = transform.encode(&table, &mut stream)?;
/// let again = transform.decode(&coded)?;
/// assert_eq!(again.column("sex")?, table.column("sex")?);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableTransform {
    columns: Vec<(ColumnSchema, TableCode)>,
}

impl TableTransform {
    /// Fits a map to a table. Columns are fitted in parallel, each the same whatever the number of
    /// threads.
    ///
    /// # Errors
    /// If a setting is wrong or is said of a column that the table has not, or the table has no row.
    pub fn fit(table: &Table, settings: &TransformSettings) -> Result<Self> {
        settings.validate()?;
        if table.rows() == 0 {
            return Err(Error::data("table", "has no row to fit a transform to"));
        }
        settings.fit_to(table)?;
        let fitted = table.columns().par_iter().map(|column| {
            let settings = settings.for_column(&column.schema);
            let code = match &column.cells {
                Cells::Numbers(values) => {
                    TableCode::Number(NumberCode::fit(&column.schema, values, &settings))
                }
                Cells::Codes(codes) => {
                    TableCode::Category(CategoryCode::fit(&column.schema, codes, &settings.rare))
                }
            };
            (column.schema.clone(), code)
        });
        Ok(Self {
            columns: fitted.collect(),
        })
    }

    /// Whether the parts of a stored transform go together.
    pub(in crate::data::table) fn consistent(&self) -> Result<(), String> {
        if self.columns.is_empty() {
            return Err("it has no column".to_owned());
        }
        for (place, (schema, code)) in self.columns.iter().enumerate() {
            let before = self.columns[..place].iter();
            if before
                .into_iter()
                .any(|(other, _)| other.name == schema.name)
            {
                return Err(format!("it has two columns `{}`", schema.name));
            }
            let fits = match code {
                TableCode::Number(code) => schema.kind.is_numeric() && code.is_consistent(),
                TableCode::Category(_) => !schema.kind.is_numeric(),
            };
            if !fits {
                return Err(format!("the code of column `{}` is none", schema.name));
            }
        }
        Ok(())
    }

    /// The columns and their codes.
    pub fn columns(&self) -> impl Iterator<Item = (&ColumnSchema, &TableCode)> + Clone {
        self.columns.iter().map(|(schema, code)| (schema, code))
    }

    /// What a generator's outputs are, one after the other.
    pub fn heads(&self) -> Vec<Head> {
        let heads = self.columns.iter().flat_map(|(_, code)| {
            let place = code.has_place().then_some(Head::Tanh);
            place.into_iter().chain([Head::OneHot(code.slots())])
        });
        heads.collect()
    }

    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.heads().iter().map(Head::width).sum()
    }

    /// A table as numbers. `stream` draws the mode of each number by its probability given the number.
    ///
    /// Names that the fitted table has not are missing values, or the merged one; numbers beyond its
    /// bounds are cut off.
    ///
    /// # Errors
    /// If the table has not the fitted columns, in their order and of their kinds.
    pub fn encode(&self, table: &Table, stream: &mut Stream) -> Result<Coded> {
        let fitted = self
            .columns
            .iter()
            .map(|(schema, _)| (&schema.name, schema.kind));
        let given = table
            .columns()
            .iter()
            .map(|c| (&c.schema.name, c.schema.kind));
        if !fitted.eq(given.clone()) {
            let [fitted, given] = [
                self.columns.iter().map(|(s, _)| s).collect::<Vec<_>>(),
                table.columns().iter().map(|c| &c.schema).collect(),
            ]
            .map(|schemas| {
                let words = schemas
                    .iter()
                    .map(|s| format!("{} ({})", s.name, s.kind.word()));
                words.take(50).collect::<Vec<_>>().join(", ")
            });
            return Err(Error::data(
                "table",
                format!("has the columns {given}; the transform was fitted to {fitted}"),
            ));
        }
        let columns = (table.columns().iter().zip(&self.columns))
            .map(|(column, (_, code))| code.encode(column, stream))
            .collect();
        Ok(Coded::new(table.rows(), columns, self.heads()))
    }

    /// The table that numbers stand for.
    ///
    /// # Errors
    /// If the numbers are of another transform.
    pub fn decode(&self, coded: &Coded) -> Result<Table> {
        if coded.heads() != self.heads() {
            return Err(Error::data(
                "coded table",
                "was not made for this transform: its numbers are laid out otherwise",
            ));
        }
        let columns = coded.columns().iter().zip(&self.columns);
        let columns = columns.map(|(coded, (schema, code))| code.decode(schema, coded));
        Table::new(columns.collect())
    }

    /// The table that a generator's numbers stand for, row-major `[rows, width]`: of each one-hot
    /// vector the largest entry counts.
    ///
    /// # Errors
    /// If there are no whole rows, or a number is not finite.
    pub fn decode_values(&self, values: &[f32]) -> Result<Table> {
        self.decode(&Coded::of_values(values, self.heads())?)
    }
}

impl TableCode {
    /// The length of the one-hot vector.
    pub fn slots(&self) -> usize {
        match self {
            Self::Number(code) => code.slots(),
            Self::Category(code) => code.slots(),
        }
    }

    /// Whether there is a place within a mode before it.
    pub fn has_place(&self) -> bool {
        match self {
            Self::Number(code) => code.has_place(),
            Self::Category(_) => false,
        }
    }

    fn encode(&self, column: &Column, stream: &mut Stream) -> CodedColumn {
        match (self, &column.cells) {
            (Self::Number(code), Cells::Numbers(values)) => code.encode(values, stream),
            (Self::Category(code), Cells::Codes(codes)) => code.encode(&column.schema, codes),
            _ => unreachable!("kinds of columns were compared"),
        }
    }

    fn decode(&self, schema: &ColumnSchema, coded: &CodedColumn) -> Column {
        match self {
            Self::Number(code) => Column {
                schema: schema.clone(),
                cells: Cells::Numbers(code.decode(schema, coded)),
            },
            Self::Category(code) => code.decode(schema, coded),
        }
    }
}
