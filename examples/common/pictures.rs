//! What `--data-dir` holds, as a data set: a folder of pictures, or files of a set in a known form.

// Each example that reads pictures compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use burn_gan::data::{
    Cifar, Faults, Fit, ImageColor, ImageConfig, ImageFolder, ImageShape, Images, LabelledDataset,
    LabelsFrom, Mnist, NpyArray, PixelCsv, PixelRange, ResizeFilter, ScanBar,
};
use burn_gan::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::common::say;

/// Of a folder of pictures where nothing else is asked for.
const SIZE: usize = 32;

/// Which data, and how pictures become samples.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct PictureArgs {
    /// A folder of pictures, in folders by class or not; or MNIST's or CIFAR's files in a folder, an
    /// array of images as .npy or .npz, or a CSV file with a grey image and its label on each line
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Height and width of a sample, at least 8 [default: 32; of files of a set their own]; those of a
    /// CSV file's images must be given
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,

    /// The number that stands for white in a CSV file
    #[arg(long, default_value_t = 255.0, value_name = "NUMBER")]
    white: f32,

    /// Channels of a sample: grey, rgb or rgba [default: rgb]
    #[arg(long, value_name = "NAME", value_parser = setting::<ImageColor>)]
    color: Option<ImageColor>,

    /// What lies behind pictures that are not opaque: red, green and blue, each 0 to 255
    #[arg(long, value_name = "R,G,B", value_parser = background, default_value = "255,255,255")]
    background: [u8; 3],

    /// How a picture that is no square becomes one: crop, border or stretch
    #[arg(long, value_name = "NAME", value_parser = setting::<Fit>, default_value = "crop")]
    fit: Fit,

    /// What pictures are resized with: lanczos, bicubic, bilinear, box or nearest
    #[arg(long, value_name = "NAME", value_parser = setting::<ResizeFilter>, default_value = "lanczos")]
    filter: ResizeFilter,

    /// Where labels are: a CSV or JSON file [default: dataset.json, or the folders' names]
    #[arg(long, value_name = "FILE")]
    label_file: Option<PathBuf>,

    /// Decode every file before the first step, not the headers alone
    #[arg(long)]
    check: bool,

    /// Leave out files that can't be read, with a notice
    #[arg(long)]
    skip_unreadable: bool,
}

/// An error that names the option, where the library's names its setting.
fn by_option(error: Error) -> Error {
    match error {
        Error::Data { path, problem } => Error::Data {
            path,
            problem: problem.replace("`Faults::Skip`", "`--skip-unreadable`"),
        },
        other => other,
    }
}

/// A setting by its name.
fn setting<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

fn background(text: &str) -> Result<[u8; 3], String> {
    let numbers: Result<Vec<u8>, _> = text.split(',').map(|n| n.trim().parse()).collect();
    let numbers = numbers.map_err(|error| error.to_string())?;
    let wrong = |numbers: Vec<u8>| format!("must be 3 numbers, not {}", numbers.len());
    numbers.try_into().map_err(wrong)
}

/// Images, of classes or not.
pub enum Set {
    Folder(Images),
    Memory(LabelledDataset<4>),
}

/// A data set with what is known about it.
pub struct Pictures {
    pub set: Set,
    pub shape: ImageShape,
    /// The classes' names; empty without labels.
    pub classes: Vec<String>,
    /// The class of each picture, where there are classes; 0 where there are none.
    pub labels: Vec<usize>,
}

/// CIFAR's first files, in the folders that the archives make or without.
const CIFAR: [&str; 4] = [
    "data_batch_1.bin",
    "cifar-10-batches-bin/data_batch_1.bin",
    "train.bin",
    "cifar-100-binary/train.bin",
];

/// What a path holds.
enum Kind {
    Array,
    Mnist,
    Cifar,
    Table(PathBuf),
    Folder,
}

