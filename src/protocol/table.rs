//! Tables of results: what papers published, and what was measured here beside it.

use std::fmt;

use serde::Serialize;

use super::Evaluation;
use crate::error::{Error, Result};
use crate::metrics::{Better, ExtractorId, Repeats};

/// A number that a table gives for each method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in files: `reverse_kl`.
    pub key: String,
    /// Its name in the table, with the unit.
    pub name: String,
    /// Which way it is good.
    pub better: Better,
    /// Decimals that it is shown with, as the paper does.
    pub decimals: usize,
}

impl Column {
    /// A column of this key and name.
    pub fn new(
        key: impl Into<String>,
        name: impl Into<String>,
        better: Better,
        decimals: usize,
    ) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            better,
            decimals,
        }
    }
}

/// A number of a table: a mean over trials, and its standard error where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean.
    pub error: Option<f64>,
}

/// Where the numbers of a row come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A publication: authors, year, where in it.
    Published(String),
    /// Measured by this program.
    Measured(Measured),
}

/// How a row of this program's came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// What was done, in a few words.
    pub how: String,
    /// The version of this crate.
    pub crate_version: String,
    /// The seeds of the trials.
    pub seeds: Vec<u64>,
    /// How many samples of a trial were scored.
    pub samples: Option<usize>,
    /// The classifier that read the samples, where one did.
    pub reader: Option<ExtractorId>,
}

impl Measured {
    /// By this version of the crate.
    pub fn new(how: impl Into<String>) -> Self {
        Self {
            how: how.into(),
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            seeds: Vec::new(),
            samples: None,
            reader: None,
        }
    }

    /// Sets the seeds of the trials.
    pub fn with_seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// Sets how many samples of a trial were scored.
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = Some(samples);
        self
    }

    /// Sets what read the samples.
    pub fn with_reader(mut self, reader: Option<ExtractorId>) -> Self {
        self.reader = reader;
        self
    }
}

impl From<&str> for Measured {
    fn from(how: &str) -> Self {
        Self::new(how)
    }
}

/// What a method came to; a number that its source does not give is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The method.
    pub method: String,
    /// A number for each of the table's columns.
    pub cells: Vec<Option<Cell>>,
    /// Where they come from.
    pub source: Source,
}

/// Results of one protocol, published ones and measured ones.
///
/// Displayed as text with a line for each row; serialised with every number as it is. Numbers of
/// unlike protocols say nothing beside each other, even for a method of the same name: a table is
/// of one protocol.
///
/// ```
/// use burn_gan::metrics::{Better, Repeats};
/// use burn_gan::protocol::{Column, ResultTable};
///
/// let table = ResultTable::new("A ring", [Column::new("modes", "modes", Better::Higher, 1)])
///     .published("GAN", &[Some((6.3, Some(0.5)))], "Lin et al. 2017, table 1");
/// let modes = Repeats::of("modes", &[8.0, 7.0, 8.0])?;
/// let table = table.measured("this crate", &[modes], "3 trials of 40 epochs")?;
/// assert!(table.to_string().contains("7.7 ± 0.3"));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultTable {
    /// What it is a table of.
    pub title: String,
    /// The numbers.
    pub columns: Vec<Column>,
    /// The methods.
    pub rows: Vec<Row>,
}

impl ResultTable {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            title: title.into(),
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a published row: mean and standard error for each column, where the source has them.
    ///
    /// # Panics
    /// If there is not a number for each column.
    pub fn published(
        mut self,
        method: impl Into<String>,
        cells: &[Option<(f64, Option<f64>)>],
        source: impl Into<String>,
    ) -> Self {
        assert_eq!(cells.len(), self.columns.len(), "a number for each column");
        self.rows.push(Row {
            method: method.into(),
            cells: (cells.iter())
                .map(|cell| cell.map(|(mean, error)| Cell { mean, error }))
                .collect(),
            source: Source::Published(source.into()),
        });
        self
    }

