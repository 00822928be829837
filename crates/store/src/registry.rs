//! Which models there are, what stage each is in, and which one is served.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// A name that is no stage or no alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not known; use one of {known}")]
pub struct UnknownName {
    what: &'static str,
    text: String,
    known: &'static str,
}

/// How far a model has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Registered, nothing more.
    None,
    /// To be watched.
    Staging,
    /// Served.
    Production,
    /// Was served.
    Archived,
}

impl Stage {
    /// The stage's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::None, Self::Staging, Self::Production, Self::Archived]
            .into_iter()
            .find(|stage| stage.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownName {
                what: "stage",
                text: text.chars().take(64).collect(),
                known: "none, staging, production, archived",
            })
    }
}

/// A name that always points to one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alias {
    /// The model that is served.
    Champion,
    /// The model that answers in shadow.
    Challenger,
}

impl Alias {
    /// The alias's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Alias {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Champion, Self::Challenger]
            .into_iter()
            .find(|alias| alias.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownName {
                what: "alias",
                text: text.chars().take(64).collect(),
                known: "champion, challenger",
            })
    }
}

/// One registered model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// 1, 2, 3 and so on, never used again.
    pub version: u32,
    /// The bundle.
    pub bundle: BundleDigest,
    /// How far it has come.
    pub stage: Stage,
    /// The names that point to it.
    pub aliases: Vec<Alias>,
    /// When it was registered, Unix milliseconds.
    pub registered_at: Milliseconds,
    /// Metrics of its evaluation, by name, for a quick look; the manifest has them all.
    pub metrics: BTreeMap<String, f64>,
}

impl ModelVersion {
    /// What goes by it.
    pub(crate) fn held(&self) -> Option<String> {
        match (self.aliases.first(), self.stage) {
            (Some(alias), _) => Some(format!("the {alias}")),
            (None, Stage::Staging | Stage::Production) => Some(format!("in {}", self.stage)),
            (None, Stage::None | Stage::Archived) => None,
        }
    }
}

/// One change that was made to the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryChange {
    /// When, Unix milliseconds.
    pub at: Milliseconds,
    /// Which model.
    pub version: u32,
    /// What was done, for example `stage production` or `alias champion`.
    pub change: String,
}

