//! Puts the bundle together, has the original libraries answer its golden rows, and keeps it once it verifies.

mod model_card;

use std::collections::BTreeMap;

use forecast::{Bundle, BundleBuilder, BundleDigest, TaskParts, TrainingWindow};
use serde::Serialize;
use serde_json::{Value, json};
use store::Home;

use crate::certificates::Certificates;
use crate::dataset::Dataset;
use crate::evaluate::Evaluation;
use crate::fit::{LightGbm, Matrix, Parameters, XgBoost, lightgbm_path, lightgbm_version, xgboost_path};
use crate::looks::SHAPES_TRIED;
use crate::split::EMBARGO_BARS;
use crate::train::single_precision;
use crate::trained::{Trained, TrainedTask, WALK_OF, output_count};
use crate::{Result, tracking};

/// What was published.
#[derive(Debug, Clone, Serialize)]
pub struct Published {
    /// The bundle's name.
    pub bundle: BundleDigest,
    /// Its version in the registry.
    pub version: u32,
    /// How many golden rows the original libraries answered.
    pub golden_rows: usize,
    /// The bundle's size.
    pub bytes: usize,
}

/// Builds the bundle, verifies it as a server would, keeps it and registers it.
///
/// # Errors
/// When a certificate is not one for these klines, features and boosters, a library is missing, the bundle does not verify, or
/// the store can't be written.
pub fn publish(
    home: &Home,
    dataset: &Dataset,
    trained: &Trained,
    evaluation: &Evaluation,
    certificates: Certificates,
    now: kline::Milliseconds,
) -> Result<Published> {
    let bundle = build(dataset, trained, evaluation, certificates)?;
    let digest = home.objects().put_bundle(&bundle)?;
    let headline = evaluation.headline();
    let version = match home.mlflow() {
        Some(registry) => {
            tracking::publish(registry, &home.folder().join("training"), &bundle, &headline, now)?
        }
        None => home.registry().register(digest, &headline, now)?.version,
    };
    Ok(Published {
        bundle: digest,
        version,
        golden_rows: golden_rows(dataset).len(),
        bytes: bundle.files().values().map(Vec::len).sum(),
    })
}

/// The bundle, verified. The same dataset, models and figures give the same digest.
///
/// # Errors
/// When a certificate is not one for these klines, features and boosters, a library is missing or the bundle does not verify.
pub fn build(
    dataset: &Dataset,
    trained: &Trained,
    evaluation: &Evaluation,
    certificates: Certificates,
) -> Result<Bundle> {
    certificates.require(trained)?;
    let golden = golden_rows(dataset);
    let answers = Originals::answer(&golden, trained)?;
    let tasks = trained
        .tasks
        .iter()
        .zip(answers.lightgbm.into_iter().zip(answers.xgboost))
        .map(|(one, golden)| task_parts(one, golden, evaluation))
        .collect();
    let builder = BundleBuilder {
        interval: dataset.interval,
        symbols: dataset.symbols.clone(),
        training: training_window(dataset),
        data_version: trained.plan.data_version.clone(),
        libraries: answers.versions,
        seed: trained.plan.seed,
        parameters: parameters(trained),
        baselines: trained.baselines.clone(),
        stacking: trained.stacking.clone(),
        calibration: trained.calibration.clone(),
        bands: trained.bands.clone(),
        variance: trained.variance,
        model_card: model_card::model_card(dataset, trained, evaluation, &certificates),
        causality: certificates.causality,
        parity: certificates.parity,
        leaks: certificates.leaks,
        golden_rows: golden,
        tasks,
    };
    Ok(builder.build()?)
}

/// What the run was told, and what it chose.
fn parameters(trained: &Trained) -> BTreeMap<String, Value> {
    let told = [
        ("rounds_max", json!(trained.plan.rounds_max)),
        ("folds", json!(trained.plan.folds)),
        ("left_out", json!(trained.plan.left_out)),
        ("half_life_days", json!(trained.plan.half_life_days)),
        ("walk", json!(trained.walk)),
        (SHAPES_TRIED, json!(trained.plan.shapes_tried)),
        (WALK_OF, json!(trained.plan.walk_of)),
    ];
    told.map(|(name, value)| (name.to_owned(), value)).into()
}

