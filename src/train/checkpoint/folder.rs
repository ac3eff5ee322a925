//! A folder of checkpoints.
//!
//! Checkpoints are regular files with the very names that this crate gives them. Nothing else is
//! ever opened or removed: links, folders and pipes with such names, and names that come close, are
//! passed over. What a run undoes, replaces or finds damaged is renamed first, to a name that is no
//! checkpoint's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::refuse;
use crate::error::{Error, Result};
use crate::files;

const PREFIX: &str = "step-";
const SUFFIX: &str = ".checkpoint";
const LOCK: &str = ".lock";

/// Why a file was put aside; it is the end of its new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// It is not what was written. Never removed.
    Damaged,
    /// Its steps are made anew. Removed once the run has stored as many again.
    Superseded,
    /// A run from the beginning takes its place. Removed once that run has stored a checkpoint.
    Replaced,
    /// It stood where a checkpoint is to be. Never removed.
    InTheWay,
}

impl Aside {
    fn ending(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Superseded => "superseded",
            Self::Replaced => "replaced",
            Self::InTheWay => "in-the-way",
        }
    }
}

/// A folder that one run at a time writes checkpoints into.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the run goes on; the system lets go of it when the process dies.
    _lock: fs::File,
}

/// What is in a folder under checkpoints' names.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The checkpoints, the newest first.
    pub(super) checkpoints: Vec<(u64, PathBuf)>,
    /// What is named like one, and why it is none.
    pub(super) others: Vec<(PathBuf, &'static str)>,
    /// Superseded and replaced ones, which are removed some day.
    pub(super) aside: Vec<(u64, PathBuf, Aside)>,
}

impl Folder {
    /// Opens the folder, which is made, for this run alone, and clears away what a killed process
    /// left half-written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| Error::io(path, error))?;
        let name = path.join(LOCK);
        let lock = files::open_to_lock(&name).map_err(|error| Error::io(&name, error))?;
        let alone = match lock.try_lock() {
            Ok(()) => true,
            Err(fs::TryLockError::WouldBlock) => {
                return Err(refuse(
                    path,
                    "another run is writing checkpoints there; give each run a folder of its own",
                ));
            }
            // A file system without locks: go on without.
            Err(fs::TryLockError::Error(_)) => false,
        };
        files::sweep(path, alone);
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file lies in this folder, however the two are written.
    pub(super) fn holds(&self, file: &Path) -> bool {
        let parent = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let whole = |path: &Path| path.canonicalize().ok();
        whole(parent).is_some_and(|parent| whole(&self.path) == Some(parent))
    }

    /// Where the checkpoint after `step` steps lies.
    pub(super) fn file(&self, step: u64) -> PathBuf {
        self.path.join(name(step))
    }

    /// What is there.
    pub(super) fn look(&self) -> Result<Listing> {
        look(&self.path)
    }

    /// Renames a file, so that it is no checkpoint any more; nothing is overwritten.
    pub(super) fn put_aside(&self, file: &Path, why: Aside) -> Result<PathBuf> {
        let refused = |error| Error::io(file, error);
        let name = match aside_of(file) {
            Some((step, _)) => name(step).into(),
            None => file.file_name().unwrap_or_default().to_owned(),
        };
        let mut number = 1_u32;
        let to = loop {
            let mut new = name.clone();
            new.push(format!(".{}", why.ending()));
            if number > 1 {
                new.push(format!("-{number}"));
            }
            let to = self.path.join(new);
            match fs::symlink_metadata(&to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break to,
                Err(error) => return Err(refused(error)),
                Ok(_) => number += 1,
            }
        };
        fs::rename(file, &to).map_err(refused)?;
        files::sync(&self.path).map_err(refused)?;
        Ok(to)
    }

    /// Makes way for the checkpoint after `step` steps: what is no file under its name is put
    /// aside, and where it went is returned.
    pub(super) fn make_way(&self, step: u64) -> Result<Option<PathBuf>> {
        let path = self.file(step);
        match fs::symlink_metadata(&path) {
            Ok(about) if !about.is_file() => self.put_aside(&path, Aside::InTheWay).map(Some),
            _ => Ok(None),
        }
    }