    /// Mean and standard error of each column's number over trials.
    ///
    /// # Errors
    /// If there is no trial, one has not a number for each column, or a number is not finite.
    pub fn repeats(&self, trials: &[Evaluation]) -> Result<Vec<Repeats>> {
        let wrong = |trial: &Evaluation| trial.numbers.len() != self.columns.len();
        if let Some(place) = trials.iter().position(wrong) {
            let problem = format!(
                "has {} numbers for the {} columns of `{}`",
                trials[place].numbers.len(),
                self.columns.len(),
                self.title
            );
            return Err(Error::data(format!("trial {place}"), problem));
        }
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(index, column)| {
                let values: Vec<f64> = trials.iter().map(|trial| trial.numbers[index]).collect();
                Repeats::of(&column.key, &values)
            })
            .collect()
    }

    /// Adds a row of this program's, with how it came about; a few words are enough.
    ///
    /// # Errors
    /// If there is not a number for each column.
    pub fn measured(
        mut self,
        method: impl Into<String>,
        numbers: &[Repeats],
        how: impl Into<Measured>,
    ) -> Result<Self> {
        let method = method.into();
        if numbers.len() != self.columns.len() {
            let problem = format!(
                "{} numbers for the {} columns of `{}`",
                numbers.len(),
                self.columns.len(),
                self.title
            );
            return Err(Error::data(format!("row `{method}`"), problem));
        }
        self.rows.push(Row {
            method,
            cells: (numbers.iter())
                .map(|number| {
                    Some(Cell {
                        mean: number.mean,
                        error: number.standard_error,
                    })
                })
                .collect(),
            source: Source::Measured(how.into()),
        });
        Ok(self)
    }

    /// The numbers of a trial in words: `modes (of 8) 7.0, reverse KL 0.123`.
    pub fn text(&self, trial: &Evaluation) -> String {
        let numbers = self.columns.iter().zip(&trial.numbers);
        let words: Vec<String> = numbers
            .map(|(column, number)| {
                let decimals = column.decimals;
                format!("{} {number:.decimals$}", column.name)
            })
            .collect();
        words.join(", ")
    }

    /// A cell as it is shown.
    pub(crate) fn shown(&self, row: &Row, column: usize) -> String {
        let Some(cell) = row.cells[column] else {
            return "–".to_owned();
        };
        let decimals = self.columns[column].decimals;
        match cell.error {
            Some(error) => format!("{:.decimals$} ± {error:.decimals$}", cell.mean),
            None => format!("{:.decimals$}", cell.mean),
        }
    }
}

impl fmt::Display for ResultTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = |better: Better| match better {
            Better::Higher => "↑",
            Better::Lower => "↓",
        };
        let mut lines: Vec<Vec<String>> = vec![Vec::new()];
        lines[0].push("method".to_owned());
        for column in &self.columns {
            lines[0].push(format!("{} {}", column.name, arrow(column.better)));
        }
        lines[0].push("source".to_owned());
        for row in &self.rows {
            let mut line = vec![row.method.clone()];
            line.extend((0..self.columns.len()).map(|column| self.shown(row, column)));
            line.push(match &row.source {
                Source::Published(source) => source.clone(),
                Source::Measured(measured) => format!("here: {}", measured.how),
            });
            lines.push(line);
        }
        let width = |place: usize| {
            let widths = lines.iter().map(|line| line[place].chars().count());
            widths.max().unwrap_or(0)
        };
        let last = self.columns.len() + 1;
        let widths: Vec<usize> = (0..last).map(width).collect();
        writeln!(f, "{}", self.title)?;
        for line in &lines {
            for (text, width) in line.iter().zip(&widths) {
                // Padding counts characters.
                write!(f, "{text:width$}  ")?;
            }
            writeln!(f, "{}", line[last])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ResultTable {
        let columns = [
            Column::new("modes", "modes", Better::Higher, 1),
            Column::new("kl", "KL", Better::Lower, 2),
        ];
        ResultTable::new("A protocol", columns)
            .published("GAN", &[Some((6.3, Some(0.5))), None], "a paper")
            .published("other", &[Some((100.0, None)), Some((0.25, None))], "it")
    }

    #[test]
    fn a_table_is_shown_in_aligned_columns() {
        let ours = [
            Repeats::of("modes", &[8.0, 7.0, 8.0]).unwrap(),
            Repeats::of("KL", &[0.125]).unwrap(),
        ];
        let table = table().measured("ours", &ours, "3 trials").unwrap();
        let expected = "\
A protocol
method  modes ↑    KL ↓  source
GAN     6.3 ± 0.5  –     a paper
other   100.0      0.25  it
ours    7.7 ± 0.3  0.12  here: 3 trials
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused() {
        let one = [Repeats::of("modes", &[8.0]).unwrap()];
        let error = table().measured("ours", &one, "a trial").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("1 numbers for the 2 columns"), "{error}");
    }

    #[test]
    fn json_has_every_number_as_it_is() {
        let json = serde_json::to_value(table()).unwrap();
        assert_eq!(json["columns"][1]["better"], "lower");
        assert_eq!(json["rows"][0]["cells"][0]["error"], 0.5);
        assert_eq!(json["rows"][0]["cells"][1], serde_json::Value::Null);
        assert_eq!(json["rows"][0]["source"]["published"], "a paper");

        let ours = [8.0, 0.125].map(|value| Repeats::of("ours", &[value]).unwrap());
        let reader = ExtractorId::new("classifier").with_hash("ab12");
        let how = Measured::new("2 trials")
            .with_seeds(3..5)
            .with_samples(2_500)
            .with_reader(Some(reader));
        let table = table().measured("ours", &ours, how).unwrap();
        let json = serde_json::to_value(&table).unwrap();
        let measured = &json["rows"][2]["source"]["measured"];
        assert_eq!(measured["how"], "2 trials");
        assert_eq!(measured["crate_version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(measured["seeds"], serde_json::json!([3, 4]));
        assert_eq!(measured["samples"], 2_500);
        assert_eq!(measured["reader"]["hash"], "ab12");
    }
}
