//! What may go from MLflow: versions, the boosters of their bundles, and runs that no version comes of any more.

use std::collections::BTreeSet;

use forecast::BundleDigest;
use kline::Milliseconds;

use super::models::Version;
use super::registry::MlflowRegistry;
use super::runs::BegunRun;
use super::{BUNDLE_TAG, OF_TAG, STAGE_TAG};
use crate::registry::parsed;
use crate::{Stage, StoreError};

/// A version of a registered model: of a booster, but where something else is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedVersion {
    /// The registered model.
    pub name: String,
    /// Its version.
    pub version: u32,
}

impl MlflowRegistry {
    /// Versions of boosters, made before a time, whose bundle is no version here: what is left of publications that were broken
    /// off and never completed.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn left_boosters(&self, before: Milliseconds) -> Result<Vec<NamedVersion>, StoreError> {
        let action = "looking for what is left";
        let listed = self.listed(action)?;
        let known: BTreeSet<&str> = listed.iter().filter_map(|version| version.tag(BUNDLE_TAG)).collect();
        let mut found = self.mlflow().search(action, &format!("tags.`{OF_TAG}` = '{}'", self.name()))?;
        found.retain(|version| {
            let bundle = version.tag(BUNDLE_TAG);
            let is_left = bundle.is_some_and(|bundle| !known.contains(bundle));
            is_left && version.name != self.name() && version.creation_timestamp < before
        });
        Ok(named(found))
    }

    /// The versions of a bundle's boosters.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn boosters_of(&self, bundle: BundleDigest) -> Result<Vec<NamedVersion>, StoreError> {
        self.mlflow().boosters("looking for boosters", bundle).map(named)
    }

    /// Takes such a version away; the files stay where its run is. One that is not there is no fault.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn remove_booster(&self, left: &NamedVersion) -> Result<(), StoreError> {
        self.mlflow().delete_version("removing a booster", &left.name, left.version)
    }

    /// What goes by a bundle's version: any alias of MLflow's, its own or of one of its boosters, a stage, or MLflow's own stage.
    pub(super) fn held_by(&self, number: u32) -> Result<Option<String>, StoreError> {
        let (mlflow, action) = (self.mlflow(), "reading the registry");
        let versions = self.listed(action)?;
        let Some(version) = versions.iter().find(|version| version.number() == Some(number)) else {
            return Ok(None);
        };
        let stages = [version.tag(STAGE_TAG).unwrap_or_default(), version.current_stage.as_str()];
        let stages = stages.iter().filter_map(|name| name.parse::<Stage>().ok());
        if let Some(stage) =
            stages.into_iter().find(|stage| matches!(stage, Stage::Staging | Stage::Production))
        {
            return Ok(Some(format!("in {stage}")));
        }
        let mut places = vec![NamedVersion { name: self.name().to_owned(), version: number }];
        if let Some(bundle) = version.tag(BUNDLE_TAG) {
            places.extend(self.boosters_of(parsed("bundle digest", bundle)?)?);
        }
        for NamedVersion { name, version } in places {
            let aliases = mlflow.aliases(action, &name)?;
            if let Some((alias, _)) = aliases.iter().find(|(_, of)| **of == version) {
                return Ok(Some(format!("what {name}@{alias} points to")));
            }
        }
        Ok(None)
    }

    /// The runs of the experiment that a trainer began and that nobody has deleted, the newest first.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn begun_runs(&self) -> Result<Vec<BegunRun>, StoreError> {
        self.mlflow().begun_runs()
    }

    /// The versions of any registered models that a run made.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn versions_of_run(&self, run: &str) -> Result<Vec<NamedVersion>, StoreError> {
        self.mlflow().search("looking for a run's models", &format!("run_id = '{run}'")).map(named)
    }

    /// Deletes a run as MLflow does: nobody sees it any more, and `mlflow gc` takes it and its files away for good. One that is not
    /// there is no fault.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn delete_run(&self, run: &str) -> Result<(), StoreError> {
        self.mlflow().delete_run(run)
    }
}

fn named(versions: Vec<Version>) -> Vec<NamedVersion> {
    let named = |version: Version| Some(NamedVersion { version: version.number()?, name: version.name });
    let mut found: Vec<NamedVersion> = versions.into_iter().filter_map(named).collect();
    found.sort_unstable();
    found
}