impl PictureArgs {
    /// Opens the data, and tells what is odd about it; each picture of a folder twice, as it is and with
    /// left and right exchanged, if `mirror` says so.
    pub fn open(&self, range: PixelRange, mirror: bool) -> Result<Pictures> {
        let folder = self.data_dir.as_path();
        if mirror && !matches!(self.kind()?, Kind::Folder) {
            let problem = "is for folders of pictures; `--augmentation flip` does it for any";
            return Err(Error::setting("mirror", true, problem));
        }
        let numbers = |labels: &[u8]| labels.iter().map(|label| usize::from(*label)).collect();
        match self.kind()? {
            Kind::Folder => self.of_folder(range, mirror),
            Kind::Table(table) => self.of_table(&table, range),
            Kind::Array => {
                let array = NpyArray::read(folder)?;
                let shape = match *array.shape() {
                    [count, height, width] => [count, 1, height, width],
                    [count, channels, height, width] => [count, channels, height, width],
                    _ => [0; 4],
                };
                let (labels, images) = (vec![0; shape[0]], array.into_images(range)?);
                let data = images.with_labels(labels.clone(), 1)?;
                self.of_set(data, [shape[1], shape[2], shape[3]], labels, Vec::new())
            }
            Kind::Mnist => {
                let digits = Mnist::train(folder)?;
                let (labels, shape) = (numbers(&digits.labels), [1, digits.height, digits.width]);
                let classes = (0..digits.classes).map(|class| class.to_string());
                let classes = classes.collect();
                self.of_set(digits.into_dataset(range)?, shape, labels, classes)
            }
            Kind::Cifar => {
                let cifar = Cifar::train(folder)?;
                let (labels, classes) = (numbers(&cifar.labels), cifar.classes.clone());
                self.of_set(cifar.into_dataset(range)?, [3, 32, 32], labels, classes)
            }
        }
    }

    /// The samples that such data is tested with, where it has a set of them.
    pub fn test_set(&self, range: PixelRange) -> Result<Option<LabelledDataset<4>>> {
        let folder = &self.data_dir;
        Ok(match self.kind()? {
            Kind::Mnist => Some(Mnist::test(folder)?.into_dataset(range)?),
            Kind::Cifar => Some(Cifar::test(folder)?.into_dataset(range)?),
            _ => None,
        })
    }

    fn kind(&self) -> Result<Kind> {
        let path = self.data_dir.as_path();
        let ends = |path: &Path, ends: &[&str]| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_file() && ends.iter().any(|end| name.ends_with(end))
        };
        let holds = |names: &[&str]| {
            let plain_or_gzip = |name| [path.join(name), path.join(format!("{name}.gz"))];
            (names.iter()).any(|name| plain_or_gzip(name).iter().any(|path| path.is_file()))
        };
        const TABLE: [&str; 2] = [".csv", ".csv.gz"];
        Ok(if ends(path, &[".npy", ".npz"]) {
            Kind::Array
        } else if ends(path, &TABLE) {
            Kind::Table(path.to_owned())
        } else if holds(&["train-images-idx3-ubyte"]) {
            Kind::Mnist
        } else if holds(&CIFAR) {
            Kind::Cifar
        } else {
            // A table that lies there by itself: beside pictures it would be their labels.
            let entries = fs::read_dir(path).map_err(|error| Error::io(path, error))?;
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            let paths = paths.take(2).collect::<std::io::Result<Vec<_>>>();
            match paths.map_err(|error| Error::io(path, error))?.as_slice() {
                [only] if ends(only, &TABLE) => Kind::Table(only.clone()),
                _ => Kind::Folder,
            }
        })
    }

    /// Square grey images, a label behind each.
    fn of_table(&self, path: &Path, range: PixelRange) -> Result<Pictures> {
        let Some(side) = self.size else {
            let problem = "the file does not say how its numbers lie: give height and width";
            return Err(Error::setting("size", "none", problem));
        };
        let image = [1, side, side];
        let table = PixelCsv::new(image).with_ends(0.0, self.white).read(path)?;
        let (labels, classes) = (table.labels.clone(), table.classes.clone());
        self.of_set(table.into_dataset(range)?, image, labels, classes)
    }

    fn of_folder(&self, range: PixelRange, mirror: bool) -> Result<Pictures> {
        let size = self.size.unwrap_or(SIZE);
        let config = ImageConfig::new(size, size)
            .with_color(self.color.unwrap_or_default())
            .with_background(self.background)
            .with_fit(self.fit)
            .with_filter(self.filter)
            .with_mirror(mirror)
            .with_range(range);
        let labels = match &self.label_file {
            None => LabelsFrom::Auto,
            Some(file) if file.extension().is_some_and(|end| end == "json") => {
                LabelsFrom::Json(file.clone())
            }
            Some(file) => LabelsFrom::Csv(file.clone()),
        };
        let faults = match self.skip_unreadable {
            true => Faults::Skip,
            false => Faults::Refuse,
        };
        let mut bar = ScanBar::new();
        let images = ImageFolder::new(&self.data_dir, config)
            .with_labels(labels)
            .with_faults(faults)
            .with_check(self.check)
            .open_with(|progress| bar.show(progress))
            .map_err(by_option)?;
        images.notices().iter().for_each(say);
        let count = images.paths().count();
        let labels = images.labels().map(|labels| labels[..count].to_vec());
        Ok(Pictures {
            shape: images.shape(),
            classes: images.classes().to_vec(),
            labels: labels.unwrap_or_else(|| vec![0; count]),
            set: Set::Folder(images),
        })
    }

    /// Images that have their size and their channels.
    fn of_set(
        &self,
        data: LabelledDataset<4>,
        [channels, height, width]: [usize; 3],
        labels: Vec<usize>,
        classes: Vec<String>,
    ) -> Result<Pictures> {
        let own = "is for folders of pictures; the images of this set have their own";
        if let Some(size) = self.size.filter(|size| [height, width] != [*size, *size]) {
            let problem = format!("{own}: {height} × {width}");
            return Err(Error::setting("size", size, problem));
        }
        if let Some(color) = self.color.filter(|color| color.channels() != channels) {
            let problem = format!("{own}: {channels} channels");
            return Err(Error::setting("color", format!("{color:?}"), problem));
        }
        Ok(Pictures {
            set: Set::Memory(data),
            shape: ImageShape::new([channels, height, width]),
            classes,
            labels,
        })
    }
}

