//! Files that are whole or absent, and that no link leads elsewhere.

#[cfg(any(feature = "series", feature = "tables"))]
mod json_file;
pub(crate) mod sealed;

#[cfg(any(feature = "series", feature = "tables"))]
pub(crate) use json_file::{read_json, write_json};

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::error::{Error, Result};

/// What the names of half-written files end in; they begin with a dot.
const HALF_WRITTEN: &str = ".burn-gan";
/// A half-written file that is younger may belong to a process that has not locked it yet.
const YOUNG: Duration = Duration::from_secs(60);

/// Writes beside the file, makes sure that the bytes are on the disk, and renames: no reader ever
/// sees half a file. Folders above it are made.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_pieces(path, &[bytes])
}

/// [`write_whole`] of pieces, one after the other.
///
/// The half-written file is new and its name can't be guessed, so that no link made before leads
/// the bytes elsewhere; a link at `path` itself is replaced, not followed.
pub(crate) fn write_pieces(path: &Path, pieces: &[&[u8]]) -> Result<()> {
    write_streamed(path, |file| {
        let write = |piece: &&[u8]| file.write_all(piece);
        let written = pieces.iter().try_for_each(write);
        written.map_err(|source| Error::io(path, source))
    })
}

/// [`write_whole`] of what `write` writes piece by piece, for files that are too large to be held in
/// memory; where it fails there is no file.
pub(crate) fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
    sweep_once(folder);
    let failed = |source| Error::io(path, source);
    let half = half_written(folder, path).map_err(failed)?;
    // Whoever clears away what killed processes left behind asks for this lock.
    let _ = half.as_file().try_lock();
    let mut buffered = BufWriter::new(half);
    write(&mut buffered)?;
    let half = buffered
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    half.as_file().sync_all().map_err(failed)?;
    half.persist(path).map_err(|error| failed(error.error))?;
    // The new name is in the folder, which has to reach the disk as well.
    sync(folder).map_err(failed)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new file beside `path`, with the permissions of any other new file; it goes when it is
/// dropped.
fn half_written(folder: &Path, path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "is no name of a file",
        ));
    };
    // Names have at most 255 bytes.
    let start: String = name.to_string_lossy().chars().take(50).collect();
    let prefix = format!(".{start}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(HALF_WRITTEN).rand_bytes(12);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Makes sure that a folder's names are on the disk, where its file system can do so.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(folder)?.sync_all() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) => {}
        other => other?,
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Removes what killed processes left half-written in a folder. What a living process writes is
/// locked or young, and stays; so do links, folders and everything with another name. Nothing
/// comes of a failure but a file that stays.
///
/// Who has the folder for itself (`alone`) need not wait for them to grow old.
pub(crate) fn sweep(folder: &Path, alone: bool) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') || !name.ends_with(HALF_WRITTEN) {
            continue;
        }
        let path = entry.path();
        let Ok(about) = fs::symlink_metadata(&path) else {
            continue;
        };
        let age = about.modified().ok().and_then(|time| time.elapsed().ok());
        if !about.is_file() || !(alone || age.is_some_and(|age| age >= YOUNG)) {
            continue;
        }
        let abandoned = open_as(&path, OpenOptions::new().write(true), false)
            .is_ok_and(|file| file.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_file(&path);
        }
    }
}

/// [`sweep`], the first time that this process writes into a folder.
fn sweep_once(folder: &Path) {
    static SWEPT: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut swept = match SWEPT.lock() {
        Ok(swept) => swept,
        Err(poisoned) => poisoned.into_inner(),
    };
    let first = swept
        .get_or_insert_default()
        .insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
    drop(swept);
    if first {
        sweep(folder, false);
    }
}

/// A regular file to read, and its length. What is none (a folder, a pipe, a device) is an error,
/// and is not waited for; a link to a file is followed.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    // Opening a device may do something already.
    regular(&fs::metadata(path)?)?;
    let file = open_as(path, OpenOptions::new().read(true), true)?;
    let about = file.metadata()?;
    regular(&about)?;
    Ok((file, about.len()))
}

/// All bytes of a regular file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    read_exactly(file, length)
}

