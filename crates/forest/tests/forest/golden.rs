//! Reads the golden files that `tests/goldens/make.py` makes.

use std::fs;
use std::path::{Path, PathBuf};

use forest::{Limits, LoadError, Model};

/// The folder of goldens: the committed one, or one that `make.py --out` made (`FOREST_GOLDENS`).
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("FOREST_GOLDENS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"), PathBuf::from)
}

/// One row and what the original answered.
pub(crate) struct GoldenRow {
    pub(crate) row: Vec<f64>,
    pub(crate) margin: Vec<f64>,
    pub(crate) prediction: Vec<f64>,
}

/// The model files that have answers, in order.
pub(crate) fn models() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.with_extension("golden").exists())
        .filter(|path| {
            !["golden", "leaves", "contributions"]
                .iter()
                .any(|end| path.extension().is_some_and(|it| it == *end))
        })
        .collect();
    paths.sort();
    paths
}

pub(crate) fn load(path: &Path) -> Result<Model, LoadError> {
    parse(path, &fs::read(path).unwrap())
}

/// Parses bytes in the format that the path's extension names.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Model, LoadError> {
    let limits = Limits::default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("txt") => Model::from_lightgbm_text(bytes, &limits),
        Some("ubj") => Model::from_xgboost_ubjson(bytes, &limits),
        _ => Model::from_xgboost_json(bytes, &limits),
    }
}

pub(crate) fn rows(path: &Path) -> Vec<GoldenRow> {
    let text = fs::read_to_string(path.with_extension("golden")).unwrap();
    text.lines()
        .map(|line| {
            let parts: Vec<Vec<f64>> = line.split(';').map(numbers).collect();
            let [row, margin, prediction] = parts.try_into().unwrap();
            GoldenRow { row, margin, prediction }
        })
        .collect()
}

/// Hexadecimal bits, parted by commas.
pub(crate) fn numbers(text: &str) -> Vec<f64> {
    text.split(',').map(|word| f64::from_bits(u64::from_str_radix(word, 16).unwrap())).collect()
}

/// Equal bits; any NaN equals any other.
pub(crate) fn is_same(ours: &[f64], theirs: &[f64]) -> bool {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}
