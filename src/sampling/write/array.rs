//! Samples as an array of NumPy's.

use std::path::Path;

use burn::tensor::backend::Backend;

use super::super::Sampler;
use super::{Written, in_batches};
use crate::error::{Error, Result};
use crate::files;
use crate::npy_write::begin;

/// Draws `count` samples into an `.npy` file (`numpy.load`), an array `[count, …shape]` of 32-bit
/// floats; the classes, where the generator is told some, into a file beside it, `NAME.labels.npy`,
/// an array `[count]` of 64-bit integers.
///
/// `progress` is told how many there are after each batch. Memory: a batch, and the labels. The files
/// are whole or absent.
///
/// # Errors
/// If a file can't be written, or for what [`Sampler::draw`] says.
pub fn write_npy<B: Backend>(
    sampler: &mut Sampler<B>,
    count: usize,
    path: impl AsRef<Path>,
    progress: impl FnMut(usize),
) -> Result<Written> {
    let path = path.as_ref();
    let mut labels = Vec::new();
    files::write_streamed(path, |file| {
        let failed = |error| Error::io(path, error);
        // The shape of a sample is known by the first one.
        let (mut file, mut array) = (Some(file), None);
        in_batches(sampler, count, progress, |drawn| {
            if let Some(file) = file.take() {
                let mut shape = vec![count as u64];
                shape.extend(drawn.shape().iter().map(|size| *size as u64));
                array = Some(begin::<f32>(file, &shape).map_err(failed)?);
            }
            let labelled = drawn.labels().unwrap_or_default().iter();
            labels.extend(labelled.map(|label| *label as i64));
            match &mut array {
                Some(array) => array.extend(drawn.into_values()).map_err(failed),
                None => Ok(()),
            }
        })?;
        array.map_or(Ok(()), |array| array.finish().map_err(failed))
    })?;
    let labels = match labels.len() {
        0 => None,
        _ => Some(write_labels(&path.with_extension("labels.npy"), labels)?),
    };
    Ok(Written {
        path: path.to_owned(),
        labels,
        count,
    })
}

fn write_labels(path: &Path, labels: Vec<i64>) -> Result<std::path::PathBuf> {
    files::write_streamed(path, |file| {
        let write = || {
            let mut array = begin::<i64>(file, &[labels.len() as u64])?;
            array.extend(labels)?;
            array.finish()
        };
        write().map_err(|error| Error::io(path, error))
    })?;
    Ok(path.to_owned())
}
