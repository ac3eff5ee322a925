//! MNIST's four files, and those of data sets in the same form (Fashion-MNIST, KMNIST).

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::idx::IdxArray;
use crate::error::{Error, Result};
use crate::settings::settings;

/// The names of the images' and the labels' file, without `.gz`.
pub(super) const TRAIN_FILES: [&str; 2] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
pub(super) const TEST_FILES: [&str; 2] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Labels are the digits 0–9.
const CLASSES: u8 = 10;

settings! {
/// The numbers that the bytes 0–255 are mapped to.
///
/// The scale is fixed. Scaling by the smallest and largest value of a batch would hide a
/// generator whose contrast collapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelRange {
    /// [−1, 1], for generators that end in tanh: `byte / 127.5 − 1`.
    #[default]
    Symmetric,
    /// [0, 1], for generators that end in a sigmoid: `byte / 255`.
    Unit,
}
}

impl PixelRange {
    /// The number for one byte.
    pub fn scale(self, byte: u8) -> f32 {
        match self {
            Self::Symmetric => f32::from(byte) / 127.5 - 1.0,
            Self::Unit => f32::from(byte) / 255.0,
        }
    }
}

/// Handwritten digits and their labels (LeCun et al. 1998), as bytes.
///
/// ```no_run
/// use burn_gan::data::{Mnist, PixelRange};
///
/// let digits = Mnist::train("data/mnist")?;
/// // Row-major [len, height, width], in [−1, 1].
/// let pixels = digits.pixels(PixelRange::Symmetric);
/// assert_eq!(pixels.len(), digits.len() * digits.height * digits.width);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mnist {
    /// The images, row-major `[len, height, width]`; 0 is background, 255 is ink.
    pub images: Vec<u8>,
    /// The digit on each image, 0–9, `[len]`.
    pub labels: Vec<u8>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl Mnist {
    /// Reads the training set from the folder `dir`: `train-images-idx3-ubyte` and
    /// `train-labels-idx1-ubyte`, each plain or with `.gz` behind its name (the plain one comes
    /// first).
    ///
    /// # Errors
    /// If a file is missing, can't be read or is damaged (see [`IdxArray::read`]); if images are
    /// not `[count, height, width]` or labels not `[count]`; if there are none, or not as many of
    /// one as of the other; or if a label is above 9.
    pub fn train(dir: impl AsRef<Path>) -> Result<Self> {
        Self::read(dir.as_ref(), TRAIN_FILES)
    }

    /// Reads the test set from the folder `dir`: `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each plain or with `.gz` behind its name (the plain one comes
    /// first).
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn test(dir: impl AsRef<Path>) -> Result<Self> {
        Self::read(dir.as_ref(), TEST_FILES)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images. Sets that were read have at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All pixels as numbers in `range`, row-major `[len, height, width]`.
    pub fn pixels(&self, range: PixelRange) -> Vec<f32> {
        self.images.iter().map(|byte| range.scale(*byte)).collect()
    }

    fn read(dir: &Path, [images, labels]: [&str; 2]) -> Result<Self> {
        let (images_path, labels_path) = (existing(dir, images)?, existing(dir, labels)?);
        let images = IdxArray::read(&images_path)?;
        let labels = IdxArray::read(&labels_path)?;
        let [count, height, width] = images.shape[..] else {
            return Err(Error::data(
                images_path,
                format!(
                    "holds an array of shape {:?}; images are [count, height, width]",
                    images.shape
                ),
            ));
        };
        if count * height * width == 0 {
            let problem = format!("holds no pixels: its shape is {:?}", images.shape);
            return Err(Error::data(images_path, problem));
        }
        let [label_count] = labels.shape[..] else {
            return Err(Error::data(
                labels_path,
                format!(
                    "holds an array of shape {:?}; labels are [count]",
                    labels.shape
                ),
            ));
        };
        if label_count != count {
            return Err(Error::data(
                labels_path,
                format!(
                    "holds {label_count} labels where {} holds {count} images; take both files \
                     from one source",
                    images_path.display()
                ),
            ));
        }
        if let Some(i) = labels.data.iter().position(|label| *label >= CLASSES) {
            return Err(Error::data(
                labels_path,
                format!("label {i} is {}; labels are 0 to 9", labels.data[i]),
            ));
        }
        Ok(Self {
            images: images.data,
            labels: labels.data,
            height,
            width,
        })
    }
}

/// The file called `name`, or `name` with `.gz`, in `dir`, if one of them exists.
pub(super) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    [dir.join(name), dir.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.is_file())
}

