//! Classes by the names of folders.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::{Known, others};
use crate::data::images::folder::Faults;
use crate::error::{Error, Result};
use crate::text::visible_path;

/// The folder right under the folder that a picture lies in, if it lies in one.
pub(super) fn of(picture: &Path) -> Option<&OsStr> {
    let mut parts = picture.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(folder)), Some(_)) => Some(folder),
        _ => None,
    }
}

pub(super) fn read(
    root: &Path,
    folders: &[PathBuf],
    pictures: &[PathBuf],
    faults: Faults,
) -> Result<Known> {
    let mut notices = Vec::new();
    let outside: Vec<&PathBuf> = pictures
        .iter()
        .filter(|picture| of(picture).is_none())
        .collect();
    if let Some(first) = outside.first() {
        let what = format!(
            "lies in no folder{}, and the folders' names are the labels",
            others(outside.len())
        );
        match faults {
            Faults::Refuse => {
                let problem = format!("{what}: move it into the folder of its class");
                return Err(Error::data(root.join(first), problem));
            }
            Faults::Skip => notices.push(format!("{} {what}: left out", visible_path(first))),
        }
    }
    // In the order of the pictures, which is that of the folders' bytes.
    let mut classes: Vec<&OsStr> = pictures.iter().filter_map(|picture| of(picture)).collect();
    classes.sort_unstable();
    classes.dedup();
    for folder in folders {
        if classes.binary_search(&folder.as_os_str()).is_ok() {
            continue;
        }
        match faults {
            Faults::Refuse => {
                return Err(Error::data(
                    root.join(folder),
                    "holds no picture, and would be a class without a sample: remove it, or leave out \
                     what can't be used (`Faults::Skip`)",
                ));
            }
            Faults::Skip => {
                let folder = visible_path(folder);
                notices.push(format!(
                    "{folder} holds no picture that can be read: no class"
                ));
            }
        }
    }
    let class =
        |picture: &PathBuf| of(picture).and_then(|folder| classes.binary_search(&folder).ok());
    Ok(Known {
        labels: Some(pictures.iter().map(class).collect()),
        classes: (classes.iter())
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
        notices,
    })
}
