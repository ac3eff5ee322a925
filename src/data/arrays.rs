//! Arrays that numpy stored.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use zip::ZipArchive;

use super::dataset::MemoryDataset;
use super::memory_limit;
use super::mnist::PixelRange;
use crate::error::{Error, Result};
use crate::files;
use crate::network::guard::quietly;
use crate::npy::{MAGIC, Npy};
use crate::text::visible;

/// Arrays in one `.npz` file.
const ARRAYS: usize = 10_000;

/// An array of an `.npy` file (`numpy.save`) or of an `.npz` file (`numpy.savez`,
/// `numpy.savez_compressed`).
///
/// ```
/// use burn_gan::data::{NpyArray, PixelRange};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("images.npy");
/// # let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }";
/// # let mut file = b"\x93NUMPY\x01\x00".to_vec();
/// # file.extend((header.len() as u16).to_le_bytes());
/// # file.extend(header.as_bytes());
/// # file.extend([0, 51, 255, 255, 51, 0]);
/// # std::fs::write(&path, file).unwrap();
/// // numpy.save("images.npy", an array of bytes of shape (2, 1, 3))
/// let images = NpyArray::read(&path)?;
/// assert_eq!(images.shape(), [2, 1, 3]);
/// let data = images.into_images(PixelRange::Unit)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// Arrays of an `.npz` file have names:
///
/// ```no_run
/// use burn_gan::data::{NpyArray, PixelRange};
///
/// let images = NpyArray::read_from("bloodmnist.npz", "train_images")?.with_channels_first()?;
/// let labels = NpyArray::read_from("bloodmnist.npz", "train_labels")?.into_labels()?;
/// let classes = labels.iter().max().map_or(0, |most| most + 1);
/// let data = images.into_images(PixelRange::Symmetric)?.with_labels(labels, classes)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NpyArray {
    path: std::path::PathBuf,
    shape: Vec<usize>,
    values: NpyValues,
}

/// The numbers of an array, last dimension fastest.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NpyValues {
    /// Unsigned bytes.
    Bytes(Vec<u8>),
    /// Other whole numbers.
    Integers(Vec<i64>),
    /// Floats of 32 or 64 bits.
    Floats(Vec<f32>),
}

