//! Each version's way through the stages, as the registry's history tells it.

use std::collections::BTreeMap;

use kline::Milliseconds;
use serde::{Deserialize, Serialize};

use super::how::{self, Cause};
use crate::StoreError;
use crate::registry::{Alias, ModelVersion, Registry, RegistryChange, Stage};

/// How often the registry is read again when it changes while it is read.
const READINGS_MAX: usize = 3;

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStep {
    /// The stage that it is in from then on.
    pub stage: Stage,
    /// Since when, Unix milliseconds; `None` where nothing says.
    pub at: Option<Milliseconds>,
    /// Whether it was the champion in it.
    pub champion: bool,
    /// By what; `None` where nothing says.
    pub cause: Option<Cause>,
    /// By whom, where that is noted.
    pub by: Option<String>,
    /// The sentence that was noted with it, or who took its place.
    pub how: Option<String>,
    /// The versions that gave way to it.
    pub replaced: Vec<u32>,
    /// The version that took its place.
    pub replaced_by: Option<u32>,
}

impl StageStep {
    const fn unexplained(stage: Stage, at: Option<Milliseconds>) -> Self {
        Self {
            stage,
            at,
            champion: false,
            cause: None,
            by: None,
            how: None,
            replaced: Vec::new(),
            replaced_by: None,
        }
    }

    fn noted(mut self, note: Option<&str>) -> Self {
        self.cause = note.and_then(how::cause);
        self.by = note.and_then(how::who).map(str::to_owned);
        self.how = note.map(str::to_owned);
        self
    }

    fn registered(at: Milliseconds) -> Self {
        Self { cause: Some(Cause::Registration), ..Self::unexplained(Stage::None, Some(at)) }
    }
}

/// Every version, the newest first, with its way: at least one step, of which the last says what the version says.
///
/// # Errors
/// When the registry can't be read.
pub fn ways(registry: &dyn Registry) -> Result<Vec<(ModelVersion, Vec<StageStep>)>, StoreError> {
    let mut history = registry.history()?;
    let mut versions = registry.versions()?;
    for _ in 1..READINGS_MAX {
        let since = registry.history()?;
        if since.len() == history.len() {
            break;
        }
        (history, versions) = (since, registry.versions()?);
    }
    let mut told = Told::read(&history);
    let with_way = |model: ModelVersion| {
        let steps = told.steps(&model);
        (model, steps)
    };
    Ok(versions.into_iter().map(with_way).collect())
}

/// One line of the history.
enum Line {
    Registered,
    Stage(Stage),
    Champion,
    OtherAlias,
    Note,
}

impl Line {
    fn of(change: &RegistryChange) -> Self {
        let text = change.change.as_str();
        if let Some(stage) = text.strip_prefix("stage ").and_then(|name| name.parse().ok()) {
            return Self::Stage(stage);
        }
        match text.strip_prefix("alias ") {
            _ if text == "registered" => Self::Registered,
            Some(alias) if alias == Alias::Champion.name() => Self::Champion,
            Some(_) => Self::OtherAlias,
            None => Self::Note,
        }
    }

    const fn is_arrival(&self) -> bool {
        matches!(self, Self::Stage(Stage::Production | Stage::Staging))
    }
}

/// What the history tells, by version.
#[derive(Default)]
struct Told<'a> {
    steps: BTreeMap<u32, Vec<StageStep>>,
    notes: BTreeMap<u32, &'a RegistryChange>,
    champion: Option<u32>,
}

impl<'a> Told<'a> {
    /// History has the oldest change first.
    fn read(history: &'a [RegistryChange]) -> Self {
        let mut told = Self::default();
        // Who was archived, by whom and when.
        let mut successions = Vec::new();
        for (place, change) in history.iter().enumerate() {
            match Line::of(change) {
                Line::Registered => told.come(change, StageStep::registered(change.at)),
                Line::Stage(Stage::Archived) => {
                    let successor = successor(history, place);
                    successions.extend(successor.map(|successor| (change.version, successor, change.at)));
                    let champion = successor.is_none() && told.champion == Some(change.version);
                    let step = StageStep { champion, ..told.step(Stage::Archived, change) };
                    told.come(change, succeeded(step, successor));
                }
                Line::Stage(stage) => {
                    let step = told.step(stage, change);
                    let champion = told.champion == Some(change.version);
                    told.come(change, StageStep { champion, ..step });
                }
                Line::Champion => told.crown(history, place),
                Line::OtherAlias => {}
                Line::Note => {
                    told.notes.insert(change.version, change);
                }
            }
        }
        for (gone, successor, at) in successions {
            told.give_way(gone, successor, at);
        }
        told
    }

