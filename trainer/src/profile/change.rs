//! How rows differ from an earlier picture of rows.

use std::collections::{BTreeMap, BTreeSet};

use forecast::Task;
use serde::Serialize;

use super::{FeatureProfile, Profile};
use crate::distribution::stability_index;

/// What is new, gone, or spread otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The data version that this is compared with.
    pub before: String,
    /// Whether both were made by the same catalogue.
    pub same_catalogue: bool,
    /// Features that one of them lacks.
    pub columns: BTreeSet<String>,
    /// Symbols that one of them lacks.
    pub symbols: BTreeSet<String>,
    /// What happened to each feature that both have.
    pub features: BTreeMap<String, FeatureChange>,
    /// By how much each class's share has changed, by `TASK CLASS`.
    pub classes: BTreeMap<String, f64>,
}

/// What happened to a feature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeatureChange {
    /// The population stability index.
    pub psi: f64,
    /// Kolmogorov's and Smirnov's statistic at the percentiles of both: the exact one is at most 0.01 greater.
    pub ks: f64,
    /// How much greater the share of missing values has become.
    pub missing: f64,
}

impl Change {
    /// Compares.
    #[must_use]
    pub fn between(before: &Profile, after: &Profile) -> Self {
        let names = |profile: &Profile| profile.features.keys().cloned().collect::<BTreeSet<_>>();
        let symbols =
            |profile: &Profile| profile.symbols.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let features = before.features.iter().filter_map(|(name, one)| {
            let other = after.features.get(name)?;
            Some((name.clone(), feature(one, other)))
        });
        let classes = Task::ALL.into_iter().flat_map(|task| {
            let shares = |profile: &Profile| profile.classes.get(task.name()).cloned().unwrap_or_default();
            let changes = shares(before).into_iter().zip(shares(after)).map(|(p, q)| (q - p).abs());
            let named = task.class_names().iter().map(move |class| format!("{task} {class}"));
            named.zip(changes).collect::<Vec<_>>()
        });
        Self {
            before: before.data_version.clone(),
            same_catalogue: before.catalogue == after.catalogue,
            columns: names(before).symmetric_difference(&names(after)).cloned().collect(),
            symbols: symbols(before).symmetric_difference(&symbols(after)).cloned().collect(),
            features: features.collect(),
            classes: classes.collect(),
        }
    }
}

/// A feature that one of them has no value of is judged by what is missing, not by how it is spread.
fn feature(before: &FeatureProfile, after: &FeatureProfile) -> FeatureChange {
    let missing = after.missing - before.missing;
    if before.edges.is_empty() || after.edges.is_empty() {
        return FeatureChange { psi: 0.0, ks: 0.0, missing };
    }
    let there: Vec<f64> = before.edges.iter().map(|edge| share_below(after, *edge)).collect();
    let psi = stability_index(&before.edges, &before.below, &there);
    let distance = |a: &FeatureProfile, b: &FeatureProfile| {
        let at = a.edges.iter().zip(&a.below).map(|(edge, share)| (share - share_below(b, *edge)).abs());
        at.fold(0.0, f64::max)
    };
    FeatureChange { psi, ks: distance(before, after).max(distance(after, before)), missing }
}

/// The share of a profile's values that are not above a value: straight between two percentiles, as far as they tell.
fn share_below(profile: &FeatureProfile, value: f64) -> f64 {
    let above = profile.edges.partition_point(|edge| *edge <= value);
    let Some(lower) = above.checked_sub(1) else { return 0.0 };
    let share = profile.below[lower];
    match profile.edges.get(above) {
        None if value > profile.edges[lower] => 1.0,
        Some(upper) if value > profile.edges[lower] => {
            let part = (value - profile.edges[lower]) / (upper - profile.edges[lower]);
            share + part * (profile.below[above] - share)
        }
        _ => share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{Sample, kolmogorov_smirnov};

    fn sample(count: usize, shift: f64) -> Sample {
        // The shape does not matter, only that it is no straight line.
        Sample::new((0..count).map(|at| shift + libm::log(1.0 + at as f64)))
    }

    #[test]
    fn what_percentiles_tell_is_near_what_the_samples_tell() {
        let (one, same, other) = (sample(20_000, 0.0), sample(15_000, 0.2877), sample(20_000, 0.5));
        let change = |a: &Sample, b: &Sample| feature(&FeatureProfile::of(a), &FeatureProfile::of(b));
        let near = change(&one, &same);
        assert!(near.psi < 0.01 && near.ks < 0.02, "{near:?}");
        let far = change(&one, &other);
        let exact = kolmogorov_smirnov(&one, &other);
        assert!((far.ks - exact).abs() < 0.02 && exact > 0.3, "{far:?}, exactly {exact}");
        assert!(far.psi > 0.25, "{far:?}");
    }

    #[test]
    fn a_constant_and_an_empty_column_are_compared_too() {
        let of = |values: &[f64]| FeatureProfile::of(&Sample::new(values.iter().copied()));
        let (constant, empty) = (of(&[1.0; 10]), of(&[f64::NAN; 10]));
        let gone = feature(&constant, &empty);
        assert_eq!((gone.psi, gone.ks, gone.missing), (0.0, 0.0, 1.0));
        let same = feature(&constant, &constant);
        assert!(same.psi.abs() < 1e-12 && same.ks == 0.0, "{same:?}");
        let moved = feature(&constant, &of(&[2.0; 10]));
        assert!(moved.psi > 5.0 && moved.ks == 1.0, "{moved:?}");
    }
}
