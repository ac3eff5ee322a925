//! Images as the numbers of a CSV file, one to a line.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::classes::numbered;
use super::dataset::{LabelledDataset, MemoryDataset};
use super::lines::{self, Lines};
use super::memory_limit;
use super::mnist::PixelRange;
use crate::error::{Error, Result, check};
use crate::sizes;

/// Longer numbers are none.
const NUMBER: usize = 64;
/// What a label takes beside its letters.
const LABEL: usize = 128;
/// What the reader of lines reads at once.
const AHEAD: usize = 64 << 10;

/// Where the label of an image is on its line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LabelColumn {
    /// Behind the pixels.
    #[default]
    Last,
    /// Before the pixels.
    First,
    /// In the column of this name: the first line names columns.
    Named(String),
    /// Nowhere: all numbers are pixels.
    None,
}

/// How a CSV file with an image on each line is read: pixels row by row, the channels of an image one
/// after the other.
///
/// ```
/// use burn_gan::data::{LabelColumn, PixelCsv, PixelRange};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("digits.csv");
/// # std::fs::write(&path, "0,16,8,0,seven\n16,16,0,0,one\n").unwrap();
/// // 0,16,8,0,seven
/// // 16,16,0,0,one
/// let digits = PixelCsv::new([1, 2, 2]).with_ends(0.0, 16.0).read(&path)?;
/// assert_eq!(digits.classes, ["one", "seven"]);
/// assert_eq!(digits.labels, [1, 0]);
/// let data = digits.into_dataset(PixelRange::Symmetric)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// A first line that holds something else than numbers in its pixels names columns and is passed over.
/// The file may be compressed by gzip.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelCsv {
    shape: [usize; 3],
    label: LabelColumn,
    ends: [f32; 2],
}

/// The images of a CSV file.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelTable {
    /// The pixels, row-major `[len, channels, height, width]`, from 0 (black) to 1 (white).
    pub pixels: Vec<f32>,
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// The class of each image; empty without a column of labels.
    pub labels: Vec<usize>,
    /// The classes' names, as the file has them: numbers in their order, all else in that of the
    /// alphabet.
    pub classes: Vec<String>,
}

impl PixelCsv {
    /// Images of `[channels, height, width]`, their numbers from 0 to 255, their labels behind them.
    pub fn new(shape: [usize; 3]) -> Self {
        Self {
            shape,
            label: LabelColumn::default(),
            ends: [0.0, 255.0],
        }
    }

    /// Where labels are.
    pub fn with_label(mut self, label: LabelColumn) -> Self {
        self.label = label;
        self
    }

