//! Samples as files, drawn and written a batch at a time.

mod array;
mod images;
mod table;

pub use array::write_npy;
pub use images::write_images;
pub use table::write_table;

use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;

use super::{Drawn, Sampler};
use crate::error::{Error, Result, check};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The folder, or the file.
    pub path: PathBuf,
    /// The file of the classes, where they have one.
    pub labels: Option<PathBuf>,
    /// How many samples.
    pub count: usize,
}

/// Draws `count` samples a batch at a time. `each` gets every batch, `progress` how many there are
/// after it.
fn in_batches<B: Backend>(
    sampler: &mut Sampler<B>,
    count: usize,
    mut progress: impl FnMut(usize),
    mut each: impl FnMut(Drawn) -> Result<()>,
) -> Result<()> {
    check::at_least("count", count, 1)?;
    let mut done = 0;
    while done < count {
        let drawn = sampler.draw((count - done).min(sampler.batch()))?;
        done += drawn.count();
        each(drawn)?;
        progress(done);
    }
    Ok(())
}

/// Refuses names that are not one for each class, or are no names of folders.
fn class_names(classes: Option<usize>, names: &[String]) -> Result<Option<Vec<String>>> {
    let Some(classes) = classes else {
        return match names {
            [] => Ok(None),
            [first, ..] => Err(Error::setting(
                "names",
                first,
                "names a class, and the generator is told none",
            )),
        };
    };
    if names.is_empty() {
        let digits = (classes - 1).to_string().len();
        return Ok(Some(
            (0..classes)
                .map(|class| format!("{class:0digits$}"))
                .collect(),
        ));
    }
    if names.len() != classes {
        let problem = format!("must be one for each of {classes} classes");
        return Err(Error::setting("names", names.len(), problem));
    }
    for (place, name) in names.iter().enumerate() {
        let is_folder = !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(['/', '\\', '\0'])
            && Path::new(name).file_name().is_some();
        if !is_folder {
            return Err(Error::setting("names", name, "is no name of a folder"));
        }
        if names[..place].contains(name) {
            return Err(Error::setting("names", name, "is the name of two classes"));
        }
    }
    Ok(Some(names.to_vec()))
}
