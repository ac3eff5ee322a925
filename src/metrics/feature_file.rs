//! Features that another program made and stored.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::features::{ExtractorId, Features};
use crate::error::{Error, Result};
use crate::files;
use crate::models::stored_tensors;
use crate::npy::{MAGIC, Npy};
use crate::text::hex;

impl Features {
    /// Reads features that another program stored: an array `[count, dimensions]` in an `.npy` file
    /// (`numpy.save`; 32 or 64 bits, C or Fortran order) or the only tensor of a `.safetensors` file.
    ///
    /// What made them is known to that program alone: the extractor is the file's name without its
    /// ending, and the set the same. Two files of one extractor are made comparable by
    /// [`with_extractor`](Self::with_extractor), which says that they are.
    ///
    /// Memory: the file and the features.
    ///
    /// ```
    /// use burn_gan::metrics::Features;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("clip.npy");
    /// # let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    /// # let mut file = b"\x93NUMPY\x01\x00".to_vec();
    /// # file.extend((header.len() as u16).to_le_bytes());
    /// # file.extend(header.as_bytes());
    /// # file.extend([0.5f32, 2.0].iter().flat_map(|x| x.to_le_bytes()));
    /// # std::fs::write(&path, file).unwrap();
    /// let features = Features::read(&path)?;
    /// assert_eq!(features.values(), [0.5, 2.0]);
    /// assert_eq!(features.extractor().name, "clip");
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file can't be read, is neither, or holds no array of that form: the file and why.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
        let hash = hex(&Sha256::digest(&bytes));
        let (values, dimensions) = if bytes.starts_with(MAGIC) {
            npy(&bytes).map_err(|problem| Error::data(path, problem))?
        } else {
            safetensors(path, bytes)?
        };
        let features = Self::new(values, dimensions).map_err(|_| {
            Error::data(
                path,
                "holds no row of features; [count, dimensions] is expected",
            )
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let id = ExtractorId::new(name.clone()).with_input(format!("file {}", &hash[..12]));
        Ok(features.with_extractor(id).with_set(name))
    }
}

/// The values of an `.npy` file, row-major, and the length of a row.
fn npy(bytes: &[u8]) -> Result<(Vec<f32>, usize), String> {
    let file = Npy::open(bytes)?;
    let &[rows, columns] = file.shape() else {
        return Err(format!(
            "holds an array of shape {:?}; [count, dimensions] is expected",
            file.shape()
        ));
    };
    let width = match &file.descr[..] {
        "<f4" | ">f4" => 4,
        "<f8" | ">f8" => 8,
        descr => {
            return Err(format!(
                "holds numbers of type '{descr}'; floats of 32 or 64 bits are expected"
            ));
        }
    };
    // Nothing is allocated for what the file only claims.
    let held = (bytes.len() as u64).saturating_sub(file.header);
    if file.count().and_then(|count| count.checked_mul(width)) != Some(held) {
        return Err(format!(
            "claims {rows} × {columns} numbers of {width} bytes, and holds {held} bytes"
        ));
    }
    let values = match width {
        4 => file.numbers(|number: f32| number)?,
        _ => file.numbers(|number: f64| number as f32)?,
    };
    Ok((values, columns as usize))
}

/// The values of the only tensor of a safetensors file, and the length of a row.
fn safetensors(path: &Path, bytes: Vec<u8>) -> Result<(Vec<f32>, usize)> {
    let refused = |problem: String| Error::data(path, problem);
    let tensors = stored_tensors(path, bytes)?;
    let mut tensors = tensors.into_iter();
    let (Some((name, tensor)), None) = (tensors.next(), tensors.next()) else {
        return Err(refused(
            "holds not one tensor but several, or none; one of shape [count, dimensions] is expected"
                .to_owned(),
        ));
    };
    let &[_, dimensions] = &tensor.shape[..] else {
        return Err(refused(format!(
            "`{name}` has shape {:?}; [count, dimensions] is expected",
            tensor.shape
        )));
    };
    if !tensor.dtype.is_float() {
        return Err(refused(format!(
            "`{name}` is of type {:?}; floats are expected",
            tensor.dtype
        )));
    }
    let data = tensor.to_data();
    let data = data.map_err(|error| refused(format!("`{name}`: {error}")))?;
    Ok((data.iter::<f32>().collect(), dimensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `numpy.save` writes.
    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(data);
        file
    }

    fn singles(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn read(bytes: &[u8]) -> Result<Features> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.npy");
        std::fs::write(&path, bytes).unwrap();
        Features::read(&path)
    }

    #[test]
    fn both_orders_and_widths_are_read() {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let rows = read(&file("<f4", false, "(3, 2)", &singles(&values))).unwrap();
        assert_eq!((rows.count(), rows.dimensions()), (3, 2));
        assert_eq!(rows.values(), values);
        assert_eq!(rows.set(), "clip");
        let columns = read(&file("<f4", true, "(3, 2)", &singles(&values))).unwrap();
        assert_eq!(columns.values(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let doubles: Vec<u8> = (values.iter())
            .flat_map(|x| f64::from(*x).to_be_bytes())
            .collect();
        let wide = read(&file(">f8", false, "(2, 3)", &doubles)).unwrap();
        assert_eq!((wide.dimensions(), wide.values()), (3, &values[..]));
    }

    #[test]
    fn what_a_file_only_claims_is_refused() {
        let data = singles(&[0.0; 6]);
        let nested = format!("{}{}", "(".repeat(3_000), ")".repeat(3_000));
        for (bytes, cause) in [
            (file("<f4", false, "(4, 2)", &data), "claims 4 × 2 numbers"),
            (
                file("<f4", false, "(9999999999999, 9999999)", &data),
                "claims",
            ),
            (file("<f4", false, "(6,)", &data), "shape [6]"),
            (file("<i4", false, "(3, 2)", &data), "of type"),
            (file("|O", false, "(3, 2)", &data), "of type"),
            (file("<f4", false, "(0, 2)", &[]), "no row"),
            (file("<f4", false, &nested, &data), "header that no array"),
            (b"\x93NUMPY\x01\x00\xff".to_vec(), "cut short"),
            (
                b"\x93NUMPY\x09\x00\x00\x00\x00\x00\x00\x00".to_vec(),
                "version 9",
            ),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains("clip.npy"), "{error}");
            assert!(error.contains(cause), "{error}: {cause}");
        }
        assert!(read(b"neither").is_err());
    }

    #[test]
    fn files_of_two_extractors_are_not_compared_until_one_is_named() {
        let data = singles(&[0.0; 6]);
        let a = read(&file("<f4", false, "(3, 2)", &data)).unwrap();
        let b = read(&file("<f4", false, "(3, 2)", &singles(&[1.0; 6]))).unwrap();
        assert_ne!(a.extractor(), b.extractor());
        let id = ExtractorId::new("clip");
        let [a, b] = [a, b].map(|features| features.with_extractor(id.clone()));
        assert!(a.joined(&b).is_ok());
    }
}
