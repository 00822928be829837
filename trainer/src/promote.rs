//! Moves a published bundle to staging or to production, if the evidence speaks for it.

use forecast::{Bundle, BundleDigest};
use kline::Milliseconds;
use serde::Serialize;
use store::{Alias, Home, How, ModelVersion, Registry, Stage, StoreError};

use crate::certificates::{Certificate, certified};
use crate::evidence::{self, Evidence};
use crate::gates::{Gates, Judgement};
use crate::ingest::kept_klines;
use crate::looks::{Likeness, Looks, SHAPES_TRIED, Tried};
use crate::{Result, TrainerError, machine};

/// Whom a model stands against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Opponent {
    /// There is no champion, the model is it, or is to go to staging only.
    Nobody,
    /// The champion's version.
    Champion(u32),
    /// The champion can't be asked.
    Silent {
        /// Its version.
        version: u32,
        /// Why.
        problem: String,
    },
}

/// What a model was judged by.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The model.
    pub version: u32,
    /// Its bundle.
    pub bundle: BundleDigest,
    /// Where it is to go.
    pub to: Stage,
    /// Whom it stands against.
    pub opponent: Opponent,
    /// What was found.
    pub evidence: Evidence,
    /// What the gates made of it.
    pub judgements: Vec<Judgement>,
}

impl Trial {
    /// One sentence each gate that does not let it pass.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let silent = match &self.opponent {
            Opponent::Silent { version, problem } => {
                Some(format!("champion: version {version} can't be asked, {problem}"))
            }
            Opponent::Nobody | Opponent::Champion(_) => None,
        };
        let failed = self.judgements.iter().filter(|judged| !judged.passed).map(ToString::to_string);
        silent.into_iter().chain(failed).collect()
    }

    /// What it has not passed, which is allowed by force only.
    ///
    /// # Errors
    /// [`TrainerError::Gates`] if there is any, without force.
    pub fn check(&self, force: bool) -> Result<Vec<String>> {
        let failed = self.failed();
        if force || failed.is_empty() {
            return Ok(failed);
        }
        Err(TrainerError::Gates { version: self.version, failed })
    }
}

/// What was promoted.
#[derive(Debug, Clone, Serialize)]
pub struct Promoted {
    /// The version in the registry.
    pub version: u32,
    /// The bundle.
    pub bundle: BundleDigest,
    /// The stage that it is in.
    #[serde(rename = "to")]
    pub stage: Stage,
    /// The champion before, if there was another and it had to give way.
    pub before: Option<u32>,
    /// The gates that it has not passed.
    pub forced_past: Vec<String>,
}

/// The model of a version, or the newest.
///
/// # Errors
/// When there is no such version, or the registry can't be read.
fn model(registry: &dyn Registry, version: Option<u32>) -> Result<ModelVersion> {
    let newest = || Ok::<u32, StoreError>(registry.versions()?.first().map_or(0, |model| model.version));
    let version = match version {
        Some(version) => version,
        None => newest()?,
    };
    Ok(registry.version(version)?)
}

/// Judges a version (the newest if none is named) by the klines that are kept: for production against the champion of now, for any
/// other stage without. Changes nothing but the list of who was looked at on which test window.
///
/// # Errors
/// When there is no such version, its bundle does not hold, or the store can't be read.
pub fn judge(
    home: &Home,
    (version, to): (Option<u32>, Stage),
    gates: &Gates,
    threads: usize,
    now: Milliseconds,
) -> Result<Trial> {
    let model = model(home.registry(), version)?;
    let bundle = candidate(home, &model)?;
    let champion = home.registry().champion()?;
    if to != Stage::Production && champion.as_ref().is_some_and(|champion| champion.version == model.version)
    {
        return Err(StoreError::Champion { version: model.version }.into());
    }
    let stands = |champion: &ModelVersion| to == Stage::Production && champion.bundle != model.bundle;
    let champion = champion.filter(stands);
    let (opponent, champion) = match champion {
        None => (Opponent::Nobody, None),
        Some(champion) => match stored(home, champion.bundle) {
            Ok(bundle) => (Opponent::Champion(champion.version), Some(bundle)),
            Err(problem) => {
                (Opponent::Silent { version: champion.version, problem: problem.to_string() }, None)
            }
        },
    };
    let manifest = bundle.manifest();
    let kept = kept_klines(home, &manifest.symbols, manifest.interval)?;
    let tried = tried(home, &bundle, now)?;
    let folder = home.folder().join("training");
    let certified = certified(&bundle, &folder)?;
    let evidence =
        evidence::gather(&bundle, champion.as_ref(), &kept, (tried, certified), (threads, &folder))?;
    let judgements = gates.judge(&evidence);
    Ok(Trial { version: model.version, bundle: model.bundle, to, opponent, evidence, judgements })
}

