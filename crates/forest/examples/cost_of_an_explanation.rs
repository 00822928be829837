//! What an explanation costs on this machine.
//!
//! ```sh
//! cargo run --release -p forest --example cost_of_an_explanation -- MODEL [MODEL ...] [--rows FILE]
//! ```
//!
//! Models are LightGBM's `.txt` and XGBoost's `.ubj` or `.json`. Rows are made at random, or read from a file of
//! little-endian f64. Times are the medians of seven passes, one row at a time and ten.

#[path = "../tests/shared/seeded.rs"]
mod seeded;

use std::error::Error;
use std::time::Instant;

use forest::{Explainer, Limits, Model};

use self::seeded::Random;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let rows = match paths.iter().position(|word| word == "--rows") {
        Some(place) => {
            let file = paths.get(place + 1).ok_or("`--rows` needs a file")?;
            let bytes = std::fs::read(file)?;
            paths.truncate(place);
            bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        None => Vec::new(),
    };
    println!(
        "{:32} {:>7} {:>9} {:>12} {:>12} {:>10}",
        "model", "trees", "nodes", "1 row us", "10 rows us", "made ms"
    );
    for path in &paths {
        let model = load(path)?;
        let count = if rows.is_empty() { 100 } else { rows.len() / model.feature_count() / 10 * 10 };
        let mut random = Random(7);
        let rows: Vec<f64> = (0..count * model.feature_count())
            .map(|index| rows.get(index).copied().unwrap_or_else(|| value(&mut random)))
            .collect();
        let start = Instant::now();
        let mut explainer = model.explainer()?;
        let made = start.elapsed().as_secs_f64() * 1e3;
        let one = time(&model, &mut explainer, &rows, 1)?;
        let ten = time(&model, &mut explainer, &rows, 10)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let (trees, nodes) = (model.tree_count(), model.node_count());
        println!("{name:32} {trees:7} {nodes:9} {one:12.1} {ten:12.1} {made:10.1}");
    }
    Ok(())
}

fn load(path: &str) -> Result<Model, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let limits = Limits { bytes_max: 1 << 30, ..Limits::default() };
    Ok(match path.rsplit('.').next() {
        Some("ubj") => Model::from_xgboost_ubjson(&bytes, &limits)?,
        Some("json") => Model::from_xgboost_json(&bytes, &limits)?,
        _ => Model::from_lightgbm_text(&bytes, &limits)?,
    })
}

/// The median of seven passes over the rows, in microseconds a row.
fn time(
    model: &Model,
    explainer: &mut Explainer,
    rows: &[f64],
    batch: usize,
) -> Result<f64, forest::RowError> {
    let mut out = vec![0.0; batch * explainer.contribution_count()];
    let row_count = rows.len() / model.feature_count();
    let mut times = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        for rows in rows.chunks_exact(batch * model.feature_count()) {
            explainer.contributions_batch(rows, &mut out)?;
            std::hint::black_box(&out);
        }
        times.push(start.elapsed().as_secs_f64() * 1e6 / row_count as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[3])
}

/// Roughly normal: the sum of uniform numbers.
fn value(random: &mut Random) -> f64 {
    const STEPS: usize = 1 << 52;
    (0..6).map(|_| random.below(STEPS) as f64 / STEPS as f64 - 0.5).sum()
}
