//! Files that one stage leaves for the next, in the `training` folder of the home.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

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
    // Of this process alone: parts of a training that run side by side write the same reports.
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    fill(&partial, bytes, false).and_then(|()| fs::rename(&partial, path)).map_err(fail)
}

/// [`write_bytes`] for what several processes may write at the same time, and what has to outlast a power cut.
///
/// # Errors
/// [`TrainerError::Io`].
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    static FILLING: AtomicU64 = AtomicU64::new(0);
    let fail = |source| TrainerError::Io { path: path.to_owned(), act: "written", source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(fail)?;
    let number = FILLING.fetch_add(1, Ordering::Relaxed);
    let partial = folder.join(format!(".filling-{}-{}-{number}", crate::machine::host(), std::process::id()));
    let filled = fill(&partial, bytes, true).and_then(|()| fs::rename(&partial, path));
    filled.and_then(|()| fs::File::open(folder)?.sync_all()).map_err(fail)
}

/// Fills a file; what can't be filled is removed.
fn fill(path: &Path, bytes: &[u8], durably: bool) -> io::Result<()> {
    let filled = fs::File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        if durably { file.sync_all() } else { Ok(()) }
    });
    if filled.is_err() {
        // The first error is the one that tells.
        let _ = fs::remove_file(path);
    }
    filled
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