fn existing(dir: &Path, name: &str) -> Result<PathBuf> {
    find(dir, name).ok_or_else(|| {
        let problem = if dir.is_dir() {
            format!("has neither {name} nor {name}.gz; put MNIST's files there")
        } else {
            format!("is not a folder; {name} or {name}.gz is looked for there")
        };
        Error::data(dir, problem)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::idx::tests::{encode, gzip};
    use super::*;

    const IMAGES: &[u8] = &[0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 255];
    const LABELS: &[u8] = &[9, 0];

    /// A folder of files; `None` leaves one out.
    fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn train(images: Vec<u8>, labels: Vec<u8>) -> Result<Mnist> {
        let folder = folder(&[
            ("train-images-idx3-ubyte", images),
            ("train-labels-idx1-ubyte", labels),
        ]);
        Mnist::train(folder.path())
    }

    #[test]
    fn reads_both_sets_plain_and_compressed_also_in_one_folder() {
        let folder = folder(&[
            ("train-images-idx3-ubyte", encode(&[2, 2, 3], IMAGES)),
            ("train-labels-idx1-ubyte.gz", gzip(&encode(&[2], LABELS))),
            (
                "t10k-images-idx3-ubyte.gz",
                gzip(&encode(&[1, 2, 3], &IMAGES[6..])),
            ),
            ("t10k-labels-idx1-ubyte", encode(&[1], &[7])),
        ]);
        let train = Mnist::train(folder.path()).unwrap();
        assert_eq!((train.len(), train.height, train.width), (2, 2, 3));
        assert_eq!((&train.images[..], &train.labels[..]), (IMAGES, LABELS));
        assert!(!train.is_empty());
        let test = Mnist::test(folder.path()).unwrap();
        assert_eq!((test.len(), test.height, test.width), (1, 2, 3));
        assert_eq!(
            (&test.images[..], &test.labels[..]),
            (&IMAGES[6..], &[7][..])
        );
    }

    #[test]
    fn the_scale_is_fixed_whatever_the_data() {
        for (range, low, middle, high) in [
            (PixelRange::Symmetric, -1.0, 51.0 / 127.5 - 1.0, 1.0),
            (PixelRange::Unit, 0.0, 0.2, 1.0),
        ] {
            assert_eq!(range.scale(0), low);
            assert!((range.scale(51) - middle).abs() < 1e-7);
            assert_eq!(range.scale(255), high);
        }
        // A dark set stays dark.
        let dark = train(encode(&[1, 1, 3], &[0, 1, 2]), encode(&[1], &[0])).unwrap();
        let pixels = dark.pixels(PixelRange::Unit);
        assert_eq!(pixels, [0.0, 1.0 / 255.0, 2.0 / 255.0]);
        let pixels = dark.pixels(PixelRange::Symmetric);
        assert!(
            pixels.iter().all(|x| (-1.0..-0.98).contains(x)),
            "{pixels:?}"
        );
    }

    #[test]
    fn a_missing_file_is_named_both_ways() {
        let folder = folder(&[("train-images-idx3-ubyte", encode(&[2, 2, 3], IMAGES))]);
        let error = Mnist::train(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz"),
            "{error}"
        );
        let error = Mnist::test(folder.path()).unwrap_err().to_string();
        assert!(error.contains("t10k-images-idx3-ubyte.gz"), "{error}");
        let error = Mnist::train(folder.path().join("nowhere")).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("nowhere: is not a folder; train-images-idx3-ubyte or"),
            "{error}"
        );
    }

    #[test]
    fn mismatched_files_are_refused() {
        let images = encode(&[2, 2, 3], IMAGES);
        let error = train(images.clone(), encode(&[3], &[1, 2, 3])).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("train-labels-idx1-ubyte: holds 3 labels"),
            "{error}"
        );
        assert!(error.contains("holds 2 images"), "{error}");

        let error = train(images.clone(), encode(&[2], &[9, 10]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("label 1 is 10; labels are 0 to 9"),
            "{error}"
        );

        // The two files exchanged.
        let error = train(encode(&[2], LABELS), images.clone())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("images are [count, height, width]"),
            "{error}"
        );
        let error = train(images.clone(), images).unwrap_err().to_string();
        assert!(error.contains("labels are [count]"), "{error}");
    }

    #[test]
    fn an_empty_set_is_refused() {
        for shape in [[0, 28, 28], [2, 0, 28], [2, 28, 0]] {
            let error = train(
                encode(&shape, &[]),
                encode(&[shape[0]], &LABELS[..shape[0] as usize]),
            )
            .unwrap_err();
            assert!(error.to_string().contains("holds no pixels"), "{error}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_by_name() {
        let images = encode(&[2, 2, 3], IMAGES);
        let error = train(images[..20].to_vec(), encode(&[2], LABELS)).unwrap_err();
        let error = error.to_string();
        assert!(
            error.ends_with("train-images-idx3-ubyte: is too short: expected 28 bytes, found 20"),
            "{error}"
        );
    }

    #[test]
    fn the_range_is_stored_by_name() {
        let json = serde_json::to_string(&[PixelRange::Symmetric, PixelRange::Unit]).unwrap();
        assert_eq!(json, r#"["symmetric","unit"]"#);
        assert_eq!(PixelRange::default(), PixelRange::Symmetric);
    }
}
