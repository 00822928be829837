//! A version's way through the stages, as the registry's history tells it.

use kline::Milliseconds;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::registry::{Alias, ModelVersion, Registry, RegistryChange, Stage, promote};

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStep {
    /// The stage that it came to.
    pub stage: Stage,
    /// When, Unix milliseconds.
    pub at: Milliseconds,
    /// By what and whom: what was noted with it, or who took its place. `None` where nothing says.
    pub how: Option<String>,
}

/// The steps of a version, the first of which is its registration. History has the oldest change first.
#[must_use]
pub fn stage_steps(history: &[RegistryChange], version: u32) -> Vec<StageStep> {
    let mut steps: Vec<StageStep> = Vec::new();
    let mut noted: Option<&RegistryChange> = None;
    for change in history {
        let text = change.change.as_str();
        if change.version != version || text.starts_with("alias ") {
            continue;
        }
        let Some(stage) = stage_of(change).or((text == "registered").then_some(Stage::None)) else {
            noted = Some(change);
            continue;
        };
        // The same again, after a change that was broken off, is no step.
        if steps.last().is_some_and(|last| last.stage == stage) {
            continue;
        }
        let by = match stage {
            Stage::Archived => {
                successor(history, change).map(|successor| format!("version {successor} took its place"))
            }
            _ => noted.filter(|note| note.at == change.at).map(|note| note.change.clone()),
        };
        steps.push(StageStep { stage, at: change.at, how: by });
    }
    steps
}

fn stage_of(change: &RegistryChange) -> Option<Stage> {
    change.change.strip_prefix("stage ")?.parse().ok()
}

/// The version that came to production or staging when another was archived: right before or after, as the registry goes.
fn successor(history: &[RegistryChange], archived: &RegistryChange) -> Option<u32> {
    let comes = |other: &&RegistryChange| {
        other.at == archived.at
            && other.version != archived.version
            && matches!(stage_of(other), Some(Stage::Production | Stage::Staging))
    };
    history.iter().rfind(comes).map(|other| other.version)
}

/// Moves a version to staging, where it is the challenger, with a note of how it came to that; what was in staging before is archived.
/// Step by step; the same again completes what was broken off.
///
/// # Errors
/// [`StoreError::Champion`] for the champion, which would be in two stages; when there is no such version, or the registry can't be
/// written.
pub fn stage(
    registry: &dyn Registry,
    version: u32,
    how: &str,
    at: Milliseconds,
) -> Result<ModelVersion, StoreError> {
    if registry.version(version)?.aliases.contains(&Alias::Champion) {
        return Err(StoreError::Champion { version });
    }
    registry.note(version, how, at)?;
    promote(registry, version, Stage::Staging, at)
}

/// Archives what is in staging beside a version.
pub(crate) fn archive_staged(
    registry: &dyn Registry,
    besides: u32,
    at: Milliseconds,
) -> Result<(), StoreError> {
    let staged = |model: &ModelVersion| model.stage == Stage::Staging && model.version != besides;
    for other in registry.versions()?.iter().filter(|model| staged(model)) {
        registry.set_stage(other.version, Stage::Archived, at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: Milliseconds, version: u32, change: &str) -> RegistryChange {
        RegistryChange { at, version, change: change.to_owned() }
    }

    #[test]
    fn each_step_says_when_and_by_what() {
        let history = [
            change(1, 1, "registered"),
            change(2, 1, "passed 9 gates (by ann)"),
            change(2, 1, "alias challenger"),
            change(2, 1, "stage staging"),
            change(3, 2, "registered"),
            change(4, 1, "passed 16 gates (by bob)"),
            change(4, 1, "alias champion"),
            change(4, 1, "stage production"),
            change(4, 1, "alias challenger cleared"),
            change(5, 1, "a remark"),
            change(6, 2, "promoted by force past: days (by bob)"),
            change(6, 2, "alias champion"),
            change(6, 2, "stage production"),
            change(6, 1, "stage archived"),
            change(7, 2, "stage production"),
            change(8, 1, "stage staging"),
        ];
        let told = |version| -> Vec<(Stage, Milliseconds, Option<String>)> {
            stage_steps(&history, version).into_iter().map(|step| (step.stage, step.at, step.how)).collect()
        };
        let by = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(1),
            [
                (Stage::None, 1, None),
                (Stage::Staging, 2, by("passed 9 gates (by ann)")),
                (Stage::Production, 4, by("passed 16 gates (by bob)")),
                (Stage::Archived, 6, by("version 2 took its place")),
                (Stage::Staging, 8, None),
            ]
        );
        assert_eq!(
            told(2),
            [(Stage::None, 3, None), (Stage::Production, 6, by("promoted by force past: days (by bob)"))]
        );
        assert_eq!(told(3), []);
    }
}
