//! A data version's klines as a dataset: a Parquet file a market, kept under the version's name, which is a hash of what they say.

use std::collections::BTreeMap;
use std::path::Path;

use kline::{Interval, Kline, Symbol};
use serde::Serialize;
use store::{Dataset, DatasetDigest, DatasetStore};

use crate::version::{DataVersion, data_version};
use crate::{Result, TrainerError, kline_parquet};

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDataset {
    /// Its name, the data version.
    pub dataset: String,
    /// Where it lies.
    pub place: String,
    /// Whether it is new; the same klines are kept once.
    pub new: bool,
    /// Files, a market each.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// Keeps the klines of a data version. Doing it again changes nothing.
///
/// # Errors
/// When the place can't be written.
pub fn keep(
    store: &dyn DatasetStore,
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    interval: Interval,
    version: &DataVersion,
) -> Result<KeptDataset> {
    let mut files = BTreeMap::new();
    for (symbol, klines) in klines {
        let name = kline_parquet::file_name(*symbol, interval);
        let bytes = kline_parquet::to_bytes(klines, Path::new(&name))?;
        files.insert(name, bytes);
    }
    let digest = digest(&version.version, store)?;
    let bytes = files.values().map(|bytes| bytes.len() as u64).sum();
    let dataset = Dataset::new(digest, interval, version.klines as u64, version.symbols.clone(), files);
    let new = store.put(&dataset)?;
    let (dataset, files) = (version.version.clone(), dataset.files().len());
    Ok(KeptDataset { dataset, place: store.place(), new, files, bytes })
}

fn digest(text: &str, store: &dyn DatasetStore) -> Result<DatasetDigest> {
    let unknown = |_| TrainerError::DatasetName { text: text.to_owned(), found: 0, place: store.place() };
    text.parse().map_err(unknown)
}

/// The dataset of a data version, or of the beginning of its digits.
///
/// # Errors
/// When not exactly one is meant, or the place can't be read.
pub fn named(store: &dyn DatasetStore, text: &str) -> Result<DatasetDigest> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let all = store.list()?.into_iter().map(|(digest, _)| digest);
    let fitting: Vec<DatasetDigest> = all.filter(|digest| digest.to_string().starts_with(digits)).collect();
    match fitting[..] {
        [digest] if !digits.is_empty() => Ok(digest),
        _ => {
            let text = text.chars().take(80).collect();
            Err(TrainerError::DatasetName { text, found: fitting.len(), place: store.place() })
        }
    }
}

/// The klines of a dataset, and their step; they are what its name says.
///
/// # Errors
/// When there is no such dataset, it is damaged, or its klines are others.
pub fn fetch(
    store: &dyn DatasetStore,
    digest: DatasetDigest,
) -> Result<(Interval, BTreeMap<Symbol, Vec<Kline>>)> {
    let dataset = store.get(digest)?;
    let interval = dataset.manifest().interval;
    let mut klines = BTreeMap::new();
    for (name, bytes) in dataset.files() {
        if let Some(symbol) = kline_parquet::symbol_of(name, interval) {
            let path = Path::new(&store.place()).join(digest.to_string()).join(name);
            klines.insert(symbol, kline_parquet::from_bytes(bytes.clone(), &path, interval)?);
        }
    }
    let (expected, found) = (format!("sha256:{digest}"), data_version(&klines, interval).version);
    if found != expected {
        return Err(TrainerError::OtherDataset { expected, place: store.place(), found });
    }
    Ok((interval, klines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;
    use store::FolderDatasets;

    #[test]
    fn klines_come_back_by_their_name_and_others_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FolderDatasets::new(folder.path());
        let series = |price: f64| {
            let kline = |at: i64| {
                let close_time = (at + 1) * 900_000 - 1;
                let fields = KlineFields { close_time, ..KlineFields::flat(at * 900_000, price) };
                Kline::new(Interval::M15, fields).expect("valid")
            };
            (0..50).map(kline).collect::<Vec<_>>()
        };
        let symbols = ["BTCUSDT", "ETHUSDT"].map(|name| name.parse::<Symbol>().expect("a symbol"));
        let klines = BTreeMap::from(symbols.map(|symbol| (symbol, series(2.5))));
        let version = data_version(&klines, Interval::M15);
        let kept = keep(&store, &klines, Interval::M15, &version).expect("kept");
        assert_eq!((kept.new, kept.files, &kept.dataset), (true, 2, &version.version));
        assert!(!keep(&store, &klines, Interval::M15, &version).expect("the same").new);
        let digest = named(&store, &version.version[..20]).expect("by its beginning");
        assert_eq!(fetch(&store, digest).expect("klines"), (Interval::M15, klines));
        for text in ["", "sha256:", "sha256:nothing"] {
            assert!(matches!(named(&store, text), Err(TrainerError::DatasetName { .. })), "{text}");
        }

        // Files that are whole but were kept under a name that is not theirs.
        let others = BTreeMap::from(symbols.map(|symbol| (symbol, series(3.5))));
        let wrong = DataVersion { version: format!("sha256:{}", "ab".repeat(32)), ..version };
        keep(&store, &others, Interval::M15, &wrong).expect("kept");
        let told = fetch(&store, DatasetDigest([0xab; 32])).map_err(|error| error.to_string());
        assert!(told.is_err_and(|told| told.contains(&wrong.version)));
    }
}
