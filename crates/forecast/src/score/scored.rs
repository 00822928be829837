//! Outcomes as they count: the last revision of each, with what the forecast was.

use std::collections::BTreeMap;

use kline::{BarTime, Symbol};
use serde::Deserialize;

use super::{class_index, top_class};
use crate::{Answer, BaselineName, BundleDigest, Prediction, Resolution, Task, TaskKind};

/// What a score needs of a prediction. Reads a journalled [`Prediction`] too, and passes over the rest of it: the feature row is most
/// of the text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Forecast {
    /// The market.
    pub symbol: Symbol,
    /// The bar.
    pub bar_time: BarTime,
    /// The bundle that answered.
    pub bundle: BundleDigest,
    /// The revision.
    pub revision: u32,
    /// What was served, by task.
    pub tasks: Vec<TaskForecast>,
}

/// What was served for one task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TaskForecast {
    /// The task.
    pub task: Task,
    /// The answer.
    pub ensemble: Answer,
}

impl From<&Prediction> for Forecast {
    fn from(prediction: &Prediction) -> Self {
        let tasks = prediction.tasks.iter();
        Self {
            symbol: prediction.symbol,
            bar_time: prediction.bar_time,
            bundle: prediction.bundle,
            revision: prediction.revision,
            tasks: tasks.map(|of| TaskForecast { task: of.task, ensemble: of.ensemble.clone() }).collect(),
        }
    }
}

/// One outcome that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredOutcome {
    /// The market.
    pub symbol: Symbol,
    /// The bar that the prediction was made at.
    pub bar: BarTime,
    /// The bundle that answered.
    pub bundle: BundleDigest,
    /// The task.
    pub task: Task,
    /// The ensemble's loss.
    pub loss: f64,
    /// What it is compared with.
    pub baseline: BaselineName,
    /// The baseline's loss.
    pub baseline_loss: f64,
    /// Whether the most probable class, or a return's sign, came true; `None` where there is no such thing, and for a
    /// return of zero.
    pub hit: Option<bool>,
    /// A regression's forecast and outcome.
    pub ranked: Option<(f64, f64)>,
    /// A stated probability and whether it came true: of `up` for the direction, else of the most probable class.
    pub stated: Option<(f64, bool)>,
}

/// The outcomes that count: of the resolutions of one (bar, symbol, bundle, task) the one with the highest revision. In
/// the order of bar, symbol, bundle, task, whatever order the resolutions come in; those without losses are left out. The forecasts
/// are those of the predictions that were scored, as far as they are among `forecasts`.
#[must_use]
pub fn scored(resolutions: &[Resolution], forecasts: &[Forecast]) -> Vec<ScoredOutcome> {
    let mut last = BTreeMap::new();
    for resolution in resolutions {
        let key = (resolution.bar_time, resolution.symbol, resolution.bundle, resolution.task);
        let kept = last.entry(key).or_insert(resolution);
        if kept.revision < resolution.revision {
            *kept = resolution;
        }
    }
    let made: BTreeMap<_, &Forecast> = forecasts
        .iter()
        .map(|made| ((made.bar_time, made.symbol, made.bundle, made.revision), made))
        .collect();
    let known = last.into_values().filter(|kept| !kept.loss.is_nan() && !kept.baseline_loss.is_nan());
    known
        .map(|kept| {
            let key = (kept.bar_time, kept.symbol, kept.bundle, kept.prediction_revision);
            let made = made.get(&key).and_then(|made| made.tasks.iter().find(|of| of.task == kept.task));
            outcome(kept, made.map(|of| of.ensemble.as_slice()))
        })
        .collect()
}

fn outcome(kept: &Resolution, numbers: Option<&[f64]>) -> ScoredOutcome {
    let mut scored = ScoredOutcome {
        symbol: kept.symbol,
        bar: kept.bar_time,
        bundle: kept.bundle,
        task: kept.task,
        loss: kept.loss,
        baseline: kept.baseline,
        baseline_loss: kept.baseline_loss,
        hit: None,
        ranked: None,
        stated: None,
    };
    let Some(numbers) = numbers else { return scored };
    match kept.task.kind() {
        TaskKind::Regression => {
            let forecast = numbers.first().copied().unwrap_or(f64::NAN);
            scored.ranked =
                (!forecast.is_nan() && !kept.outcome.is_nan()).then_some((forecast, kept.outcome));
            let has_signs = kept.task != Task::Volatility4Step && forecast * kept.outcome != 0.0;
            scored.hit = scored.ranked.filter(|_| has_signs).map(|(said, came)| (said > 0.0) == (came > 0.0));
        }
        TaskKind::Binary | TaskKind::Classes(_) => {
            let Some((top, class)) = top_class(numbers).zip(class_index(kept.outcome)) else { return scored };
            scored.hit = Some(top == class);
            let said = if kept.task.kind() == TaskKind::Binary { 1 } else { top };
            scored.stated = numbers.get(said).map(|probability| (*probability, class == said));
        }
    }
    scored
}
