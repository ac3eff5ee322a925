//! CIFAR-10 and CIFAR-100 in their binary form.

use std::path::{Path, PathBuf};

use super::dataset::{LabelledDataset, MemoryDataset};
use super::mnist::PixelRange;
use crate::error::{Error, Result};
use crate::files;

/// Bytes of an image: 3 channels of 32 × 32.
const IMAGE: usize = 3 * SIDE * SIDE;
const SIDE: usize = 32;

/// Coloured images of 32 × 32 pixels in 10 or 100 classes (Krizhevsky 2009), as bytes.
///
/// ```no_run
/// use burn_gan::data::{Cifar, PixelRange};
///
/// // A folder with data_batch_1.bin and so on, or with train.bin of CIFAR-100.
/// let cifar = Cifar::train("data/cifar-10-batches-bin")?;
/// assert_eq!(cifar.classes[0], "airplane");
/// let data = cifar.into_dataset(PixelRange::Symmetric)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cifar {
    /// The images, row-major `[len, 3, 32, 32]`.
    pub images: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// The classes' names, as the text file beside the images has them; their numbers where there is
    /// none.
    pub classes: Vec<String>,
    /// Of CIFAR-100, the superclass of each image, of 20; empty for CIFAR-10.
    pub superclass_labels: Vec<u8>,
    /// The superclasses' names; empty for CIFAR-10.
    pub superclasses: Vec<String>,
}

/// What one of the two sets is made of.
struct Form {
    train: &'static [&'static str],
    test: &'static [&'static str],
    /// How many classes there are in each byte before an image, and the file with their names; the
    /// class stands last.
    labels: &'static [(u8, &'static str)],
}

const TEN: Form = Form {
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: &["test_batch.bin"],
    labels: &[(10, "batches.meta.txt")],
};

const HUNDRED: Form = Form {
    train: &["train.bin"],
    test: &["test.bin"],
    labels: &[
        (20, "coarse_label_names.txt"),
        (100, "fine_label_names.txt"),
    ],
};

impl Cifar {
    /// Reads the training set from the folder `dir`: `data_batch_1.bin` to `data_batch_5.bin` of
    /// CIFAR-10, or `train.bin` of CIFAR-100.
    ///
    /// # Errors
    /// If files are missing or can't be read; if one holds no whole number of images, or none, or a
    /// class that there is not.
    pub fn train(dir: impl AsRef<Path>) -> Result<Self> {
        Self::inside(dir.as_ref(), |form| form.train)
    }

    /// Reads the test set from the folder `dir`: `test_batch.bin` of CIFAR-10, or `test.bin` of
    /// CIFAR-100.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn test(dir: impl AsRef<Path>) -> Result<Self> {
        Self::inside(dir.as_ref(), |form| form.test)
    }

    /// Reads images of CIFAR-10's form from one file: a byte with the class, 3,072 of the image, and
    /// so on.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn read_10(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref();
        Self::of_files(&[file.to_owned()], &TEN, file.parent())
    }

    /// Reads images of CIFAR-100's form from one file: a byte with the superclass, one with the class,
    /// 3,072 of the image, and so on.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn read_100(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref();
        Self::of_files(&[file.to_owned()], &HUNDRED, file.parent())
    }

    /// The superclasses of CIFAR-100 in the place of its classes.
    ///
    /// # Errors
    /// If these images have none.
    pub fn with_superclasses(mut self) -> Result<Self> {
        if self.superclasses.is_empty() {
            return Err(Error::data(
                "CIFAR-10",
                "has no superclasses; CIFAR-100 has",
            ));
        }
        self.labels = std::mem::take(&mut self.superclass_labels);
        self.classes = std::mem::take(&mut self.superclasses);
        Ok(self)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images. Sets that were read have at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images and their labels, to be trained on, as `[len, 3, 32, 32]` with pixels in `range`.
    ///
    /// # Errors
    /// If images and labels were changed so that they do not go together.
    pub fn into_dataset(self, range: PixelRange) -> Result<LabelledDataset<4>> {
        let labels = self.labels.into_iter().map(usize::from).collect();
        MemoryDataset::from_bytes(self.images, [3, SIDE, SIDE], range)?
            .with_labels(labels, self.classes.len())
    }

    fn inside(dir: &Path, files: fn(&Form) -> &'static [&'static str]) -> Result<Self> {
        // The folders that the archives make.
        for folder in [
            dir.to_owned(),
            dir.join("cifar-10-batches-bin"),
            dir.join("cifar-100-binary"),
        ] {
            for form in [&TEN, &HUNDRED] {
                let files = files(form);
                if folder.join(files[0]).is_file() {
                    let files: Vec<PathBuf> = files.iter().map(|name| folder.join(name)).collect();
                    return Self::of_files(&files, form, Some(&folder));
                }
            }
        }
        let names = [&TEN, &HUNDRED].map(|form| files(form)[0]).join(" nor ");
        Err(Error::data(
            dir,
            format!("has neither {names}; put CIFAR's binary files there"),
        ))
    }

    fn of_files(paths: &[PathBuf], form: &Form, folder: Option<&Path>) -> Result<Self> {
        let (mut images, mut labels) = (Vec::new(), vec![Vec::new(); form.labels.len()]);
        let record = form.labels.len() + IMAGE;
        for path in paths {
            let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
            if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
                return Err(Error::data(
                    path,
                    format!(
                        "has {} bytes, which is no whole number of images of {record} bytes, one or \
                         more",
                        bytes.len()
                    ),
                ));
            }
            images.reserve(bytes.len() / record * IMAGE);
            for (number, record) in bytes.chunks_exact(record).enumerate() {
                for (place, (classes, _)) in form.labels.iter().enumerate() {
                    let label = record[place];
                    if label >= *classes {
                        return Err(Error::data(
                            path,
                            format!(
                                "image {number} (counted from 0) is of class {label}; classes are 0 to \
                                 {}",
                                classes - 1
                            ),
                        ));
                    }
                    labels[place].push(label);
                }
                images.extend_from_slice(&record[form.labels.len()..]);
            }
        }
        let names = form.labels.iter().map(|(classes, file)| {
            let read = folder.and_then(|folder| files::read(&folder.join(file)).ok());
            names(read, usize::from(*classes))
        });
        let (mut names, mut labels) = (names.rev(), labels.into_iter().rev());
        Ok(Self {
            images,
            labels: labels.next().unwrap_or_default(),
            classes: names.next().unwrap_or_default(),
            superclass_labels: labels.next().unwrap_or_default(),
            superclasses: names.next().unwrap_or_default(),
        })
    }
}