    /// Once a checkpoint after `step` steps is stored: removes all but the newest `keep` and the
    /// one of step `best`, what it replaces, and what it has caught up with. What can't be removed
    /// stays, and is returned.
    pub(super) fn prune(
        &self,
        step: u64,
        keep: usize,
        best: Option<u64>,
    ) -> Result<Vec<(PathBuf, io::Error)>> {
        let found = self.look()?;
        let old = found.checkpoints.into_iter().skip(keep);
        let old = old.filter(|(made, _)| Some(*made) != best);
        let undone = found.aside.into_iter();
        let undone = undone.filter(|(made, _, why)| *why == Aside::Replaced || *made <= step);
        let gone = old.chain(undone.map(|(made, file, _)| (made, file)));
        let left = gone.filter_map(|(_, file)| match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Some((file, error)),
            _ => None,
        });
        Ok(left.collect())
    }
}

fn name(step: u64) -> String {
    format!("{PREFIX}{step:09}{SUFFIX}")
}

/// The step that a checkpoint's name says, where it is one as this crate writes it.
pub(super) fn step_of(path: &Path) -> Option<u64> {
    let found = path.file_name()?.to_str()?;
    let step = found.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let step = step.parse().ok()?;
    (name(step) == found).then_some(step)
}

/// The step of a file that was put aside to be removed some day, and why.
fn aside_of(path: &Path) -> Option<(u64, Aside)> {
    let found = path.file_name()?.to_str()?;
    let (start, ending) = found.rsplit_once('.')?;
    let step = step_of(Path::new(start))?;
    let kind = match ending.split_once('-') {
        Some((kind, number)) if number.parse::<u32>().is_ok() => kind,
        Some(_) => return None,
        None => ending,
    };
    let kinds = [Aside::Superseded, Aside::Replaced];
    let why = kinds.into_iter().find(|why| why.ending() == kind)?;
    Some((step, why))
}

/// The checkpoints in a folder, the newest first; none where there is no folder.
pub(super) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    Ok(look(folder)?.checkpoints)
}

