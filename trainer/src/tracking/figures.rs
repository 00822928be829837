//! What MLflow is told of a bundle's training: all of it stands in the manifest.

use std::collections::BTreeMap;

use forecast::{Bundle, Manifest};
use serde_json::Value;
use store::RunFigures;

use crate::time::readable;

/// Parameters by `library.task.name`, figures by `task/model/name`, and tags of data, code and libraries.
pub(super) fn of(bundle: &Bundle) -> RunFigures {
    let manifest = bundle.manifest();
    RunFigures { parameters: parameters(manifest), metrics: metrics(manifest), tags: tags(bundle) }
}

fn parameters(manifest: &Manifest) -> BTreeMap<String, String> {
    let training = manifest.training;
    let symbols: Vec<&str> = manifest.symbols.iter().map(kline::Symbol::as_str).collect();
    let time = |bar: kline::BarTime| readable(bar.milliseconds());
    let mut all = BTreeMap::from([
        ("seed".to_owned(), manifest.seed.to_string()),
        ("interval".to_owned(), manifest.interval.to_string()),
        ("symbols".to_owned(), symbols.join(",")),
        ("features".to_owned(), manifest.features.len().to_string()),
        ("train_from".to_owned(), time(training.train_from)),
        ("train_until".to_owned(), time(training.train_until)),
        ("tune_until".to_owned(), time(training.tune_until)),
        ("embargo_bars".to_owned(), training.embargo_bars.to_string()),
    ]);
    for (name, bar) in [("test_from", training.test_from), ("test_until", training.test_until)] {
        all.extend(bar.map(|bar| (name.to_owned(), time(bar))));
    }
    all.extend(manifest.parameters.iter().map(|(name, value)| (name.clone(), text(value))));
    for entry in &manifest.tasks {
        for (library, booster) in [("lightgbm", &entry.lightgbm), ("xgboost", &entry.xgboost)] {
            let named = |name: &str| format!("{library}.{}.{name}", entry.task);
            all.insert(named("rounds"), booster.rounds.to_string());
            all.extend(booster.parameters.iter().map(|(name, value)| (named(name), text(value))));
        }
    }
    all
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn metrics(manifest: &Manifest) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for entry in &manifest.tasks {
        for model in &entry.metrics {
            let named = |name: &str| format!("{}/{}/{name}", entry.task, model.model);
            all.extend(model.values.iter().map(|(name, metric)| (named(name), metric.0)));
        }
    }
    all
}

fn tags(bundle: &Bundle) -> BTreeMap<String, String> {
    let manifest = bundle.manifest();
    let mut all = BTreeMap::from([
        ("klinecast.bundle".to_owned(), bundle.digest().to_string()),
        ("klinecast.data_version".to_owned(), manifest.data_version.clone()),
        ("klinecast.code_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("klinecast.catalogue".to_owned(), manifest.catalogue_hash.clone()),
    ]);
    let libraries = manifest.libraries.iter();
    all.extend(libraries.map(|(name, version)| (format!("klinecast.{name}"), version.clone())));
    all
}
