//! An archive in a folder: files in the archive's own layout, or all in one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kline::{Interval, Milliseconds, Symbol};

use super::{ArchiveError, ArchiveFile, CHECKSUM_BYTES_MAX, Found, ZIP_BYTES_MAX};

/// Levels of folders that are looked into: the layout has six below its root.
const DEPTH_MAX: usize = 7;

/// The files of a folder, by name.
#[derive(Debug)]
pub(super) struct Folder {
    files: BTreeMap<String, PathBuf>,
}

impl Folder {
    pub(super) fn open(root: PathBuf) -> Result<Self, ArchiveError> {
        let mut files = BTreeMap::new();
        collect(&root, DEPTH_MAX, &mut files).map_err(|(path, source)| ArchiveError::Io { path, source })?;
        Ok(Self { files })
    }

    fn series(&self, interval: Interval) -> impl Iterator<Item = ArchiveFile> + '_ {
        let files = self.files.keys().filter_map(|name| name.parse::<ArchiveFile>().ok());
        files.filter(move |file| file.interval == interval)
    }

    pub(super) fn extent(&self, symbol: Symbol, interval: Interval) -> Option<(Milliseconds, Milliseconds)> {
        let files: Vec<_> = self.series(interval).filter(|file| file.symbol == symbol).collect();
        let from = files.iter().map(ArchiveFile::from).min()?;
        Some((from, files.iter().map(ArchiveFile::until).max()?))
    }

    pub(super) fn symbols(&self, interval: Interval) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = self.series(interval).map(|file| file.symbol).collect();
        symbols.sort();
        symbols.dedup();
        symbols
    }

    /// A file, and its checksum if one lies beside it.
    pub(super) fn fetch(&self, file: &ArchiveFile) -> Result<Option<Found>, ArchiveError> {
        let Some(path) = self.files.get(&file.to_string()) else { return Ok(None) };
        let name = path.display().to_string();
        let zip = read(path, ZIP_BYTES_MAX)?;
        let mut beside = path.clone().into_os_string();
        beside.push(".CHECKSUM");
        let beside = PathBuf::from(beside);
        let checksum = if beside.is_file() {
            Some(String::from_utf8_lossy(&read(&beside, CHECKSUM_BYTES_MAX)?).into_owned())
        } else {
            None
        };
        Ok(Some(Found { name, zip, checksum }))
    }
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ArchiveError> {
    let io = |source| ArchiveError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(io)?.len() > limit as u64 {
        return Err(ArchiveError::TooLong { file: path.display().to_string(), limit });
    }
    fs::read(path).map_err(io)
}

fn collect(
    folder: &Path,
    depth: usize,
    files: &mut BTreeMap<String, PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |source| (folder.to_owned(), source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, files)?;
            }
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && name.parse::<ArchiveFile>().is_ok()
        {
            files.insert(name.to_owned(), path);
        }
    }
    Ok(())
}