/// So many bytes; that there is not enough memory for them is an error.
fn read_exactly(mut file: impl io::Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let space = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes
        .try_reserve_exact(space)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    bytes.resize(space, 0);
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A regular file to append to, which is there already; a link is not followed.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    let file = open_as(path, OpenOptions::new().append(true), false)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// A regular file to lock, made where there is none; what it holds stays, a link is not followed.
pub(crate) fn open_to_lock(path: &Path) -> io::Result<File> {
    let options = &mut OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = open_as(path, options, false)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens without waiting for whatever a pipe or a device waits for.
fn open_as(path: &Path, options: &mut OpenOptions, follow: bool) -> io::Result<File> {
    let link = || !follow && fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
    let refused = || {
        io::Error::other(
            "is a symbolic link, and none is followed here: remove it, or move what it points to",
        )
    };
    if link() {
        return Err(refused());
    }
    #[cfg(unix)]
    {
        let links = if follow { 0 } else { libc::O_NOFOLLOW };
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK | links);
    }
    options
        .open(path)
        .map_err(|error| if link() { refused() } else { error })
}

fn regular(about: &fs::Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    let what = if about.is_dir() {
        "is a folder, not a file"
    } else {
        "is no regular file"
    };
    Err(io::Error::other(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let name = entry.expect("an entry").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("deep/report.json");
        write_whole(&path, b"first, and longer").expect("a written file");
        write_pieces(&path, &[b"sec", b"", b"ond"]).expect("a written file");
        assert_eq!(fs::read(&path).expect("the file"), b"second");
        assert_eq!(names(&place.path().join("deep")), ["report.json"]);
        let name = "n".repeat(250);
        write_whole(&place.path().join(&name), b"long").expect("a written file");
        // Nothing can be renamed onto a folder.
        let folder = place.path().join("folder");
        fs::create_dir(&folder).expect("a folder");
        assert!(write_whole(&folder, b"no").is_err());
        assert_eq!(names(place.path()), ["deep", "folder", &name]);
        assert!(write_whole(Path::new("/"), b"no").is_err());
    }

    #[test]
    fn what_killed_processes_left_goes_and_everything_else_stays() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        for name in [".old.burn-gan", ".young.burn-gan", ".locked.burn-gan"] {
            fs::write(at(name), "half").expect("a file");
        }
        for name in ["seen.burn-gan", ".other", "report.json"] {
            fs::write(at(name), "mine").expect("a file");
        }
        fs::create_dir(at(".folder.burn-gan")).expect("a folder");
        let before = std::time::SystemTime::now() - 2 * YOUNG;
        for name in [".old.burn-gan", ".locked.burn-gan", "seen.burn-gan"] {
            let file = File::options().write(true).open(at(name)).expect("a file");
            file.set_modified(before).expect("a time");
        }
        let locked = open_to_lock(&at(".locked.burn-gan")).expect("a file");
        locked.try_lock().expect("a lock");
        let stays = [
            ".folder.burn-gan",
            ".locked.burn-gan",
            ".other",
            "report.json",
            "seen.burn-gan",
        ];
        sweep(place.path(), false);
        let mut with_young = stays.to_vec();
        with_young.push(".young.burn-gan");
        with_young.sort_unstable();
        assert_eq!(names(place.path()), with_young);
        sweep(place.path(), true);
        assert_eq!(names(place.path()), stays);
    }

    #[test]
    fn memory_that_is_not_there_is_an_error_and_so_is_a_file_that_shrinks() {
        for length in [u64::MAX, 1 << 62] {
            let error = read_exactly(io::empty(), length).expect_err("no such memory");
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        }
        let error = read_exactly(&b"1234"[..], 5).expect_err("no fifth byte");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_where_files_are_written() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::write(at("precious"), "precious").expect("a file");
        for name in ["report.json", "log.jsonl", ".lock"] {
            symlink(at("precious"), at(name)).expect("a link");
        }
        write_whole(&at("report.json"), b"a report").expect("a written file");
        assert!(at("report.json").symlink_metadata().expect("it").is_file());
        for error in [
            open_to_append(&at("log.jsonl")).expect_err("a link"),
            open_to_lock(&at(".lock")).expect_err("a link"),
        ] {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert_eq!(fs::read(at("precious")).expect("it"), b"precious");
        // A file like any other new one, not one of its owner alone.
        fs::write(at("plain"), "").expect("a file");
        let mode = |name: &str| fs::metadata(at(name)).expect("it").permissions().mode();
        assert_eq!(mode("report.json"), mode("plain"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_a_device_and_a_folder_are_refused_without_waiting() {
        let place = tempfile::tempdir().expect("a folder");
        let pipe = place.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        for path in [&pipe, Path::new("/dev/zero"), place.path()] {
            assert!(open(path).is_err(), "{}", path.display());
            assert!(open_to_append(path).is_err(), "{}", path.display());
        }
        assert!(open_to_lock(&pipe).is_err());
        let link = place.path().join("link");
        let file = place.path().join("file");
        fs::write(&file, "read").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(read(&link).expect("a file behind a link"), b"read");
        assert!(read(&place.path().join("absent")).is_err());
    }
}
