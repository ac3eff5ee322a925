//! The files of a folder and of the folders in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::text::visible_path;

/// Endings of the names of pictures.
const ENDINGS: [&str; 13] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff",
    "pjpeg",
];
/// Folders in folders; links that lead to and fro would make more.
const DEPTH: usize = 64;
/// Files and folders that are looked at.
const MOST: usize = 50_000_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Pictures by their paths under the folder, in the order of these paths' bytes.
    pub(super) pictures: Vec<PathBuf>,
    /// The folders right under the folder, in their order.
    pub(super) folders: Vec<PathBuf>,
    /// Folders that could not be listed, with the reason.
    pub(super) failed: Vec<Error>,
    looked_at: usize,
}

/// All pictures below a folder, by the endings of their names. What begins with a dot is hidden and
/// stays so. Links are followed, but not to a folder that the way has come through.
pub(super) fn pictures(root: &Path) -> Result<Found> {
    let about = fs::metadata(root).map_err(|error| Error::io(root, error))?;
    if !about.is_dir() {
        return Err(Error::data(
            root,
            "is not a folder; pictures are looked for in one",
        ));
    }
    let mut found = Found::default();
    let mut way = vec![real(root)];
    list(root, Path::new(""), &mut way, &mut found)?;
    // Nothing depends on the order in which the system lists a folder.
    let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
    found.pictures.sort_by_cached_key(bytes);
    found.folders.sort_by_cached_key(bytes);
    Ok(found)
}

fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

fn list(folder: &Path, under: &Path, way: &mut Vec<PathBuf>, found: &mut Found) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.failed.push(Error::io(folder, error));
            return Ok(());
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.failed.push(Error::io(folder, error));
                return Ok(());
            }
        };
        found.looked_at += 1;
        if found.looked_at > MOST {
            let problem = format!("holds more than {MOST} files and folders");
            return Err(Error::data(folder, problem));
        }
        let name = entry.file_name();
        // Hidden, or what programs leave beside pictures.
        if name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX" {
            continue;
        }
        let (path, relative) = (entry.path(), under.join(&name));
        // Of what a link leads to.
        let is_folder = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => fs::metadata(&path).is_ok_and(|about| about.is_dir()),
            kind => kind.is_ok_and(|kind| kind.is_dir()),
        };
        if !is_folder {
            if is_picture(&relative) {
                found.pictures.push(relative);
            }
            continue;
        }
        let place = real(&path);
        if way.contains(&place) {
            continue;
        }
        if way.len() > DEPTH {
            let problem = format!(
                "lies in more than {DEPTH} folders: do links lead to and fro ({})?",
                visible_path(&relative)
            );
            return Err(Error::data(path, problem));
        }
        if way.len() == 1 {
            found.folders.push(relative.clone());
        }
        way.push(place);
        list(&path, &relative, way, found)?;
        way.pop();
    }
    Ok(())
}

pub(super) fn is_picture(name: &Path) -> bool {
    let ending = name.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }

    fn names(found: &[PathBuf]) -> Vec<String> {
        let name = |path: &PathBuf| path.to_string_lossy().into_owned();
        found.iter().map(name).collect()
    }

    #[test]
    fn pictures_come_in_the_order_of_their_names_and_hidden_ones_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        make(
            root.path(),
            &[
                "b/2.png",
                "b/10.JPEG",
                "a & b/x.webp",
                "c/d/e/deep.tif",
                "top.gif",
                "b/notes.txt",
                "b/no_ending",
                "b/.hidden.png",
                ".git/y.png",
                "__MACOSX/z.png",
                "png",
            ],
        );
        fs::create_dir(root.path().join("empty")).unwrap();
        let found = pictures(root.path()).unwrap();
        let expected = [
            "a & b/x.webp",
            "b/10.JPEG",
            "b/2.png",
            "c/d/e/deep.tif",
            "top.gif",
        ];
        assert_eq!(names(&found.pictures), expected);
        assert_eq!(names(&found.folders), ["a & b", "b", "c", "empty"]);
        assert!(found.failed.is_empty());
        assert!(pictures(&root.path().join("top.gif")).is_err());
        assert!(pictures(&root.path().join("nowhere")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        make(root.path(), &["a/1.png", "b/2.png"]);
        make(elsewhere.path(), &["3.png"]);
        symlink(elsewhere.path(), root.path().join("linked")).unwrap();
        symlink(root.path(), root.path().join("a/up")).unwrap();
        symlink(root.path().join("b"), root.path().join("b/self")).unwrap();
        symlink(root.path().join("a/1.png"), root.path().join("b/1.png")).unwrap();
        symlink(root.path().join("gone"), root.path().join("b/gone.png")).unwrap();
        let found = pictures(root.path()).unwrap();
        // A link to nothing is a picture that can't be read, which the scan says.
        let expected = [
            "a/1.png",
            "b/1.png",
            "b/2.png",
            "b/gone.png",
            "linked/3.png",
        ];
        assert_eq!(names(&found.pictures), expected);
        assert_eq!(names(&found.folders), ["a", "b", "linked"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_no_utf8_are_names() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
        fs::write(root.path().join(name), "x").unwrap();
        let found = pictures(root.path()).unwrap();
        assert_eq!(found.pictures, [Path::new(name)]);
    }
}
