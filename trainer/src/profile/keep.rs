//! The profiles that a home keeps: the folder `profiles`, a file a data version.

use std::path::PathBuf;

use kline::Interval;
use store::Home;

use super::Profile;
use crate::artefact::{read_json, write_json};
use crate::{Result, TrainerError};

/// Profiles that are kept; beyond that the oldest goes.
const KEPT_MAX: usize = 32;

/// Digits of a data version in a file's name.
const NAME_DIGITS: usize = 16;

/// The profiles of a home.
#[derive(Debug, Clone)]
pub struct Profiles {
    folder: PathBuf,
}

impl Profiles {
    /// Those of a home.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { folder: home.folder().join("profiles") }
    }

    /// The newest of another data version with the same step; `None` if there is none.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn last_before(&self, data_version: &str, interval: Interval) -> Result<Option<Profile>> {
        let kept = self.all()?.into_iter().map(|(_, profile)| profile);
        let others = kept.filter(|kept| kept.data_version != data_version && kept.interval == interval);
        Ok(others.max_by_key(|kept| kept.made_at))
    }

    /// Keeps one, in the place of an earlier one of the same data version.
    ///
    /// # Errors
    /// [`TrainerError::Io`].
    pub fn keep(&self, profile: &Profile) -> Result<()> {
        let digits = profile.data_version.trim_start_matches("sha256:");
        let name: String = digits.chars().take(NAME_DIGITS).collect();
        let path = self.folder.join(format!("{name}.json"));
        let mut kept = self.all()?;
        // What is there already with the same content stays, and says when that was first seen.
        let same = |(other, before): &(PathBuf, Profile)| {
            *other == path && Profile { made_at: profile.made_at, ..before.clone() } == *profile
        };
        if kept.iter().any(same) {
            return Ok(());
        }
        write_json(&path, profile)?;
        kept.retain(|(other, _)| *other != path);
        kept.push((path, profile.clone()));
        kept.sort_by_key(|(_, profile)| std::cmp::Reverse(profile.made_at));
        for (path, _) in kept.into_iter().skip(KEPT_MAX) {
            let gone = |source| TrainerError::Io { path: path.clone(), act: "removed", source };
            std::fs::remove_file(&path).map_err(gone)?;
        }
        Ok(())
    }

    fn all(&self) -> Result<Vec<(PathBuf, Profile)>> {
        let failed = |source| TrainerError::Io { path: self.folder.clone(), act: "read", source };
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let profile = read_json(&path, "validate")?;
                found.push((path, profile));
            }
        }
        Ok(found)
    }
}
