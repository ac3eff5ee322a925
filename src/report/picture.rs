//! Pictures that a run made.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::json::Json;

/// A picture file, and the step it shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PictureFile {
    pub(super) caption: String,
    pub(super) path: PathBuf,
    pub(super) step: Option<u64>,
}

impl PictureFile {
    /// Refuses a picture whose file is not there.
    pub(super) fn check(&self) -> Result<()> {
        let found = std::fs::metadata(&self.path).map_err(|error| Error::io(&self.path, error))?;
        if !found.is_file() {
            return Err(Error::data(&self.path, "a picture must be a file"));
        }
        Ok(())
    }

    /// Its fields; the file's name relative to `folder` where it lies inside it.
    pub(super) fn json(&self, folder: &Path) -> Json {
        Json::object([
            ("caption", Json::text(&self.caption)),
            ("path", Json::text(&super::listed(&self.path, folder))),
            ("step", self.step.map_or(Json::NULL, Json::integer)),
        ])
    }
}
