//! Files that one stage leaves for the next, in the `training` folder of the home.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, TrainerError};

/// Writes bytes so that the file is whole or absent: to a neighbour first, then renamed.
///
/// # Errors
/// [`TrainerError::Io`].
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |source| TrainerError::Io { path: path.to_owned(), act: "written", source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    fs::write(&partial, bytes).map_err(fail)?;
    fs::rename(&partial, path).map_err(fail)
}

/// Reads bytes that `stage` wrote.
///
/// # Errors
/// [`TrainerError::MissingStage`] when there is no such file, [`TrainerError::Io`] when it can't be read.
pub(crate) fn read_bytes(path: &Path, stage: &'static str) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => TrainerError::MissingStage { path: path.to_owned(), stage },
        _ => TrainerError::Io { path: path.to_owned(), act: "read", source },
    })
}

/// Writes a value as JSON.
///
/// # Errors
/// [`TrainerError::Io`].
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| TrainerError::Io {
        path: path.to_owned(),
        act: "written",
        source: io::Error::other(error),
    })?;
    write_bytes(path, &bytes)
}

/// Reads a value that `stage` wrote as JSON.
///
/// # Errors
/// [`TrainerError::MissingStage`], [`TrainerError::Io`] or [`TrainerError::Artefact`].
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, stage: &'static str) -> Result<T> {
    let bytes = read_bytes(path, stage)?;
    serde_json::from_slice(&bytes).map_err(|source| TrainerError::Artefact {
        path: path.to_owned(),
        stage,
        source,
    })
}
