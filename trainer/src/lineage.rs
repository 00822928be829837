//! Why this model: where it comes from and how it came to be what it is.
//!
//! What decides the model stands in its bundle, whose name is its hash. What does not (times, machines, the champion of the day)
//! is kept beside the bundles. Who promoted it stands in the registry's history.

mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forecast::{Bundle, BundleDigest, Manifest, Task, TrainingWindow};
use kline::{Interval, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Home, ModelVersion, RegistryChange};

use crate::artefact::{read_json, write_durably};
use crate::machine::Code;
use crate::runs::{Outcome, Parent, StageRecord, recorded};
use crate::{Result, TrainerError};

pub(crate) use table::lineage_table;

/// What is written down beside a bundle when it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The program that published it.
    pub program: Code,
    /// On which machine.
    pub host: String,
    /// When, Unix milliseconds.
    pub published_at: Milliseconds,
    /// The run that it came of; none if the stages were done one by one.
    pub run: Option<String>,
    /// The champion before it was trained.
    pub parent: Option<Parent>,
    /// What was done for it, in order.
    pub stages: Vec<StageRecord>,
}

/// One booster of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoosterLineage {
    /// The task.
    pub task: Task,
    /// `lightgbm` or `xgboost`.
    pub library: &'static str,
    /// Its rounds.
    pub rounds: u64,
    /// What the library was told.
    pub parameters: BTreeMap<String, Value>,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Lineage {
    /// The bundle.
    pub bundle: BundleDigest,
    /// As it is registered, if it is.
    pub registered: Option<ModelVersion>,
    /// The content hash of the klines.
    pub data_version: String,
    /// The markets.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// The windows.
    pub windows: TrainingWindow,
    /// The seed of everything random.
    pub seed: u64,
    /// The libraries and their versions.
    pub libraries: BTreeMap<String, String>,
    /// Parameters of the training.
    pub parameters: BTreeMap<String, Value>,
    /// The boosters.
    pub boosters: Vec<BoosterLineage>,
    /// Where and when it was made; none if another home keeps that.
    pub origin: Option<Origin>,
    /// How its run ended.
    pub outcome: Option<Outcome>,
    /// What the registry's history says of it: who promoted it when, past which gates.
    pub history: Vec<RegistryChange>,
}

/// Where a bundle's origin is kept.
#[must_use]
pub fn origin_file(home: &Path, bundle: BundleDigest) -> PathBuf {
    home.join("bundles").join(format!("{bundle}.lineage.json"))
}

/// Keeps a bundle's origin; that of its first publication stays.
///
/// # Errors
/// When it can't be written.
pub fn keep_origin(home: &Path, bundle: BundleDigest, origin: &Origin) -> Result<()> {
    let path = origin_file(home, bundle);
    if path.exists() {
        return Ok(());
    }
    let failed =
        |error| TrainerError::Io { path: path.clone(), act: "written", source: std::io::Error::other(error) };
    write_durably(&path, &serde_json::to_vec_pretty(origin).map_err(failed)?)
}

/// The lineage of a kept bundle.
///
/// # Errors
/// When the bundle does not hold, or something can't be read.
pub fn lineage(home: &Home, bundle: BundleDigest) -> Result<Lineage> {
    let kept = Bundle::from_files(home.objects().get(bundle)?)?;
    let origin = match read_json::<Origin>(&origin_file(home.folder(), bundle), "publish") {
        Err(TrainerError::MissingStage { .. }) => None,
        found => Some(found?),
    };
    let registry = home.registry();
    let registered = registry.versions()?.into_iter().find(|model| model.bundle == bundle);
    let version = registered.as_ref().map(|model| model.version);
    let history = registry.history()?.into_iter().filter(|change| Some(change.version) == version).collect();
    let run = origin.as_ref().and_then(|origin| origin.run.clone());
    let runs = recorded(&home.folder().join("training"))?;
    let outcome = runs.into_iter().find(|(_, state)| Some(&state.id) == run.as_ref());
    let manifest = kept.manifest().clone();
    let boosters = boosters(&manifest);
    Ok(Lineage {
        bundle,
        registered,
        data_version: manifest.data_version,
        symbols: manifest.symbols,
        interval: manifest.interval,
        windows: manifest.training,
        seed: manifest.seed,
        libraries: manifest.libraries,
        parameters: manifest.parameters,
        boosters,
        origin,
        outcome: outcome.and_then(|(_, state)| state.outcome),
        history,
    })
}

fn boosters(manifest: &Manifest) -> Vec<BoosterLineage> {
    let both = manifest.tasks.iter().flat_map(|entry| {
        [("lightgbm", &entry.lightgbm), ("xgboost", &entry.xgboost)].map(|(library, booster)| {
            BoosterLineage {
                task: entry.task,
                library,
                rounds: booster.rounds,
                parameters: booster.parameters.clone(),
            }
        })
    });
    both.collect()
}