impl Pictures {
    /// The number of pictures, mirrored ones not counted.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// How many pictures each class has, by its name.
    pub fn class_sizes(&self) -> Vec<(&str, usize)> {
        let size = |class| self.labels.iter().filter(|label| **label == class).count();
        let classes = self.classes.iter().enumerate();
        classes
            .map(|(class, name)| (name.as_str(), size(class)))
            .collect()
    }

    /// The places of the samples of these classes.
    pub fn of_classes(&self, names: &[String]) -> Result<Vec<usize>> {
        let named = |name: &String| {
            let place = self.classes.iter().position(|class| class == name);
            place.ok_or_else(|| {
                let known = self.classes.join("`, `");
                let problem = match self.classes.is_empty() {
                    true => "is no class: the data has no labels".to_owned(),
                    false => format!("is no class; there are `{known}`"),
                };
                Error::setting("only", name, problem)
            })
        };
        let wanted = names.iter().map(named).collect::<Result<Vec<_>>>()?;
        let labels = self.labels.iter().enumerate();
        let chosen = labels.filter(|(_, label)| wanted.contains(label));
        Ok(chosen.map(|(place, _)| place).collect())
    }

    /// Those at these places.
    pub fn only(&self, places: &[usize]) -> Result<Self> {
        Ok(Self {
            set: match &self.set {
                Set::Folder(images) => Set::Folder(images.only(places)?),
                Set::Memory(data) => Set::Memory(data.only(places)?),
            },
            shape: self.shape,
            classes: self.classes.clone(),
            labels: places.iter().map(|place| self.labels[*place]).collect(),
        })
    }

    /// In memory, with the class of each.
    pub fn into_labelled(self) -> Result<LabelledDataset<4>> {
        match self.set {
            Set::Folder(images) => images.labelled()?.to_memory(),
            Set::Memory(data) => Ok(data),
        }
    }

    /// Channels, height, width.
    pub fn dimensions(&self) -> [usize; 3] {
        let ImageShape {
            channels,
            height,
            width,
        } = self.shape;
        [channels, height, width]
    }
}
