//! Puts a bundle together.

use std::collections::BTreeMap;

use features::Catalogue;
use kline::{Interval, Symbol};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    BANDS_FILE, BASELINES_FILE, BoosterEntry, Bundle, BundleError, CALIBRATION_FILE, CAUSALITY_FILE,
    CausalityCertificate, FileEntry, GOLDEN_FILE, Golden, GoldenAnswers, GoldenLibrary, HexFloats,
    LEAKS_FILE, LeaksCertificate, MANIFEST_FILE, MODEL_CARD_FILE, Manifest, ModelMetrics, PARITY_FILE,
    ParityCertificate, SCHEMA_VERSION, STACKING_FILE, TaskEntry, TrainingWindow, VARIANCE_FILE, canonical,
};
use crate::{
    Bands, BaselineName, Baselines, Calibration, LightGbmShare, Stacking, TargetTransform, Task,
    VarianceModel,
};

/// Everything that a bundle is made of. The same parts give the same bytes and the same digest.
#[derive(Debug, Clone)]
pub struct BundleBuilder {
    /// The step.
    pub interval: Interval,
    /// The markets that the models were trained on.
    pub symbols: Vec<Symbol>,
    /// The bars that training used.
    pub training: TrainingWindow,
    /// The content hash of the klines.
    pub data_version: String,
    /// Library names and versions.
    pub libraries: BTreeMap<String, String>,
    /// The seed of everything random.
    pub seed: u64,
    /// Parameters of the run that belong to no single booster.
    pub parameters: BTreeMap<String, Value>,
    /// The fitted baselines.
    pub baselines: Baselines,
    /// How the members of some class tasks are combined; the others are answered by the mean.
    pub stacking: Stacking,
    /// What turns the members' mean into what is served.
    pub calibration: Calibration,
    /// The quantiles of bands, from the walk-forward folds.
    pub bands: Bands,
    /// What the squared volatility is expected by, from the walk-forward folds.
    pub variance: Option<VarianceModel>,
    /// What the audit of causality found on the same klines.
    pub causality: CausalityCertificate,
    /// What the audit of parity found on these boosters.
    pub parity: ParityCertificate,
    /// What canaries showed on the same klines, if they were listened to.
    pub leaks: Option<LeaksCertificate>,
    /// Feature rows in catalogue order, for the golden answers.
    pub golden_rows: Vec<Vec<f64>>,
    /// The tasks.
    pub tasks: Vec<TaskParts>,
    /// What a person should know about the models, in Markdown.
    pub model_card: String,
}

/// One task's part of a bundle.
#[derive(Debug, Clone)]
pub struct TaskParts {
    /// The task.
    pub task: Task,
    /// What the boosters were trained on.
    pub transform: TargetTransform,
    /// The baseline with the least loss on the walk.
    pub best_baseline: BaselineName,
    /// The LightGBM model in LightGBM's text format.
    pub lightgbm: Vec<u8>,
    /// The XGBoost model as UBJSON.
    pub xgboost: Vec<u8>,
    /// What LightGBM itself predicts (after its link function) for each golden row.
    pub lightgbm_golden: Vec<Vec<f64>>,
    /// What XGBoost itself predicts (after its link function, f32 widened) for each golden row.
    pub xgboost_golden: Vec<Vec<f64>>,
    /// Boosting rounds kept: LightGBM's, XGBoost's.
    pub rounds: [u64; 2],
    /// Parameters given to LightGBM.
    pub lightgbm_parameters: BTreeMap<String, Value>,
    /// Parameters given to XGBoost.
    pub xgboost_parameters: BTreeMap<String, Value>,
    /// How much LightGBM counts in the ensemble; without it as much as XGBoost.
    pub lightgbm_share: Option<LightGbmShare>,
    /// The test window's metrics.
    pub metrics: Vec<ModelMetrics>,
}

impl BundleBuilder {
    /// Writes the files and verifies them as a server would.
    ///
    /// # Errors
    /// Whatever [`Bundle::from_files`] refuses.
    pub fn build(&self) -> Result<Bundle, BundleError> {
        Bundle::from_files(self.files()?)
    }

