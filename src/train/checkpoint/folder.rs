//! A folder of checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::refuse;
use crate::error::{Error, Result};

const PREFIX: &str = "step-";
const SUFFIX: &str = ".checkpoint";
const LOCK: &str = ".lock";

/// A folder that one run at a time writes checkpoints into.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the run goes on; the system lets go of it when the process dies.
    _lock: fs::File,
}

impl Folder {
    /// Opens the folder, which is made, for this run alone, and clears away what a killed process
    /// left half-written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| Error::io(path, error))?;
        let name = path.join(LOCK);
        let lock = fs::File::create(&name).map_err(|error| Error::io(&name, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(refuse(
                    path,
                    "another run is writing checkpoints there; give each run a folder of its own",
                ));
            }
            // A file system without locks: go on without.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let folder = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        for name in names(path)? {
            if name.starts_with(&format!(".{PREFIX}")) {
                remove(&path.join(name))?;
            }
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoint after `step` steps lies.
    pub(super) fn file(&self, step: u64) -> PathBuf {
        self.path.join(format!("{PREFIX}{step:09}{SUFFIX}"))
    }

    /// The checkpoints, the newest first.
    pub(super) fn files(&self) -> Result<Vec<(u64, PathBuf)>> {
        list(&self.path)
    }

    /// Removes all checkpoints but the newest `keep` and the one of step `best`.
    pub(super) fn prune(&self, keep: usize, best: Option<u64>) -> Result<()> {
        for (step, file) in self.files()?.into_iter().skip(keep) {
            if Some(step) != best {
                remove(&file)?;
            }
        }
        Ok(())
    }

    /// Removes the checkpoints of more than `step` steps: what they hold was undone.
    pub(super) fn forget_after(&self, step: u64) -> Result<()> {
        for (made, file) in self.files()? {
            if made > step {
                remove(&file)?;
            }
        }
        Ok(())
    }
}

/// The checkpoints in a folder, the newest first; none where there is no folder.
pub(super) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found: Vec<(u64, PathBuf)> = names(folder)?
        .into_iter()
        .filter_map(|name| {
            let step = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
            Some((step.parse().ok()?, folder.join(name)))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(file, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &Folder) -> Vec<u64> {
        let files = folder.files().expect("a readable folder");
        files.into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn the_newest_and_the_best_stay() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&place.path().join("deep/checkpoints")).expect("a new folder");
        for step in [5, 100, 20, 3_000_000_000] {
            fs::write(folder.file(step), "").expect("a file");
        }
        fs::write(folder.path().join("notes.txt"), "").expect("a file");
        assert_eq!(steps(&folder), [3_000_000_000, 100, 20, 5]);
        folder.prune(2, Some(5)).expect("removable files");
        assert_eq!(steps(&folder), [3_000_000_000, 100, 5]);
        folder.forget_after(99).expect("removable files");
        assert_eq!(steps(&folder), [5]);
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn half_written_files_are_cleared_away_and_a_second_run_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let half = place.path().join(".step-000000005.checkpoint.123");
        fs::write(&half, "half").expect("a file");
        let first = Folder::open(place.path()).expect("a free folder");
        assert!(!half.exists());
        let error = Folder::open(place.path()).expect_err("a folder in use");
        assert!(error.to_string().contains("another run"), "{error}");
        drop(first);
        Folder::open(place.path()).expect("a free folder");
    }
}
