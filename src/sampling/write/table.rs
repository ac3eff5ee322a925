//! Samples as rows of a table.

use std::path::Path;

use burn::tensor::backend::Backend;

use super::super::Sampler;
use super::{Written, class_names, in_batches};
use crate::error::{Error, Result};
use crate::files;

/// Draws `count` samples into a CSV file: a header, then a row for each, its numbers in the fewest
/// digits that give back the same 32-bit float; of images and other arrays in row-major order. Where the
/// generator is told classes, the last column is `class`.
///
/// `columns` are the names of the numbers, none for `x1`, `x2`, …; `names` those of the classes, none
/// for their numbers. `progress` is told how many there are after each batch. Memory: a batch. The
/// file is whole or absent.
///
/// # Errors
/// If names are not one for each number or class, the file can't be written, or for what
/// [`Sampler::draw`] says.
pub fn write_table<B: Backend>(
    sampler: &mut Sampler<B>,
    count: usize,
    path: impl AsRef<Path>,
    columns: &[String],
    names: &[String],
    progress: impl FnMut(usize),
) -> Result<Written> {
    let path = path.as_ref();
    let classes = match names {
        [] => None,
        names => class_names(sampler.classes(), names)?,
    };
    files::write_streamed(path, |file| {
        let failed = |error: csv::Error| Error::io(path, error.into());
        let mut table = csv::Writer::from_writer(file);
        let mut headed = false;
        in_batches(sampler, count, progress, |drawn| {
            if !headed {
                let numbers: usize = drawn.shape().iter().product();
                let mut header = header(columns, numbers)?;
                if drawn.labels().is_some() {
                    header.push("class".to_owned());
                }
                table.write_record(header).map_err(failed)?;
                headed = true;
            }
            for (place, row) in drawn.rows().enumerate() {
                let mut record: Vec<String> = row.iter().map(f32::to_string).collect();
                if let Some(labels) = drawn.labels() {
                    let label = labels[place];
                    record.push(match &classes {
                        Some(names) => names[label].clone(),
                        None => label.to_string(),
                    });
                }
                table.write_record(record).map_err(failed)?;
            }
            Ok(())
        })?;
        table.flush().map_err(|error| Error::io(path, error))
    })?;
    Ok(Written {
        path: path.to_owned(),
        labels: None,
        count,
    })
}

fn header(columns: &[String], numbers: usize) -> Result<Vec<String>> {
    if columns.is_empty() {
        return Ok((1..=numbers).map(|number| format!("x{number}")).collect());
    }
    if columns.len() != numbers {
        let problem = format!("must be one for each of {numbers} numbers of a sample");
        return Err(Error::setting("columns", columns.len(), problem));
    }
    Ok(columns.to_vec())
}