    /// The files by their path within the bundle, the manifest included, not yet verified.
    ///
    /// # Errors
    /// If a part can't be written as JSON.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
        let mut files = BTreeMap::new();
        let mut tasks: Vec<&TaskParts> = self.tasks.iter().collect();
        tasks.sort_by_key(|parts| parts.task);
        let mut entries = Vec::with_capacity(tasks.len());
        for parts in &tasks {
            entries.push(entry(parts));
            files.insert(booster_file(parts.task, GoldenLibrary::LightGbm), parts.lightgbm.clone());
            files.insert(booster_file(parts.task, GoldenLibrary::XgBoost), parts.xgboost.clone());
        }
        files.insert(BASELINES_FILE.to_owned(), json(BASELINES_FILE, &self.baselines)?);
        files.insert(STACKING_FILE.to_owned(), json(STACKING_FILE, &self.stacking)?);
        files.insert(CALIBRATION_FILE.to_owned(), json(CALIBRATION_FILE, &self.calibration)?);
        files.insert(BANDS_FILE.to_owned(), json(BANDS_FILE, &self.bands)?);
        if let Some(variance) = &self.variance {
            files.insert(VARIANCE_FILE.to_owned(), json(VARIANCE_FILE, variance)?);
        }
        files.insert(CAUSALITY_FILE.to_owned(), json(CAUSALITY_FILE, &self.causality)?);
        files.insert(PARITY_FILE.to_owned(), json(PARITY_FILE, &self.parity)?);
        if let Some(leaks) = &self.leaks {
            files.insert(LEAKS_FILE.to_owned(), json(LEAKS_FILE, leaks)?);
        }
        files.insert(GOLDEN_FILE.to_owned(), json(GOLDEN_FILE, &self.golden(&tasks))?);
        files.insert(MODEL_CARD_FILE.to_owned(), self.model_card.clone().into_bytes());
        let mut symbols = self.symbols.clone();
        symbols.sort_unstable();
        symbols.dedup();
        let catalogue = Catalogue::standard();
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            catalogue_hash: catalogue.hash().to_string(),
            features: catalogue.names().map(str::to_owned).collect(),
            interval: self.interval,
            symbols,
            training: self.training,
            data_version: self.data_version.clone(),
            libraries: self.libraries.clone(),
            seed: self.seed,
            parameters: self.parameters.clone(),
            tasks: entries,
            files: files.iter().map(|(name, bytes)| (name.clone(), file_entry(bytes))).collect(),
        };
        files.insert(MANIFEST_FILE.to_owned(), json(MANIFEST_FILE, &manifest)?);
        Ok(files)
    }

    fn golden(&self, tasks: &[&TaskParts]) -> Golden {
        let floats = |lists: &[Vec<f64>]| lists.iter().cloned().map(HexFloats).collect();
        let mut answers = Vec::with_capacity(2 * tasks.len());
        for parts in tasks {
            for (library, outputs) in [
                (GoldenLibrary::LightGbm, &parts.lightgbm_golden),
                (GoldenLibrary::XgBoost, &parts.xgboost_golden),
            ] {
                answers.push(GoldenAnswers { task: parts.task, library, outputs: floats(outputs) });
            }
        }
        Golden { rows: floats(&self.golden_rows), answers }
    }
}

/// The path of a booster within a bundle.
#[must_use]
pub fn booster_file(task: Task, library: GoldenLibrary) -> String {
    match library {
        GoldenLibrary::LightGbm => format!("boosters/{task}.lightgbm.txt"),
        GoldenLibrary::XgBoost => format!("boosters/{task}.xgboost.ubj"),
    }
}

fn entry(parts: &TaskParts) -> TaskEntry {
    let booster = |library, rounds, parameters: &BTreeMap<String, Value>| BoosterEntry {
        file: booster_file(parts.task, library),
        rounds,
        parameters: parameters.clone(),
    };
    TaskEntry {
        task: parts.task,
        transform: parts.transform,
        best_baseline: parts.best_baseline,
        lightgbm: booster(GoldenLibrary::LightGbm, parts.rounds[0], &parts.lightgbm_parameters),
        xgboost: booster(GoldenLibrary::XgBoost, parts.rounds[1], &parts.xgboost_parameters),
        lightgbm_share: parts.lightgbm_share,
        metrics: parts.metrics.clone(),
    }
}

fn file_entry(bytes: &[u8]) -> FileEntry {
    FileEntry { sha256: hex::encode(Sha256::digest(bytes)), size_bytes: bytes.len() as u64 }
}

fn json<T: serde::Serialize>(name: &str, value: &T) -> Result<Vec<u8>, BundleError> {
    canonical::bytes(value)
        .map_err(|error| BundleError::Malformed { name: name.to_owned(), problem: error.to_string() })
}
