//! What may go: records of old runs, versions with their bundles, and datasets that nothing refers to any more.
//!
//! A version stays while an alias points to it, while it is in staging or production, while it is one of the newest, or young, or a
//! parent of one of these (the champion before its training, or whose walk it took over); and the champion before stays, for who goes
//! back to it. It leaves the registry before its bundle's files go. A dataset stays while a kept bundle was trained on it, while it
//! is one of the newest, or young. With the registry in MLflow a version's boosters go with it, and what a publication that was
//! broken off has left of others; then runs that no version of any model comes of. Bundles and datasets go from a bucket as they go
//! from a folder. A bundle that is not in this registry is another one's.

mod going;
mod rules;

use std::collections::BTreeSet;
use std::path::Path;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::Serialize;
use serde_json::Value;
use store::{
    DatasetDigest, DatasetStore, Home, MlflowRegistry, ModelVersion, NamedVersion, StoreError,
    champion_before,
};

use self::going::{Going, remove_bundle, removing};
use crate::artefact::read_json;
use crate::lineage::{Origin, origin_file};
use crate::runs::recorded;
use crate::trained::WALK_OF;
use crate::{Result, TrainerError, tracking};

pub use self::rules::Keeping;

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Records of runs.
    pub runs: Vec<String>,
    /// Bundles, each with its version in the registry, which goes with it.
    pub bundles: Vec<(BundleDigest, Option<u32>)>,
    /// Those of them that were the champion once: what the server said with them can't be made again from what is kept here.
    pub served: Vec<u32>,
    /// Datasets.
    pub datasets: Vec<DatasetDigest>,
    /// Versions of boosters in MLflow: the registered model and its version.
    pub boosters: Vec<(String, u32)>,
    /// Runs in MLflow.
    pub mlflow_runs: Vec<String>,
}

/// Removes what may go, or only says what; nobody else may work on the artefacts meanwhile. What is broken off leaves nothing half
/// that anybody would find, and is completed by the next.
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
    let mut going = Going::read(&training)?;
    if !dry_run {
        going.complete(home, datasets)?;
    }
    // A place that can't be read is told before anything goes.
    let there = home.objects().list()?;
    let mut found = Pruned::default();
    for (folder, state) in rules::old_runs(recorded(&training)?, keeping, now) {
        if !dry_run {
            remove(&folder)?;
        }
        found.runs.push(state.id);
    }
    let old = old_versions(home, keeping, now)?;
    if !dry_run {
        going.note(old.iter().map(|model| model.bundle).collect(), Vec::new())?;
    }
    versions(home, old, (now, dry_run), &mut found)?;
    if let Some(store) = datasets {
        let gone: BTreeSet<BundleDigest> = found.bundles.iter().map(|(bundle, _)| *bundle).collect();
        let kept: BTreeSet<BundleDigest> =
            there.into_iter().filter(|bundle| !gone.contains(bundle)).collect();
        found.datasets = rules::old_datasets(store.list()?, &trained_on(home, &kept)?, keeping, now);
        if !dry_run {
            going.note(Vec::new(), found.datasets.clone())?;
            found.datasets.iter().try_for_each(|digest| store.remove(*digest))?;
        }
    }
    if !dry_run {
        going.complete(home, datasets)?;
    }
    if let Some(registry) = home.mlflow() {
        left_boosters(registry, (keeping, now, dry_run), &mut found)?;
        mlflow_runs(registry, &training, (keeping, now, dry_run), &mut found)?;
    }
    Ok(found)
}

/// The versions that may go.
fn old_versions(home: &Home, keeping: Keeping, now: Milliseconds) -> Result<Vec<ModelVersion>> {
    let registry = home.registry();
    let versions = registry.versions()?;
    let before = champion_before(registry)?.map(|model| model.version);
    let parents = parents(home, &rules::kept_for_themselves(&versions, keeping, now))?;
    let mut old = Vec::new();
    for model in rules::old_versions(&versions, before, &parents, keeping, now) {
        // Others may go by it in ways that only they know of.
        if registry.held(model.version)?.is_none() {
            old.push(model.clone());
        }
    }
    Ok(old)
}

