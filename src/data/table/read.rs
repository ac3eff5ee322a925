//! Reads CSV files: once to learn what columns are, once to fill them.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::blanks::Unindented;
use super::column::{Cells, Column, ColumnSchema, MISSING};
use super::date;
use super::guess::{Guess, number};
use super::kind::ColumnKind;
use super::settings::{ColumnSettings, Header, TableSettings};
use super::whole::Table;
use crate::data::lines::{self, Lines};
use crate::error::{Error, Result};
use crate::settings::nearest;
use crate::text::visible;

/// The longest line, 4 MiB.
const LINE: usize = 4 << 20;
/// What a column takes beside its cells while a file is read.
const COLUMN: u64 = 1024;
/// What a name takes beside its letters: it stands in a list and in a map.
const NAME: u64 = 160;
/// Cells are shown in messages up to so many letters.
const SHOWN: usize = 60;

type Source = Box<dyn Read>;

impl TableSettings {
    /// Reads a file twice: kinds of columns are guessed by all of their cells.
    ///
    /// # Errors
    /// If a setting is refused or names no column of the file, if the file can't be read or is no
    /// UTF-8, if a line has another number of cells than the first, or a cell is not what its column
    /// is said to be: the line and the column. If there is no row, a line is longer than 4 MiB, a
    /// column has more names than [`categories`](Self::categories), or the table would take more than
    /// [`memory`](Self::memory).
    pub fn read(&self, file: impl AsRef<Path>) -> Result<Table> {
        let path = file.as_ref();
        let open = || -> io::Result<Source> { Ok(lines::open(path)?.0) };
        self.read_from(path, &open)
    }

    /// [`read`](Self::read) of what `open` gives, each time anew.
    pub(super) fn read_from(
        &self,
        path: &Path,
        open: &dyn Fn() -> io::Result<Source>,
    ) -> Result<Table> {
        self.validate()?;
        let file = File {
            settings: self,
            path,
            open,
            missing: self.missing.iter().map(String::as_str).collect(),
        };
        let plan = file.look_through()?;
        file.fill(plan)
    }
}

/// A file and what is said of it.
struct File<'a> {
    settings: &'a TableSettings,
    path: &'a Path,
    open: &'a dyn Fn() -> io::Result<Source>,
    missing: HashSet<&'a str>,
}

/// What the first reading told.
struct Plan {
    /// Each column of the file, in its order: what it is, and what is said of it; `None` where it is
    /// left out.
    columns: Vec<Option<(ColumnSchema, ColumnSettings)>>,
    header: bool,
    rows: u64,
    delimiter: u8,
}

