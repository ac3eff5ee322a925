//! Labels of pictures that a file lists by name.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::{Known, others};
use crate::data::classes::numbered;
use crate::data::images::folder::Faults;
use crate::error::{Error, Result};
use crate::text::{visible, visible_path};

/// A picture's name in a list and its label there.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) label: String,
}

/// Pictures by the names that a list may have for them.
pub(super) struct Places {
    names: HashMap<String, usize>,
    /// Without endings; `None` where two have one name.
    stems: HashMap<String, Option<usize>>,
}

impl Places {
    pub(super) fn of(pictures: &[PathBuf]) -> Self {
        let (mut names, mut stems) = (HashMap::new(), HashMap::new());
        for (place, picture) in pictures.iter().enumerate() {
            let Some(name) = text(picture) else { continue };
            if let Some(stem) = text(&picture.with_extension("")) {
                let one = |known: &mut Option<usize>| *known = None;
                stems.entry(stem).and_modify(one).or_insert(Some(place));
            }
            names.insert(name, place);
        }
        Self { names, stems }
    }

    pub(super) fn get(&self, name: &str) -> Option<usize> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let stem = || self.stems.get(name).copied().flatten();
        self.names.get(name).copied().or_else(stem)
    }
}

/// A path as lists have it, with `/`; none where it is no text.
fn text(path: &Path) -> Option<String> {
    let parts = path.components().map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    let parts: Option<Vec<&str>> = parts.collect();
    parts.map(|parts| parts.join("/"))
}

/// Gives each picture the label that it has in the list `file`.
pub(super) fn assign(
    file: &Path,
    pairs: Vec<Pair>,
    pictures: &[PathBuf],
    faults: Faults,
) -> Result<Known> {
    let refused = |problem: String| Error::data(file, problem);
    let places = Places::of(pictures);
    let mut labels: Vec<Option<&str>> = vec![None; pictures.len()];
    let mut foreign = Vec::new();
    for Pair { name, label } in &pairs {
        let Some(place) = places.get(name) else {
            foreign.push(name);
            continue;
        };
        match labels[place].replace(label) {
            Some(other) if other != label => {
                return Err(refused(format!(
                    "gives {} two labels, {other} and {label}",
                    visible(name)
                )));
            }
            _ => {}
        }
    }
    let mut notices = Vec::new();
    let mut fault = |what: String, cure: &str| match faults {
        Faults::Refuse => Err(refused(format!("{what}; {cure}"))),
        Faults::Skip => {
            notices.push(format!("{} {what}: left out", visible_path(file)));
            Ok(())
        }
    };
    if let Some(first) = foreign.first() {
        let what = format!(
            "lists {}{}, which is no picture that was found",
            visible(first),
            others(foreign.len())
        );
        fault(what, "names are paths under the folder, with `/`")?;
    }
    let without = || {
        labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.is_none())
    };
    if let Some((first, _)) = without().next() {
        let what = format!(
            "has no label for {}{}",
            visible_path(&pictures[first]),
            others(without().count())
        );
        fault(
            what,
            "add it, or leave out what can't be used (`Faults::Skip`)",
        )?;
    }
    let (classes, numbers) = numbered(labels.iter().copied());
    Ok(Known {
        classes,
        labels: Some(numbers),
        notices,
    })
}
