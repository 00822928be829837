//! Where the repository is, and its files.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Every file below `folder` whose name ends in `.extension`, in order of path; none when there is no such folder.
/// Hidden folders and build output are left out.
///
/// # Errors
/// When a folder can't be read.
pub fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(folder, extension, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(&path, extension, found)?;
            }
        } else if path.extension().is_some_and(|actual| actual == extension) {
            found.push(path);
        }
    }
    Ok(())
}