impl File<'_> {
    fn refused(&self, problem: impl Into<String>) -> Error {
        Error::data(self.path, problem)
    }

    /// Gives every record with its line to `each`, the first with no number of fields to keep to.
    /// Returns the delimiter.
    fn records(
        &self,
        delimiter: Option<u8>,
        mut each: impl FnMut(u64, &csv::StringRecord) -> Result<()>,
    ) -> Result<u8> {
        let io = |error| Error::io(self.path, error);
        let mut source = BufReader::new((self.open)().map_err(io)?);
        for _ in 0..self.settings.skip {
            let mut line = Vec::new();
            let mut part = source.by_ref().take(LINE as u64);
            part.read_until(b'\n', &mut line).map_err(io)?;
            if line.last() != Some(&b'\n') {
                return Err(self.refused(format!(
                    "has no {} lines to pass over, or one longer than {LINE} bytes (`skip`)",
                    self.settings.skip
                )));
            }
        }
        let delimiter = match delimiter {
            Some(delimiter) => delimiter,
            None => usual_delimiter(source.fill_buf().map_err(io)?),
        };
        let since = Cell::new(0);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .from_reader(Unindented::new(
                Lines {
                    source,
                    since: &since,
                    most: LINE,
                },
                delimiter,
            ));
        let mut record = csv::StringRecord::new();
        let mut fields = None;
        loop {
            let more = reader.read_record(&mut record).map_err(|error| {
                // Lines that were passed over are the file's, too.
                let line = error
                    .position()
                    .map(|place| place.line() + self.settings.skip);
                match (error.into_kind(), line) {
                    (csv::ErrorKind::Utf8 { .. }, Some(line)) => {
                        self.refused(format!("line {line} is no UTF-8; convert the file"))
                    }
                    (csv::ErrorKind::Io(error), _) => Error::io(self.path, error),
                    (other, _) => self.refused(format!("{other:?}")),
                }
            })?;
            if !more {
                return Ok(delimiter);
            }
            since.set(0);
            let line = record.position().map_or(0, csv::Position::line) + self.settings.skip;
            let expected = *fields.get_or_insert(record.len());
            if record.len() != expected {
                return Err(self.refused(format!(
                    "line {line} has {} cells separated by {:?}, the first has {expected}; say what \
                     separates them by `delimiter`, or pass over lines before the table by `skip`",
                    record.len(),
                    char::from(delimiter)
                )));
            }
            each(line, &record)?;
        }
    }

    fn has_value(&self, cell: &str) -> bool {
        !cell.is_empty() && !self.missing.contains(cell)
    }

    /// Refuses a table that takes more than it may.
    fn bounded(&self, bytes: u64) -> Result<()> {
        let most = self.settings.memory;
        if bytes > most {
            return Err(self.refused(format!(
                "would take more than {most} bytes as a table, the limit that `memory` sets; raise \
                 it, or leave columns or rows out"
            )));
        }
        Ok(())
    }

    /// The first reading.
    fn look_through(&self) -> Result<Plan> {
        let told = self.settings.delimiter.map(|delimiter| delimiter as u8);
        let mut first: Vec<String> = Vec::new();
        let mut guesses: Vec<Guess> = Vec::new();
        let mut rows = 0;
        let delimiter = self.records(told, |_, record| {
            if first.is_empty() {
                self.bounded(COLUMN * record.len() as u64)?;
                first = record.iter().map(str::to_owned).collect();
                if let Some(cell) = first.first_mut() {
                    *cell = cell.trim_start_matches('\u{feff}').to_owned();
                }
                guesses = vec![Guess::new(); record.len()];
                return Ok(());
            }
            rows += 1;
            for (guess, cell) in guesses.iter_mut().zip(record) {
                if self.has_value(cell) {
                    guess.see(cell);
                }
            }
            // Where no column is left out, nothing less will do.
            match self.settings.leave_out.is_empty() {
                true => self.bounded(rows * (size_of::<u32>() * record.len()) as u64),
                false => Ok(()),
            }
        })?;
        let header = match self.settings.header {
            Header::Present => true,
            Header::Absent => false,
            Header::Guess => self.is_header(&first, &guesses),
        };
        if !header && !first.is_empty() {
            rows += 1;
            for (guess, cell) in guesses.iter_mut().zip(&first) {
                if self.has_value(cell) {
                    guess.see(cell);
                }
            }
        }
        if rows == 0 {
            return Err(self.refused("holds no row of a table"));
        }
        let names = self.names(header.then_some(&first), guesses.len())?;
        self.known(&names)?;
        let mut columns = Vec::with_capacity(names.len());
        for (name, guess) in names.into_iter().zip(guesses) {
            if self.settings.leave_out.contains(&name) {
                columns.push(None);
                continue;
            }
            let said = self
                .settings
                .columns
                .get(&name)
                .cloned()
                .unwrap_or_default();
            columns.push(Some((self.schema(name, &guess, &said)?, said)));
        }
        if columns.iter().all(Option::is_none) {
            return Err(self.refused("has no column that is not left out (`leave_out`)"));
        }
        Ok(Plan {
            columns,
            header,
            rows,
            delimiter,
        })
    }

    fn is_header(&self, first: &[String], below: &[Guess]) -> bool {
        let mut cells = first.iter().zip(below);
        if cells.any(|(cell, below)| {
            below.is_numeric() && self.has_value(cell) && number(cell).is_none()
        }) {
            return true;
        }
        let mut seen = HashSet::new();
        (first.iter())
            .all(|cell| self.has_value(cell) && number(cell).is_none() && seen.insert(cell))
    }

    /// The names of the columns: those of the settings, of the header, or numbers.
    fn names(&self, header: Option<&Vec<String>>, count: usize) -> Result<Vec<String>> {
        if !self.settings.names.is_empty() {
            let names = &self.settings.names;
            if names.len() != count {
                let problem = format!("must be one for each of {count} columns of the file");
                return Err(Error::setting("names", names.len(), problem));
            }
            return Ok(names.clone());
        }
        // Of each name, the number that the next column of it gets.
        let mut next: HashMap<String, usize> = HashMap::new();
        let mut names = Vec::with_capacity(count);
        for place in 0..count {
            let name = match header.map(|header| header[place].as_str()) {
                Some(name) if !name.is_empty() => name.to_owned(),
                _ => format!("column_{}", place + 1),
            };
            let mut own = name.clone();
            while next.contains_key(&own) {
                let number = next.entry(name.clone()).or_insert(1);
                *number += 1;
                own = format!("{name}_{number}");
            }
            next.insert(own.clone(), 1);
            names.push(own);
        }
        Ok(names)
    }

    /// Refuses settings of a column that is not there.
    fn known(&self, names: &[String]) -> Result<()> {
        let settings = self.settings.columns.keys().map(|name| ("columns", name));
        let left_out = self.settings.leave_out.iter();
        for (field, name) in settings.chain(left_out.map(|name| ("leave_out", name))) {
            if !names.contains(name) {
                let near = nearest(name, names.iter().map(String::as_str));
                let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let problem = format!("is no column of the file{hint}");
                return Err(Error::setting(field, name, problem));
            }
        }
        Ok(())
    }

    fn schema(&self, name: String, guess: &Guess, said: &ColumnSettings) -> Result<ColumnSchema> {
        let kind = said.kind.unwrap_or_else(|| guess.kind());
        let format = match kind {
            ColumnKind::Date => {
                let guessed = guess.format().map(str::to_owned);
                Some(said.format.clone().or(guessed).ok_or_else(|| {
                    self.refused(format!(
                        "column `{name}` is said to have dates, and they have no usual format in \
                         common; say which by `format`, such as `%d %b %Y`"
                    ))
                })?)
            }
            _ => None,
        };
        Ok(ColumnSchema {
            decimals: match kind {
                ColumnKind::Continuous => guess.decimals(),
                ColumnKind::Integer => Some(0),
                _ => None,
            },
            name,
            kind,
            format,
            categories: said.order.clone(),
        })
    }

    /// The second reading.
    fn fill(&self, plan: Plan) -> Result<Table> {
        let kept = plan.columns.iter().flatten();
        let cell = |(schema, _): &(ColumnSchema, _)| match schema.kind.is_numeric() {
            true => size_of::<f64>() as u64,
            false => size_of::<u32>() as u64,
        };
        let mut taken: u64 = kept
            .clone()
            .map(|column| COLUMN + cell(column) * plan.rows)
            .sum();
        self.bounded(taken)?;
        let mut filling: Vec<Option<Filling>> = (plan.columns.into_iter())
            .map(|column| column.map(|(schema, said)| Filling::new(schema, said, plan.rows)))
            .collect();
        let mut header = plan.header;
        let mut filled = 0;
        self.records(Some(plan.delimiter), |line, record| {
            if std::mem::take(&mut header) {
                return Ok(());
            }
            filled += 1;
            if filled > plan.rows || record.len() != filling.len() {
                return Err(self.refused("has changed while it was read"));
            }
            for (place, (column, cell)) in filling.iter_mut().zip(record).enumerate() {
                let Some(column) = column else {
                    continue;
                };
                let cell = match (filled, place) {
                    (1, 0) if !plan.header => cell.trim_start_matches('\u{feff}'),
                    _ => cell,
                };
                let cell = self.has_value(cell).then_some(cell);
                let more = column.push(cell, self.settings.categories);
                taken += more.map_err(|problem| {
                    let (name, place) = (visible(&column.schema.name), place + 1);
                    self.refused(format!("line {line}, column {place} (`{name}`): {problem}"))
                })?;
            }
            self.bounded(taken)
        })?;
        let columns = filling.into_iter().flatten().map(|column| column.done());
        let columns: Result<Vec<Column>, String> = columns.collect();
        Table::new(columns.map_err(|problem| self.refused(problem))?)
    }
}

