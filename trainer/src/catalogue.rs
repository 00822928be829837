//! The catalogue of features and each data version's statistics, in the database of the klines: written by `validate`, shown by
//! `features --catalogue`.

use features::Catalogue;
use kline::Milliseconds;
use serde::Serialize;
use store::{FeatureCatalogue, FeatureRecord, FeatureStatistics, FeatureVersion, Home};

use crate::console::table;
use crate::profile::Profile;
use crate::time::readable;
use crate::{Result, TrainerError};

/// What the database says of the features.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The features, by the catalogue of the statistics.
    pub catalogue: FeatureCatalogue,
    /// How they were distributed.
    pub statistics: FeatureVersion,
}

/// Writes down this program's catalogue, and what a profile says of each feature; nothing if that was written down last.
///
/// # Errors
/// When the database can't be read or written.
pub fn keep(home: &Home, profile: &Profile, now: Milliseconds) -> Result<()> {
    let version = version(profile);
    let last = home.features().feature_version(None)?;
    let is_known = last.is_some_and(|last| FeatureVersion { made_at: version.made_at, ..last } == version);
    if is_known {
        return Ok(());
    }
    home.features().keep_catalogue(&of_this_program(now))?;
    Ok(home.features().keep_feature_version(&version)?)
}

/// The catalogue that this program computes.
#[must_use]
pub fn of_this_program(now: Milliseconds) -> FeatureCatalogue {
    let catalogue = Catalogue::standard();
    let record = |of: &features::FeatureDefinition| FeatureRecord {
        name: of.name.to_owned(),
        kind: of.group.as_str().to_owned(),
        unit: of.unit.as_str().to_owned(),
        window_bars: of.window,
        warm_up_bars: of.warm_up_bars,
        inputs: of.inputs.iter().map(|input| input.as_str().to_owned()).collect(),
        definition: of.definition.to_owned(),
        source: of.source.to_owned(),
    };
    FeatureCatalogue {
        catalogue: catalogue.hash().to_string(),
        recorded_at: now,
        features: catalogue.definitions().iter().map(record).collect(),
    }
}

fn version(profile: &Profile) -> FeatureVersion {
    let names = Catalogue::standard().names();
    let statistics = names.filter_map(|name| {
        let of = profile.features.get(name)?;
        let (edges, below) = (of.edges.clone(), of.below.clone());
        Some(FeatureStatistics { name: name.to_owned(), missing: of.missing, edges, below })
    });
    FeatureVersion {
        data_version: profile.data_version.clone(),
        catalogue: profile.catalogue.to_string(),
        interval: profile.interval,
        made_at: profile.made_at,
        window: [profile.window.from.milliseconds(), profile.window.until.milliseconds()],
        rows: profile.rows as u64,
        statistics: statistics.collect(),
    }
}

/// What the database has of a data version, or of the one that was measured last.
///
/// # Errors
/// [`TrainerError::NoStatistics`] if it has none; when it can't be read.
pub fn read(home: &Home, data_version: Option<&str>) -> Result<Shown> {
    let nothing = || TrainerError::NoStatistics {
        data_version: data_version.unwrap_or("any data version").chars().take(80).collect(),
        home: home.folder().to_owned(),
    };
    let statistics = home.features().feature_version(data_version)?.ok_or_else(nothing)?;
    let catalogue = home.features().catalogue(Some(&statistics.catalogue))?.ok_or_else(nothing)?;
    Ok(Shown { catalogue, statistics })
}

/// The value that a share of the rows is not above; `None` of no rows.
fn quantile(of: &FeatureStatistics, share: f64) -> Option<f64> {
    let at = of.below.iter().position(|below| *below >= share);
    at.map_or(of.edges.last(), |at| of.edges.get(at)).copied()
}

impl Shown {
    /// As people read it.
    #[must_use]
    pub fn table(&self) -> String {
        let rows = self.catalogue.features.iter().map(|feature| {
            let of = self.statistics.statistics.iter().find(|of| of.name == feature.name);
            let number = |share: f64| {
                let value = of.and_then(|of| quantile(of, share));
                value.map_or_else(String::new, |value| format!("{value:.5}"))
            };
            vec![
                feature.name.clone(),
                feature.kind.clone(),
                feature.unit.clone(),
                feature.warm_up_bars.to_string(),
                feature.inputs.join(" "),
                of.map_or_else(String::new, |of| format!("{:.2} %", of.missing * 100.0)),
                number(0.05),
                number(0.5),
                number(0.95),
            ]
        });
        let header = ["feature", "kind", "unit", "warm-up", "inputs", "missing", "5 %", "50 %", "95 %"];
        let FeatureVersion { data_version, window: [from, until], rows: count, .. } = &self.statistics;
        format!(
            "catalogue {}\ndata version {data_version}: {count} rows from {} to {}\n{}\n",
            self.catalogue.catalogue,
            readable(*from),
            readable(*until),
            table(&header, rows)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_read_off_the_edges() {
        let of = |edges: &[f64], below: &[f64]| FeatureStatistics {
            name: "x".to_owned(),
            missing: 0.0,
            edges: edges.to_vec(),
            below: below.to_vec(),
        };
        let some = of(&[1.0, 2.0, 4.0], &[0.25, 0.5, 0.99]);
        let found = [0.05, 0.25, 0.3, 0.5, 0.95, 1.0].map(|share| quantile(&some, share));
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0, 4.0, 4.0].map(Some));
        assert_eq!(quantile(&of(&[], &[]), 0.5), None);
    }
}
