//! Catalogues of features and their statistics, in both databases.

use kline::Interval;
use store::testkit::TestPostgres;
use store::{
    FEATURE_VERSIONS_MAX, FeatureCatalogue, FeatureRecord, FeatureStatistics, FeatureStore, FeatureVersion,
    PostgresStore, SqliteStore,
};

use crate::suite::{Outcome, STEP};

fn record(name: &str, warm_up_bars: u32) -> FeatureRecord {
    FeatureRecord {
        name: name.to_owned(),
        kind: "volatility".to_owned(),
        unit: "log_return".to_owned(),
        window_bars: 14,
        warm_up_bars,
        inputs: vec!["high".to_owned(), "low".to_owned()],
        definition: "ln(high / low), \"as it is\"".to_owned(),
        source: "Parkinson 1980".to_owned(),
    }
}

fn catalogue(hash: &str, recorded_at: i64, names: &[&str]) -> FeatureCatalogue {
    let features = names.iter().zip(1..).map(|(name, at)| record(name, at)).collect();
    FeatureCatalogue { catalogue: hash.to_owned(), recorded_at, features }
}

fn version(digits: &str, made_at: i64, values: &[f64]) -> FeatureVersion {
    let statistics = |name: &str| FeatureStatistics {
        name: name.to_owned(),
        missing: 0.125,
        edges: values.to_vec(),
        below: values.iter().map(|value| value / 3.0).collect(),
    };
    FeatureVersion {
        data_version: format!("sha256:{digits}"),
        catalogue: "aa".to_owned(),
        interval: STEP,
        made_at,
        window: [900_000, 1_800_000],
        rows: 1_234,
        statistics: ["z", "a"].map(statistics).into(),
    }
}

fn features_are_kept_and_read_back(store: &dyn FeatureStore) -> Outcome {
    assert_eq!((store.catalogue(None)?, store.feature_version(None)?), (None, None));
    let (first, second) = (catalogue("aa", 1_000, &["z", "a"]), catalogue("bb", 2_000, &["z", "a", "m"]));
    store.keep_catalogue(&first)?;
    store.keep_catalogue(&second)?;
    store.keep_catalogue(&catalogue("aa", 9_000, &["other"]))?;
    assert_eq!(store.catalogue(Some("aa"))?.as_ref(), Some(&first), "what is there stays, in a row's order");
    assert_eq!(store.catalogue(None)?.as_ref(), Some(&second));
    assert_eq!(store.catalogue(Some("cc"))?, None);

    // Bits come back: numbers that no short decimal is.
    let one = version("01", 5_000, &[-0.1 - 0.2, 1.0 / 3.0, 5e-324, f64::MAX]);
    store.keep_feature_version(&one)?;
    store.keep_feature_version(&version("02", 4_000, &[1.0]))?;
    assert_eq!(store.feature_version(Some("sha256:01"))?.as_ref(), Some(&one));
    assert_eq!(store.feature_version(None)?.as_ref(), Some(&one), "the one that was measured last");
    let anew = FeatureVersion { interval: Interval::M5, ..version("01", 6_000, &[2.0, 3.0]) };
    store.keep_feature_version(&anew)?;
    assert_eq!(store.feature_version(Some("sha256:01"))?.as_ref(), Some(&anew), "in place of the earlier");
    assert_eq!(store.feature_version(Some("sha256:03"))?, None);

    for at in 0..FEATURE_VERSIONS_MAX as i64 - 1 {
        store.keep_feature_version(&version(&format!("x{at}"), 10_000 + at, &[1.0]))?;
    }
    assert_eq!(store.feature_version(Some("sha256:02"))?, None, "the oldest goes");
    assert_eq!(store.feature_version(Some("sha256:01"))?.as_ref(), Some(&anew));
    Ok(())
}

#[test]
fn sqlite_keeps_features() -> Outcome {
    let folder = tempfile::tempdir()?;
    features_are_kept_and_read_back(&SqliteStore::open(folder.path().join("klinecast.db"))?)
}

#[test]
fn postgres_keeps_features() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    features_are_kept_and_read_back(&PostgresStore::open(&database.url())?)
}