/// Keeps versions, stages, aliases and the history of their changes. A database has them, or MLflow.
/// Times are arguments: the registry reads no clock.
pub trait Registry: Send + Sync {
    /// Registers a bundle; one that is registered already keeps its version.
    ///
    /// # Errors
    /// When the registry can't be written.
    fn register(
        &self,
        bundle: BundleDigest,
        metrics: &BTreeMap<String, f64>,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError>;

    /// Every version, the newest first.
    ///
    /// # Errors
    /// When the registry can't be read.
    fn versions(&self) -> Result<Vec<ModelVersion>, StoreError>;

    /// Moves a version to a stage.
    ///
    /// # Errors
    /// When there is no such version, or the registry can't be written.
    fn set_stage(&self, version: u32, stage: Stage, at: Milliseconds) -> Result<(), StoreError>;

    /// Points an alias to a version.
    ///
    /// # Errors
    /// When there is no such version, or the registry can't be written.
    fn set_alias(&self, alias: Alias, version: u32, at: Milliseconds) -> Result<(), StoreError>;

    /// Takes an alias away.
    ///
    /// # Errors
    /// When the registry can't be written.
    fn clear_alias(&self, alias: Alias, at: Milliseconds) -> Result<(), StoreError>;

    /// Notes something about a version in the history, and changes nothing else.
    ///
    /// # Errors
    /// When there is no such version, or the registry can't be written.
    fn note(&self, version: u32, text: &str, at: Milliseconds) -> Result<(), StoreError>;

    /// Makes a version the champion in one step, with a note of how it came to that, if `judged_against` still is the champion
    /// (`None`: there is none, or the version itself is it). Answers the version as it is then.
    ///
    /// # Errors
    /// [`StoreError::OtherChampion`] if another has become it since, and nothing is changed; when there is no such version, or the
    /// registry can't be written. A registry without transactions does it step by step, the alias last: what is cut off leaves the
    /// old champion, and what another changes in between is not seen.
    fn crown(
        &self,
        version: u32,
        judged_against: Option<u32>,
        how: &str,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        let all = self.versions()?;
        let crowning = Crowning::plan(&all, version, judged_against)?;
        self.note(version, how, at)?;
        produce(self, &all, version, crowning.was_challenger, at)?;
        self.version(version)
    }

    /// Takes a version out of the registry for good; its number is not given again. What was noted of it stays in the history where
    /// the registry is a database. A version that is not there is no fault. The bundle's files are taken away afterwards, so that no
    /// version is found without them.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if something goes by it, and nothing is changed; when the registry can't be written.
    fn forget(&self, version: u32, at: Milliseconds) -> Result<(), StoreError>;

    /// What goes by a version: an alias, or that it is in staging or production; `None` if nothing does, or it is not there.
    ///
    /// # Errors
    /// When the registry can't be read.
    fn held(&self, version: u32) -> Result<Option<String>, StoreError> {
        Ok(self.versions()?.iter().find(|model| model.version == version).and_then(ModelVersion::held))
    }

    /// Every change, the oldest first.
    ///
    /// # Errors
    /// When the registry can't be read.
    fn history(&self) -> Result<Vec<RegistryChange>, StoreError>;

    /// One version.
    ///
    /// # Errors
    /// When there is no such version, or the registry can't be read.
    fn version(&self, version: u32) -> Result<ModelVersion, StoreError> {
        let all = self.versions()?;
        let known = all.iter().map(|model| model.version.to_string()).collect::<Vec<_>>().join(", ");
        all.into_iter().find(|model| model.version == version).ok_or(StoreError::NoVersion { version, known })
    }

    /// The version that an alias points to.
    ///
    /// # Errors
    /// When the registry can't be read.
    fn by_alias(&self, alias: Alias) -> Result<Option<ModelVersion>, StoreError> {
        Ok(self.versions()?.into_iter().find(|model| model.aliases.contains(&alias)))
    }

    /// The model that is served.
    ///
    /// # Errors
    /// When the registry can't be read.
    fn champion(&self) -> Result<Option<ModelVersion>, StoreError> {
        self.by_alias(Alias::Champion)
    }
}

/// The model that was the champion before the one that is, by the registry's history; `None` if there was none that is still there. Who goes back and
/// asks again gets the one that was gone back from.
///
/// # Errors
/// When the registry can't be read.
pub fn champion_before(registry: &dyn Registry) -> Result<Option<ModelVersion>, StoreError> {
    let Some(champion) = registry.champion()? else { return Ok(None) };
    let is_champion = format!("alias {}", Alias::Champion);
    let history = registry.history()?;
    let all = registry.versions()?;
    let were = history.iter().rev().filter(|change| change.change == is_champion);
    let there = were.filter_map(|change| all.iter().find(|model| model.version == change.version));
    Ok(there.into_iter().find(|model| model.version != champion.version).cloned())
}

/// Moves a version to a stage as people expect it: to production means that it becomes the champion and that the
/// one before is archived; to staging means that it becomes the challenger, and that what was in staging is archived. Answers the
/// version as it is then.
///
/// # Errors
/// When there is no such version, or the registry can't be written.
pub fn promote(
    registry: &dyn Registry,
    version: u32,
    stage: Stage,
    at: Milliseconds,
) -> Result<ModelVersion, StoreError> {
    let model = registry.version(version)?;
    match stage {
        Stage::Production => {
            let was_challenger = model.aliases.contains(&Alias::Challenger);
            produce(registry, &registry.versions()?, version, was_challenger, at)?;
        }
        Stage::Staging => {
            registry.set_alias(Alias::Challenger, version, at)?;
            registry.set_stage(version, stage, at)?;
            archive_staged(registry, version, at)?;
        }
        Stage::None | Stage::Archived => registry.set_stage(version, stage, at)?,
    }
    registry.version(version)
}

/// Archives what is in staging beside a version.
fn archive_staged(registry: &dyn Registry, besides: u32, at: Milliseconds) -> Result<(), StoreError> {
    let staged = |model: &ModelVersion| model.stage == Stage::Staging && model.version != besides;
    for other in registry.versions()?.iter().filter(|model| staged(model)) {
        registry.set_stage(other.version, Stage::Archived, at)?;
    }
    Ok(())
}

/// Moves a version to production step by step. The alias, by which everybody goes, is the last step and a single one: cut off
/// before, the old champion is the champion; after it nothing is left to do. The same again completes it.
fn produce<R: Registry + ?Sized>(
    registry: &R,
    all: &[ModelVersion],
    version: u32,
    was_challenger: bool,
    at: Milliseconds,
) -> Result<(), StoreError> {
    registry.set_stage(version, Stage::Production, at)?;
    if was_challenger {
        registry.clear_alias(Alias::Challenger, at)?;
    }
    // Also one that was left in production when a change before was broken off.
    let before = |other: &&ModelVersion| {
        other.version != version
            && (other.stage == Stage::Production || other.aliases.contains(&Alias::Champion))
    };
    for before in all.iter().filter(before) {
        registry.set_stage(before.version, Stage::Archived, at)?;
    }
    registry.set_alias(Alias::Champion, version, at)
}

/// What crowning a version changes, as one transaction has to do it: the champion's stage before, then each change as the history
/// notes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crowning {
    /// The version that gives way, if there is another.
    pub(crate) before: Option<u32>,
    /// Whether the alias challenger goes.
    pub(crate) was_challenger: bool,
}

