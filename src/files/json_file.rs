//! Settings and the like as files of JSON, which people can read.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{open, read, write_whole};
use crate::error::{Error, Result};

/// Longer files are none.
const LENGTH: u64 = 1 << 30;

/// Writes the file; it is whole or absent.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_string(value).map_err(|error| Error::data(path, error.to_string()))?;
    write_whole(path, text.as_bytes())
}

/// Reads what [`write_json`] wrote, and asks `consistent` whether its parts go together. `what` names it
/// in the error of a file that holds something else.
pub(crate) fn read_json<T: DeserializeOwned>(
    path: &Path,
    what: &str,
    consistent: impl FnOnce(&T) -> Result<(), String>,
) -> Result<T> {
    let (_, length) = open(path).map_err(|error| Error::io(path, error))?;
    if length > LENGTH {
        let problem = format!("has {length} bytes, more than such a file may have ({LENGTH})");
        return Err(Error::data(path, problem));
    }
    let bytes = read(path).map_err(|error| Error::io(path, error))?;
    let refused = |problem: String| Error::data(path, format!("holds no {what}: {problem}"));
    let value = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    consistent(&value).map_err(refused)?;
    Ok(value)
}
