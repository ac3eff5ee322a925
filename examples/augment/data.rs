//! Labelled images from whatever a folder holds.

use std::fs;
use std::path::{Path, PathBuf};

use burn_gan::data::{
    ImageColor, ImageConfig, ImageFolder, LabelledDataset, Mnist, PixelCsv, ScanBar,
};
use burn_gan::{Error, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::common;
use crate::settings::RANGE;

/// Where the samples come from.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Source {
    /// Folder with MNIST's four files, a CSV file of images, or pictures in a folder for each class
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,

    /// Height and width that pictures are brought to [default: 32], or that those of a CSV file have
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,

    /// Colours of pictures
    #[arg(long, value_enum, default_value_t = Color::Rgb, value_name = "NAME")]
    color: Color,

    /// The number that stands for white in a CSV file
    #[arg(long, default_value_t = 255.0, value_name = "NUMBER")]
    white: f32,

    /// Score on samples of the training set that were not kept, not on the test set: to choose
    /// settings by
    #[arg(long)]
    unused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Color {
    Rgb,
    Grey,
}

/// The side of a picture where none is asked for.
const PICTURE: usize = 32;

/// What the folder holds.
pub struct Sets {
    /// What few samples are kept of.
    pub train: LabelledDataset<4>,
    /// What is scored on, if it is a set of its own.
    pub test: Option<LabelledDataset<4>>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// Channels, height and width of an image.
    pub image: [usize; 3],
}

impl Source {
    pub fn open(&self) -> Result<Sets> {
        let mut sets = self.read()?;
        if self.unused {
            sets.test = None;
        }
        Ok(sets)
    }

    fn read(&self) -> Result<Sets> {
        let folder = &self.data_dir;
        let names = names(folder)?;
        if names.iter().any(|name| name.contains("-idx3-ubyte")) {
            return mnist(folder);
        }
        let is_table = |name: &&String| name.ends_with(".csv") || name.ends_with(".csv.gz");
        let tables: Vec<_> = names.iter().filter(is_table).collect();
        match tables.as_slice() {
            [table] => self.table(&folder.join(table)),
            _ => self.pictures(),
        }
    }

    /// Square grey images, a label behind each.
    fn table(&self, path: &Path) -> Result<Sets> {
        let Some(side) = self.size else {
            let problem = "the file does not say how its numbers lie: give height and width";
            return Err(Error::setting("size", "none", problem));
        };
        let image = [1, side, side];
        let table = PixelCsv::new(image).with_ends(0.0, self.white).read(path)?;
        let classes = table.classes.clone();
        Ok(Sets {
            train: table.into_dataset(RANGE)?,
            test: None,
            classes,
            image,
        })
    }

    fn pictures(&self) -> Result<Sets> {
        let color = match self.color {
            Color::Rgb => ImageColor::Rgb,
            Color::Grey => ImageColor::Grey,
        };
        let side = self.size.unwrap_or(PICTURE);
        let config = ImageConfig::new(side, side)
            .with_color(color)
            .with_range(RANGE);
        let mut bar = ScanBar::new();
        let images = ImageFolder::new(&self.data_dir, config).open_with(|done| bar.show(done))?;
        for notice in images.notices() {
            common::say(notice);
        }
        let classes = images.classes().to_vec();
        Ok(Sets {
            train: images.labelled()?.to_memory()?,
            test: None,
            classes,
            image: [color.channels(), side, side],
        })
    }
}

fn mnist(folder: &Path) -> Result<Sets> {
    let [train, test] = [Mnist::train(folder)?, Mnist::test(folder)?];
    Ok(Sets {
        image: [1, train.height, train.width],
        classes: (0..train.classes).map(|class| class.to_string()).collect(),
        train: train.into_dataset(RANGE)?,
        test: Some(test.into_dataset(RANGE)?),
    })
}

/// The names in a folder, sorted; those that are no text are nobody's here.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}