/// The lines of a file of names, if it has one for each class; numbers otherwise.
fn names(file: Option<Vec<u8>>, classes: usize) -> Vec<String> {
    let text = file.and_then(|bytes| String::from_utf8(bytes).ok());
    let lines = text.map(|text| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    let numbers = || (0..classes).map(|class| class.to_string()).collect();
    lines
        .filter(|lines| lines.len() == classes)
        .unwrap_or_else(numbers)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::Dataset;
    use crate::testing::Cpu;

    /// Images of one number each.
    fn file(labels: &[&[u8]]) -> Vec<u8> {
        let record =
            |(number, labels): (usize, &&[u8])| [labels, &[number as u8; IMAGE][..]].concat();
        labels.iter().enumerate().flat_map(record).collect()
    }

    #[test]
    fn both_sets_are_read_with_their_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let ten = dir.path().join("cifar-10-batches-bin");
        fs::create_dir(&ten).expect("a folder");
        for number in 1..=5 {
            let bytes = file(&[&[number], &[9]]);
            fs::write(ten.join(format!("data_batch_{number}.bin")), bytes).expect("a file");
        }
        fs::write(ten.join("test_batch.bin"), file(&[&[3]])).expect("a file");
        let train = Cifar::train(dir.path()).expect("images");
        assert_eq!(train.labels, [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]);
        assert_eq!((train.len(), train.classes[3].as_str()), (10, "3"));
        assert_eq!(train.images[IMAGE..2 * IMAGE], [1; IMAGE]);
        assert!(train.clone().with_superclasses().is_err());
        fs::write(
            ten.join("batches.meta.txt"),
            "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
        )
        .expect("a file");
        let test = Cifar::test(&ten).expect("images");
        assert_eq!((test.classes[3].as_str(), test.is_empty()), ("cat", false));
        let data = test.into_dataset(PixelRange::Unit).expect("a set");
        assert_eq!(data.classes(), 10);
        let (batch, _) = Dataset::<Cpu>::batch(&data, &[0], &Default::default()).expect("a batch");
        assert_eq!(batch.dims(), [1, 3, 32, 32]);

        let hundred = tempfile::tempdir().expect("a folder");
        fs::write(
            hundred.path().join("train.bin"),
            file(&[&[19, 99], &[0, 7]]),
        )
        .expect("a file");
        let train = Cifar::train(hundred.path()).expect("images");
        assert_eq!(
            (&train.labels[..], train.classes.len()),
            (&[99, 7][..], 100)
        );
        let coarse = train.with_superclasses().expect("superclasses");
        assert_eq!(
            (&coarse.labels[..], coarse.classes.len()),
            (&[19, 0][..], 20)
        );
    }

    #[test]
    fn what_is_no_such_file_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = Cifar::train(dir.path()).expect_err("nothing").to_string();
        assert!(
            error.contains("neither data_batch_1.bin nor train.bin"),
            "{error}"
        );
        let path = dir.path().join("x.bin");
        for (bytes, words) in [
            (
                file(&[&[1]])[..IMAGE].to_vec(),
                "has 3072 bytes, which is no whole number",
            ),
            (Vec::new(), "has 0 bytes"),
            (
                file(&[&[1], &[10]]),
                "image 1 (counted from 0) is of class 10; classes are 0 to 9",
            ),
        ] {
            fs::write(&path, bytes).expect("a file");
            let error = Cifar::read_10(&path).expect_err("no images").to_string();
            assert!(
                error.contains("x.bin: ") && error.contains(words),
                "{error}"
            );
        }
        fs::write(&path, file(&[&[20, 1]])).expect("a file");
        assert!(Cifar::read_100(&path).is_err());
    }
}