    /// The numbers of black and white.
    pub fn with_ends(mut self, black: f32, white: f32) -> Self {
        self.ends = [black, white];
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a side is 0 or an image has more than 2²⁴ numbers; or if the numbers of black and white are
    /// the same or one is not finite.
    pub fn validate(&self) -> Result<()> {
        sizes::shape("shape", &self.shape)?;
        let [black, white] = self.ends;
        let width = f64::from(white) - f64::from(black);
        check::positive("ends", width.abs()).map_err(|_| {
            let problem = "must be two numbers, those of black and white";
            Error::setting("ends", format!("{:?}", self.ends), problem)
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If a setting is refused or the file can't be read; if a line has another number of fields than
    /// an image, a field is no number or lies outside of black and white, or a label is missing: the
    /// line and the column. If there is no line, or a compressed file holds more than 64 times its
    /// length.
    pub fn read(&self, file: impl AsRef<Path>) -> Result<PixelTable> {
        self.validate()?;
        let path = file.as_ref();
        let io = |error| Error::io(path, error);
        let (source, length) = lines::open(path).map_err(io)?;
        // Lists are in memory up to three times while they grow.
        let most = memory_limit::of_file(length) / 3;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.lines(path, source, most)
    }

    fn lines<R: Read>(&self, path: &Path, source: R, most: usize) -> Result<PixelTable> {
        let refused = |problem: String| Error::data(path, problem);
        let count: usize = self.shape.iter().product();
        let fields = count + usize::from(self.label != LabelColumn::None);
        let since = Cell::new(0);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(Lines {
                source,
                since: &since,
                most: NUMBER * fields + AHEAD,
            });
        let mut column = match &self.label {
            LabelColumn::Last => Some(fields - 1),
            LabelColumn::First => Some(0),
            LabelColumn::None | LabelColumn::Named(_) => None,
        };
        let mut table = PixelTable {
            pixels: Vec::new(),
            shape: self.shape,
            labels: Vec::new(),
            classes: Vec::new(),
        };
        // Each label once, and which of them each image has.
        let mut labels: HashMap<String, usize> = HashMap::new();
        let mut kept = 0;
        let mut record = csv::StringRecord::new();
        let mut first = true;
        while reader
            .read_record(&mut record)
            .map_err(|error| refused(error.to_string()))?
        {
            since.set(0);
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != fields {
                return Err(refused(format!(
                    "line {line} has {} fields; {fields} are expected, {count} numbers of an image of \
                     {:?}{}",
                    record.len(),
                    self.shape,
                    if fields > count { " and a label" } else { "" }
                )));
            }
            if std::mem::take(&mut first) {
                if let LabelColumn::Named(name) = &self.label {
                    let found = record.iter().position(|field| field == name);
                    column =
                        Some(found.ok_or_else(|| {
                            refused(format!("line {line} names no column `{name}`"))
                        })?);
                    continue;
                }
                let mut pixels = record.iter().enumerate();
                if pixels.any(|(at, field)| Some(at) != column && field.parse::<f32>().is_err()) {
                    continue;
                }
            }
            kept += count * size_of::<f32>();
            if kept > most {
                return Err(refused(
                    "holds more than 64 times its length; unpack it first, if it is what it says"
                        .to_owned(),
                ));
            }
            for (at, field) in record.iter().enumerate() {
                if Some(at) == column {
                    if field.is_empty() {
                        return Err(refused(format!(
                            "line {line} has no label (column {})",
                            at + 1
                        )));
                    }
                    kept += size_of::<usize>();
                    let next = labels.len();
                    table.labels.push(match labels.get(field) {
                        Some(known) => *known,
                        None => {
                            kept += LABEL + field.len();
                            labels.insert(field.to_owned(), next);
                            next
                        }
                    });
                } else {
                    table.pixels.push(self.pixel(field).map_err(|problem| {
                        refused(format!("line {line}, column {}: {problem}", at + 1))
                    })?);
                }
            }
        }
        if table.pixels.is_empty() {
            return Err(refused("holds no image".to_owned()));
        }
        let mut names = vec![""; labels.len()];
        for (name, number) in &labels {
            names[*number] = name;
        }
        let (classes, numbers) = numbered(names.iter().map(|name| Some(*name)));
        table.classes = classes;
        // Each has a class, being one of them.
        let class = |label: &usize| numbers[*label].unwrap_or_default();
        table.labels = table.labels.iter().map(class).collect();
        Ok(table)
    }

    /// A number as one from 0 to 1.
    fn pixel(&self, field: &str) -> Result<f32, String> {
        let value: f64 = field
            .parse()
            .map_err(|_| format!("`{field}` is no number"))?;
        let [black, white] = self.ends.map(f64::from);
        let share = (value - black) / (white - black);
        if (0.0..=1.0).contains(&share) {
            return Ok(share as f32);
        }
        Err(format!(
            "{value} does not lie between black, {black}, and white, {white} (`with_ends`)"
        ))
    }
}

impl PixelTable {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.shape.iter().product::<usize>().max(1)
    }

    /// Whether there is none. Tables that were read have at least one.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The images and their labels, to be trained on, with pixels in `range`.
    ///
    /// # Errors
    /// If there are no labels, or fields were changed so that they do not go together.
    pub fn into_dataset(mut self, range: PixelRange) -> Result<LabelledDataset<4>> {
        let (labels, classes) = (std::mem::take(&mut self.labels), self.classes.len());
        self.into_unlabelled(range)?.with_labels(labels, classes)
    }

    /// The images without their labels, with pixels in `range`.
    ///
    /// # Errors
    /// If fields were changed so that they do not go together.
    pub fn into_unlabelled(mut self, range: PixelRange) -> Result<MemoryDataset<4>> {
        let [low, high] = range.into();
        let stretch = |pixel: &mut f32| *pixel = low + (high - low) * *pixel;
        self.pixels.iter_mut().for_each(stretch);
        MemoryDataset::new(self.pixels, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::idx::tests::gzip;
    use super::*;
    use crate::data::Dataset;
    use crate::testing::Cpu;

    fn read(csv: &PixelCsv, bytes: &[u8]) -> Result<PixelTable> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("digits.csv");
        fs::write(&path, bytes).expect("a file");
        csv.read(&path)
    }

    fn pairs() -> PixelCsv {
        PixelCsv::new([1, 1, 2]).with_ends(0.0, 16.0)
    }

    #[test]
    fn labels_are_found_where_they_are_said_to_be() {
        let expected = (
            vec![0.0, 1.0, 0.5, 0.25],
            vec![1, 0],
            vec!["3".to_owned(), "10".to_owned()],
        );
        let first = pairs().with_label(LabelColumn::First);
        let named = pairs().with_label(LabelColumn::Named("digit".to_owned()));
        for (csv, text) in [
            (pairs(), "0,16,10\n8,4,3\n"),
            (pairs(), "a,b,label\n0,16,10\n8,4,3"),
            (first.clone(), "10, 0 ,16\r\n3,8.0,4e0\r\n"),
            (first, "label,p0,p1\n10,0,16\n3,8,4\n"),
            (named, "left,digit,right\n0,10,16\n8,3,4\n"),
        ] {
            for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
                let table = read(&csv, &bytes).expect("a table");
                assert_eq!(
                    (table.pixels, table.labels, table.classes),
                    expected,
                    "{text}"
                );
            }
        }
        let none = pairs().with_label(LabelColumn::None);
        let table = read(&none, b"0,16\n8,4\n").expect("a table");
        assert_eq!((table.len(), table.labels.len()), (2, 0));
        assert!(table.clone().into_dataset(PixelRange::Unit).is_err());
        assert!(table.into_unlabelled(PixelRange::Unit).is_ok());
        // Black on white.
        let turned = pairs().with_ends(16.0, 0.0);
        assert_eq!(
            read(&turned, b"0,16,1\n").expect("a table").pixels,
            [1.0, 0.0]
        );
    }

    #[test]
    fn pixels_are_stretched_over_the_range() {
        let table = read(&pairs(), b"0,16,1\n8,4,0\n").expect("a table");
        let data = table.into_dataset(PixelRange::Symmetric).expect("a set");
        let (batch, _) =
            Dataset::<Cpu>::batch(&data, &[1, 0], &Default::default()).expect("a batch");
        assert_eq!(batch.dims(), [2, 1, 1, 2]);
        assert_eq!(
            batch.into_data().to_vec::<f32>().expect("floats"),
            [0.0, -0.5, -1.0, 1.0]
        );
    }

    #[test]
    fn a_line_that_is_no_image_is_named() {
        for (text, words) in [
            (
                "0,16,1\n0,16\n",
                "line 2 has 2 fields; 3 are expected, 2 numbers of an image of [1, 1, 2] and a label",
            ),
            ("0,16,1\n0,x,1\n", "line 2, column 2: `x` is no number"),
            (
                "0,17,1\n",
                "line 1, column 2: 17 does not lie between black, 0, and white, 16 (`with_ends`)",
            ),
            ("0,NaN,1\n", "does not lie between"),
            ("0,1,\n", "line 1 has no label (column 3)"),
            ("", "holds no image"),
            ("a,b,c\n", "holds no image"),
        ] {
            let error = read(&pairs(), text.as_bytes())
                .expect_err("no image")
                .to_string();
            assert!(
                error.contains("digits.csv: ") && error.contains(words),
                "no `{words}` in: {error}"
            );
        }
        let named = pairs().with_label(LabelColumn::Named("digit".to_owned()));
        let error = read(&named, b"a,b,c\n").expect_err("no name").to_string();
        assert!(error.contains("line 1 names no column `digit`"), "{error}");
        let zeros = gzip(&b"0,0,1\n".repeat(4_000_000));
        let error = read(&pairs(), &zeros).expect_err("a bomb").to_string();
        assert!(
            error.contains("holds more than 64 times its length"),
            "{error}"
        );
        for part in [&b"0"[..], b"0,", b"\n"] {
            let endless = gzip(&[&b"\"0,"[..], &part.repeat(1 << 20)].concat());
            let error = read(&pairs(), &endless).expect_err("one line").to_string();
            assert!(error.contains("a line is longer than"), "{error}");
        }
        for ends in [[1.0, 1.0], [f32::NAN, 1.0], [0.0, f32::INFINITY]] {
            let error = pairs().with_ends(ends[0], ends[1]).validate();
            assert!(
                error
                    .expect_err("no ends")
                    .to_string()
                    .contains("`ends` = [")
            );
        }
        assert!(PixelCsv::new([1, 0, 2]).validate().is_err());
    }
}
