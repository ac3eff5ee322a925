//! Labels in a CSV file.

use std::path::{Path, PathBuf};

use super::listed::{Pair, Places};
use crate::data::images::walk::is_picture;
use crate::error::{Error, Result};
use crate::files;

const NAMES: [&str; 7] = [
    "file",
    "filename",
    "file_name",
    "path",
    "image",
    "name",
    "id",
];
const LABELS: [&str; 4] = ["label", "class", "category", "target"];

/// The names and labels of a file's lines.
pub(super) fn read(file: &Path, pictures: &[PathBuf]) -> Result<Vec<Pair>> {
    let bytes = files::read(file).map_err(|error| Error::io(file, error))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let places = Places::of(pictures);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let (mut name, mut label) = (0, 1);
    let mut pairs = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|error| Error::data(file, error.to_string()))?;
        if number == 0 {
            let first = record.get(0).unwrap_or_default();
            if !is_picture(Path::new(first)) && places.get(first).is_none() {
                let called = |names: &[&str]| {
                    let named =
                        |field: &str| names.iter().any(|name| name.eq_ignore_ascii_case(field));
                    record.iter().position(named)
                };
                name = called(&NAMES).unwrap_or(0);
                label = called(&LABELS).unwrap_or(if name == 1 { 0 } else { 1 });
                continue;
            }
        }
        let field = |column: usize, what: &str| {
            record
                .get(column)
                .filter(|field| !field.is_empty())
                .ok_or_else(|| {
                    let line = record.position().map_or(0, csv::Position::line);
                    let problem = format!("line {line} has no {what} (column {})", column + 1);
                    Error::data(file, problem)
                })
        };
        pairs.push(Pair {
            name: field(name, "name of a picture")?.to_owned(),
            label: field(label, "label")?.to_owned(),
        });
    }
    Ok(pairs)
}
