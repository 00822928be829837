//! The registry in MLflow.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde_json::json;

use super::client::Mlflow;
use super::models::{Origin, Version};
use super::{BUNDLE_TAG, METRICS_TAG, REGISTERED_TAG, STAGE_TAG, history};
use crate::registry::{metrics_text, parsed};
use crate::{Alias, ModelVersion, Registry, RegistryChange, Stage, StoreError};

/// The registered model of the bundles. A bundle's alias is the last thing that a change of aliases sets: what is served does
/// not change by half, and the same command again completes what was broken off.
#[derive(Debug, Clone)]
pub struct MlflowRegistry(Mlflow);

impl MlflowRegistry {
    /// The registry of a server.
    #[must_use]
    pub const fn new(mlflow: Mlflow) -> Self {
        Self(mlflow)
    }

    /// The server.
    #[must_use]
    pub const fn mlflow(&self) -> &Mlflow {
        &self.0
    }

    pub(super) fn name(&self) -> &str {
        self.0.place().model()
    }

    /// The versions that carry bundles, the newest first.
    pub(super) fn listed(&self, action: &'static str) -> Result<Vec<Version>, StoreError> {
        let mut versions = self.0.search(action, &format!("name = '{}'", self.name()))?;
        // What others have put there is theirs.
        versions.retain(|version| version.number().is_some() && version.tag(BUNDLE_TAG).is_some());
        versions.sort_by_key(|version| std::cmp::Reverse(version.number()));
        Ok(versions)
    }

    /// Makes a change to a registered version and notes it in the history.
    fn change(
        &self,
        number: u32,
        change: &str,
        at: Milliseconds,
        work: impl FnOnce(&Version) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let versions = self.listed("changing the registry")?;
        let Some(version) = versions.iter().find(|version| version.number() == Some(number)) else {
            let known: Vec<_> =
                versions.iter().filter_map(Version::number).map(|number| number.to_string()).collect();
            return Err(StoreError::NoVersion { version: number, known: known.join(", ") });
        };
        work(version)?;
        history::note(&self.0, &versions, number, change, at)
    }

    fn model(version: &Version, aliases: &BTreeMap<String, u32>) -> Result<ModelVersion, StoreError> {
        let (number, tag) = (version.number().unwrap_or_default(), |name| version.tag(name));
        let metrics = tag(METRICS_TAG).unwrap_or("{}");
        let stage = tag(STAGE_TAG).map_or(Ok(Stage::None), |text| parsed("stage", text))?;
        let registered_at = tag(REGISTERED_TAG).and_then(|text| text.parse().ok());
        let of_version = aliases.iter().filter(|(_, of)| **of == number);
        let mut aliases: Vec<Alias> = of_version.filter_map(|(name, _)| name.parse().ok()).collect();
        aliases.sort_unstable();
        Ok(ModelVersion {
            version: number,
            bundle: parsed("bundle digest", tag(BUNDLE_TAG).unwrap_or_default())?,
            stage,
            aliases,
            registered_at: registered_at.unwrap_or(version.creation_timestamp),
            metrics: serde_json::from_str(metrics)
                .map_err(|_| StoreError::StoredText { what: "metrics", text: metrics.to_owned() })?,
        })
    }

