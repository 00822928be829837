//! What must hold before a bundle is served.

use std::collections::{BTreeMap, BTreeSet};

use features::Catalogue;
use forest::{Booster, Ensemble, Library, Limits, LoadError, Model};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    BANDS_FILE, BASELINES_FILE, Bundle, BundleDigest, BundleError, CALIBRATION_FILE, CAUSALITY_FILE,
    CausalityCertificate, GOLDEN_FILE, Golden, GoldenLibrary, LEAKS_FILE, LeaksCertificate, MANIFEST_FILE,
    Manifest, PARITY_FILE, ParityCertificate, SCHEMA_VERSION, STACKING_FILE, TaskEntry, VARIANCE_FILE,
};
use crate::{Bands, BaselineName, Baselines, Calibration, Stacking, Task, TaskKind, VarianceModel};

/// Checks everything, cheapest and most telling first, and loads the boosters.
pub(super) fn verify(files: BTreeMap<String, Vec<u8>>) -> Result<Bundle, BundleError> {
    let manifest_bytes = file(&files, MANIFEST_FILE)?;
    let manifest = read_manifest(manifest_bytes)?;
    check_files(&manifest, &files)?;
    check_catalogue(&manifest)?;
    check_lists(&manifest)?;
    let baselines: Baselines = json(BASELINES_FILE, file(&files, BASELINES_FILE)?)?;
    let stacking: Stacking = json(STACKING_FILE, file(&files, STACKING_FILE)?)?;
    check_stacking(&stacking, &manifest)?;
    let calibration: Calibration = json(CALIBRATION_FILE, file(&files, CALIBRATION_FILE)?)?;
    let bands: Bands = json(BANDS_FILE, file(&files, BANDS_FILE)?)?;
    check_calibration(&calibration, &bands, &manifest)?;
    let variance = variance(&manifest, &files)?;
    let causality: CausalityCertificate = json(CAUSALITY_FILE, file(&files, CAUSALITY_FILE)?)?;
    check_causality(&causality, &manifest)?;
    let leaks = leaks(&manifest, &files)?;
    let golden: Golden = json(GOLDEN_FILE, file(&files, GOLDEN_FILE)?)?;
    let mut models = Vec::with_capacity(2 * manifest.tasks.len());
    for entry in &manifest.tasks {
        models.extend(load_models(entry, &manifest, &files)?);
    }
    let boosters: Vec<Booster> = models.iter().map(Booster::new).collect();
    for (entry, boosters) in manifest.tasks.iter().zip(boosters.chunks_exact(2)) {
        golden.check(&entry.lightgbm.file, entry.task, GoldenLibrary::LightGbm, &boosters[0])?;
        golden.check(&entry.xgboost.file, entry.task, GoldenLibrary::XgBoost, &boosters[1])?;
    }
    let parity: ParityCertificate = json(PARITY_FILE, file(&files, PARITY_FILE)?)?;
    check_parity(&parity, &manifest, &boosters)?;
    let ensemble = together(&models, &boosters, &manifest, &golden)?;
    let digest = BundleDigest::of(manifest_bytes);
    Ok(Bundle {
        digest,
        manifest,
        files,
        baselines,
        stacking,
        calibration,
        bands,
        variance,
        causality,
        parity,
        leaks,
        ensemble,
    })
}

fn file<'a>(files: &'a BTreeMap<String, impl AsRef<[u8]>>, name: &str) -> Result<&'a [u8], BundleError> {
    files.get(name).map(AsRef::as_ref).ok_or_else(|| BundleError::MissingFile { name: name.to_owned() })
}

fn json<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, BundleError> {
    serde_json::from_slice(bytes)
        .map_err(|error| BundleError::Malformed { name: name.to_owned(), problem: error.to_string() })
}

/// Reads the schema version first, so that a newer manifest is refused as such and not as malformed.
fn read_manifest(bytes: &[u8]) -> Result<Manifest, BundleError> {
    let value: Value = json(MANIFEST_FILE, bytes)?;
    let version = value.get("schema_version").and_then(Value::as_u64).unwrap_or(0);
    if version != u64::from(SCHEMA_VERSION) {
        return Err(BundleError::SchemaVersion { found: version, supported: SCHEMA_VERSION });
    }
    json(MANIFEST_FILE, bytes)
}