impl NpyArray {
    /// Reads an `.npy` file, or an `.npz` file that holds one array.
    ///
    /// # Errors
    /// If the file can't be read, is neither, is damaged, holds other things than whole numbers of 1
    /// to 8 bytes or floats of 4 or 8, or (compressed) holds more than 64 times its length; if an
    /// `.npz` file holds several arrays: their names.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (mut file, length, zipped) = opened(path)?;
        if zipped {
            let names = Self::names(path)?;
            return match &names[..] {
                [name] => Self::read_from(path, name),
                _ => Err(Error::data(
                    path,
                    format!(
                        "holds {} arrays ({}); say which (`NpyArray::read_from`)",
                        names.len(),
                        listed(&names)
                    ),
                )),
            };
        }
        if !file.buffer().starts_with(MAGIC) {
            return Err(Error::data(path, "is no array of numpy's (.npy or .npz)"));
        }
        Self::of(path, &mut file, Some(length), length)
    }

    /// Reads the array of this name from an `.npz` file.
    ///
    /// # Errors
    /// As [`read`](Self::read); or if there is none of this name: the names that there are.
    pub fn read_from(path: impl AsRef<Path>, name: &str) -> Result<Self> {
        let path = path.as_ref();
        let (mut archive, length) = archive(path)?;
        let file = file_name(&archive, name);
        let Some(file) = file else {
            let names = names(&archive);
            let problem = format!("holds no array `{}`, but {}", visible(name), listed(&names));
            return Err(Error::data(path, problem));
        };
        let refused = |problem: String| Error::data(path, format!("{}: {problem}", visible(name)));
        let entry = quietly(|| archive.by_name(&file));
        let entry = entry.map_err(|words| refused(words.clone()))?;
        let mut entry = BufReader::new(entry.map_err(|error| refused(error.to_string()))?);
        Self::of(path, &mut entry, None, length).map_err(|error| match error {
            Error::Data { problem, .. } => refused(problem),
            other => other,
        })
    }

    /// The names of the arrays of an `.npz` file.
    ///
    /// # Errors
    /// If the file can't be read or is none.
    pub fn names(path: impl AsRef<Path>) -> Result<Vec<String>> {
        let (archive, _) = archive(path.as_ref())?;
        Ok(names(&archive))
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, last dimension fastest.
    pub fn values(&self) -> &NpyValues {
        &self.values
    }

    /// Images whose channels come last, `[len, height, width, channels]`, as
    /// `[len, channels, height, width]`.
    ///
    /// # Errors
    /// If the array has not four dimensions.
    pub fn with_channels_first(self) -> Result<Self> {
        let &[count, height, width, channels] = &self.shape[..] else {
            return Err(Error::data(
                &self.path,
                format!(
                    "holds an array of shape {:?}; [len, height, width, channels] is expected",
                    self.shape
                ),
            ));
        };
        let size = [height * width, channels];
        let values = match &self.values {
            NpyValues::Bytes(values) => NpyValues::Bytes(channels_first(values, size)),
            NpyValues::Integers(values) => NpyValues::Integers(channels_first(values, size)),
            NpyValues::Floats(values) => NpyValues::Floats(channels_first(values, size)),
        };
        Ok(Self {
            shape: vec![count, channels, height, width],
            values,
            path: self.path,
        })
    }

    /// The array as images `[len, channels, height, width]`; one of three dimensions has one channel.
    /// Bytes become numbers in `range` when a batch is made; others stay as they are.
    ///
    /// # Errors
    /// If the array has neither three nor four dimensions, has no image, or a number is not finite.
    pub fn into_images(mut self, range: PixelRange) -> Result<MemoryDataset<4>> {
        if let &[count, height, width] = &self.shape[..] {
            self.shape = vec![count, 1, height, width];
        }
        self.samples(range)
    }

    /// The array as samples of rank `R`, the first dimension counted. All numbers stay as they are.
    ///
    /// # Errors
    /// If the array has not `R` dimensions, has no sample, or a number is not finite.
    pub fn into_dataset<const R: usize>(mut self) -> Result<MemoryDataset<R>> {
        if let NpyValues::Bytes(bytes) = &self.values {
            self.values = NpyValues::Floats(bytes.iter().map(|byte| f32::from(*byte)).collect());
        }
        // Of bytes alone.
        self.samples(PixelRange::default())
    }

    fn samples<const R: usize>(self, range: PixelRange) -> Result<MemoryDataset<R>> {
        let refused = |problem: String| Error::data(&self.path, problem);
        if self.shape.len() != R {
            return Err(refused(format!(
                "holds an array of shape {:?}; {R} dimensions are expected, the first for the samples",
                self.shape
            )));
        }
        if self.shape.contains(&0) {
            return Err(refused(format!(
                "holds no sample: its shape is {:?}",
                self.shape
            )));
        }
        let shape = self.shape[1..].to_vec();
        let made = match self.values {
            NpyValues::Bytes(bytes) => MemoryDataset::from_bytes(bytes, shape, range),
            NpyValues::Floats(floats) => MemoryDataset::new(floats, shape),
            NpyValues::Integers(numbers) => {
                MemoryDataset::new(numbers.iter().map(|number| *number as f32).collect(), shape)
            }
        };
        made.map_err(|error| match error {
            Error::Data { problem, .. } => Error::data(&self.path, problem),
            other => other,
        })
    }

    /// The array as labels: whole numbers, `[len]` or `[len, 1]`.
    ///
    /// # Errors
    /// If it has another shape, holds no whole numbers or one below 0.
    pub fn into_labels(self) -> Result<Vec<usize>> {
        let refused = |problem: String| Error::data(&self.path, problem);
        if !matches!(self.shape[..], [_] | [_, 1]) {
            return Err(refused(format!(
                "holds an array of shape {:?}; labels are [len] or [len, 1]",
                self.shape
            )));
        }
        let label = |(place, label): (usize, &i64)| {
            usize::try_from(*label).map_err(|_| {
                refused(format!(
                    "label {place} (counted from 0) is {label}, below 0"
                ))
            })
        };
        match &self.values {
            NpyValues::Bytes(labels) => {
                Ok(labels.iter().map(|label| usize::from(*label)).collect())
            }
            NpyValues::Integers(labels) => labels.iter().enumerate().map(label).collect(),
            NpyValues::Floats(_) => {
                Err(refused("holds floats; labels are whole numbers".to_owned()))
            }
        }
    }

    /// Reads an array. `held` is its length, where that is known; `file` that of the file it is in.
    fn of(path: &Path, source: &mut impl BufRead, held: Option<u64>, file: u64) -> Result<Self> {
        let mut read = || Self::unchecked(source, held, file);
        let (shape, values) = read().map_err(|problem| Error::data(path, problem))?;
        Ok(Self {
            path: path.to_owned(),
            shape,
            values,
        })
    }

    fn unchecked(
        source: &mut impl BufRead,
        held: Option<u64>,
        file: u64,
    ) -> Result<(Vec<usize>, NpyValues), String> {
        let npy = Npy::open(&mut *source)?;
        let Some(width) = npy.width() else {
            return Err(format!(
                "holds values of type {}; whole numbers and floats of 32 or 64 bits are expected",
                npy.descr
            ));
        };
        let shape = npy.shape().to_vec();
        let count = npy.count();
        let bytes = count.and_then(|count| count.checked_mul(width));
        if let Some(held) = held {
            let held = held.saturating_sub(npy.header);
            if bytes != Some(held) {
                return Err(format!(
                    "claims numbers of shape {shape:?}, {width} bytes each, and holds {held} bytes"
                ));
            }
        }
        // In memory they are bytes, floats of 32 bits or whole numbers of 64; twice, where they have
        // to be put in order.
        let kept = match &npy.descr[1..] {
            "u1" => 1,
            "f4" | "f8" => 4,
            _ => 8,
        };
        let most = memory_limit::of_file(file) * 3 / 8;
        let needed = count.and_then(|count| count.checked_mul(kept));
        if held.is_none() && needed.is_none_or(|needed| needed > most) {
            return Err(format!(
                "claims numbers of shape {shape:?}, more than 64 times what the file holds; unpack it \
                 first, if it is what it says"
            ));
        }
        let values = match &npy.descr[1..] {
            "u1" => NpyValues::Bytes(npy.numbers(|number: u8| number)?),
            "f4" => NpyValues::Floats(npy.numbers(|number: f32| number)?),
            "f8" => NpyValues::Floats(npy.numbers(|number: f64| number as f32)?),
            "i1" => NpyValues::Integers(npy.numbers(|number: i8| number.into())?),
            "i2" => NpyValues::Integers(npy.numbers(|number: i16| number.into())?),
            "i4" => NpyValues::Integers(npy.numbers(|number: i32| number.into())?),
            "i8" => NpyValues::Integers(npy.numbers(|number: i64| number)?),
            "u2" => NpyValues::Integers(npy.numbers(|number: u16| number.into())?),
            "u4" => NpyValues::Integers(npy.numbers(|number: u32| number.into())?),
            _ => NpyValues::Integers(
                npy.numbers(|number: u64| i64::try_from(number).unwrap_or(i64::MAX))?,
            ),
        };
        // The end makes an archive compare its checksum.
        let mut rest = [0];
        match source.read(&mut rest) {
            Ok(0) => {}
            Ok(_) => return Err("holds more than the numbers that it claims".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        Ok((shape.iter().map(|size| *size as usize).collect(), values))
    }
}

/// `[len, places, channels]` as `[len, channels, places]`.
fn channels_first<T: Copy>(values: &[T], [places, channels]: [usize; 2]) -> Vec<T> {
    let images = values.chunks_exact((places * channels).max(1));
    let turned = images.flat_map(|image| {
        (0..channels).flat_map(move |channel| {
            let of_channel = image.iter().skip(channel).step_by(channels);
            of_channel.copied()
        })
    });
    turned.collect()
}

/// A file, its length, and whether it is an archive.
fn opened(path: &Path) -> Result<(BufReader<File>, u64, bool)> {
    let io = |error| Error::io(path, error);
    let (file, length) = files::open(path).map_err(io)?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(io)?;
    let zipped = start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06");
    Ok((file, length, zipped))
}

fn archive(path: &Path) -> Result<(ZipArchive<BufReader<File>>, u64)> {
    let (file, length, zipped) = opened(path)?;
    let refused = |problem: String| Error::data(path, problem);
    if !zipped {
        return Err(refused("is no archive of arrays (.npz)".to_owned()));
    }
    let archive = quietly(|| ZipArchive::new(file)).map_err(refused)?;
    let archive = archive.map_err(|error| refused(format!("is no archive of arrays: {error}")))?;
    if archive.len() > ARRAYS {
        return Err(refused(format!("holds more than {ARRAYS} arrays")));
    }
    Ok((archive, length))
}

/// The arrays' names: those of the files in the archive without their ending.
fn names(archive: &ZipArchive<BufReader<File>>) -> Vec<String> {
    let name = |file: &str| file.strip_suffix(".npy").map(str::to_owned);
    archive.file_names().filter_map(name).collect()
}

fn file_name(archive: &ZipArchive<BufReader<File>>, name: &str) -> Option<String> {
    let is_it = |file: &&str| file.strip_suffix(".npy").unwrap_or(file) == name;
    archive.file_names().find(is_it).map(str::to_owned)
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    if names.len() > SHOWN {
        shown.push("…");
    }
    visible(&shown.join(", ")).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;
    use crate::data::Dataset;
    use crate::testing::Cpu;

    /// What `numpy.save` writes.
    fn npy(descr: &str, fortran: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(numbers);
        file
    }

    fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in arrays {
            writer.start_file(*name, options).expect("memory");
            writer.write_all(bytes).expect("memory");
        }
        writer.finish().expect("memory").into_inner()
    }

    fn with<T>(bytes: &[u8], read: impl Fn(&Path) -> Result<T>) -> Result<T> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.np");
        fs::write(&path, bytes).expect("a file");
        read(&path)
    }

    fn read(bytes: &[u8]) -> Result<NpyArray> {
        with(bytes, |path| NpyArray::read(path))
    }

    fn bytes<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
        numbers.into_iter().flatten().collect()
    }

    #[test]
    fn numbers_of_every_type_and_order_are_read() {
        let whole = [0_i64, 1, 2, 3, 4, 5];
        let integers = NpyValues::Integers(whole.to_vec());
        let floats = NpyValues::Floats(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        for (descr, numbers, expected) in [
            (
                "|u1",
                vec![0, 1, 2, 3, 4, 5],
                NpyValues::Bytes(vec![0, 1, 2, 3, 4, 5]),
            ),
            ("|i1", vec![0, 1, 2, 3, 4, 5], integers.clone()),
            (
                "<u2",
                bytes(whole.map(|x| (x as u16).to_le_bytes())),
                integers.clone(),
            ),
            (
                ">i2",
                bytes(whole.map(|x| (x as i16).to_be_bytes())),
                integers.clone(),
            ),
            (
                "<i4",
                bytes(whole.map(|x| (x as i32).to_le_bytes())),
                integers.clone(),
            ),
            (
                "<u4",
                bytes(whole.map(|x| (x as u32).to_le_bytes())),
                integers.clone(),
            ),
            (
                "<i8",
                bytes(whole.map(|x| x.to_le_bytes())),
                integers.clone(),
            ),
            (
                ">u8",
                bytes(whole.map(|x| (x as u64).to_be_bytes())),
                integers.clone(),
            ),
            (
                "<f4",
                bytes(whole.map(|x| (x as f32).to_le_bytes())),
                floats.clone(),
            ),
            (
                ">f8",
                bytes(whole.map(|x| (x as f64).to_be_bytes())),
                floats.clone(),
            ),
        ] {
            let array = read(&npy(descr, false, "(2, 3)", &numbers)).expect("an array");
            assert_eq!(
                (array.shape(), array.values()),
                (&[2, 3][..], &expected),
                "{descr}"
            );
        }
        let columns = read(&npy("|u1", true, "(2, 3)", &[0, 3, 1, 4, 2, 5])).expect("an array");
        assert_eq!(columns.values(), &NpyValues::Bytes(vec![0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn images_and_labels_of_an_archive_become_a_data_set() {
        let pixels: Vec<u8> = (0..24).collect();
        let arrays = [
            ("images.npy", npy("|u1", false, "(2, 2, 2, 3)", &pixels)),
            ("labels.npy", npy("|u1", false, "(2, 1)", &[1, 0])),
        ];
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = npz(&arrays, method);
            assert_eq!(
                with(&file, |path| NpyArray::names(path)).expect("names"),
                ["images", "labels"]
            );
            let images = with(&file, |path| NpyArray::read_from(path, "images")).expect("an array");
            let labels = with(&file, |path| NpyArray::read_from(path, "labels.npy"))
                .or_else(|_| with(&file, |path| NpyArray::read_from(path, "labels")));
            let labels = labels.expect("an array").into_labels().expect("labels");
            let images = images.with_channels_first().expect("four dimensions");
            assert_eq!(images.shape(), [2, 3, 2, 2]);
            let NpyValues::Bytes(values) = images.values() else {
                panic!("bytes")
            };
            assert_eq!(values[..8], [0, 3, 6, 9, 1, 4, 7, 10]);
            let data = images.into_images(PixelRange::Unit).expect("images");
            let data = data.with_labels(labels, 2).expect("labels");
            assert_eq!(Dataset::<Cpu>::labels(&data), Some(&[1, 0][..]));
            let (batch, _) =
                Dataset::<Cpu>::batch(&data, &[0], &Default::default()).expect("a batch");
            assert_eq!(batch.dims(), [1, 3, 2, 2]);
            let error = with(&file, |path| NpyArray::read(path))
                .expect_err("two")
                .to_string();
            assert!(error.contains("holds 2 arrays (images, labels)"), "{error}");
            let error = with(&file, |path| NpyArray::read_from(path, "x"))
                .expect_err("none")
                .to_string();
            assert!(
                error.contains("holds no array `x`, but images, labels"),
                "{error}"
            );
            let one = npz(&arrays[1..], method);
            assert_eq!(read(&one).expect("an array").shape(), [2, 1]);
        }
    }

    #[test]
    fn arrays_of_any_rank_are_samples_as_they_are() {
        let rows = npy(
            "<f4",
            false,
            "(2, 3)",
            &bytes([0.5_f32; 6].map(f32::to_le_bytes)),
        );
        let rows = read(&rows).expect("an array");
        assert!(rows.clone().into_images(PixelRange::Unit).is_err());
        assert!(rows.clone().into_labels().is_err());
        let data = rows.into_dataset::<2>().expect("rows");
        assert_eq!(*data.values(), [0.5; 6]);
        let grey = read(&npy("|u1", false, "(2, 1, 3)", &[0, 1, 2, 3, 4, 255])).expect("an array");
        let data = grey.clone().into_dataset::<3>().expect("numbers");
        assert_eq!(data.values()[5], 255.0);
        let data = grey.into_images(PixelRange::Unit).expect("images");
        assert_eq!((Dataset::<Cpu>::len(&data), data.values()[5]), (2, 1.0));
        let spoilt = npy("<f4", false, "(1, 1)", &f32::NAN.to_le_bytes());
        let error = read(&spoilt)
            .expect("an array")
            .into_dataset::<2>()
            .expect_err("NaN");
        assert!(
            error.to_string().contains("x.np: row 0, column 0"),
            "{error}"
        );
        let below = npy(
            "<i8",
            false,
            "(2,)",
            &bytes([3_i64, -1].map(i64::to_le_bytes)),
        );
        let error = read(&below)
            .expect("an array")
            .into_labels()
            .expect_err("below 0");
        assert!(
            error.to_string().contains("label 1 (counted from 0) is -1"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_array_is_refused_by_name() {
        for (file, words) in [
            (b"".to_vec(), "is no array of numpy's"),
            (b"\x93NUM".to_vec(), "is no array of numpy's"),
            (b"\x93NUMPY\x01\x00".to_vec(), "is cut short"),
            (
                npy("|u1", false, "(2, 3)", &[0; 5]),
                "claims numbers of shape [2, 3], 1 bytes each, and holds 5 bytes",
            ),
            (npy("|u1", false, "(2, 3)", &[0; 7]), "and holds 7 bytes"),
            (npy("<f2", false, "(1,)", &[0; 2]), "values of type <f2"),
            (npy("|O", false, "(1,)", &[0; 8]), "values of type"),
            (
                npy("|u1", false, "(18446744073709551615, 9)", &[0; 2]),
                "claims",
            ),
            (
                b"PK\x03\x04 and no more".to_vec(),
                "is no archive of arrays",
            ),
        ] {
            let error = read(&file).expect_err("no array").to_string();
            assert!(
                error.contains("x.np: ") && error.contains(words),
                "no `{words}` in: {error}"
            );
        }
        let empty = read(&npy("|u1", false, "(0, 3, 3)", &[])).expect("an array");
        assert!(empty.into_images(PixelRange::Unit).is_err());
        // A hundred million zeros in a hundred thousand bytes.
        let zeros = npy("|u1", false, "(100000000,)", &vec![0; 100_000_000]);
        let bomb = npz(&[("x.npy", zeros)], CompressionMethod::Deflated);
        let error = read(&bomb).expect_err("a bomb").to_string();
        assert!(
            error.contains("x: claims numbers of shape [100000000], more than 64 times"),
            "{error}"
        );
        // One bit of the numbers, which are stored as they are.
        let mut damaged = npz(
            &[("x.npy", npy("|u1", false, "(4,)", &[7; 4]))],
            CompressionMethod::Stored,
        );
        let place = damaged
            .windows(4)
            .position(|part| part == [7; 4])
            .expect("the numbers");
        damaged[place] = 6;
        assert!(read(&damaged).is_err());
    }
}
