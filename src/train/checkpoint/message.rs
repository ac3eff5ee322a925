//! A run's state as a message to other processes: a checkpoint that stays nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::Value;

use super::{Position, file, state};
use crate::error::{Error, Result};
use crate::pair::Pair;
use crate::process::lost;
use crate::step::TrainState;

const OPERATION: &str = "handing the first process' state on";

/// What the next step depends on, as the bytes of a checkpoint.
///
/// # Errors
/// If it holds numbers that are not finite, or the system's folder for temporary files has no room.
pub(in crate::train) fn packed<P: Pair>(
    state: &TrainState<P>,
    position: &Position,
    settings: Value,
) -> Result<Vec<u8>> {
    let draft = state::draft(state, position, settings).map_err(failed)?;
    in_a_file(|path| {
        file::write(path, draft.header, &draft.sections)?;
        fs::read(path).map_err(|error| Error::io(path, error))
    })
}

/// The state of another process in the networks of `state`, which is not to be used any more then.
///
/// # Errors
/// If it belongs to other networks, or the system's folder for temporary files has no room.
pub(in crate::train) fn unpacked<P: Pair>(
    bytes: &[u8],
    state: &TrainState<P>,
    device: &Device<P::Backend>,
) -> Result<(TrainState<P>, Position)> {
    in_a_file(|path| {
        fs::write(path, bytes).map_err(|error| Error::io(path, error))?;
        let file = file::read(path).map_err(|error| failed(error.to_string()))?;
        // The file's name says nothing to anybody.
        state::restore(&file, state, device).map_err(|error| match error {
            Error::Checkpoint { problem, .. } => failed(problem),
            other => other,
        })
    })
}

fn failed(problem: String) -> Error {
    lost(OPERATION, problem)
}

/// Does something with a file of its own, which is gone afterwards.
fn in_a_file<R>(work: impl FnOnce(&Path) -> Result<R>) -> Result<R> {
    let folder = tempfile::tempdir().map_err(|error| Error::io(std::env::temp_dir(), error))?;
    let path: PathBuf = folder.path().join("state");
    work(&path)
}