impl Crowning {
    /// What it takes by the registry as it is.
    pub(crate) fn plan(
        versions: &[ModelVersion],
        version: u32,
        judged_against: Option<u32>,
    ) -> Result<Self, StoreError> {
        let known = || versions.iter().map(|model| model.version.to_string()).collect::<Vec<_>>().join(", ");
        let model = versions.iter().find(|model| model.version == version);
        let model = model.ok_or_else(|| StoreError::NoVersion { version, known: known() })?;
        let champion = versions.iter().find(|model| model.aliases.contains(&Alias::Champion));
        let before = champion.map(|model| model.version).filter(|before| *before != version);
        if before != judged_against {
            return Err(StoreError::OtherChampion { version, judged_against, found: before });
        }
        Ok(Self { before, was_challenger: model.aliases.contains(&Alias::Challenger) })
    }

    /// The history's lines, in their order.
    pub(crate) fn notes(&self, version: u32, how: &str) -> Vec<(u32, String)> {
        let (champion, production) = (Alias::Champion, Stage::Production);
        let mut notes = vec![
            (version, how.to_owned()),
            (version, format!("alias {champion}")),
            (version, format!("stage {production}")),
        ];
        if self.was_challenger {
            notes.push((version, format!("alias {} cleared", Alias::Challenger)));
        }
        notes.extend(self.before.map(|before| (before, format!("stage {}", Stage::Archived))));
        notes
    }
}

/// How the history notes that a version was taken out.
pub(crate) const FORGOTTEN: &str = "taken out of the registry";

/// Metrics as they are stored: JSON, without what JSON has no number for.
pub(crate) fn metrics_text(metrics: &BTreeMap<String, f64>) -> Result<String, StoreError> {
    let metrics: BTreeMap<_, _> = metrics.iter().filter(|(_, value)| value.is_finite()).collect();
    serde_json::to_string(&metrics).map_err(|source| StoreError::Encode { what: "model's metrics", source })
}

/// A stored name as what it means.
pub(crate) fn parsed<T: FromStr>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::StoredText { what, text: text.to_owned() })
}