    /// A step with the note that was made with it.
    fn step(&self, stage: Stage, change: &RegistryChange) -> StageStep {
        let note = self.notes.get(&change.version).filter(|note| note.at == change.at);
        StageStep::unexplained(stage, Some(change.at)).noted(note.map(|note| note.change.as_str()))
    }

    /// The same again, after a change that was broken off, is no step.
    fn come(&mut self, change: &RegistryChange, step: StageStep) {
        let steps = self.steps.entry(change.version).or_default();
        if steps.last().is_none_or(|last| last.stage != step.stage) {
            steps.push(step);
        }
    }

    /// A version becomes the champion: with the stage that comes with it, or by the alias alone.
    fn crown(&mut self, history: &[RegistryChange], place: usize) {
        let change = &history[place];
        if self.champion.replace(change.version) == Some(change.version) {
            return;
        }
        let comes = |other: &&RegistryChange| {
            other.version == change.version && matches!(Line::of(other), Line::Stage(Stage::Production))
        };
        let together = history[place + 1..].iter().take_while(|other| other.at == change.at);
        let last = self.steps.get_mut(&change.version).and_then(|steps| steps.last_mut());
        match last {
            Some(last) if last.stage == Stage::Production => last.champion = true,
            last => {
                let stage = last.map_or(Stage::None, |last| last.stage);
                if together.into_iter().find(comes).is_none() {
                    let step = StageStep { champion: true, ..self.step(stage, change) };
                    self.steps.entry(change.version).or_default().push(step);
                }
            }
        }
    }

    /// Notes a version that was archived with the step of the one that took its place.
    fn give_way(&mut self, gone: u32, successor: u32, at: Milliseconds) {
        let Some(steps) = self.steps.get_mut(&successor) else { return };
        let took = |step: &&mut StageStep| {
            matches!(step.stage, Stage::Production | Stage::Staging)
                && step.at.is_some_and(|begun| begun <= at)
        };
        if let Some(step) = steps.iter_mut().rev().find(took)
            && !step.replaced.contains(&gone)
        {
            step.replaced.push(gone);
        }
    }

    /// The steps of a version, up to what the registry says of it.
    fn steps(&mut self, model: &ModelVersion) -> Vec<StageStep> {
        let mut steps = self.steps.remove(&model.version).unwrap_or_default();
        if steps.is_empty() {
            steps.push(StageStep::registered(model.registered_at));
        }
        let champion = model.aliases.contains(&Alias::Champion) && self.champion != Some(model.version);
        if champion || steps.last().is_some_and(|last| last.stage != model.stage) {
            let elsewhere = Some(Cause::Elsewhere);
            let step = StageStep::unexplained(model.stage, None);
            steps.push(StageStep { champion, cause: elsewhere, ..step });
        }
        steps
    }
}

/// A step to the archive, by the one that took the place if there is one.
fn succeeded(step: StageStep, successor: Option<u32>) -> StageStep {
    match successor {
        None => step,
        Some(version) => StageStep {
            cause: Some(Cause::Succession),
            how: Some(format!("version {version} took its place")),
            replaced_by: Some(version),
            ..step
        },
    }
}

/// The version that came to production or staging when another was archived: right before or after, as the registry goes.
fn successor(history: &[RegistryChange], place: usize) -> Option<u32> {
    let archived = &history[place];
    let together = |other: &&RegistryChange| other.at == archived.at;
    let comes = |other: &&RegistryChange| other.version != archived.version && Line::of(other).is_arrival();
    let before = history[..place].iter().rev().take_while(together).find(comes);
    let after = || history[place + 1..].iter().take_while(together).find(comes);
    before.or_else(after).map(|other| other.version)
}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
