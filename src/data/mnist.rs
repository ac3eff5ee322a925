//! MNIST's four files, and those of data sets in the same form (Fashion-MNIST, KMNIST, EMNIST).

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::dataset::{LabelledDataset, MemoryDataset};
use super::idx::IdxArray;
use crate::error::{Error, Result};
use crate::settings::settings;
use crate::text::visible_path;

/// The names of the images' and the labels' file, without `.gz`.
pub(super) const TRAIN_FILES: [&str; 2] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
pub(super) const TEST_FILES: [&str; 2] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// MNIST's labels are the digits 0–9.
const DIGITS: RangeInclusive<u8> = 0..=9;

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
        in_range(byte, self.into())
    }
}

/// The smallest and the largest number.
impl From<PixelRange> for [f32; 2] {
    fn from(range: PixelRange) -> Self {
        match range {
            PixelRange::Symmetric => [-1.0, 1.0],
            PixelRange::Unit => [0.0, 1.0],
        }
    }
}

/// The number in a range that a byte stands for.
pub(super) fn in_range(byte: u8, [low, high]: [f32; 2]) -> f32 {
    // In this order [−1, 1] and [0, 1] are `byte / 127.5 − 1` and `byte / 255` to the last bit.
    let step = 255.0 / (high - low);
    match byte {
        255 => high,
        _ => (f32::from(byte) / step + low).min(high),
    }
}

/// Handwritten digits and their labels (LeCun et al. 1998), as bytes; or the images and labels of
/// another set in the same form.
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
///
/// Sets with other labels say them. EMNIST (Cohen et al. 2017, arXiv:1702.05373) has its letters
/// under 1 to 26, and its images lie on their side:
///
/// ```no_run
/// use burn_gan::data::Mnist;
///
/// let letters = Mnist::read(
///     "data/emnist-letters-train-images-idx3-ubyte.gz",
///     "data/emnist-letters-train-labels-idx1-ubyte.gz",
///     1..=26,
/// )?
/// .transposed();
/// // Classes are counted from 0: A is 0, Z is 25.
/// assert_eq!(letters.classes, 26);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mnist {
    /// The images, row-major `[len, height, width]`; 0 is background, 255 is ink.
    pub images: Vec<u8>,
    /// The class of each image, from 0 to `classes` − 1, `[len]`: the digit, in MNIST; in other
    /// sets the label less the smallest one.
    pub labels: Vec<u8>,
    /// The number of classes; 10 in MNIST.
    pub classes: usize,
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
        Self::train_with(dir, DIGITS)
    }

    /// [`train`](Self::train) for a set in MNIST's form with other labels, from the smallest to the
    /// largest: `1..=26` for EMNIST's letters.
    ///
    /// # Errors
    /// As [`train`](Self::train), with these labels.
    pub fn train_with(dir: impl AsRef<Path>, labels: RangeInclusive<u8>) -> Result<Self> {
        Self::inside(dir.as_ref(), TRAIN_FILES, labels)
    }

    /// Reads the test set from the folder `dir`: `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each plain or with `.gz` behind its name (the plain one comes
    /// first).
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn test(dir: impl AsRef<Path>) -> Result<Self> {
        Self::test_with(dir, DIGITS)
    }

    /// [`test`](Self::test) for a set in MNIST's form with other labels, from the smallest to the
    /// largest.
    ///
    /// # Errors
    /// As [`train_with`](Self::train_with).
    pub fn test_with(dir: impl AsRef<Path>, labels: RangeInclusive<u8>) -> Result<Self> {
        Self::inside(dir.as_ref(), TEST_FILES, labels)
    }

    /// Reads images and labels from two files of any name, plain or compressed by gzip. `range` is
    /// the labels that there are, from the smallest to the largest; whatever they start at, classes
    /// are counted from 0.
    ///
    /// # Errors
    /// As [`train`](Self::train); or if a label is outside of `range`, or that holds none.
    pub fn read(
        images: impl AsRef<Path>,
        labels: impl AsRef<Path>,
        range: RangeInclusive<u8>,
    ) -> Result<Self> {
        Self::of_files(images.as_ref().into(), labels.as_ref().into(), range)
    }

    /// The same images with rows and columns exchanged: EMNIST's stand upright then.
    pub fn transposed(self) -> Self {
        let (height, width) = (self.height, self.width);
        let turned = self.images.chunks(height * width).flat_map(|image| {
            let pixels = (0..width).flat_map(move |x| (0..height).map(move |y| (x, y)));
            pixels.map(move |(x, y)| image[y * width + x])
        });
        Self {
            images: turned.collect(),
            height: width,
            width: height,
            ..self
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images. Sets that were read have at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images and their labels, to be trained on, as `[len, 1, height, width]` with pixels in
    /// `range`. The bytes are kept and become numbers when a batch is made.
    ///
    /// # Errors
    /// If an image is larger than there may be, or images and labels were changed so that they do
    /// not go together.
    pub fn into_dataset(self, range: PixelRange) -> Result<LabelledDataset<4>> {
        let labels = self.labels.iter().map(|label| usize::from(*label));
        let labels = labels.collect();
        MemoryDataset::from_bytes(self.images, [1, self.height, self.width], range)?
            .with_labels(labels, self.classes)
    }

    /// All pixels as numbers in `range`, row-major `[len, height, width]`.
    pub fn pixels(&self, range: PixelRange) -> Vec<f32> {
        self.images.iter().map(|byte| range.scale(*byte)).collect()
    }

    fn inside(dir: &Path, [images, labels]: [&str; 2], range: RangeInclusive<u8>) -> Result<Self> {
        Self::of_files(existing(dir, images)?, existing(dir, labels)?, range)
    }

    fn of_files(
        images_path: PathBuf,
        labels_path: PathBuf,
        range: RangeInclusive<u8>,
    ) -> Result<Self> {
        if range.is_empty() {
            return Err(Error::setting(
                "range",
                format!("{range:?}"),
                "holds no label; it goes from the smallest label to the largest, as 0..=9",
            ));
        }
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
                    visible_path(&images_path)
                ),
            ));
        }
        if let Some(i) = labels.data.iter().position(|label| !range.contains(label)) {
            return Err(Error::data(labels_path, outside(&labels.data, i, &range)));
        }
        let (first, last) = range.into_inner();
        Ok(Self {
            images: images.data,
            labels: labels.data.iter().map(|label| label - first).collect(),
            classes: usize::from(last - first) + 1,
            height,
            width,
        })
    }
}

