//! What `--data-dir` holds, as a data set: a folder of pictures, or files of a set in a known form.

use std::path::{Path, PathBuf};

use burn_gan::data::{
    Cifar, Faults, Fit, ImageColor, ImageConfig, ImageFolder, ImageShape, Images, LabelledDataset,
    LabelsFrom, Mnist, NpyArray, PixelRange, ResizeFilter, ScanBar,
};
use burn_gan::prelude::Stream;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use serde::de::DeserializeOwned;

use crate::common;

/// The values of pixels, those of generators that end in tanh.
pub const RANGE: PixelRange = PixelRange::Symmetric;
/// Of a folder of pictures where nothing else is asked for.
const SIZE: usize = 32;

/// Which data, and how pictures become samples.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// A folder of pictures, in folders by class or not; or MNIST's or CIFAR's files in a folder, or an
    /// array of images as .npy or .npz
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Height and width of a sample, at least 8 [default: 32; of files of a set their own]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,

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

    /// Train on each picture as it is and with left and right exchanged
    #[arg(long)]
    mirror: bool,

    /// Where labels are: a CSV or JSON file [default: dataset.json, or the folders' names]
    #[arg(long, value_name = "FILE")]
    label_file: Option<PathBuf>,

    /// Train on these classes alone, by name
    #[arg(long, value_name = "CLASS", num_args = 1.., conflicts_with = "labels")]
    only: Vec<String>,

    /// Train on so many samples alone, drawn by the seed; the others stay for the distance
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,

    /// Decode every file before the first step, not the headers alone
    #[arg(long)]
    check: bool,

    /// Leave out files that can't be read, with a notice
    #[arg(long)]
    skip_unreadable: bool,
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

/// The part that is trained on, and the rest, if there is one.
pub struct Parts {
    pub training: Pictures,
    pub held_back: Option<Pictures>,
}

impl DataArgs {
    /// Opens the data, and tells what is odd about it.
    pub fn open(&self, seed: u64) -> Result<Parts> {
        let mut all = self.all()?;
        if !self.only.is_empty() {
            let chosen = self.chosen(&all)?;
            all = all.only(&chosen)?;
        }
        let count = all.count();
        let Some(limit) = self.limit.filter(|limit| *limit != count) else {
            return Ok(Parts {
                training: all,
                held_back: None,
            });
        };
        if limit > count {
            let problem = format!("is more than the {count} samples that there are");
            return Err(Error::setting("limit", limit, problem));
        }
        let order = Stream::new(seed, "limit").permutation(count);
        let (training, rest) = order.split_at(limit);
        Ok(Parts {
            training: all.only(training)?,
            held_back: Some(all.only(rest)?),
        })
    }

    fn all(&self) -> Result<Pictures> {
        let folder = self.data_dir.as_path();
        let is_array = |path: &Path| {
            let end = path.extension().unwrap_or_default();
            path.is_file() && (end == "npy" || end == "npz")
        };
        let holds = |names: &[&str]| {
            let plain_or_gzip = |name| [folder.join(name), folder.join(format!("{name}.gz"))];
            (names.iter()).any(|name| plain_or_gzip(name).iter().any(|path| path.is_file()))
        };
        if is_array(folder) {
            let array = NpyArray::read(folder)?;
            let shape = match *array.shape() {
                [count, height, width] => [count, 1, height, width],
                [count, channels, height, width] => [count, channels, height, width],
                _ => [0; 4],
            };
            let (labels, images) = (vec![0; shape[0]], array.into_images(RANGE)?);
            let data = images.with_labels(labels.clone(), 1)?;
            self.of_set(data, [shape[1], shape[2], shape[3]], labels, Vec::new())
        } else if holds(&["train-images-idx3-ubyte"]) {
            let digits = Mnist::train(folder)?;
            let labels = digits.labels.iter().map(|label| usize::from(*label));
            let (labels, shape) = (labels.collect(), [1, digits.height, digits.width]);
            let classes = (0..digits.classes).map(|class| class.to_string());
            let classes = classes.collect();
            self.of_set(digits.into_dataset(RANGE)?, shape, labels, classes)
        } else if holds(&["data_batch_1.bin", "train.bin"]) {
            let cifar = Cifar::train(folder)?;
            let labels = cifar.labels.iter().map(|label| usize::from(*label));
            let (labels, classes) = (labels.collect(), cifar.classes.clone());
            self.of_set(cifar.into_dataset(RANGE)?, [3, 32, 32], labels, classes)
        } else {
            self.of_folder()
        }
    }

    fn of_folder(&self) -> Result<Pictures> {
        let size = self.size.unwrap_or(SIZE);
        let config = ImageConfig::new(size, size)
            .with_color(self.color.unwrap_or_default())
            .with_background(self.background)
            .with_fit(self.fit)
            .with_filter(self.filter)
            .with_mirror(self.mirror)
            .with_range(RANGE);
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
            .open_with(|progress| bar.show(progress))?;
        images.notices().iter().for_each(common::say);
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
        if self.mirror {
            let problem = "is for folders of pictures; `--augmentation flip` does it for any";
            return Err(Error::setting("mirror", true, problem));
        }
        Ok(Pictures {
            set: Set::Memory(data),
            shape: ImageShape::new([channels, height, width]),
            classes,
            labels,
        })
    }

    /// The samples of the classes asked for.
    fn chosen(&self, pictures: &Pictures) -> Result<Vec<usize>> {
        let named = |name: &String| {
            let place = pictures.classes.iter().position(|class| class == name);
            place.ok_or_else(|| {
                let known = pictures.classes.join("`, `");
                let problem = match pictures.classes.is_empty() {
                    true => "is no class: the data has no labels".to_owned(),
                    false => format!("is no class; there are `{known}`"),
                };
                Error::setting("only", name, problem)
            })
        };
        let wanted = self.only.iter().map(named).collect::<Result<Vec<_>>>()?;
        let labels = pictures.labels.iter().enumerate();
        let chosen = labels.filter(|(_, label)| wanted.contains(label));
        Ok(chosen.map(|(place, _)| place).collect())
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

    fn only(&self, places: &[usize]) -> Result<Self> {
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
