//! A data version as a commit that stock DVC restores: `git clone`, `dvc pull`.
//!
//! The klines lie in `data/`, a Parquet file a market; git holds `data.dvc`, which names them by a hash. Files and their list are
//! kept under their MD5 as DVC 3 has them (`files/md5/ab/cdef...`), in the repository's cache and in the remote. DVC itself is not
//! needed.

mod git;
mod layout;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kline::{Interval, Kline, Symbol};
use serde::Serialize;

use crate::artefact::write_durably;
use crate::kline_parquet;
use crate::version::DataVersion;
use crate::{Result, TrainerError};
use git::Repository;
use layout::{Listed, Object};

const DATA: &str = "data";

/// Where the files go beside the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// None: who wants them needs the repository's own cache.
    Nowhere,
    /// A folder.
    Folder(PathBuf),
    /// What DVC alone reaches: it is named in the configuration, and `dvc push` fills it.
    Address(String),
}

/// What was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The commit.
    pub commit: String,
    /// The tag.
    pub tag: String,
    /// Whether it is new; the same data are committed once.
    pub new: bool,
    /// Files, a market each.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

impl Remote {
    /// Of `DVC_REMOTE_URL`: a folder, or an address with a scheme.
    ///
    /// # Errors
    /// When the folder is not named from the root, or the address has a password in it.
    pub fn of(url: &str) -> Result<Self> {
        let wrong = |problem| TrainerError::DvcRemote { problem };
        let folder = url.strip_prefix("file://").unwrap_or(url);
        match folder {
            "" => Ok(Self::Nowhere),
            folder if Path::new(folder).is_absolute() => Ok(Self::Folder(PathBuf::from(folder))),
            address if address.contains("://") && !address.contains('@') => {
                Ok(Self::Address(address.to_owned()))
            }
            address if address.contains('@') => Err(wrong("it has a user or a password in it")),
            _ => {
                Err(wrong("it is neither a folder from the root on nor an address such as s3://bucket/path"))
            }
        }
    }

    fn url(&self) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Folder(folder) => Some(folder.display().to_string()),
            Self::Address(address) => Some(address.clone()),
        }
    }
}

/// Commits klines to a repository, which is made if it is not there. Doing it again changes nothing.
///
/// # Errors
/// When something can't be written, git is missing or refuses, or the repository's configuration names another remote.
pub fn commit(
    folder: &Path,
    remote: &Remote,
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    interval: Interval,
    version: &DataVersion,
) -> Result<Committed> {
    let repository = Repository::open_or_make(folder)?;
    let remote = &configure(folder, remote)?;
    let places: Vec<PathBuf> = [
        Some(folder.join(".dvc/cache")),
        match remote {
            Remote::Folder(folder) => Some(folder.clone()),
            Remote::Nowhere | Remote::Address(_) => None,
        },
    ]
    .into_iter()
    .flatten()
    .collect();
    let fresh = folder.join("data.filling");
    clear(&fresh)?;
    let mut listed = Vec::with_capacity(klines.len());
    for (symbol, klines) in klines {
        let name = kline_parquet::file_name(*symbol, interval);
        let path = fresh.join(&name);
        let object = Object::new(kline_parquet::to_bytes(klines, &path)?);
        write_durably(&path, &object.bytes)?;
        keep(&places, &object.key, &object.bytes)?;
        listed.push(Listed { name, md5: object.md5, size: object.bytes.len() as u64 });
    }
    let list = layout::list(&listed);
    keep(&places, &list.key, &list.bytes)?;
    let data = folder.join(DATA);
    clear(&data)?;
    fs::rename(&fresh, &data).map_err(|source| TrainerError::Io {
        path: data.clone(),
        act: "written",
        source,
    })?;
    write_durably(&folder.join("data.dvc"), layout::stage_file(&list.md5, &listed, DATA).as_bytes())?;

    let digest = version.version.rsplit(':').next().unwrap_or_default();
    let tag = format!("data-{}", &digest[..digest.len().min(16)]);
    let message = format!(
        "Klines {}\n\n{} klines of {} markets at {interval}.\n",
        version.version,
        version.klines,
        version.symbols.len()
    );
    let paths = ["data.dvc", ".gitignore", ".dvc/config", ".dvc/.gitignore"];
    let (commit, new) = repository.commit(&paths, &message, &tag)?;
    let bytes = listed.iter().map(|file| file.size).sum();
    Ok(Committed { commit, tag, new, files: listed.len(), bytes })
}

/// Writes DVC's own files where they are missing. Answers the remote; where none was named, that of the configuration.
fn configure(folder: &Path, remote: &Remote) -> Result<Remote> {
    let config = folder.join(".dvc/config");
    let before = fs::read_to_string(&config).unwrap_or_default();
    let mut urls = before.lines().filter_map(|line| line.trim().strip_prefix("url = "));
    let remote = match remote.url() {
        None => urls.next().map_or(Ok(Remote::Nowhere), Remote::of)?,
        Some(url) if before.trim().is_empty() => {
            write_durably(&config, layout::config(&url).as_bytes())?;
            remote.clone()
        }
        Some(url) if urls.any(|known| known == url) => remote.clone(),
        Some(_) => {
            return Err(TrainerError::DvcRemote {
                problem: "the repository's .dvc/config names another one",
            });
        }
    };
    if !config.exists() {
        write_durably(&config, b"")?;
    }
    for (name, line) in
        [(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n"), (".gitignore", "/data\n/data.filling\n")]
    {
        let path = folder.join(name);
        let before = fs::read_to_string(&path).unwrap_or_default();
        if !before.contains(line) {
            write_durably(&path, format!("{before}{line}").as_bytes())?;
        }
    }
    Ok(remote)
}

/// Keeps an object in every place that does not have it yet.
fn keep(places: &[PathBuf], key: &str, bytes: &[u8]) -> Result<()> {
    for path in places.iter().map(|place| place.join(key)) {
        // Named by its content; of another size is what a full disk left of another program's.
        if !fs::metadata(&path).is_ok_and(|about| about.len() == bytes.len() as u64) {
            write_durably(&path, bytes)?;
        }
    }
    Ok(())
}

fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(TrainerError::Io { path: folder.to_owned(), act: "removed", source })
        }
        _ => Ok(()),
    }
}
