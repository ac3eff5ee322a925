//! The format `.ts`.

use std::io::BufRead;
use std::path::Path;

use super::collect::{Collector, value};
use super::read::next_line;
use super::set::SeriesSet;
use super::settings::SeriesSettings;
use crate::error::{Error, Result};
use crate::text::visible;

/// Cells are shown in messages up to so many letters.
const SHOWN: usize = 40;

/// What stands before the data.
#[derive(Default)]
struct Header {
    /// Whether a class stands behind each series.
    classes: bool,
    /// The classes' names.
    listed: Vec<String>,
    /// Whether the data have begun.
    data: bool,
}

impl Header {
    /// Takes a line that begins with `@`.
    fn take(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        let is_true =
            |word: Option<&str>| word.is_some_and(|word| word.eq_ignore_ascii_case("true"));
        match name.as_str() {
            "@data" => self.data = true,
            "@classlabel" => {
                self.classes = is_true(words.next());
                self.listed = words.map(str::to_owned).collect();
            }
            "@timestamps" if is_true(words.next()) => {
                return Err("has time stamps: values at equal steps alone can be read".to_owned());
            }
            "@targetlabel" if is_true(words.next()) => {
                return Err("has the targets of a regression, not classes".to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The beginning of a cell.
fn shown(cell: &str) -> String {
    visible(&cell.chars().take(SHOWN).collect::<String>()).to_string()
}

pub(super) fn read(
    settings: &SeriesSettings,
    path: &Path,
    mut source: impl BufRead,
) -> Result<SeriesSet> {
    let mut collector = Collector::new(settings, path);
    let mut header = Header::default();
    let (mut line, mut number) = (Vec::new(), 0);
    while next_line(&mut source, &mut line).map_err(|error| Error::io(path, error))? {
        number += 1;
        let refused = |problem: String| Error::data(path, format!("line {number} {problem}"));
        let Ok(text) = std::str::from_utf8(&line) else {
            return Err(refused("is no UTF-8".to_owned()));
        };
        // Windows' mark of UTF-8.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if text.starts_with('@') {
            header.take(text).map_err(refused)?;
            continue;
        }
        if !header.data {
            return Err(refused(format!(
                "`{}` stands before `@data`: not a `.ts` file, or its header is cut off",
                shown(text)
            )));
        }
        let (series, class) = match header.classes {
            false => (text, None),
            true => {
                let (series, class) = text
                    .rsplit_once(':')
                    .ok_or_else(|| refused("has no class behind its series".to_owned()))?;
                (series, Some(class.trim()))
            }
        };
        if let Some(class) = class
            && !header.listed.is_empty()
            && !header.listed.iter().any(|listed| listed == class)
        {
            let class = shown(class);
            return Err(refused(format!(
                "has the class `{class}`, which `@classLabel` does not list"
            )));
        }
        // Before it is parsed: what it will take.
        let cells = series.bytes().filter(|byte| *byte == b',').count() + 1;
        collector.within_memory(8 * cells as u64)?;
        let mut channels = Vec::new();
        for channel in series.split(':') {
            let mut values = Vec::new();
            for cell in channel.split(',') {
                let found = value(cell);
                values.push(
                    found.ok_or_else(|| refused(format!("holds `{}`, no number", shown(cell))))?,
                );
            }
            channels.push(values);
        }
        collector.add(channels, class, number)?;
    }
    collector.finish(&header.listed)
}