/// Takes versions out of the registry, then their files away.
fn versions(
    home: &Home,
    old: Vec<ModelVersion>,
    (now, dry_run): (Milliseconds, bool),
    found: &mut Pruned,
) -> Result<()> {
    let registry = home.registry();
    let history = registry.history()?;
    let served: BTreeSet<u32> = history
        .into_iter()
        .filter(|change| change.change == "alias champion")
        .map(|change| change.version)
        .collect();
    for model in old {
        let boosters = match home.mlflow() {
            Some(mlflow) => mlflow.boosters_of(model.bundle)?,
            None => Vec::new(),
        };
        if !dry_run {
            match registry.forget(model.version, now) {
                // It was promoted since.
                Err(StoreError::InUse { .. }) => continue,
                forgotten => forgotten?,
            }
            if let Some(mlflow) = home.mlflow() {
                boosters.iter().try_for_each(|booster| mlflow.remove_booster(booster))?;
            }
            remove_bundle(home, model.bundle)?;
        }
        found.bundles.push((model.bundle, Some(model.version)));
        found.served.extend(served.get(&model.version));
        found.boosters.extend(boosters.into_iter().map(|booster| (booster.name, booster.version)));
    }
    Ok(())
}

/// The bundles that others name as where they come from. One whose origin another home keeps, or whose files are not here, names none.
fn parents(home: &Home, of: &[BundleDigest]) -> Result<BTreeSet<BundleDigest>> {
    let mut found = BTreeSet::new();
    for bundle in of {
        match read_json::<Origin>(&origin_file(home.folder(), *bundle), "publish") {
            Err(TrainerError::MissingStage { .. }) => {}
            origin => found.extend(origin?.parent.map(|parent| parent.bundle)),
        }
        match home.objects().manifest(*bundle) {
            Err(StoreError::NoBundle { .. }) => {}
            manifest => {
                let named = named(&manifest?, |manifest| manifest.get("parameters")?.get(WALK_OF).cloned());
                found.extend(named.and_then(|text| text.parse::<BundleDigest>().ok()));
            }
        }
    }
    Ok(found)
}

/// The datasets that kept bundles were trained on.
fn trained_on(home: &Home, kept: &BTreeSet<BundleDigest>) -> Result<BTreeSet<DatasetDigest>> {
    let mut found = BTreeSet::new();
    for bundle in kept {
        let manifest = home.objects().manifest(*bundle)?;
        let named = named(&manifest, |manifest| manifest.get("data_version").cloned());
        found.extend(named.and_then(|text| text.parse::<DatasetDigest>().ok()));
    }
    Ok(found)
}

/// A text of a manifest, which is read without the rest of it: it may be another version's.
fn named(manifest: &[u8], of: impl FnOnce(&Value) -> Option<Value>) -> Option<String> {
    let manifest = serde_json::from_slice::<Value>(manifest).ok()?;
    of(&manifest)?.as_str().map(str::to_owned)
}

/// What publications that were broken off have left of boosters whose bundle never became a version.
fn left_boosters(
    registry: &MlflowRegistry,
    (keeping, now, dry_run): (Keeping, Milliseconds, bool),
    found: &mut Pruned,
) -> Result<()> {
    for left in registry.left_boosters(keeping.old_elsewhere(now))? {
        if !dry_run {
            registry.remove_booster(&left)?;
        }
        found.boosters.push((left.name, left.version));
    }
    Ok(())
}

/// Old runs of MLflow that have ended and that no version comes of; nor the one that this home publishes in.
fn mlflow_runs(
    registry: &MlflowRegistry,
    training: &Path,
    (keeping, now, dry_run): (Keeping, Milliseconds, bool),
    found: &mut Pruned,
) -> Result<()> {
    let gone: BTreeSet<NamedVersion> = {
        let bundles = found.bundles.iter().filter_map(|(_, version)| {
            Some(NamedVersion { name: registry.mlflow().place().model().to_owned(), version: (*version)? })
        });
        let boosters = found
            .boosters
            .iter()
            .map(|(name, version)| NamedVersion { name: name.clone(), version: *version });
        bundles.chain(boosters).collect()
    };
    let own = tracking::run_of(registry, training);
    for run in registry.begun_runs()?.into_iter().skip(keeping.newest) {
        let is_old = run.began_at < keeping.old_elsewhere(now);
        if !is_old || run.is_open || own.as_ref() == Some(&run.id) {
            continue;
        }
        if registry.versions_of_run(&run.id)?.iter().any(|version| !gone.contains(version)) {
            continue;
        }
        if !dry_run {
            registry.delete_run(&run.id)?;
        }
        found.mlflow_runs.push(run.id);
    }
    Ok(())
}

/// Takes a folder out of sight at once, then removes it: a reader sees all of it or nothing.
fn remove(folder: &Path) -> Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let aside = folder.with_file_name(format!(".removing-{name}"));
    std::fs::rename(folder, &aside)
        .and_then(|()| std::fs::remove_dir_all(&aside))
        .map_err(|error| removing(folder, error))
}
