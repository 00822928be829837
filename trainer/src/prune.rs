//! What may go: records of old runs, and bundles that nothing refers to any more.
//!
//! A bundle stays while an alias points to its version, while that is in staging or production, while it is one of the newest, or
//! young; and the champion before stays, for who goes back to it. The registry remembers every version, whether its bundle is
//! there or not. A dataset stays while a kept bundle was trained on it, while it is one of the newest, or young. In MLflow goes
//! what a publication that was broken off has left of boosters whose bundle never became a version; all else there is MLflow's.
//! Bundles and datasets go from a bucket as they go from a folder. A bundle that is not in this registry is another one's.

use std::collections::BTreeSet;
use std::path::Path;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::Serialize;
use serde_json::Value;
use store::{DatasetDigest, DatasetStore, Home, ModelVersion, Stage, champion_before};

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
    /// Datasets.
    pub datasets: Vec<DatasetDigest>,
    /// Versions of boosters in MLflow: the registered model and its version.
    pub boosters: Vec<(String, u32)>,
}

/// Removes what may go, or only says what; nobody else may work on the artefacts meanwhile.
///
/// # Errors
/// When something can't be read or removed.
pub fn prune(
    home: &Home,
    datasets: Option<&dyn DatasetStore>,
    keeping: Keeping,
    now: Milliseconds,
    dry_run: bool,
) -> Result<Pruned> {
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
    let mut kept: BTreeSet<BundleDigest> = home.objects().list()?.into_iter().collect();
    for model in old_versions(&versions, before, keeping, now) {
        let copy = home.folder().join("bundles").join(model.bundle.to_string());
        if !kept.remove(&model.bundle) && !copy.is_dir() {
            continue;
        }
        if !dry_run {
            home.objects().remove(model.bundle)?;
            let origin = crate::lineage::origin_file(home.folder(), model.bundle);
            if origin.exists() {
                std::fs::remove_file(&origin).map_err(|source| removing(&origin, source))?;
            }
        }
        found.bundles.push((model.bundle, Some(model.version)));
        found.served.extend(served.get(&model.version));
    }
    if let Some(store) = datasets {
        found.datasets = old_datasets(store.list()?, &trained_on(home, &kept)?, keeping, now);
        for digest in found.datasets.iter().filter(|_| !dry_run) {
            store.remove(*digest)?;
        }
    }
    if let Some(registry) = home.mlflow() {
        // At least a day: another home may be about to publish.
        let before = now - i64::from(keeping.days.max(1)) * DAY;
        for left in registry.left_boosters(before)? {
            if !dry_run {
                registry.remove_booster(&left)?;
            }
            found.boosters.push((left.name, left.version));
        }
    }
    Ok(found)
}

/// The datasets that kept bundles were trained on. What a manifest says is read without the rest of it: it may be another version's.
fn trained_on(home: &Home, kept: &BTreeSet<BundleDigest>) -> Result<BTreeSet<DatasetDigest>> {
    let mut found = BTreeSet::new();
    for bundle in kept {
        let manifest = home.objects().manifest(*bundle)?;
        let named = serde_json::from_slice::<Value>(&manifest).ok();
        let named: Option<DatasetDigest> =
            named.and_then(|manifest| manifest.get("data_version")?.as_str()?.parse().ok());
        found.extend(named);
    }
    Ok(found)
}

/// Of datasets, the newest first, those that nothing refers to.
fn old_datasets(
    all: Vec<(DatasetDigest, Milliseconds)>,
    trained_on: &BTreeSet<DatasetDigest>,
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<DatasetDigest> {
    let may_go = |(digest, written_at): &(DatasetDigest, Milliseconds)| {
        !trained_on.contains(digest) && now - written_at > i64::from(keeping.days) * DAY
    };
    all.into_iter().skip(keeping.newest).filter(may_go).map(|(digest, _)| digest).collect()
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
        fn no_dataset_goes_that_a_bundle_was_trained_on(
            ages in prop::collection::vec((0i64..100 * DAY, any::<bool>()), 0..12),
            newest in 0usize..5,
            days in 0u32..100,
        ) {
            let now = 100 * DAY;
            let mut all: Vec<_> =
                ages.iter().enumerate().map(|(at, (age, _))| (DatasetDigest([at as u8; 32]), now - age)).collect();
            all.sort_by_key(|(_, written_at)| std::cmp::Reverse(*written_at));
            let used = ages.iter().enumerate().filter(|(_, (_, used))| *used);
            let used: BTreeSet<_> = used.map(|(at, _)| DatasetDigest([at as u8; 32])).collect();
            for gone in old_datasets(all.clone(), &used, Keeping { newest, days }, now) {
                let place = all.iter().position(|(digest, _)| *digest == gone).expect("one of them");
                prop_assert!(!used.contains(&gone) && place >= newest && now - all[place].1 > i64::from(days) * DAY);
            }
            let free = old_datasets(all.clone(), &used, Keeping { newest: 0, days: 0 }, now + 1);
            prop_assert_eq!(free.len(), all.len() - used.len());
        }

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