/// A column while it is read.
struct Filling {
    schema: ColumnSchema,
    /// Whether its names are said, and no others there may be.
    closed: bool,
    places: HashMap<String, u32>,
    cells: Cells,
}

impl Filling {
    fn new(schema: ColumnSchema, said: ColumnSettings, rows: u64) -> Self {
        let rows = rows as usize;
        let cells = match schema.kind.is_numeric() {
            true => Cells::Numbers(Vec::with_capacity(rows)),
            false => Cells::Codes(Vec::with_capacity(rows)),
        };
        let names = said.order.into_iter().zip(0..);
        let places: HashMap<String, u32> = names.collect();
        Self {
            closed: !places.is_empty(),
            schema,
            places,
            cells,
        }
    }

    /// Takes a cell; the bytes that it takes beside its place in the list.
    fn push(&mut self, cell: Option<&str>, most: usize) -> Result<u64, String> {
        let kind = self.schema.kind;
        let shown = |cell: &str| -> String {
            let short: String = cell.chars().take(SHOWN).collect();
            let dots = if short.len() < cell.len() { "…" } else { "" };
            format!("`{}{dots}`", visible(&short))
        };
        match &mut self.cells {
            Cells::Numbers(values) => {
                let Some(cell) = cell else {
                    values.push(f64::NAN);
                    return Ok(0);
                };
                let read = match (kind, &self.schema.format) {
                    (ColumnKind::Date, Some(format)) => date::number(cell, format),
                    (ColumnKind::Integer, _) => number(cell).filter(|value| value.fract() == 0.0),
                    _ => number(cell),
                };
                let value = read.ok_or_else(|| match (kind, &self.schema.format) {
                    (ColumnKind::Date, Some(format)) => {
                        format!("{} is no date of the format `{format}`", shown(cell))
                    }
                    (ColumnKind::Integer, _) => format!("{} is no whole number", shown(cell)),
                    _ => format!("{} is no number", shown(cell)),
                })?;
                // There is no difference between 0 and −0 that a table could keep.
                values.push(value + 0.0);
                Ok(0)
            }
            Cells::Codes(codes) => {
                let Some(cell) = cell else {
                    codes.push(MISSING);
                    return Ok(0);
                };
                if let Some(place) = self.places.get(cell) {
                    codes.push(*place);
                    return Ok(0);
                }
                if self.closed {
                    return Err(format!("{} is none of the names in `order`", shown(cell)));
                }
                let place = self.places.len();
                if place >= most {
                    return Err(format!(
                        "{} would be one name more than {most}, the limit that `categories` sets; \
                         leave a column of keys or free text out (`leave_out`)",
                        shown(cell)
                    ));
                }
                codes.push(place as u32);
                self.places.insert(cell.to_owned(), place as u32);
                Ok(NAME + cell.len() as u64)
            }
        }
    }