fn check_files(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    for (name, entry) in &manifest.files {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
        if !name.split('/').all(plain) || name == MANIFEST_FILE {
            return Err(BundleError::FileName { name: name.chars().take(200).collect() });
        }
        let found = hex::encode(Sha256::digest(file(files, name)?));
        if found != entry.sha256 {
            let expected = entry.sha256.clone();
            return Err(BundleError::Checksum { name: name.clone(), expected, found });
        }
    }
    for name in files.keys() {
        if name != MANIFEST_FILE && !manifest.files.contains_key(name) {
            return Err(BundleError::UnlistedFile { name: name.clone() });
        }
    }
    Ok(())
}

fn check_catalogue(manifest: &Manifest) -> Result<(), BundleError> {
    let catalogue = Catalogue::standard();
    let expected = catalogue.hash().to_string();
    let difference = catalogue.difference(&manifest.features);
    if manifest.catalogue_hash == expected && difference.is_empty() {
        return Ok(());
    }
    Err(BundleError::Catalogue { found: manifest.catalogue_hash.clone(), expected, difference })
}

fn check_lists(manifest: &Manifest) -> Result<(), BundleError> {
    let field = |field, problem: &str| Err(BundleError::Field { field, problem: problem.to_owned() });
    if manifest.symbols.is_empty() {
        return field("symbols", "is empty");
    }
    if !manifest.symbols.windows(2).all(|pair| pair[0] < pair[1]) {
        return field("symbols", "is not sorted or repeats a symbol");
    }
    if manifest.tasks.is_empty() {
        return field("tasks", "is empty");
    }
    let distinct: BTreeSet<Task> = manifest.tasks.iter().map(|entry| entry.task).collect();
    if distinct.len() != manifest.tasks.len()
        || !manifest.tasks.windows(2).all(|pair| pair[0].task < pair[1].task)
    {
        return field("tasks", "is not in the order of the tasks or repeats one");
    }
    Ok(())
}

fn check_causality(causality: &CausalityCertificate, manifest: &Manifest) -> Result<(), BundleError> {
    match causality.problem(&manifest.catalogue_hash, &manifest.data_version) {
        None => Ok(()),
        Some(problem) => Err(BundleError::Causality { problem }),
    }
}

/// The certificate of leaks, which a bundle may lack.
fn leaks(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<LeaksCertificate>, BundleError> {
    let Some(bytes) = files.get(LEAKS_FILE) else { return Ok(None) };
    let leaks: LeaksCertificate = json(LEAKS_FILE, bytes)?;
    match leaks.problem(&manifest.catalogue_hash, &manifest.data_version) {
        None => Ok(Some(leaks)),
        Some(problem) => Err(BundleError::Leaks { problem }),
    }
}

/// Comes after the boosters were read, so that a broken one is told as such.
fn check_parity(
    parity: &ParityCertificate,
    manifest: &Manifest,
    boosters: &[Booster],
) -> Result<(), BundleError> {
    parity.check(manifest)?;
    for (name, booster) in booster_files(manifest).zip(boosters) {
        parity.sample.check(name, booster)?;
    }
    Ok(())
}

/// The boosters' files in the order in which they are asked: by task, LightGBM's before XGBoost's.
fn booster_files(manifest: &Manifest) -> impl Iterator<Item = &String> {
    manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm.file, &entry.xgboost.file])
}

/// All boosters as one, which answers the golden rows as each does by itself.
fn together(
    models: &[Model],
    boosters: &[Booster],
    manifest: &Manifest,
    golden: &Golden,
) -> Result<Ensemble, BundleError> {
    let malformed = |error: forest::RowError| BundleError::Malformed {
        name: GOLDEN_FILE.to_owned(),
        problem: error.to_string(),
    };
    let ensemble = Ensemble::new(models).map_err(malformed)?;
    let mut found = vec![f64::NAN; ensemble.output_count()];
    for (row, values) in golden.rows.iter().enumerate() {
        ensemble.predict(&values.0, &mut found).map_err(malformed)?;
        for (member, (name, booster)) in booster_files(manifest).zip(boosters).enumerate() {
            let mut alone = vec![f64::NAN; booster.output_count()];
            booster.predict(&values.0, &mut alone).map_err(malformed)?;
            for (&found, expected) in found[ensemble.outputs(member)].iter().zip(alone) {
                if found.to_bits() != expected.to_bits() {
                    return Err(BundleError::GoldenRow {
                        name: name.clone(),
                        library: booster.library().to_string(),
                        row,
                        found,
                        found_bits: found.to_bits(),
                        expected,
                        expected_bits: expected.to_bits(),
                    });
                }
            }
        }
    }
    Ok(ensemble)
}

