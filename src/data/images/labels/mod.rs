//! Which class each picture is of.

mod csv_file;
mod folders;
mod json_file;
mod listed;

use std::path::{Path, PathBuf};

use super::folder::Faults;
use super::walk::Found;
use crate::error::Result;

/// The file in which StyleGAN's programs keep labels.
const DATASET_JSON: &str = "dataset.json";

/// Where the labels of pictures are.
///
/// Classes are numbered in the order of their names: numbers by their value, all else by the
/// alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LabelsFrom {
    /// In `dataset.json`, where there is one; otherwise in the folders' names, where there are two
    /// folders or more and no picture lies outside of them; otherwise nowhere.
    #[default]
    Auto,
    /// Nowhere.
    Nothing,
    /// In the names of the folders right under the folder; folders in these belong to them.
    Folders,
    /// In a CSV file, one picture to a line: its path under the folder (with `/`, with or without
    /// its ending) and its label. A first line that names no picture names columns; the picture is
    /// in the one that is called `file`, `filename`, `file_name`, `path`, `image`, `name` or `id`,
    /// the label in `label`, `class`, `category` or `target`. Otherwise they are in the first and
    /// in the second.
    Csv(PathBuf),
    /// In a JSON file as StyleGAN's programs write it, `{"labels": [["00/img1.png", 3], …]}`;
    /// `dataset.json` of the folder by [`LabelsFrom::Auto`]. Labels are numbers or names; lists of
    /// numbers are refused.
    Json(PathBuf),
}

/// What is known of pictures.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The classes' names; empty without labels.
    pub(super) classes: Vec<String>,
    /// The class of each picture. `None` for one that is left out.
    pub(super) labels: Option<Vec<Option<usize>>>,
    /// What was passed over.
    pub(super) notices: Vec<String>,
}

impl LabelsFrom {
    /// The labels of `pictures`, those of the found ones that can be read.
    pub(super) fn read(
        &self,
        root: &Path,
        found: &Found,
        pictures: &[PathBuf],
        faults: Faults,
    ) -> Result<Known> {
        match self {
            Self::Nothing => Ok(Known::default()),
            Self::Folders => folders::read(root, &found.folders, pictures, faults),
            Self::Csv(file) => {
                listed::assign(file, csv_file::read(file, pictures)?, pictures, faults)
            }
            Self::Json(file) => Self::json(file, pictures, faults),
            Self::Auto => {
                let file = root.join(DATASET_JSON);
                if file.is_file() {
                    return Self::json(&file, pictures, faults);
                }
                let apart = pictures
                    .iter()
                    .all(|picture| folders::of(picture).is_some());
                let mut with_pictures: Vec<_> =
                    pictures.iter().filter_map(|p| folders::of(p)).collect();
                with_pictures.dedup();
                if apart && with_pictures.len() > 1 {
                    folders::read(root, &found.folders, pictures, faults)
                } else {
                    Ok(Known::default())
                }
            }
        }
    }

    fn json(file: &Path, pictures: &[PathBuf], faults: Faults) -> Result<Known> {
        match json_file::read(file)? {
            Some(pairs) => listed::assign(file, pairs, pictures, faults),
            None => Ok(Known::default()),
        }
    }
}

/// How many more there are than one.
pub(super) fn others(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    }
}
