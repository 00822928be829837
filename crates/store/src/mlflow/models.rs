//! Versions of registered models: of bundles, and of single boosters.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Mlflow, Refusal};
use super::fault::MlflowFault;
use super::{BUNDLE_TAG, OF_TAG, VERSION_TAG};
use crate::StoreError;

/// Versions that one answer may have, and answers that are read.
const PAGE: &str = "1000";
const PAGES_MAX: usize = 100;

/// Where a version's files are, and the run that made them.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The run.
    pub run: &'a str,
    /// The address of the folder of files.
    pub source: &'a str,
}

/// A booster that is a registered model of its own, in MLflow's layout.
#[derive(Debug, Clone, Copy)]
pub struct BoosterModel<'a> {
    /// What stands behind the bundles' model in its name, for example `volatility_4step-lightgbm`.
    pub name: &'a str,
    /// The bundle that it is of.
    pub bundle: BundleDigest,
    /// Where its files are.
    pub origin: Origin<'a>,
}

/// A version as the server tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Version {
    pub(super) name: String,
    version: String,
    #[serde(default)]
    pub(super) creation_timestamp: i64,
    /// MLflow's own stage, which any of its clients may set.
    #[serde(default)]
    pub(super) current_stage: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Clone, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl Version {
    /// Its number; a server that numbers otherwise is none that we know.
    pub(super) fn number(&self) -> Option<u32> {
        self.version.parse().ok()
    }

    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))
    }
}

impl Mlflow {
    /// A refusal as an error, an answer as what it means.
    pub(super) fn parsed<T: serde::de::DeserializeOwned>(
        &self,
        action: &'static str,
        answer: Result<Value, Refusal>,
    ) -> Result<T, StoreError> {
        let value = answer.map_err(|refusal| self.refused(action, refusal))?;
        serde_json::from_value(value).map_err(|error| {
            self.failed(action, MlflowFault::NotMlflow, format!("an answer of another form: {error}"))
        })
    }