/// The bundle that is judged. One without its certificates can't be read, and passes no gate by force: no server would take it.
fn candidate(home: &Home, model: &ModelVersion) -> Result<Bundle> {
    Bundle::from_files(home.objects().get(model.bundle)?).map_err(|error| {
        match Certificate::lacking(&error) {
            Some(gate) => {
                TrainerError::Uncertified { version: model.version, gate, problem: Box::new(error) }
            }
            None => error.into(),
        }
    })
}

/// How much was tried before a bundle, which is looked at now.
fn tried(home: &Home, bundle: &Bundle, now: Milliseconds) -> Result<Tried> {
    let looks = Looks::of(&home.folder().join("training"));
    let look = |window| looks.note(&Likeness::of_bundle(bundle)?, window, now);
    let other_models = evidence::test_window(bundle).map(look).transpose()?.unwrap_or(0);
    let shapes = bundle.manifest().parameters.get(SHAPES_TRIED).cloned();
    let shapes = shapes.and_then(|shapes| serde_json::from_value(shapes).ok()).unwrap_or_default();
    Ok(Tried { other_models, shapes })
}

fn stored(home: &Home, bundle: BundleDigest) -> Result<Bundle> {
    Ok(Bundle::from_files(home.objects().get(bundle)?)?)
}

/// Notes in the registry's history that the champion is it, if what made it that was cut off just before.
///
/// # Errors
/// When the registry can't be read or written.
pub fn settle(home: &Home, champion: u32, now: Milliseconds) -> Result<()> {
    let is_champion = format!("alias {}", Alias::Champion);
    let history = home.registry().history()?;
    let noted = history.iter().rev().find(|change| change.change == is_champion);
    if noted.map(|change| change.version) != Some(champion) {
        home.registry().set_alias(Alias::Champion, champion, now)?;
    }
    Ok(())
}

/// Moves the version to the stage that it was judged for, archives what was there before, and notes in the registry's history how it
/// came to that. In production it is the champion, in one step, and only if the champion is still the one that it was judged against;
/// in staging it is the challenger.
///
/// # Errors
/// As [`Trial::check`]; [`StoreError::OtherChampion`] if another became the champion since; when the registry can't be written.
pub fn promote(home: &Home, trial: &Trial, force: bool, now: Milliseconds) -> Result<Promoted> {
    let failed = trial.check(force)?;
    let against = match trial.opponent {
        Opponent::Nobody => None,
        Opponent::Champion(version) | Opponent::Silent { version, .. } => Some(version),
    };
    let how = if failed.is_empty() { How::Gates(trial.judgements.len()) } else { How::Force(failed.clone()) };
    let how = how.by(Some(&machine::person()));
    let model = match trial.to {
        Stage::Production => home.registry().crown(trial.version, against, &how, now)?,
        Stage::Staging | Stage::None | Stage::Archived => {
            store::stage(home.registry(), trial.version, &how, now)?
        }
    };
    let (version, bundle, stage) = (model.version, model.bundle, model.stage);
    Ok(Promoted { version, bundle, stage, before: against, forced_past: failed })
}