    /// [`Registry::register`], with the run that made the bundle and where its files are.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn register_from(
        &self,
        origin: Option<Origin<'_>>,
        bundle: BundleDigest,
        metrics: &BTreeMap<String, f64>,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        let action = "registering a model";
        let digest = bundle.to_string();
        let first = |versions: &[Version]| {
            let of_bundle = versions.iter().filter(|version| version.tag(BUNDLE_TAG) == Some(&digest));
            of_bundle.filter_map(Version::number).min()
        };
        if let Some(number) = first(&self.listed(action)?) {
            return self.version(number);
        }
        self.0.make_model(
            action,
            self.name(),
            "klinecast's bundles; the server answers by the alias champion",
        )?;
        let tags = [
            (METRICS_TAG, metrics_text(metrics)?),
            (REGISTERED_TAG, at.to_string()),
            (STAGE_TAG, Stage::None.name().to_owned()),
        ];
        let made = self.0.make_version(action, self.name(), origin, bundle, &tags)?;
        // Of two who register one bundle at once the later one gives way.
        let versions = self.listed(action)?;
        let (number, made) = (first(&versions), made.number());
        let Some(number) = number.or(made) else {
            return Err(StoreError::NoVersion { version: 0, known: String::new() });
        };
        match made.filter(|made| *made != number) {
            Some(made) => self.0.delete_version(action, self.name(), made)?,
            None => history::note(&self.0, &versions, number, "registered", at)?,
        }
        self.version(number)
    }

    /// Sets or takes away an alias of one registered model.
    fn point(&self, name: &str, alias: Alias, to: Option<u32>) -> Result<(), StoreError> {
        let action = "changing an alias";
        let path = "registered-models/alias";
        let answer = match to {
            Some(number) => {
                let body = json!({ "name": name, "alias": alias.name(), "version": number.to_string() });
                self.0.post(action, path, body)?
            }
            None => self.0.delete(action, path, json!({ "name": name, "alias": alias.name() }))?,
        };
        match answer {
            Err(refusal) if to.is_none() && refusal.is_missing() => Ok(()),
            answer => answer.map(drop).map_err(|refusal| self.0.refused(action, refusal)),
        }
    }

    /// Lets the boosters of a version's bundle follow its alias.
    fn point_boosters(&self, version: &Version, alias: Alias, set: bool) -> Result<(), StoreError> {
        let bundle = parsed("bundle digest", version.tag(BUNDLE_TAG).unwrap_or_default())?;
        for booster in self.0.boosters("changing an alias", bundle)? {
            self.point(&booster.name, alias, booster.number().filter(|_| set))?;
        }
        Ok(())
    }
}

impl Registry for MlflowRegistry {
    fn register(
        &self,
        bundle: BundleDigest,
        metrics: &BTreeMap<String, f64>,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        self.register_from(None, bundle, metrics, at)
    }

    fn versions(&self) -> Result<Vec<ModelVersion>, StoreError> {
        let action = "reading the registry";
        let versions = self.listed(action)?;
        let aliases = self.0.aliases(action, self.name())?;
        versions.iter().map(|version| Self::model(version, &aliases)).collect()
    }

    fn by_alias(&self, alias: Alias) -> Result<Option<ModelVersion>, StoreError> {
        let action = "reading the registry";
        let aliases = self.0.aliases(action, self.name())?;
        let Some(&number) = aliases.get(alias.name()) else { return Ok(None) };
        Self::model(&self.0.version(action, self.name(), number)?, &aliases).map(Some)
    }

    fn set_stage(&self, version: u32, stage: Stage, at: Milliseconds) -> Result<(), StoreError> {
        let action = "changing a stage";
        self.change(version, &format!("stage {stage}"), at, |_| {
            let name = match stage {
                Stage::None => "None",
                Stage::Staging => "Staging",
                Stage::Production => "Production",
                Stage::Archived => "Archived",
            };
            let body = json!({
                "name": self.name(), "version": version.to_string(), "stage": name, "archive_existing_versions": false,
            });
            // Newer servers may have no stages; the tag says it in any case.
            if let Err(refusal) = self.0.post(action, "model-versions/transition-stage", body)? {
                tracing::debug!(refusal.code, refusal.message, "MLflow has no stages");
            }
            self.0.set_tag(action, self.name(), version, (STAGE_TAG, stage.name()))
        })
    }

    fn set_alias(&self, alias: Alias, version: u32, at: Milliseconds) -> Result<(), StoreError> {
        self.change(version, &format!("alias {alias}"), at, |found| {
            self.point_boosters(found, alias, true)?;
            self.point(self.name(), alias, Some(version))
        })
    }

    fn clear_alias(&self, alias: Alias, at: Milliseconds) -> Result<(), StoreError> {
        let Some(model) = self.by_alias(alias)? else { return Ok(()) };
        self.change(model.version, &format!("alias {alias} cleared"), at, |found| {
            self.point_boosters(found, alias, false)?;
            self.point(self.name(), alias, None)
        })
    }

    fn note(&self, version: u32, text: &str, at: Milliseconds) -> Result<(), StoreError> {
        self.change(version, text, at, |_| Ok(()))
    }

    fn forget(&self, version: u32, _at: Milliseconds) -> Result<(), StoreError> {
        // What is set between these two is taken away with the version: MLflow has no transactions.
        match self.held(version)? {
            Some(by) => Err(StoreError::InUse { version, by }),
            None => self.0.delete_version("changing the registry", self.name(), version),
        }
    }

    fn held(&self, version: u32) -> Result<Option<String>, StoreError> {
        self.held_by(version)
    }

    fn history(&self) -> Result<Vec<RegistryChange>, StoreError> {
        Ok(history::read(&self.listed("reading the registry's history")?))
    }
}
