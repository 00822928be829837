//! The models that are measured, and their rows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use exchange_sim::synthetic;
use features::Catalogue;
use forecast::for_each_row;
use forest::{Library, Limits, Model};
use kline::{Interval, Milliseconds};

/// 2024-01-01 00:00 UTC.
const FROM: Milliseconds = 1_704_067_200_000;

/// Rows that are asked.
pub(super) const ROWS: usize = 1_000;

/// One model file and the rows that it is asked about.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) file: Vec<u8>,
    pub(super) model: Model,
    /// [`ROWS`] rows, one after another, unless fewer were asked for.
    pub(super) rows: Vec<f64>,
    /// Splits that a row passes, on average.
    pub(super) visits: f64,
}

impl Subject {
    pub(super) fn new(name: &str, file: Vec<u8>, rows: Vec<f64>) -> Result<Self> {
        let limits = Limits::default();
        let read =
            if file.starts_with(b"tree") { Model::from_lightgbm_text } else { Model::from_xgboost_ubjson };
        let model = read(&file, &limits).with_context(|| format!("{name} cannot be read"))?;
        let name = format!("{} {name}", if model.library() == Library::LightGbm { "LGB" } else { "XGB" });
        ensure!(rows.len() == ROWS * model.feature_count(), "{name} reads rows of another width");
        let visits = visits(&model, &rows)?;
        Ok(Self { name, file, model, rows, visits })
    }

    /// The same with only the first rows.
    pub(super) fn with_rows(&self, count: usize) -> Result<Self> {
        let rows = self.rows[..count * self.model.feature_count()].to_vec();
        let visits = visits(&self.model, &rows)?;
        Ok(Self { rows, visits, ..self.clone() })
    }

    /// Whether it is measured by itself: one regression, one binary and one multi-class model of each library are enough.
    pub(super) fn is_shown(&self) -> bool {
        ["volatility_4step", "direction_4step", "vol_regime_4step"]
            .iter()
            .any(|task| self.name.ends_with(task))
    }

    /// The first rows.
    #[cfg(feature = "peers")]
    pub(super) fn first(&self, count: usize) -> &[f64] {
        &self.rows[..count * self.model.feature_count()]
    }
}

fn visits(model: &Model, rows: &[f64]) -> Result<f64> {
    let mut leaves = vec![0; model.tree_count()];
    let rows = rows.chunks_exact(model.feature_count());
    let (count, mut visits) = (rows.len(), 0);
    for row in rows {
        visits += model.leaves(row, &mut leaves)?;
    }
    Ok(visits as f64 / count as f64)
}

/// The bundle that was trained last in a folder of `scripts/run`.
pub(crate) fn newest_bundle() -> Result<PathBuf> {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.klinecast");
    let bundles = folders(&root).into_iter().flat_map(|market| folders(&market.join("bundles")));
    let trained = bundles.filter_map(|bundle| {
        let trained = std::fs::metadata(bundle.join("manifest.json")).and_then(|file| file.modified());
        Some((trained.ok()?, bundle))
    });
    let newest = trained.max().map(|(_, bundle)| bundle);
    newest.context("no bundle is there; run `scripts/run --once` first, or name one with --bundle")
}

/// Every booster of a bundle, with rows of the synthetic market.
pub(super) fn of_bundle(folder: &Path) -> Result<Vec<Subject>> {
    let boosters = folder.join("boosters");
    let entries =
        std::fs::read_dir(&boosters).with_context(|| format!("{} cannot be read", boosters.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let rows = market_rows()?;
    let subject = |path: PathBuf| {
        let task = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
        Subject::new(task.unwrap_or_default(), std::fs::read(&path)?, rows.clone())
    };
    paths.into_iter().map(subject).collect()
}

/// Feature rows of the synthetic market, all warm, spread over it.
fn market_rows() -> Result<Vec<f64>> {
    let market = synthetic::generate(7, Interval::M15, FROM, features::HISTORY_BARS + 2_000)?;
    let width = Catalogue::standard().len();
    let (mut rows, mut seen) = (Vec::with_capacity(ROWS * width), 0_usize);
    for_each_row(&market, Interval::M15, |row| {
        seen += 1;
        let is_warm = row.quality.warm_features == row.quality.total;
        if is_warm && seen.is_multiple_of(17) && rows.len() < ROWS * width {
            rows.extend_from_slice(row.values);
        }
    });
    ensure!(rows.len() == ROWS * width, "the synthetic market has too few warm rows");
    Ok(rows)
}