    /// Every version that fits a filter of MLflow's, in no order.
    pub(super) fn search(&self, action: &'static str, filter: &str) -> Result<Vec<Version>, StoreError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            model_versions: Vec<Version>,
            #[serde(default)]
            next_page_token: String,
        }
        let (mut versions, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let mut query = vec![("filter", filter), ("max_results", PAGE)];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let found: Found = self.parsed(action, self.get(action, "model-versions/search", &query)?)?;
            versions.extend(found.model_versions);
            if found.next_page_token.is_empty() {
                return Ok(versions);
            }
            token = found.next_page_token;
        }
        Err(self.failed(action, MlflowFault::Failed, "there is no end of versions".to_owned()))
    }

    /// The versions of boosters that belong to a bundle.
    pub(super) fn boosters(
        &self,
        action: &'static str,
        bundle: BundleDigest,
    ) -> Result<Vec<Version>, StoreError> {
        let model = self.place().model();
        let mut versions = self.search(action, &format!("tags.`{BUNDLE_TAG}` = '{bundle}'"))?;
        versions.retain(|version| version.tag(OF_TAG) == Some(model) && version.name != model);
        Ok(versions)
    }

    /// The aliases of a registered model; none if there is no such model.
    pub(super) fn aliases(
        &self,
        action: &'static str,
        model: &str,
    ) -> Result<BTreeMap<String, u32>, StoreError> {
        #[derive(Deserialize)]
        struct Answer {
            registered_model: Registered,
        }
        #[derive(Deserialize)]
        struct Registered {
            #[serde(default)]
            aliases: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            alias: String,
            version: String,
        }
        let answer = match self.get(action, "registered-models/get", &[("name", model)])? {
            Err(refusal) if refusal.is_missing() => return Ok(BTreeMap::new()),
            answer => self.parsed::<Answer>(action, answer)?,
        };
        let aliases = answer.registered_model.aliases.into_iter();
        Ok(aliases.filter_map(|named| Some((named.alias, named.version.parse().ok()?))).collect())
    }

    pub(super) fn version(
        &self,
        action: &'static str,
        model: &str,
        number: u32,
    ) -> Result<Version, StoreError> {
        #[derive(Deserialize)]
        struct Answer {
            model_version: Version,
        }
        let query = [("name", model), ("version", &number.to_string())];
        Ok(self.parsed::<Answer>(action, self.get(action, "model-versions/get", &query)?)?.model_version)
    }

    /// Makes a registered model, if it is not there.
    pub(super) fn make_model(
        &self,
        action: &'static str,
        model: &str,
        description: &str,
    ) -> Result<(), StoreError> {
        let body = json!({ "name": model, "description": description });
        match self.post(action, "registered-models/create", body)? {
            Err(refusal) if !refusal.is_there_already() => Err(self.refused(action, refusal)),
            _ => Ok(()),
        }
    }

    /// Makes a version with its tags; its number.
    pub(super) fn make_version(
        &self,
        action: &'static str,
        model: &str,
        origin: Option<Origin<'_>>,
        bundle: BundleDigest,
        tags: &[(&str, String)],
    ) -> Result<Version, StoreError> {
        #[derive(Deserialize)]
        struct Answer {
            model_version: Version,
        }
        let tags: Vec<Value> = std::iter::once((BUNDLE_TAG, bundle.to_string()))
            .chain(tags.iter().cloned())
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        // Without a run the bundle's files are where bundles lie.
        let elsewhere = format!("klinecast:/bundles/{bundle}");
        let mut body = json!({
            "name": model,
            "source": origin.map_or(elsewhere.as_str(), |origin| origin.source),
            "tags": tags,
            "description": format!("bundle {bundle}"),
        });
        if let Some(origin) = origin {
            body["run_id"] = json!(origin.run);
        }
        Ok(self.parsed::<Answer>(action, self.post(action, "model-versions/create", body)?)?.model_version)
    }

    /// Takes a version away for good; one that is not there is no fault.
    pub(super) fn delete_version(
        &self,
        action: &'static str,
        model: &str,
        number: u32,
    ) -> Result<(), StoreError> {
        let body = json!({ "name": model, "version": number.to_string() });
        match self.delete(action, "model-versions/delete", body)? {
            Err(refusal) if refusal.is_missing() => Ok(()),
            answer => answer.map(drop).map_err(|refusal| self.refused(action, refusal)),
        }
    }

    pub(super) fn set_tag(
        &self,
        action: &'static str,
        model: &str,
        number: u32,
        (key, value): (&str, &str),
    ) -> Result<(), StoreError> {
        let body = json!({ "name": model, "version": number.to_string(), "key": key, "value": value });
        let answer = self.post(action, "model-versions/set-tag", body)?;
        answer.map(drop).map_err(|refusal| self.refused(action, refusal))
    }

    /// Registers boosters, those that are not yet: a registered model each.
    ///
    /// # Errors
    /// When the server can't be reached or refuses; the same again registers those that are missing.
    pub fn register_boosters(&self, boosters: &[BoosterModel<'_>]) -> Result<(), StoreError> {
        let action = "registering the boosters";
        let Some(bundle) = boosters.first().map(|booster| booster.bundle) else { return Ok(()) };
        let known = self.boosters(action, bundle)?;
        let model = self.place().model();
        for booster in boosters {
            let name = format!("{model}-{}", booster.name);
            if known.iter().any(|version| version.name == name) {
                continue;
            }
            self.make_model(
                action,
                &name,
                &format!("a booster of klinecast's bundles; its aliases follow {model}"),
            )?;
            let of = [(OF_TAG, model.to_owned())];
            self.make_version(action, &name, Some(booster.origin), booster.bundle, &of)?;
        }
        Ok(())
    }

    /// Says of a bundle's boosters which version it became.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn link_boosters(&self, bundle: BundleDigest, version: u32) -> Result<(), StoreError> {
        let action = "linking the boosters";
        let text = version.to_string();
        for booster in self.boosters(action, bundle)? {
            if let (Some(number), false) = (booster.number(), booster.tag(VERSION_TAG) == Some(&text)) {
                self.set_tag(action, &booster.name, number, (VERSION_TAG, &text))?;
            }
        }
        Ok(())
    }
}