    /// The column, its names in their order: numbers by their values, all else by the alphabet.
    fn done(mut self) -> Result<Column, String> {
        if let Cells::Codes(codes) = &mut self.cells
            && !self.closed
        {
            let mut names: Vec<(String, u32)> = self.places.into_iter().collect();
            let numbers = names.iter().all(|(name, _)| number(name).is_some());
            names.sort_by(|(a, _), (b, _)| match (numbers, number(a), number(b)) {
                (true, Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
                _ => a.cmp(b),
            });
            let mut places = vec![0; names.len()];
            for (place, (_, old)) in names.iter().enumerate() {
                places[*old as usize] = place as u32;
            }
            let known = codes.iter_mut().filter(|code| **code != MISSING);
            known.for_each(|code| *code = places[*code as usize]);
            self.schema.categories = names.into_iter().map(|(name, _)| name).collect();
        }
        let count = self.schema.categories.len();
        if self.schema.kind == ColumnKind::Boolean && count > 2 {
            return Err(format!(
                "column `{}` is said to be boolean and has {count} values",
                visible(&self.schema.name)
            ));
        }
        Ok(Column {
            schema: self.schema,
            cells: self.cells,
        })
    }
}

/// The most frequent of the usual delimiters in the first line, outside of quotes; a comma where
/// there is none.
fn usual_delimiter(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in start.iter().take_while(|byte| **byte != b'\n') {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts
            .iter_mut()
            .find(|(known, _)| known == byte && !quoted)
        {
            *count += 1;
        }
    }
    // The first of those that are equally frequent.
    let best = counts.iter().rev().max_by_key(|(_, count)| *count);
    best.map_or(b',', |(byte, _)| *byte)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;
    use crate::random::Stream;

    fn read_with(settings: &TableSettings, text: &[u8]) -> Result<Table> {
        let text: Arc<[u8]> = text.into();
        let open = || -> io::Result<Source> { Ok(Box::new(io::Cursor::new(Arc::clone(&text)))) };
        settings.read_from(Path::new("t.csv"), &open)
    }

    fn read(text: &str) -> Table {
        read_with(&TableSettings::default(), text.as_bytes()).expect("a table")
    }

    fn refusal(settings: &TableSettings, text: &str) -> String {
        let error = read_with(settings, text.as_bytes()).expect_err("refused");
        error.to_string()
    }

    const PEOPLE: &str = "age,work, pay,since,member,size\n\
        39, State-gov,2.50,2020-01-31,yes,1\n\
        50,?,1000,1999-12-31,no,2\n\
        , \"a, b\", ,2001-05-05,yes,\n\
        40,State-gov,3,2001-05-05,yes,2\n\
        41,c,3,2001-05-05,yes,2\n42,c,3,,no,2\n43,c,3,2001-05-05,yes,2\n44,c,3,2001-05-05,yes,2\n\
        45,c,3,2001-05-05,yes,2\n46,c,3,2001-05-05,yes,2\n47,c,3,2001-05-05,yes,2\n48,c,3,2001-05-05,?,2\n\
        49,c,3,2001-05-05,yes,2\n";

    #[test]
    fn columns_have_names_kinds_and_cells() {
        use ColumnKind::*;
        let table = read(PEOPLE);
        let kinds: Vec<_> = table.columns().iter().map(|c| c.schema.kind).collect();
        assert_eq!(
            kinds,
            [Integer, Categorical, Continuous, Date, Boolean, Ordered]
        );
        let names: Vec<_> = table
            .columns()
            .iter()
            .map(|c| c.schema.name.as_str())
            .collect();
        assert_eq!(names, ["age", "work", "pay", "since", "member", "size"]);
        let work = table.column("work").expect("a column");
        assert_eq!(work.schema.categories, ["State-gov", "a, b", "c"]);
        assert_eq!(
            (work.text(0), work.text(2)),
            ("State-gov".to_owned(), "a, b".to_owned())
        );
        assert!(work.is_missing(1) && table.columns()[0].is_missing(2));
        let pay = table.column("pay").expect("a column");
        assert_eq!(
            (pay.schema.decimals, pay.text(1)),
            (Some(2), "1000.00".to_owned())
        );
        assert_eq!(
            table.column("since").expect("a column").text(0),
            "2020-01-31"
        );
        assert_eq!(table.rows(), 13);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = read(PEOPLE);
        let path = folder.path().join("t.csv");
        table.write(&path).expect("a file");
        assert_eq!(
            format!("{:?}", Table::read(&path).expect("a table")),
            format!("{table:?}")
        );
        // Compressed, the same.
        let zipped = folder.path().join("t.csv.gz");
        let file = std::fs::File::create(&zipped).expect("a file");
        let mut zip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        zip.write_all(PEOPLE.as_bytes())
            .and_then(|()| zip.finish().map(drop))
            .expect("bytes");
        assert_eq!(
            Table::read(&zipped).expect("a table").digest(),
            table.digest()
        );
    }

    #[test]
    fn the_first_line_is_a_header_where_it_looks_like_one() {
        let names = |text: &str| -> Vec<String> {
            read(text)
                .columns()
                .iter()
                .map(|c| c.schema.name.clone())
                .collect()
        };
        assert_eq!(names("a,b\n1,x\n"), ["a", "b"]);
        assert_eq!(names("a,b\nc,d\n"), ["a", "b"]);
        assert_eq!(names("1,x\n2,y\n"), ["column_1", "column_2"]);
        assert_eq!(names("a,a\nc,d\n"), ["column_1", "column_2"]);
        assert_eq!(
            names("150,4,setosa\n5.1,3.5,0\n4.9,3,1\n"),
            ["150", "4", "setosa"]
        );
        assert_eq!(names("\u{feff}a;b\n1;2\n"), ["a", "b"]);
        let present = TableSettings::default().with_header(Header::Present);
        let table = read_with(&present, b"a\ta\t\n1\t2\t3\n").expect("a table");
        let names: Vec<_> = table
            .columns()
            .iter()
            .map(|c| c.schema.name.as_str())
            .collect();
        assert_eq!(names, ["a", "a_2", "column_3"]);
        let skip = TableSettings::default()
            .with_skip(2)
            .with_header(Header::Absent);
        assert_eq!(
            read_with(&skip, b"x\ny,z\n1,2,3\n")
                .expect("a table")
                .rows(),
            1
        );
    }

    #[test]
    fn what_settings_say_of_a_column_is_not_guessed() {
        let settings: TableSettings = serde_json::from_str(
            r#"{"missing": ["-"], "leave_out": ["id"], "columns": {
                "size": {"kind": "ordered", "order": ["S", "M", "L"]},
                "zip": {"kind": "categorical"}, "day": {"kind": "date", "format": "%d %b %Y"}}}"#,
        )
        .expect("settings");
        let text = "id,size,zip,day\n1,M,10,01 Feb 2024\n2,-,9,29 Feb 2024\n3,S,10,-\n";
        let table = read_with(&settings, text.as_bytes()).expect("a table");
        let names: Vec<_> = table
            .columns()
            .iter()
            .map(|c| c.schema.name.as_str())
            .collect();
        assert_eq!(names, ["size", "zip", "day"]);
        assert_eq!(table.columns()[0].schema.categories, ["S", "M", "L"]);
        assert_eq!(table.columns()[1].schema.categories, ["9", "10"]);
        assert_eq!(table.columns()[2].text(1), "29 Feb 2024");
        let error = refusal(&settings, "id,size,zip,day\n1,XL,10,01 Feb 2024\n");
        assert!(
            error.contains("line 2, column 2 (`size`): `XL` is none of"),
            "{error}"
        );
        let error = refusal(&settings, "id,size,zap,day\n1,M,10,-\n");
        assert!(
            error.contains("`columns` = zip: is no column of the file; did you"),
            "{error}"
        );
        let error = refusal(&settings, "id,size,zip,day\n1,M,10,2024-02-01\n");
        assert!(
            error.contains("`2024-02-01` is no date of the format `%d %b %Y`"),
            "{error}"
        );
        let slip = serde_json::from_str::<TableSettings>(r#"{"columns": {"a": {"kynd": "date"}}}"#);
        assert!(slip.expect_err("a slip").to_string().contains("kind"));
    }

