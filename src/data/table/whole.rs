//! A table.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::column::{Cells, Column, ColumnSchema};
use super::settings::TableSettings;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::text::hex;

/// Rows of columns of several kinds.
///
/// ```
/// use burn_gan::data::table::Table;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("people.csv");
/// # std::fs::write(&path, "age,city\n39, Bern\n50,?\n18, \"Ulm\"\n").unwrap();
/// // age,city
/// // 39, Bern
/// // 50,?
/// let table = Table::read(&path)?;
/// assert_eq!((table.rows(), table.columns().len()), (3, 2));
/// let city = table.column("city")?;
/// assert_eq!((city.text(0).as_str(), city.is_missing(1)), ("Bern", true));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// If there is none, they differ in length, two have one name, numbers stand in a column of names
    /// or the other way round, or a code is beyond the categories.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let refused = |problem: String| Error::data("table", problem);
        let Some(first) = columns.first() else {
            return Err(refused("has no column".to_owned()));
        };
        let rows = first.len();
        let mut names = HashSet::new();
        for column in &columns {
            let name = &column.schema.name;
            if column.len() != rows {
                return Err(refused(format!(
                    "column `{name}` has {} rows, `{}` has {rows}",
                    column.len(),
                    first.schema.name
                )));
            }
            if !names.insert(name) {
                return Err(refused(format!("has two columns `{name}`")));
            }
            match &column.cells {
                Cells::Numbers(values) => {
                    if !column.schema.kind.is_numeric() {
                        return Err(refused(format!("column `{name}` has numbers for names")));
                    }
                    if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                        return Err(refused(format!("column `{name}`, row {row} is infinite")));
                    }
                }
                Cells::Codes(codes) => {
                    if column.schema.kind.is_numeric() {
                        return Err(refused(format!("column `{name}` has names for numbers")));
                    }
                    let count = column.schema.categories.len();
                    let beyond = |code: &u32| *code != super::MISSING && *code as usize >= count;
                    if let Some(row) = codes.iter().position(beyond) {
                        return Err(refused(format!(
                            "column `{name}`, row {row}: category {} of {count}",
                            codes[row]
                        )));
                    }
                }
            }
        }
        Ok(Self { columns, rows })
    }

    /// Reads a CSV file, plain or compressed by gzip; all that it does not say is guessed
    /// ([`TableSettings`]).
    ///
    /// # Errors
    /// As [`TableSettings::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        TableSettings::default().read(path)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What is known of the columns.
    pub fn schema(&self) -> Vec<ColumnSchema> {
        self.columns.iter().map(|c| c.schema.clone()).collect()
    }

    /// The place of the column of this name.
    ///
    /// # Errors
    /// If there is none: the names that there are.
    pub fn place(&self, name: &str) -> Result<usize> {
        let found = self.columns.iter().position(|c| c.schema.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self
                .columns
                .iter()
                .map(|c| c.schema.name.as_str())
                .collect();
            let shown = names
                .iter()
                .take(50)
                .copied()
                .collect::<Vec<_>>()
                .join("`, `");
            let problem = match crate::settings::nearest(name, names.iter().copied()) {
                Some(near) => format!("is no column of the table; did you mean `{near}`?"),
                None => format!("is no column of the table, which has `{shown}`"),
            };
            Error::setting("column", name, problem)
        })
    }

    /// The column of this name.
    ///
    /// # Errors
    /// If there is none: the names that there are.
    pub fn column(&self, name: &str) -> Result<&Column> {
        Ok(&self.columns[self.place(name)?])
    }

    /// The rows at these places alone, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            columns: self.columns.iter().map(|c| c.select(rows)).collect(),
            rows: rows.len(),
        }
    }

    /// The table, or so many of its rows drawn at random, in its order, where it has more.
    pub fn at_most(&self, rows: usize, stream: &mut Stream) -> Cow<'_, Self> {
        if self.rows <= rows {
            return Cow::Borrowed(self);
        }
        let mut drawn = stream.permutation(self.rows);
        drawn.truncate(rows);
        drawn.sort_unstable();
        Cow::Owned(self.select(&drawn))
    }

    /// The rows in two parts, drawn at random: this share of them, and the rest.
    ///
    /// # Errors
    /// If a part would be empty.
    pub fn split(&self, share: f64, stream: &mut Stream) -> Result<(Self, Self)> {
        let count = (self.rows as f64 * share).round();
        if !(count >= 1.0 && count < self.rows as f64) {
            let problem = format!("must leave rows in both parts of {}", self.rows);
            return Err(Error::setting("share", share, problem));
        }
        let order = stream.permutation(self.rows);
        let (a, b) = order.split_at(count as usize);
        Ok((self.select(a), self.select(b)))
    }

    /// A SHA-256 over names, kinds and cells, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        for column in &self.columns {
            text(&mut hash, &column.schema.name);
            text(&mut hash, column.schema.kind.word());
            column
                .schema
                .categories
                .iter()
                .for_each(|name| text(&mut hash, name));
            match &column.cells {
                Cells::Numbers(values) => values.iter().for_each(|v| hash.update(v.to_le_bytes())),
                Cells::Codes(codes) => codes.iter().for_each(|c| hash.update(c.to_le_bytes())),
            }
        }
        hex(&hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::super::MISSING;
    use super::*;

    #[test]
    fn columns_that_do_not_go_together_are_refused() {
        let two = || Column::continuous("a", vec![1.0, f64::NAN]);
        let error = |columns: Vec<Column>| Table::new(columns).expect_err("refused").to_string();
        assert!(error(vec![]).contains("no column"));
        assert!(error(vec![two(), two()]).contains("two columns `a`"));
        let three = Column::integer("b", vec![1.0; 3]);
        assert!(error(vec![two(), three]).contains("`b` has 3 rows, `a` has 2"));
        let codes = Column::categorical("b", vec![0, 2], ["x", "y"]);
        assert!(error(vec![codes]).contains("row 1: category 2 of 2"));
        let infinite = Column::continuous("b", vec![0.0, f64::INFINITY]);
        assert!(error(vec![infinite]).contains("row 1 is infinite"));
        let missing = Column::categorical("b", vec![0, MISSING], ["x"]);
        assert!(Table::new(vec![two(), missing]).is_ok());
    }

    #[test]
    fn of_a_large_table_different_rows_are_drawn_in_their_order() {
        let table = Table::new(vec![Column::integer(
            "i",
            (0..100).map(f64::from).collect(),
        )]);
        let table = table.expect("a table");
        let mut stream = Stream::new(1, "rows");
        assert!(matches!(table.at_most(100, &mut stream), Cow::Borrowed(_)));
        let drawn = table.at_most(30, &mut stream);
        let rows: Vec<usize> = (0..30)
            .map(|row| drawn.columns()[0].text(row).parse().expect("a number"))
            .collect();
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(rows[29] > 60, "the first rows alone: {rows:?}");
        assert_ne!(table.at_most(30, &mut stream), drawn);
    }

    #[test]
    fn a_table_is_split_into_parts_that_share_no_row() {
        let table = Table::new(vec![Column::integer("i", (0..10).map(f64::from).collect())]);
        let table = table.expect("a table");
        let (a, b) = table
            .split(0.7, &mut Stream::new(1, "split"))
            .expect("parts");
        assert_eq!((a.rows(), b.rows()), (7, 3));
        let mut all: Vec<String> = [&a, &b]
            .iter()
            .flat_map(|part| (0..part.rows()).map(|row| part.columns()[0].text(row)))
            .collect();
        all.sort();
        assert_eq!(all, (0..10).map(|i| i.to_string()).collect::<Vec<_>>());
        assert!(table.split(0.99, &mut Stream::new(1, "split")).is_err());
        let error = table.column("j").expect_err("no column").to_string();
        assert!(
            error.contains("did you mean `i`") || error.contains("which has `i`"),
            "{error}"
        );
    }
}
