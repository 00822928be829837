//! Bundles in a folder: `<root>/<digest>/<path within the bundle>`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forecast::{Bundle, BundleDigest, MANIFEST_FILE};

use super::files::{self, FileFault};
use crate::{ObjectStore, StoreError};

/// Tells apart the folders that one process fills at the same time.
static FILLING: AtomicU64 = AtomicU64::new(0);

/// A folder of bundles. A bundle is filled in a hidden folder beside its place, flushed to disk, and renamed: readers
/// see all of it or none of it.
#[derive(Debug, Clone)]
pub struct FolderObjects {
    root: PathBuf,
}

impl FolderObjects {
    /// Opens a folder, making it if it is not there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(at("making folder", &root))?;
        Ok(Self { root })
    }

    /// Where a bundle lies.
    #[must_use]
    pub fn path(&self, digest: BundleDigest) -> PathBuf {
        self.root.join(digest.to_string())
    }

    /// Keeps the files of a bundle; one that is there already is left as it is.
    pub(super) fn put_files(
        &self,
        digest: BundleDigest,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(name) = files.keys().find(|name| !files::is_inside(name)) {
            return Err(StoreError::DamagedFile { digest, file: name.clone(), fault: FileFault::Malformed });
        }
        keep(&self.root, &digest.to_string(), files)
    }
}

impl ObjectStore for FolderObjects {
    fn put_bundle(&self, bundle: &Bundle) -> Result<BundleDigest, StoreError> {
        let digest = bundle.digest();
        self.put_files(digest, bundle.files())?;
        Ok(digest)
    }

    fn get(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let place = self.path(digest);
        let missing = || StoreError::NoBundle { digest, place: self.root.clone() };
        if !place.is_dir() {
            return Err(missing());
        }
        // One that was taken away while it was read is not damaged.
        let files = read(&place).map_err(|error| if place.is_dir() { error } else { missing() })?;
        let manifest = files.get(MANIFEST_FILE).map(Vec::as_slice).unwrap_or_default();
        let found = BundleDigest::of(manifest);
        if found != digest {
            return Err(StoreError::DamagedBundle { digest, found });
        }
        Ok(files)
    }

    fn manifest(&self, digest: BundleDigest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest).join(MANIFEST_FILE);
        let manifest = fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => StoreError::NoBundle { digest, place: self.root.clone() },
            _ => at("reading", &path)(error),
        })?;
        let found = BundleDigest::of(&manifest);
        if found == digest { Ok(manifest) } else { Err(StoreError::DamagedBundle { digest, found }) }
    }

    fn list(&self) -> Result<Vec<BundleDigest>, StoreError> {
        let mut digests = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(at("listing", &self.root))? {
            let entry = entry.map_err(at("listing", &self.root))?;
            if let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                digests.push(digest);
            }
        }
        digests.sort_unstable();
        Ok(digests)
    }

    fn remove(&self, digest: BundleDigest) -> Result<(), StoreError> {
        remove(&self.root, &digest.to_string())
    }
}

/// Keeps files in the folder of a name; one that is there already is left as it is.
pub(crate) fn keep(root: &Path, name: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<(), StoreError> {
    let place = root.join(name);
    if place.exists() {
        return Ok(());
    }
    let number = FILLING.fetch_add(1, Ordering::Relaxed);
    let filling = root.join(format!(".filling-{}-{number}", std::process::id()));
    let filled = fill(files, &filling).and_then(|()| match fs::rename(&filling, &place) {
        // Another process may have been faster; what is there has the same content by its name.
        Err(_) if place.exists() => Ok(()),
        renamed => renamed.map_err(at("renaming to", &place)),
    });
    if filling.exists() {
        fs::remove_dir_all(&filling).map_err(at("removing", &filling))?;
    }
    filled?;
    File::open(root).and_then(|root| root.sync_all()).map_err(at("flushing folder", root))
}

fn fill(files: &BTreeMap<String, Vec<u8>>, filling: &Path) -> Result<(), StoreError> {
    for (name, bytes) in files {
        let path = filling.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(at("making folder", folder))?;
        }
        let mut file = File::create(&path).map_err(at("creating", &path))?;
        file.write_all(bytes).map_err(at("writing", &path))?;
        file.sync_all().map_err(at("flushing", &path))?;
    }
    File::open(filling).and_then(|folder| folder.sync_all()).map_err(at("flushing folder", filling))
}

/// Takes the folder of a name out of sight at once, then removes it: a reader sees all of it or nothing. None is none.
pub(crate) fn remove(root: &Path, name: &str) -> Result<(), StoreError> {
    let (place, aside) = (root.join(name), root.join(format!(".removing-{name}")));
    if place.exists() {
        fs::rename(&place, &aside).map_err(at("removing", &place))?;
    }
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(at("removing", &aside))?;
    }
    Ok(())
}

/// Every file of a folder by its path within it.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let mut files = BTreeMap::new();
    read_folder(folder, "", &mut files)?;
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(at("listing", folder))? {
        let path = entry.map_err(at("listing", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_dir() {
            read_folder(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.insert(format!("{prefix}{name}"), fs::read(&path).map_err(at("reading", &path))?);
        }
    }
    Ok(())
}

pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Files { action, path, source }
}