    #[test]
    fn errors_name_line_and_column() {
        let plain = TableSettings::default();
        let number = plain.clone().with_kind("b", ColumnKind::Continuous);
        for (settings, text, words) in [
            (
                &plain,
                "a,b\n1,2\n3\n",
                "line 3 has 1 cells separated by ',', the first has 2",
            ),
            (
                &number,
                "a,b\n1,2\n3,x\n",
                "line 3, column 2 (`b`): `x` is no number",
            ),
            (&plain, "", "holds no row"),
            (&plain, "a,b\n", "holds no row"),
        ] {
            let error = refusal(settings, text);
            assert!(
                error.starts_with("t.csv: ") && error.contains(words),
                "{error}"
            );
        }
        let error = read_with(&plain, b"a\n1\n\xff\n")
            .expect_err("no UTF-8")
            .to_string();
        assert!(error.contains("line 3 is no UTF-8"), "{error}");
        let skip = number.with_skip(1);
        let error = refusal(&skip, "about\na,b\n1,2\n3,x\n");
        assert!(error.contains("line 4, column 2"), "{error}");
    }

    #[test]
    fn a_table_has_bounds_that_are_named() {
        let settings = TableSettings {
            memory: 10_000,
            ..TableSettings::default()
        };
        let error = refusal(&settings, &"1,2.5\n".repeat(1_000));
        assert!(
            error.contains("10000 bytes") && error.contains("`memory`"),
            "{error}"
        );
        let names: String = (0..100).map(|i| format!("name{i}\n")).collect();
        let error = refusal(&settings, &names);
        assert!(error.contains("`memory`"), "{error}");
        let settings = TableSettings {
            categories: 99,
            ..TableSettings::default()
        };
        let error = refusal(&settings, &format!("h\n{names}"));
        assert!(
            error.contains("line 101, column 1") && error.contains("`categories`"),
            "{error}"
        );
        let long = format!("a\n\"{}", "x".repeat(LINE + 100_000));
        let error = refusal(&TableSettings::default(), &long);
        assert!(
            error.contains("a line is longer than 4194304 bytes"),
            "{error}"
        );
    }

