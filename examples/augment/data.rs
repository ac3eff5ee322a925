//! Labelled images from whatever a folder holds.

use burn_gan::data::LabelledDataset;
use burn_gan::{Error, Result};
use serde::Serialize;

use crate::pictures::PictureArgs;
use crate::settings::RANGE;

/// Where the samples come from.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Source {
    #[command(flatten)]
    pictures: PictureArgs,

    /// Score on samples of the training set that were not kept, not on the test set: to choose
    /// settings by
    #[arg(long)]
    unused: bool,
}

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
        let pictures = self.pictures.open(RANGE, false)?;
        let classes = pictures.classes.clone();
        if classes.is_empty() {
            let path = self.pictures.data_dir.display();
            let problem =
                "has no labels: put pictures into a folder for each class, or give `--label-file`";
            return Err(Error::setting("data_dir", path, problem));
        }
        let test = match self.unused {
            true => None,
            false => self.pictures.test_set(RANGE)?,
        };
        Ok(Sets {
            image: pictures.dimensions(),
            train: pictures.into_labelled()?,
            test,
            classes,
        })
    }
}
