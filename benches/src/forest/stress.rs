//! The stress model: a thousand trees of 127 leaves by each library, trained once and kept under `target`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use klinecast_trainer::fit::{
    Binned, Binning, LightGbm, Loss, Matrix, Parameters, Schedule, Taught, XgBoost, lightgbm_path,
    xgboost_path,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::subject::{ROWS, Subject};

const FEATURES: usize = 71;
const TRAIN_ROWS: usize = 60_000;
const SCHEDULE: Schedule = Schedule { rounds_max: 1_000, patience: 1_000 };

/// Both stress models.
pub(super) fn subjects() -> Result<Vec<Subject>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-forest");
    std::fs::create_dir_all(&folder)?;
    let files = [folder.join("stress.txt"), folder.join("stress.ubj")];
    if !files.iter().all(|file| file.is_file()) {
        eprintln!("training the stress models, once: a minute or two");
        let (lightgbm, xgboost) = train()?;
        std::fs::write(&files[0], lightgbm)?;
        std::fs::write(&files[1], xgboost)?;
    }
    let (rows, _) = data(2, ROWS);
    files.iter().map(|file| Subject::new("stress", std::fs::read(file)?, rows.clone())).collect()
}

/// Seeded rows with missing values, and a smooth signal under noise.
fn data(seed: u64, count: usize) -> (Vec<f64>, Vec<f32>) {
    let mut random = StdRng::seed_from_u64(seed);
    // Roughly normal: a sum of uniform numbers.
    let mut normal = || (0..6).map(|_| random.random::<f64>() - 0.5).sum::<f64>() * 1.4;
    let mut rows: Vec<f64> = (0..count * FEATURES).map(|_| normal()).collect();
    let label = |row: &[f64]| row[0].tanh() * row[1] + row[2].abs() + row[3..20].iter().sum::<f64>() * 0.1;
    let labels = rows.chunks_exact(FEATURES).map(|row| (label(row) + 0.3 * normal()) as f32).collect();
    for (at, value) in rows.iter_mut().enumerate() {
        if at % 53 == 0 {
            *value = f64::NAN;
        }
    }
    (rows, labels)
}

fn train() -> Result<(Vec<u8>, Vec<u8>)> {
    let ((rows, labels), (tune_rows, tune_labels)) = (data(1, TRAIN_ROWS), data(3, ROWS));
    let names: Vec<String> = (0..FEATURES).map(|feature| format!("feature_{feature}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let binning = Binning { names: &names, bins: 256, threads: 2, part_of: None };
    let binned = Arc::new(Binned::new(Matrix::new(&rows, FEATURES)?, binning)?);
    let followed = binned.like(Matrix::new(&tune_rows, FEATURES)?, 2)?;
    let (weights, tune_weights) = (vec![1.0; TRAIN_ROWS], vec![1.0; ROWS]);
    let followed = Taught { rows: &followed, labels: &tune_labels, weights: &tune_weights };
    let (loss, threads) = (Loss::SquaredError, &|| 2);
    let lightgbm = LightGbm::load(&lightgbm_path()?)?;
    let told = Parameters::default()
        .with("num_leaves", 127)
        .with("learning_rate", 0.03)
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("seed", 1)
        .with("verbosity", -1);
    let learned = Taught { rows: &lightgbm.rows(&binned, 2)?, labels: &labels, weights: &weights };
    let first = lightgbm.train(&learned, Some(&followed), (loss, &told), (SCHEDULE, threads), &mut |_, _| ());
    let first = first.context("LightGBM's stress model")?;
    let xgboost = XgBoost::load(&xgboost_path()?)?;
    let told = Parameters::default()
        .with("tree_method", "hist")
        .with("grow_policy", "lossguide")
        .with("max_bin", 256)
        .with("max_depth", 0)
        .with("max_leaves", 127)
        .with("eta", 0.03)
        .with("seed", 1)
        .with("verbosity", 0);
    let learned = Taught { rows: &xgboost.rows(&binned, 256, 2)?, labels: &labels, weights: &weights };
    let second = xgboost.train(&learned, Some(&followed), (loss, &told), (SCHEDULE, threads), &mut |_, _| ());
    Ok((first.file, second.context("XGBoost's stress model")?.file))
}