fn training_window(dataset: &Dataset) -> TrainingWindow {
    let split = dataset.split;
    TrainingWindow {
        train_from: split.train.from,
        train_until: split.train.until,
        tune_until: split.tune.until,
        test_from: Some(split.test.from),
        test_until: Some(split.test.until),
        embargo_bars: EMBARGO_BARS,
        rows: [split.train, split.tune, split.test].map(|window| dataset.range(window).len() as u64),
    }
}

fn task_parts(
    one: &TrainedTask,
    golden: (Vec<Vec<f64>>, Vec<Vec<f64>>),
    evaluation: &Evaluation,
) -> TaskParts {
    let metrics = evaluation.tasks.iter().find(|entry| entry.task == one.task);
    TaskParts {
        task: one.task,
        transform: one.transform,
        best_baseline: one.best_baseline,
        lightgbm: one.lightgbm.fit.file.clone(),
        xgboost: one.xgboost.fit.file.clone(),
        lightgbm_golden: golden.0,
        xgboost_golden: golden.1,
        rounds: [one.lightgbm.fit.rounds as u64, one.xgboost.fit.rounds as u64],
        lightgbm_parameters: to_json(&one.lightgbm.parameters),
        xgboost_parameters: to_json(&one.xgboost.parameters),
        lightgbm_share: one.lightgbm_share,
        metrics: metrics.map(|entry| entry.models.clone()).unwrap_or_default(),
    }
}

fn to_json(parameters: &Parameters) -> BTreeMap<String, Value> {
    parameters.iter().map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect()
}

/// Rows spread over the test window and the training window, one row of which nothing is known, and one of zeros.
fn golden_rows(dataset: &Dataset) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> =
        dataset.golden().into_iter().map(|index| dataset.golden_row(index).to_vec()).collect();
    rows.push(vec![f64::NAN; dataset.width()]);
    rows.push(vec![0.0; dataset.width()]);
    rows
}

/// What the original libraries answer, a task each, a row each.
struct Originals {
    lightgbm: Vec<Vec<Vec<f64>>>,
    xgboost: Vec<Vec<Vec<f64>>>,
    versions: BTreeMap<String, String>,
}

impl Originals {
    fn answer(rows: &[Vec<f64>], trained: &Trained) -> Result<Self> {
        let width = rows.first().map_or(0, Vec::len);
        let rows = rows.concat();
        let path = lightgbm_path()?;
        let lightgbm = LightGbm::load(&path)?;
        let mut answers = Self { lightgbm: Vec::new(), xgboost: Vec::new(), versions: BTreeMap::new() };
        for one in &trained.tasks {
            let found =
                lightgbm.model(&one.lightgbm.fit.file)?.predict(Matrix::new(&rows, width)?, false, 1)?;
            answers.lightgbm.push(by_row(&found, output_count(one.task)));
        }
        let xgboost = XgBoost::load(&xgboost_path()?)?;
        let single = single_precision(&rows);
        let data = xgboost.data(Matrix::new(&single, width)?, 1)?;
        for one in &trained.tasks {
            let found = xgboost.model(&one.xgboost.fit.file)?.predict(&data, false)?;
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            answers.xgboost.push(by_row(&found, output_count(one.task)));
        }
        let versions = [("lightgbm", lightgbm_version(&path)), ("xgboost", xgboost.version())];
        answers.versions = versions.map(|(name, version)| (name.to_owned(), version)).into();
        Ok(answers)
    }
}

fn by_row(answers: &[f64], outputs: usize) -> Vec<Vec<f64>> {
    answers.chunks_exact(outputs).map(<[f64]>::to_vec).collect()
}