    #[test]
    fn ten_thousand_damaged_files_are_read_or_refused() {
        let seed = PEOPLE.as_bytes();
        let settings = TableSettings {
            memory: 1 << 20,
            ..TableSettings::default()
        };
        let told = settings
            .clone()
            .with_kind("age", ColumnKind::Integer)
            .with_skip(1);
        let mut stream = Stream::new(1, "damage");
        let special = b"\",;\n\r\t?|\\\0\xff\xc3-+.eE0 ";
        let mut read = 0;
        for round in 0..10_000 {
            let mut bytes = seed.to_vec();
            if stream.index(8) == 0 {
                bytes.truncate(stream.index(seed.len()) + 1);
            }
            for _ in 0..=stream.index(3) {
                let place = stream.index(bytes.len());
                match stream.index(5) {
                    0 => bytes[place] = stream.index(256) as u8,
                    1 => bytes[place] = b"0123456789.e-"[stream.index(13)],
                    2 => bytes.insert(place, special[stream.index(special.len())]),
                    3 => drop(bytes.drain(place..(place + 1 + stream.index(20)).min(bytes.len()))),
                    _ => {
                        let part = bytes[place..(place + 40).min(bytes.len())].to_vec();
                        let at = stream.index(bytes.len());
                        bytes.splice(at..at, part);
                    }
                }
                if bytes.is_empty() {
                    bytes.push(b'1');
                }
            }
            let settings = if round % 4 == 0 { &told } else { &settings };
            if let Ok(table) = read_with(settings, &bytes) {
                read += 1;
                assert!(table.rows() > 0);
                for column in table.columns() {
                    (0..table.rows()).for_each(|row| drop(column.text(row)));
                }
            }
        }
        // Both happen, or the damage tells nothing.
        assert!((1_000..9_900).contains(&read), "{read}");
    }
}
