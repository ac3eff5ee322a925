//! Features that another program made and stored.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::features::{ExtractorId, Features};
use crate::error::{Error, Result};
use crate::files;
use crate::models::stored_tensors;
use crate::npy::{MAGIC, Npy};
use crate::npy_write::begin;
use crate::text::hex;

impl Features {
    /// Reads features that another program stored: an array `[count, dimensions]` in an `.npy` file
    /// (`numpy.save`; 32 or 64 bits, C or Fortran order) or the only tensor of a `.safetensors` file.
    ///
    /// What made them is known to that program alone: the extractor is the file's name without its
    /// ending and a part of its hash, and the set the same name. Two files of one extractor are read by
    /// [`read_made_by`](Self::read_made_by), which says that they are.
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
        let (features, name, file) = Self::of_file(path.as_ref())?;
        let id = ExtractorId::new(name.clone()).with_input(file);
        Ok(features.with_extractor(id).with_set(name))
    }

    /// Reads features as [`read`](Self::read) does, of an extractor that the caller knows: two files of
    /// one extractor are compared. The file is in the set's name then, with twelve digits of its SHA-256:
    /// `clip (file 0123456789ab)`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_made_by(path: impl AsRef<Path>, extractor: ExtractorId) -> Result<Self> {
        let (features, name, file) = Self::of_file(path.as_ref())?;
        let set = format!("{name} ({file})");
        Ok(features.with_extractor(extractor).with_set(set))
    }

    /// Writes them as an array `[count, dimensions]` of 32 bits in an `.npy` file, for `numpy.load` and
    /// [`read_made_by`](Self::read_made_by). The file is whole or absent; folders above it are made.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let shape = [self.count(), self.dimensions()].map(|size| size as u64);
        files::write_streamed(path, |file| {
            let mut write = || {
                let mut array = begin::<f32>(file, &shape)?;
                array.extend(self.values().iter().copied())?;
                array.finish()
            };
            write().map_err(|error| Error::io(path, error))
        })
    }

    /// A file's features, its name without the ending, and a few words that tell it from others.
    fn of_file(path: &Path) -> Result<(Self, String, String)> {
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
        Ok((features, name.into_owned(), format!("file {}", &hash[..12])))
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
    use crate::metrics::{FrechetDistance, Scorer};

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
    fn what_was_saved_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/features.npy");
        let values = vec![0.1, -2.5, f32::MIN_POSITIVE, 3e38, 0.0, 7.0];
        let made = Features::new(values, 3).unwrap();
        made.save(&path).unwrap();
        let read = Features::read_made_by(&path, made.extractor().clone()).unwrap();
        assert_eq!(read.with_set(made.set()), made);
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
        let folder = tempfile::tempdir().unwrap();
        let store = |name: &str, values: [f32; 6]| {
            let path = folder.path().join(name);
            std::fs::write(&path, file("<f4", false, "(3, 2)", &singles(&values))).unwrap();
            path
        };
        let files = [
            store("real.npy", [0.0, 1.0, 2.0, 3.0, 5.0, 4.0]),
            store("drawn.npy", [1.0, 1.0, 2.0, 0.0, 3.0, 4.0]),
        ];
        let metric = FrechetDistance::default;
        let [real, generated] = files.clone().map(|path| Features::read(path).unwrap());
        let score = Scorer::new(real).with_metric(metric()).score(&generated);
        let error = score.unwrap_err().to_string();
        assert!(error.contains("real (file "), "{error}");

        let clip = ExtractorId::new("clip");
        let [real, generated] =
            files.map(|path| Features::read_made_by(path, clip.clone()).unwrap());
        let scores = Scorer::new(real).with_metric(metric()).score(&generated);
        let provenance = &scores.unwrap()[0].provenance;
        assert_eq!(provenance.extractor, clip);
        // Both files are known by their hashes.
        let [real, drawn] = [&provenance.real.name, &provenance.generated.name];
        assert!(
            real.starts_with("real (file ") && real.ends_with(')'),
            "{real}"
        );
        assert!(drawn.starts_with("drawn (file "), "{drawn}");
        assert_ne!(real[11..], drawn[12..]);
    }
}
