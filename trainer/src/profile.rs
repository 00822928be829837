//! A compact picture of the rows that a run trains on, kept in the home by data version, and how a later run's rows differ
//! from it.

mod change;
mod keep;

use std::collections::BTreeMap;

use features::{Catalogue, CatalogueHash};
use forecast::Task;
use kline::{Interval, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::distribution::{Sample, sample, sampled_rows};
use crate::split::Window;
use crate::validate::Validation;

pub use change::Change;
pub use keep::Profiles;

/// A column's distribution is kept at so many quantiles.
const QUANTILES: usize = 100;

/// The rows of a training window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The klines that they were made from.
    pub data_version: String,
    /// When this was made, in Unix milliseconds.
    pub made_at: Milliseconds,
    /// The step.
    pub interval: Interval,
    /// The markets.
    pub symbols: Vec<Symbol>,
    /// The training window.
    pub window: Window,
    /// Rows in it.
    pub rows: usize,
    /// The catalogue of features.
    pub catalogue: CatalogueHash,
    /// Every feature's distribution.
    pub features: BTreeMap<String, FeatureProfile>,
    /// The share of each class, a task of classes each.
    pub classes: BTreeMap<String, Vec<f64>>,
}

/// One feature's distribution, by at most 20,000 rows that are spread evenly over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureProfile {
    /// The share of the rows without a finite value.
    pub missing: f64,
    /// The distinct values at the 99 percentiles, ascending.
    pub edges: Vec<f64>,
    /// The share of the values that are not above each edge.
    pub below: Vec<f64>,
}

impl FeatureProfile {
    fn of(sample: &Sample) -> Self {
        let edges = sample.quantiles(QUANTILES);
        let below = edges.iter().map(|edge| sample.below(*edge)).collect();
        Self { missing: sample.missing(), edges, below }
    }
}

impl Profile {
    /// Draws the picture of a dataset's training window.
    #[must_use]
    pub fn of(dataset: &Dataset, facts: &Validation, data_version: String, made_at: Milliseconds) -> Self {
        let window = dataset.split.train;
        let range = dataset.range(window);
        let rows = sampled_rows(range.clone());
        let feature = |(column, name): (usize, &str)| {
            (name.to_owned(), FeatureProfile::of(&sample(dataset, rows.clone(), column)))
        };
        let catalogue = Catalogue::standard();
        let classes = Task::ALL.into_iter().filter(|task| task.class_count() > 0).filter_map(|task| {
            Some((task.to_string(), facts.outcomes.get(task.name())?.class_shares.clone()))
        });
        Self {
            data_version,
            made_at,
            interval: dataset.interval,
            symbols: dataset.symbols.clone(),
            window,
            rows: range.len(),
            catalogue: catalogue.hash(),
            features: catalogue.names().enumerate().map(feature).collect(),
            classes: classes.collect(),
        }
    }
}