fn look(folder: &Path) -> Result<Listing> {
    let mut found = Listing::default();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(Error::io(folder, error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        let shown = path.file_name().unwrap_or_default().to_string_lossy();
        let alike = shown.starts_with(PREFIX) && shown.ends_with(SUFFIX);
        let (step, aside) = (step_of(&path), aside_of(&path));
        if !alike && aside.is_none() {
            continue;
        }
        let file = match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => true,
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io(&path, error)),
            Ok(_) => false,
        };
        match (file, step, aside) {
            (true, Some(step), _) => found.checkpoints.push((step, path)),
            (true, None, Some((step, why))) => found.aside.push((step, path, why)),
            (true, None, None) => found
                .others
                .push((path, "its name is not one that this crate gives")),
            (false, _, None) => found.others.push((path, "it is no regular file")),
            (false, _, Some(_)) => {}
        }
    }
    found.checkpoints.sort_unstable_by(|a, b| b.cmp(a));
    found.others.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &Folder) -> Vec<u64> {
        let found = folder.look().expect("a readable folder").checkpoints;
        found.into_iter().map(|(step, _)| step).collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().into_string())
            .map(|name| name.expect("a text"))
            .filter(|name| name != LOCK)
            .collect();
        names.sort();
        names
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
        let left = folder.prune(100, 2, Some(5)).expect("a folder");
        assert!(left.is_empty());
        assert_eq!(steps(&folder), [3_000_000_000, 100, 5]);
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn what_is_put_aside_overwrites_nothing_and_goes_when_it_is_made_again() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("a new folder");
        let aside = |step: u64, why, text: &str| {
            fs::write(folder.file(step), text).expect("a file");
            folder.put_aside(&folder.file(step), why).expect("a name")
        };
        aside(8, Aside::Damaged, "first");
        let second = aside(8, Aside::Damaged, "second");
        assert!(second.ends_with("step-000000008.checkpoint.damaged-2"));
        aside(8, Aside::Superseded, "8");
        aside(12, Aside::Superseded, "12");
        aside(12, Aside::Superseded, "12 again");
        aside(90, Aside::Replaced, "90");
        fs::write(folder.path().join("step-000000001.checkpoint.mine"), "").expect("a file");
        fs::write(folder.file(10), "").expect("a file");
        folder.prune(10, 3, None).expect("a folder");
        let damaged = [
            "step-000000008.checkpoint.damaged",
            "step-000000008.checkpoint.damaged-2",
        ];
        let mut expected = vec![
            "step-000000001.checkpoint.mine",
            damaged[0],
            damaged[1],
            "step-000000010.checkpoint",
            "step-000000012.checkpoint.superseded",
            "step-000000012.checkpoint.superseded-2",
        ];
        assert_eq!(names(folder.path()), expected);
        folder.prune(12, 3, None).expect("a folder");
        expected.truncate(4);
        assert_eq!(names(folder.path()), expected);
        let first = folder.path().join(damaged[0]);
        assert_eq!(fs::read(first).expect("it"), b"first");
    }

    #[test]
    fn half_written_files_are_cleared_away_and_a_second_run_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let half = place.path().join(".step-000000005.checkpoint.1x3.burn-gan");
        fs::write(&half, "half").expect("a file");
        let folder = place.path().join(".step-000000006.checkpoint.1x3.burn-gan");
        fs::create_dir(&folder).expect("a folder");
        let first = Folder::open(place.path()).expect("a free folder");
        assert!(!half.exists() && folder.exists());
        let error = Folder::open(place.path()).expect_err("a folder in use");
        assert!(error.to_string().contains("another run"), "{error}");
        drop(first);
        Folder::open(place.path()).expect("a free folder");
    }

    #[test]
    fn names_that_only_come_close_are_no_checkpoints() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("a new folder");
        let odd = [
            "step-+5.checkpoint",
            "step-00005.checkpoint",
            "step-1e3.checkpoint",
            "step-99999999999999999999999.checkpoint",
            "step-.checkpoint",
        ];
        for name in odd.iter().chain(&["step-000000005.checkpoint", "notes"]) {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        fs::create_dir(folder.file(9)).expect("a folder");
        let found = folder.look().expect("a readable folder");
        assert_eq!(found.checkpoints, [(5, folder.file(5))]);
        assert_eq!(found.others.len(), odd.len() + 1);
        assert!(
            found
                .others
                .contains(&(folder.file(9), "it is no regular file"))
        );
        folder.prune(5, 1, None).expect("a folder");
        assert!(folder.file(9).exists());
        let moved = folder.make_way(9).expect("a name").expect("a folder");
        assert!(moved.is_dir() && !folder.file(9).exists());
        assert_eq!(folder.make_way(9).expect("nothing"), None);
        assert!(folder.holds(&folder.file(9)) && !folder.holds(Path::new("/x")));
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_behind_a_link_is_refused_and_names_need_not_be_text() {
        use std::os::unix::ffi::OsStrExt;
        let place = tempfile::tempdir().expect("a folder");
        let precious = place.path().join("precious");
        fs::write(&precious, "precious").expect("a file");
        let linked = place.path().join("linked");
        fs::create_dir(&linked).expect("a folder");
        std::os::unix::fs::symlink(&precious, linked.join(LOCK)).expect("a link");
        let error = Folder::open(&linked).expect_err("a link").to_string();
        assert!(
            error.contains(".lock") && error.contains("symbolic link"),
            "{error}"
        );
        assert_eq!(fs::read(&precious).expect("it"), b"precious");

        let folder = Folder::open(place.path()).expect("a folder");
        let name = std::ffi::OsStr::from_bytes(b"step-\xff5.checkpoint");
        fs::write(folder.path().join(name), "").expect("a file");
        let found = folder.look().expect("a readable folder");
        assert!(found.checkpoints.is_empty() && found.others.len() == 1);
    }
}
