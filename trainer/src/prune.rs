//! What may go: records of old runs, and bundles that nothing refers to any more.
//!
//! A bundle stays while an alias points to its version, while that is in staging or production, while it is one of the newest, or
//! young; and the champion before stays, for who goes back to it. The registry remembers every version, whether its bundle is
//! there or not.

use std::collections::BTreeSet;
use std::path::Path;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::Serialize;
use store::{Home, ModelVersion, Stage, champion_before};

use crate::runs::{RunState, recorded};
use crate::{Result, TrainerError};

const DAY: Milliseconds = 86_400_000;

/// What is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// The newest so many.
    pub newest: usize,
    /// What is younger than so many days.
    pub days: u32,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Records of runs.
    pub runs: Vec<String>,
    /// Bundles, each with its version in the registry.
    pub bundles: Vec<(BundleDigest, Option<u32>)>,
    /// Those of them that were the champion once: what the server said with them can't be made again from what is kept here.
    pub served: Vec<u32>,
}

/// Removes what may go, or only says what; nobody else may work on the artefacts meanwhile.
///
/// # Errors
/// When something can't be read or removed.
pub fn prune(home: &Home, keeping: Keeping, now: Milliseconds, dry_run: bool) -> Result<Pruned> {
    let training = home.folder().join("training");
    let versions = home.registry().versions()?;
    let before = champion_before(home.registry())?.map(|model| model.version);
    let served: BTreeSet<u32> = home
        .registry()
        .history()?
        .into_iter()
        .filter(|change| change.change == "alias champion")
        .map(|change| change.version)
        .collect();
    let mut found = Pruned::default();
    for (folder, state) in old_runs(recorded(&training)?, keeping, now) {
        if !dry_run {
            remove(&folder)?;
        }
        found.runs.push(state.id);
    }
    for model in old_versions(&versions, before, keeping, now) {
        let folder = home.folder().join("bundles").join(model.bundle.to_string());
        if !folder.is_dir() {
            continue;
        }
        if !dry_run {
            remove(&folder)?;
            let origin = crate::lineage::origin_file(home.folder(), model.bundle);
            if origin.exists() {
                std::fs::remove_file(&origin).map_err(|source| removing(&origin, source))?;
            }
        }
        found.bundles.push((model.bundle, Some(model.version)));
        found.served.extend(served.get(&model.version));
    }
    Ok(found)
}

fn removing(path: &Path, source: std::io::Error) -> TrainerError {
    TrainerError::Io { path: path.to_owned(), act: "removed", source }
}

/// Takes a folder out of sight at once, then removes it: a reader sees all of it or nothing.
fn remove(folder: &Path) -> Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let aside = folder.with_file_name(format!(".removing-{name}"));
    std::fs::rename(folder, &aside)
        .and_then(|()| std::fs::remove_dir_all(&aside))
        .map_err(|error| removing(folder, error))
}

fn old_runs<P>(runs: Vec<(P, RunState)>, keeping: Keeping, now: Milliseconds) -> Vec<(P, RunState)> {
    let is_old = |(_, state): &(P, RunState)| now - state.began > i64::from(keeping.days) * DAY;
    runs.into_iter().skip(keeping.newest).filter(is_old).collect()
}

/// Of versions, the newest first, those that nothing refers to.
fn old_versions(
    versions: &[ModelVersion],
    before: Option<u32>,
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<&ModelVersion> {
    let may_go = |model: &&ModelVersion| {
        model.aliases.is_empty()
            && !matches!(model.stage, Stage::Staging | Stage::Production)
            && before != Some(model.version)
            && now - model.registered_at > i64::from(keeping.days) * DAY
    };
    versions.iter().skip(keeping.newest).filter(may_go).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use store::Alias;

    fn version(version: u32, stage: u8, alias: u8, registered_at: Milliseconds) -> ModelVersion {
        let stage = [Stage::None, Stage::Staging, Stage::Production, Stage::Archived][usize::from(stage)];
        let aliases = match alias {
            1 => vec![Alias::Champion],
            2 => vec![Alias::Challenger],
            _ => Vec::new(),
        };
        let (bundle, metrics) = (BundleDigest([version as u8; 32]), Default::default());
        ModelVersion { version, bundle, stage, aliases, registered_at, metrics }
    }

    proptest! {
        #[test]
        fn nothing_goes_that_something_refers_to(
            models in prop::collection::vec((0u8..4, 0u8..3, 0i64..100 * DAY), 0..12),
            newest in 0usize..5,
            days in 0u32..100,
            before in prop::option::of(1u32..12),
        ) {
            let count = models.len() as u32;
            let newest_first = models.into_iter().enumerate();
            let versions: Vec<ModelVersion> = newest_first
                .map(|(at, (stage, alias, registered))| version(count - at as u32, stage, alias, registered))
                .collect();
            let now = 100 * DAY;
            for gone in old_versions(&versions, before, Keeping { newest, days }, now) {
                prop_assert!(gone.aliases.is_empty());
                prop_assert!(matches!(gone.stage, Stage::None | Stage::Archived));
                prop_assert!(now - gone.registered_at > i64::from(days) * DAY);
                prop_assert!(gone.version + newest as u32 <= count && before != Some(gone.version));
            }
            let all = old_versions(&versions, None, Keeping { newest: 0, days: 0 }, now + 1);
            let free = |model: &&ModelVersion| model.aliases.is_empty() && matches!(model.stage, Stage::None | Stage::Archived);
            prop_assert_eq!(all.len(), versions.iter().filter(free).count());
        }
    }
}
