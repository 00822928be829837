//! The registered versions: what stage each is in, since when, and by what it came there.

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::Serialize;
use store::{Alias, Cause, Registry, Stage, StageStep, ways};

use crate::Result;
use crate::console::table;
use crate::time::readable;

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Staged {
    /// The version.
    pub version: u32,
    /// Its bundle.
    pub bundle: BundleDigest,
    /// The stage that it is in.
    pub stage: Stage,
    /// The names that point to it.
    pub aliases: Vec<Alias>,
    /// Since when it is in its stage, Unix milliseconds; `None` where nothing says.
    pub since: Option<Milliseconds>,
    /// Its way, from its registration on.
    pub steps: Vec<StageStep>,
}

/// Every version, the newest first.
///
/// # Errors
/// When the registry can't be read.
pub fn models(registry: &dyn Registry) -> Result<Vec<Staged>> {
    let staged = ways(registry)?.into_iter().map(|(model, steps)| Staged {
        version: model.version,
        bundle: model.bundle,
        stage: model.stage,
        aliases: model.aliases,
        since: steps.last().and_then(|step| step.at),
        steps,
    });
    Ok(staged.collect())
}

/// The versions for people: a line each step, the newest first.
#[must_use]
pub(crate) fn models_table(found: &[Staged]) -> String {
    if found.is_empty() {
        return "no model yet; train one with klinecast-trainer run\n".to_owned();
    }
    let rows = found.iter().flat_map(|model| {
        let aliases: Vec<&str> = model.aliases.iter().map(|alias| alias.name()).collect();
        let last = model.steps.len().saturating_sub(1);
        model.steps.iter().enumerate().rev().map(move |(place, step)| {
            let now = place == last;
            let only_now = |text: String| if now { text } else { String::new() };
            vec![
                only_now(model.version.to_string()),
                only_now(model.bundle.short()),
                if place == 0 && step.stage == Stage::None {
                    "registered".to_owned()
                } else {
                    step.stage.to_string()
                },
                only_now(aliases.join(", ")),
                step.at.map(readable).unwrap_or_default(),
                by(step),
            ]
        })
    });
    table(&["version", "bundle", "stage", "alias", "since", "by"], rows)
}

/// By what and whom a version came to a stage, and which ones gave way.
fn by(step: &StageStep) -> String {
    let how = match (&step.how, step.cause) {
        (Some(how), _) => Some(how.clone()),
        (None, Some(Cause::Elsewhere)) if step.champion => {
            Some("made the champion by another program".to_owned())
        }
        (None, Some(Cause::Elsewhere)) => Some("another program".to_owned()),
        (None, _) => None,
    };
    let gone: Vec<String> = step.replaced.iter().map(u32::to_string).collect();
    let replaced = (!gone.is_empty()).then(|| format!("in place of {}", gone.join(", ")));
    how.into_iter().chain(replaced).collect::<Vec<_>>().join(", ")
}