/// What is said of label `i`, which is outside of `range`: the labels that the file holds, and how
/// to say so.
fn outside(labels: &[u8], i: usize, range: &RangeInclusive<u8>) -> String {
    let (least, most) = labels.iter().fold((u8::MAX, 0), |(least, most), label| {
        (least.min(*label), most.max(*label))
    });
    format!(
        "label {i} (counted from 0) is {}; labels are {} to {}. The file holds {least} to {most}: if \
         they are those of another set in MNIST's form, EMNIST's letters say, read it with them, \
         `Mnist::train_with(folder, {least}..={most})` or `Mnist::read(images, labels, \
         {least}..={most})`",
        labels[i],
        range.start(),
        range.end()
    )
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
    use crate::data::Dataset;

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
    fn the_scales_of_pixels_are_their_quotients_to_the_last_bit() {
        for byte in 0..=255 {
            let x = f32::from(byte);
            assert_eq!(PixelRange::Symmetric.scale(byte), x / 127.5 - 1.0);
            assert_eq!(PixelRange::Unit.scale(byte), x / 255.0);
        }
    }

    #[test]
    fn a_set_is_trained_on_with_its_labels() {
        type B = crate::testing::Cpu;
        let digits = train(encode(&[2, 2, 3], IMAGES), encode(&[2], LABELS)).unwrap();
        let pixels = digits.pixels(PixelRange::Symmetric);
        let data = digits.into_dataset(PixelRange::Symmetric).unwrap();
        assert_eq!(data.classes(), 10);
        assert_eq!(Dataset::<B>::labels(&data), Some(&[9, 0][..]));
        let (images, _) = Dataset::<B>::batch(&data, &[0, 1], &Default::default()).unwrap();
        assert_eq!(images.dims(), [2, 1, 2, 3]);
        assert_eq!(images.into_data().to_vec::<f32>().unwrap(), pixels);
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
            error.contains(
                "label 1 (counted from 0) is 10; labels are 0 to 9. The file holds 9 to 10"
            ),
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
    fn a_set_of_other_labels_is_read_as_the_error_says() {
        let files = || {
            folder(&[
                ("train-images-idx3-ubyte", encode(&[2, 2, 3], IMAGES)),
                ("train-labels-idx1-ubyte", encode(&[2], &[1, 26])),
                ("t10k-images-idx3-ubyte", encode(&[1, 2, 3], &IMAGES[..6])),
                ("t10k-labels-idx1-ubyte", encode(&[1], &[7])),
            ])
        };
        let letters = files();
        let error = Mnist::train(letters.path()).unwrap_err().to_string();
        assert!(
            error.contains("label 1 (counted from 0) is 26; labels are 0 to 9")
                && error.contains("`Mnist::train_with(folder, 1..=26)`"),
            "{error}"
        );
        let train = Mnist::train_with(letters.path(), 1..=26).unwrap();
        assert_eq!((&train.labels[..], train.classes), (&[0, 25][..], 26));
        let test = Mnist::test_with(letters.path(), 1..=26).unwrap();
        assert_eq!((&test.labels[..], test.classes), (&[6][..], 26));
        let path = |name: &str| letters.path().join(name);
        let (images, labels) = (
            path("train-images-idx3-ubyte"),
            path("train-labels-idx1-ubyte"),
        );
        assert_eq!(Mnist::read(&images, &labels, 1..=26).unwrap(), train);
        // All bytes may be labels; too few are refused, as none are.
        let all = Mnist::read(&images, &labels, 0..=255).unwrap();
        assert_eq!((&all.labels[..], all.classes), (&[1, 26][..], 256));
        for (first, last, told) in [
            (0, 25, "labels are 0 to 25"),
            (2, 26, "label 0 (counted from 0) is 1"),
            (26, 1, "`range` = 26..=1: holds no label"),
        ] {
            let error = Mnist::read(&images, &labels, first..=last).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn transposed_images_have_rows_for_columns() {
        let images = encode(&[2, 2, 3], IMAGES);
        let lying = train(images, encode(&[2], LABELS)).unwrap();
        let upright = lying.clone().transposed();
        assert_eq!((upright.height, upright.width), (3, 2));
        // 0 1 2 / 3 4 5 becomes 0 3 / 1 4 / 2 5.
        assert_eq!(upright.images[..6], [0, 3, 1, 4, 2, 5]);
        assert_eq!(upright.images[6..], [100, 103, 101, 104, 102, 255]);
        assert_eq!(upright.transposed(), lying);
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
