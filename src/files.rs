//! Files that are whole or absent.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes beside the file, makes sure that the bytes are on the disk, and renames: no reader ever
/// sees half a file. Folders above it are made.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Two runs into one folder must not write into each other's unfinished file.
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        // The new name is in the folder, which has to reach the disk as well.
        #[cfg(unix)]
        fs::File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|source| {
        // Best effort: the error that matters is the one above.
        let _ = fs::remove_file(&unfinished);
        Error::io(path, source)
    })
}
