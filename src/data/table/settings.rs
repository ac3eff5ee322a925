//! How a file is read.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::date;
use super::kind::ColumnKind;
use super::transform::TransformSettings;
use crate::error::{Error, Result, check};
use crate::files;
use crate::settings::settings;

/// A gibibyte.
const GIB: u64 = 1 << 30;
/// Longer settings are none.
const SETTINGS: u64 = 16 << 20;

settings! {
/// Whether the first line names columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// It does if it has no number where every other line has one, or names without a number and
    /// without a repetition.
    #[default]
    Guess,
    /// It does.
    Present,
    /// It does not: columns are `column_1`, `column_2`, …
    Absent,
}
}

settings! {
/// What a file does not say of a column.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(default)]
pub struct ColumnSettings {
    /// What its values are; guessed where it is not said.
    pub kind: Option<ColumnKind>,
    /// The names of an ordered column, the least first; numbers have the order of their values.
    pub order: Vec<String>,
    /// How dates are written, as `strftime` has it: `%d %b %Y`.
    pub format: Option<String>,
}
}

settings! {
/// How a CSV file becomes a [`Table`](super::Table), plain or compressed by gzip.
///
/// Cells lose the blanks around them. A cell that is empty or one of [`missing`](Self::missing) has no
/// value. Kinds of columns are guessed by all cells of a column, and those in
/// [`columns`](Self::columns) are said:
///
/// | kind | guessed where |
/// |---|---|
/// | boolean | there are two values of one pair: true and false, yes and no, y and n, t and f, 0 and 1 |
/// | ordered | there are at most ten values, all whole numbers |
/// | integer | all are whole numbers |
/// | continuous | all are numbers |
/// | date | all are dates of one format: `2024-02-29`, with a time behind it or not, `2024/02/29`, `29.02.2024`, `02/29/2024`, `29/02/2024` |
/// | categorical | otherwise |
///
/// Numbers with zeros before them (`007`) are names, as are whole numbers beyond 2⁵³, which no float
/// holds. As JSON:
///
/// ```
/// use burn_gan::data::table::{ColumnKind, TableSettings};
///
/// let settings: TableSettings = serde_json::from_str(r#"{
///     "skip": 1,
///     "missing": ["", "?", "unknown"],
///     "columns": {"size": {"kind": "ordered", "order": ["S", "M", "L"]}, "zip": {"kind": "categorical"}}
/// }"#)?;
/// assert_eq!(settings.columns["size"].kind, Some(ColumnKind::Ordered));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct TableSettings {
    /// What stands between cells; the most frequent of `,`, `;`, tab and `|` in the first line where
    /// it is not said.
    pub delimiter: Option<char>,
    /// Lines at the start that are passed over; 0 by default.
    pub skip: u64,
    /// Whether the first line names columns.
    pub header: Header,
    /// Names for the columns in the place of those of the file; none by default.
    pub names: Vec<String>,
    /// Cells without a value; `?`, `NaN` and `nan` by default. Empty ones always are.
    pub missing: Vec<String>,
    /// What is said of columns, by their names.
    pub columns: BTreeMap<String, ColumnSettings>,
    /// Columns that are left out.
    pub leave_out: Vec<String>,
    /// The most names that a column of categories may have; 65,536 by default. A column of more is
    /// one of free text or of keys.
    pub categories: usize,
    /// The bytes that a table may take; 2 GiB by default. A file that holds more is refused.
    pub memory: u64,
    /// How the table becomes numbers: not used while it is read, but given to
    /// [`TableTransform::fit`](super::TableTransform::fit) by whoever trains on it, so that one file has
    /// all that is to be said of a table.
    pub transform: TransformSettings,
}
}

impl Default for TableSettings {
    fn default() -> Self {
        Self {
            delimiter: None,
            skip: 0,
            header: Header::default(),
            names: Vec::new(),
            missing: ["?", "NaN", "nan"].map(str::to_owned).to_vec(),
            columns: BTreeMap::new(),
            leave_out: Vec::new(),
            categories: 1 << 16,
            memory: 2 * GIB,
            transform: TransformSettings::default(),
        }
    }
}

impl TableSettings {
    /// Settings in a file of JSON.
    ///
    /// # Errors
    /// If the file can't be read, is longer than 16 MiB, or holds something else: what, and the
    /// nearest name that there is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (mut file, length) = files::open(path).map_err(|error| Error::io(path, error))?;
        if length > SETTINGS {
            let problem = format!("has {length} bytes, more than settings take ({SETTINGS})");
            return Err(Error::data(path, problem));
        }
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text)
            .map_err(|error| Error::io(path, error))?;
        let settings: Self = serde_json::from_str(&text)
            .map_err(|error| Error::data(path, format!("holds no settings of a table: {error}")))?;
        settings.validate()?;
        Ok(settings)
    }

    /// Says what a column's values are.
    pub fn with_kind(mut self, column: impl Into<String>, kind: ColumnKind) -> Self {
        self.columns.entry(column.into()).or_default().kind = Some(kind);
        self
    }

    /// Passes over so many lines at the start.
    pub fn with_skip(mut self, lines: u64) -> Self {
        self.skip = lines;
        self
    }

    /// Says whether the first line names columns.
    pub fn with_header(mut self, header: Header) -> Self {
        self.header = header;
        self
    }

    /// Leaves out a column.
    pub fn without(mut self, column: impl Into<String>) -> Self {
        self.leave_out.push(column.into());
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the delimiter is not one byte, a limit is 0, an order stands beside a kind without one, a
    /// format is none, or a setting of the transform is wrong.
    pub fn validate(&self) -> Result<()> {
        if let Some(delimiter) = self.delimiter
            && (!delimiter.is_ascii() || matches!(delimiter, '"' | '\n' | '\r'))
        {
            let problem = "must be one ASCII character that is no quote and ends no line";
            return Err(Error::setting(
                "delimiter",
                format!("{delimiter:?}"),
                problem,
            ));
        }
        check::at_least("categories", self.categories, 1)?;
        check::at_most("categories", self.categories, 1 << 24)?;
        if self.memory == 0 {
            return Err(Error::setting("memory", 0, "must be at least 1"));
        }
        for (name, column) in &self.columns {
            column
                .validate()
                .map_err(|error| error.within(&format!("columns.{name}")))?;
        }
        self.transform
            .validate()
            .map_err(|error| error.within("transform"))
    }
}

impl ColumnSettings {
    fn validate(&self) -> Result<()> {
        if !self.order.is_empty() && self.kind != Some(ColumnKind::Ordered) {
            let problem = "is for a column of the kind `ordered`";
            return Err(Error::setting(
                "order",
                format!("{:?}", self.order),
                problem,
            ));
        }
        for (place, name) in self.order.iter().enumerate() {
            if self.order[..place].contains(name) {
                return Err(Error::setting("order", name, "stands there twice"));
            }
        }
        let Some(format) = &self.format else {
            return Ok(());
        };
        let wrong = |problem: &str| Err(Error::setting("format", format, problem));
        if self.kind != Some(ColumnKind::Date) {
            return wrong("is for a column of the kind `date`");
        }
        let back = date::text(0.0, format).and_then(|text| date::number(&text, format));
        if back != Some(0.0) {
            return wrong(
                "does not write a day (and a time) that can be read again, as `%Y-%m-%d` does",
            );
        }
        Ok(())
    }
}
