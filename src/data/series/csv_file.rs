//! Series as columns of a CSV file.

use std::cell::Cell;
use std::io::BufRead;
use std::path::Path;

use super::collect::{Collector, value};
use super::set::SeriesSet;
use super::settings::SeriesSettings;
use crate::data::lines::Lines;
use crate::error::{Error, Result};
use crate::settings::nearest;
use crate::text::visible;

/// The longest line, 4 MiB: one moment, whose columns take many times their bytes.
const LINE: usize = 4 << 20;

/// Where a file's columns go.
struct Columns {
    channels: Vec<usize>,
    class: Option<usize>,
    series: Option<usize>,
    /// All columns of the file.
    all: usize,
}

impl Columns {
    fn of(settings: &SeriesSettings, header: &csv::StringRecord) -> Result<Self> {
        let place = |field: &str, name: &String| {
            let names: Vec<&str> = header.iter().collect();
            let found = names.iter().position(|column| column == name);
            found.ok_or_else(|| {
                let meant = nearest(name, names.iter().copied())
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                Error::setting(field, name, format!("is no column of the file{meant}"))
            })
        };
        let one = |field: &str, name: &Option<String>| {
            name.as_ref().map(|name| place(field, name)).transpose()
        };
        let class = one("class", &settings.class)?;
        let series = one("series", &settings.series)?;
        let channels = match settings.columns.is_empty() {
            true => (0..header.len())
                .filter(|column| Some(*column) != class && Some(*column) != series)
                .collect(),
            false => (settings.columns.iter())
                .map(|name| place("columns", name))
                .collect::<Result<_>>()?,
        };
        Ok(Self {
            channels,
            class,
            series,
            all: header.len(),
        })
    }
}

/// A series that is being read.
struct Begun {
    line: u64,
    class: Option<String>,
    series: Option<String>,
    channels: Vec<Vec<f64>>,
    bytes: u64,
}

pub(super) fn read(
    settings: &SeriesSettings,
    path: &Path,
    source: impl BufRead,
) -> Result<SeriesSet> {
    let since = Cell::new(0);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(Lines {
            source,
            since: &since,
            most: LINE,
        });
    let mut collector = Collector::new(settings, path);
    let mut columns: Option<Columns> = None;
    let mut begun: Option<Begun> = None;
    let mut record = csv::StringRecord::new();
    let refused = |problem: String| Error::data(path, problem);
    while reader
        .read_record(&mut record)
        .map_err(|error| refused(error.to_string()))?
    {
        since.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        let Some(columns) = &columns else {
            let found = Columns::of(settings, &record)?;
            if found.channels.is_empty() {
                return Err(refused(format!(
                    "line {line} names no column that is a channel"
                )));
            }
            let names = found
                .channels
                .iter()
                .map(|column| record[*column].to_owned());
            collector.names = names.collect();
            columns = Some(found);
            continue;
        };
        if record.len() != columns.all {
            return Err(refused(format!(
                "line {line} has {} cells, the first line names {} columns",
                record.len(),
                columns.all
            )));
        }
        let cell = |column: Option<usize>| column.map(|column| &record[column]);
        let (class, series) = (cell(columns.class), cell(columns.series));
        if class == Some("") {
            return Err(refused(format!("line {line} has no class")));
        }
        let goes_on = begun.as_ref().is_some_and(|begun: &Begun| {
            begun.class.as_deref() == class && begun.series.as_deref() == series
        });
        if !goes_on {
            if let Some(done) = begun.take() {
                collector.add(done.channels, done.class.as_deref(), done.line)?;
            }
            begun = Some(Begun {
                line,
                class: class.map(str::to_owned),
                series: series.map(str::to_owned),
                channels: vec![Vec::new(); columns.channels.len()],
                bytes: 0,
            });
        }
        let Some(now) = &mut begun else {
            unreachable!("a series has begun")
        };
        // It is there twice when it is cut into windows.
        now.bytes += 8 * columns.channels.len() as u64;
        collector.within_memory(now.bytes)?;
        for (values, column) in now.channels.iter_mut().zip(&columns.channels) {
            let cell = &record[*column];
            values.push(value(cell).ok_or_else(|| {
                let short: String = cell.chars().take(40).collect();
                refused(format!(
                    "line {line}, column {}: `{}` is no number; name the `class` or `series` column, or \
                     the `columns` to be read",
                    column + 1,
                    visible(&short)
                ))
            })?);
        }
    }
    if let Some(done) = begun {
        collector.add(done.channels, done.class.as_deref(), done.line)?;
    }
    collector.finish(&[])
}