fn check_stacking(stacking: &Stacking, manifest: &Manifest) -> Result<(), BundleError> {
    let missing =
        |task: Task| manifest.task(task).is_none().then(|| format!("needs {task}, which is not there"));
    let volatility = || stacking.tasks().next().and_then(|_| missing(Task::Volatility4Step));
    match stacking.problem().or_else(|| stacking.tasks().find_map(missing)).or_else(volatility) {
        None => Ok(()),
        Some(problem) => Err(BundleError::Malformed { name: STACKING_FILE.to_owned(), problem }),
    }
}

fn check_calibration(
    calibration: &Calibration,
    bands: &Bands,
    manifest: &Manifest,
) -> Result<(), BundleError> {
    let missing =
        |task: Task| manifest.task(task).is_none().then(|| format!("is for {task}, which is not there"));
    let volatility = || bands.tasks().next().and_then(|_| missing(Task::Volatility4Step));
    let problems = [
        (CALIBRATION_FILE, calibration.problem().or_else(|| calibration.needed().find_map(missing))),
        (BANDS_FILE, bands.problem().or_else(|| bands.tasks().find_map(missing)).or_else(volatility)),
    ];
    match problems.into_iter().find_map(|(name, problem)| Some((name, problem?))) {
        None => Ok(()),
        Some((name, problem)) => Err(BundleError::Malformed { name: name.to_owned(), problem }),
    }
}

/// What the squared volatility is expected by, which a bundle may lack.
fn variance(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<VarianceModel>, BundleError> {
    let Some(bytes) = files.get(VARIANCE_FILE) else { return Ok(None) };
    let variance: VarianceModel = json(VARIANCE_FILE, bytes)?;
    let missing = || format!("is for {}, which is not there", Task::Volatility4Step);
    let stray = manifest.task(Task::Volatility4Step).is_none().then(missing);
    match variance.problem().or(stray) {
        None => Ok(Some(variance)),
        Some(problem) => Err(BundleError::Malformed { name: VARIANCE_FILE.to_owned(), problem }),
    }
}

/// The boosters of a task: LightGBM's, XGBoost's.
pub(crate) fn load_models(
    entry: &TaskEntry,
    manifest: &Manifest,
    files: &BTreeMap<String, impl AsRef<[u8]>>,
) -> Result<[Model; 2], BundleError> {
    let task = entry.task;
    if !entry.transform.suits(task) {
        return Err(BundleError::Transform { task, transform: format!("{:?}", entry.transform) });
    }
    if !BaselineName::of(task).contains(&entry.best_baseline) {
        return Err(BundleError::Field {
            field: "best_baseline",
            problem: format!("names {}, which does not answer {task}", entry.best_baseline),
        });
    }
    let members = [
        (&entry.lightgbm.file, model(&entry.lightgbm.file, task, GoldenLibrary::LightGbm, files)?),
        (&entry.xgboost.file, model(&entry.xgboost.file, task, GoldenLibrary::XgBoost, files)?),
    ];
    for (name, model) in &members {
        model.check_features(&manifest.features).map_err(|problem| BundleError::Features {
            name: (*name).clone(),
            task,
            problem,
        })?;
    }
    Ok(members.map(|(_, model)| model))
}

fn model(
    name: &str,
    task: Task,
    library: GoldenLibrary,
    files: &BTreeMap<String, impl AsRef<[u8]>>,
) -> Result<Model, BundleError> {
    let bytes = file(files, name)?;
    let read: Result<Model, LoadError> = match Library::from(library) {
        Library::LightGbm => Model::from_lightgbm_text(bytes, &Limits::default()),
        Library::XgBoost => Model::from_xgboost_ubjson(bytes, &Limits::default()),
    };
    let model = read.map_err(|error| BundleError::Booster {
        name: name.to_owned(),
        task,
        problem: error.to_string(),
    })?;
    let outputs = match task.kind() {
        TaskKind::Regression | TaskKind::Binary => 1,
        TaskKind::Classes(count) => count,
    };
    for (what, found, expected) in [
        ("features", model.feature_count(), Catalogue::standard().len()),
        ("outputs", model.output_count(), outputs),
    ] {
        if found != expected {
            return Err(BundleError::Shape { name: name.to_owned(), task, what, found, expected });
        }
    }
    Ok(model)
}
