//! Domain values to the wire's. Only this file knows both.

mod details;

use features::{Catalogue, Quality};
use forecast::{
    Answer, Band, BoosterExplanation, NamedAnswer, Prediction, Resolution, Source, Task, TaskKind,
    TaskPrediction, TaskSkill,
};
use kline::{Interval, Milliseconds};
use proto::v1;
use store::{Alias, Cause, Stage};

use crate::gaps::{Gap, GapState};
use crate::prediction_id::PredictionId;
use crate::reason::Refusal;
use crate::selection::Selection;
use crate::service::{Answered, largest};
use crate::state::{ExchangeState, ServingState};

pub use details::{ERROR_DOMAIN, status};

/// A prediction with the tasks that were asked for.
#[must_use]
pub fn answered(answered: &Answered, interval: Interval) -> v1::Prediction {
    let mut wire = prediction(answered.prediction(), answered.selection, interval, answered.staleness_ms);
    if let Some(explanations) = &answered.explanations {
        let tasks = answered.prediction().tasks.iter().filter(|answer| answered.selection.has(answer.task));
        for (wire, answer) in wire.tasks.iter_mut().zip(tasks) {
            let explained = explanations.of(answer.task).into_iter().flatten();
            let row = &answered.prediction().row;
            wire.explanations = explained
                .zip(["lightgbm", "xgboost"])
                .map(|(explained, booster)| {
                    explanation(answer.task, booster, explained, explanations.top, row)
                })
                .collect();
        }
    }
    wire
}

fn explanation(
    task: Task,
    booster: &str,
    explained: &BoosterExplanation,
    top: usize,
    row: &[f64],
) -> v1::Explanation {
    let (contributions, rest) = largest(explained, top);
    let class = explained_class(task, explained);
    let definitions = Catalogue::standard().definitions();
    let contribution = |(place, contribution): (usize, f64)| v1::Contribution {
        feature: definitions.get(place).map(|definition| definition.name.to_owned()).unwrap_or_default(),
        value: row.get(place).copied().unwrap_or(f64::NAN),
        contribution,
    };
    v1::Explanation {
        booster: booster.to_owned(),
        class_index: class.and_then(|class| u32::try_from(class).ok()).unwrap_or_default(),
        class_name: class
            .and_then(|class| task.class_names().get(class))
            .copied()
            .unwrap_or_default()
            .to_owned(),
        raw_score: explained.raw_score,
        expected: explained.expected,
        contributions: contributions.into_iter().map(contribution).collect(),
        rest,
    }
}

/// The class whose raw score is explained: of a binary task always the second; `None` of a regression.
#[must_use]
pub fn explained_class(task: Task, explained: &BoosterExplanation) -> Option<usize> {
    match task.kind() {
        TaskKind::Regression => None,
        TaskKind::Binary => Some(1),
        TaskKind::Classes(_) => Some(explained.class),
    }
}

/// What came true.
#[must_use]
pub fn outcome(resolution: &Resolution) -> v1::Outcome {
    v1::Outcome {
        task: resolution.task.name().to_owned(),
        value: resolution.outcome,
        class_name: outcome_class(resolution).unwrap_or_default().to_owned(),
        loss: resolution.loss,
        baseline: resolution.baseline.name().to_owned(),
        baseline_loss: resolution.baseline_loss,
        prediction_revision: resolution.prediction_revision,
    }
}

/// The name of the class that came true; `None` of a regression.
#[must_use]
pub fn outcome_class(resolution: &Resolution) -> Option<&'static str> {
    let names = resolution.task.class_names();
    names
        .iter()
        .zip(0_u32..)
        .find(|(_, index)| f64::from(*index) == resolution.outcome)
        .map(|(name, _)| *name)
}

/// A prediction with all its tasks, without a staleness.
#[must_use]
pub fn whole(prediction: &Prediction, interval: Interval) -> v1::Prediction {
    self::prediction(prediction, Selection::ALL, interval, 0)
}

/// A prediction with the selected tasks.
#[must_use]
pub fn prediction(
    prediction: &Prediction,
    selection: Selection,
    interval: Interval,
    staleness_ms: Milliseconds,
) -> v1::Prediction {
    let tasks = prediction.tasks.iter().filter(|answer| selection.has(answer.task)).map(task_prediction);
    v1::Prediction {
        symbol: prediction.symbol.as_str().to_owned(),
        interval: interval.as_str().to_owned(),
        bar_time_ms: prediction.bar_time.milliseconds(),
        bundle_digest: prediction.bundle.to_string(),
        revision: prediction.revision,
        provisional: prediction.provisional,
        row_hash: prediction.row_hash.to_string(),
        quality: Some(quality(prediction.quality)),
        close_price: prediction.close,
        source: source(prediction.source).into(),
        staleness_ms,
        tasks: tasks.collect(),
        id: PredictionId::of(prediction).to_string(),
        late_ms: prediction.late_ms,
    }
}

/// A gap of the ledger.
#[must_use]
pub fn gap(gap: &Gap) -> v1::Gap {
    let (state, settled_at_ms, source) = match gap.state {
        GapState::Open => (v1::GapState::Open, 0, v1::KlineSource::Unspecified),
        GapState::Lacking { at_ms } => (v1::GapState::Lacking, at_ms, v1::KlineSource::Unspecified),
        GapState::Filled { source, at_ms } => (v1::GapState::Filled, at_ms, self::source(source)),
    };
    v1::Gap {
        symbol: gap.symbol.to_string(),
        from_bar_time_ms: gap.from.milliseconds(),
        to_bar_time_ms: gap.to.milliseconds(),
        bar_count: gap.bars,
        noticed_at_ms: gap.noticed_at_ms,
        state: state.into(),
        settled_at_ms,
        source: source.into(),
    }
}

fn task_prediction(prediction: &TaskPrediction) -> v1::TaskPrediction {
    let task = prediction.task;
    let baseline = |named: &NamedAnswer| v1::BaselineAnswer {
        name: named.name.name().to_owned(),
        answer: Some(answer(task, &named.answer)),
    };
    v1::TaskPrediction {
        task: task.name().to_owned(),
        kind: task_kind(task.kind()).into(),
        horizon_steps: task.horizon_steps(),
        lightgbm: Some(answer(task, &prediction.lightgbm)),
        xgboost: Some(answer(task, &prediction.xgboost)),
        ensemble: Some(answer(task, &prediction.ensemble)),
        baselines: prediction.baselines.iter().map(baseline).collect(),
        explanations: Vec::new(),
        bands: prediction.bands.iter().map(band).collect(),
        root_mean_square: prediction.root_mean_square,
    }
}

const fn band(band: &Band) -> v1::Band {
    v1::Band { level: band.level, low: band.low, high: band.high }
}

fn answer(task: Task, answer: &Answer) -> v1::Answer {
    let value = match answer {
        Answer::Value(value) => v1::answer::Answer::Value(*value),
        Answer::Probabilities(probabilities) => {
            // A missing answer has NaN probabilities: no class, and no name.
            let class = answer.class();
            let name = class.and_then(|index| task.class_names().get(index)).copied().unwrap_or_default();
            v1::answer::Answer::Classes(v1::ClassAnswer {
                index: class.and_then(|index| u32::try_from(index).ok()).unwrap_or_default(),
                name: name.to_owned(),
                probabilities: probabilities.clone(),
            })
        }
    };
    v1::Answer { answer: Some(value) }
}

/// How complete a row's inputs were.
#[must_use]
pub fn quality(quality: Quality) -> v1::Quality {
    v1::Quality {
        warm_features: quality.warm_features.into(),
        total_features: quality.total.into(),
        carried_bars: quality.carried_bars.into(),
        missing_inputs: quality.missing_inputs.into(),
    }
}

/// What a task's answer is.
#[must_use]
pub const fn task_kind(kind: TaskKind) -> v1::TaskKind {
    match kind {
        TaskKind::Regression => v1::TaskKind::Regression,
        TaskKind::Binary => v1::TaskKind::Binary,
        TaskKind::Classes(_) => v1::TaskKind::Classes,
    }
}

const fn source(source: Source) -> v1::KlineSource {
    match source {
        Source::Socket => v1::KlineSource::Socket,
        Source::Rest => v1::KlineSource::Rest,
        Source::Archive => v1::KlineSource::Archive,
        Source::Store => v1::KlineSource::Store,
        Source::Replay => v1::KlineSource::Replay,
        Source::Trades => v1::KlineSource::Trades,
    }
}

/// One task's live score.
#[must_use]
pub fn score(skill: &TaskSkill) -> v1::TaskScore {
    v1::TaskScore {
        task: skill.task.name().to_owned(),
        resolved_count: skill.resolved,
        loss: skill.loss,
        baseline: skill.baseline.name().to_owned(),
        baseline_loss: skill.baseline_loss,
        skill: skill.skill,
    }
}

/// Whether the server answers.
#[must_use]
pub const fn serving_state(state: ServingState) -> v1::ServingState {
    match state {
        ServingState::Starting => v1::ServingState::Starting,
        ServingState::Serving => v1::ServingState::Serving,
        ServingState::Draining => v1::ServingState::Draining,
    }
}

/// How the line to the exchange is.
#[must_use]
pub const fn exchange_state(state: ExchangeState) -> v1::ExchangeState {
    match state {
        ExchangeState::Connecting => v1::ExchangeState::Connecting,
        ExchangeState::Backfilling => v1::ExchangeState::Backfilling,
        ExchangeState::Live => v1::ExchangeState::Live,
        ExchangeState::Reconnecting => v1::ExchangeState::Reconnecting,
    }
}

/// A model's place in its life.
#[must_use]
pub const fn stage(stage: Stage) -> v1::Stage {
    match stage {
        Stage::None => v1::Stage::None,
        Stage::Staging => v1::Stage::Staging,
        Stage::Production => v1::Stage::Production,
        Stage::Archived => v1::Stage::Archived,
    }
}

/// A stage from the wire; `None` when it was left out.
#[must_use]
pub const fn stage_from(stage: v1::Stage) -> Option<Stage> {
    match stage {
        v1::Stage::Unspecified => None,
        v1::Stage::None => Some(Stage::None),
        v1::Stage::Staging => Some(Stage::Staging),
        v1::Stage::Production => Some(Stage::Production),
        v1::Stage::Archived => Some(Stage::Archived),
    }
}

/// By what a model came to a stage.
#[must_use]
pub const fn stage_cause(cause: Option<Cause>) -> v1::StageCause {
    match cause {
        None => v1::StageCause::Unspecified,
        Some(Cause::Registration) => v1::StageCause::Registration,
        Some(Cause::Gates) => v1::StageCause::Gates,
        Some(Cause::Force) => v1::StageCause::Force,
        Some(Cause::Command) => v1::StageCause::Command,
        Some(Cause::Rollback) => v1::StageCause::Rollback,
        Some(Cause::Succession) => v1::StageCause::Succession,
        Some(Cause::Elsewhere) => v1::StageCause::Elsewhere,
    }
}

/// A name that points at a model.
#[must_use]
pub const fn alias(alias: Alias) -> v1::Alias {
    match alias {
        Alias::Champion => v1::Alias::Champion,
        Alias::Challenger => v1::Alias::Challenger,
    }
}

/// An alias from the wire; `None` when it was left out.
#[must_use]
pub const fn alias_from(alias: v1::Alias) -> Option<Alias> {
    match alias {
        v1::Alias::Unspecified => None,
        v1::Alias::Champion => Some(Alias::Champion),
        v1::Alias::Challenger => Some(Alias::Challenger),
    }
}

/// Why one part of a request was not answered.
#[must_use]
pub fn problem(refusal: &Refusal) -> v1::Problem {
    let entry = refusal.reason.entry();
    v1::Problem {
        reason: entry.name.to_owned(),
        message: refusal.message.clone(),
        remedy: entry.remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_prediction_keeps_its_bits_and_only_the_tasks_asked_for() {
        let domain = testing::prediction("BTCUSDT", 5, 2);
        let selection = Selection::of([Task::Return1Step, Task::VolRegime4Step]);
        let wire = prediction(&domain, selection, Interval::M15, 12);
        assert_eq!(wire.tasks.len(), 2);
        assert_eq!((wire.symbol.as_str(), wire.revision, wire.staleness_ms), ("BTCUSDT", 2, 12));
        assert_eq!(wire.bar_time_ms, 5 * 900_000 + 899_999);
        assert_eq!(wire.row_hash, domain.row_hash.to_string());
        let ensemble = |task: usize| wire.tasks[task].ensemble.clone().and_then(|answer| answer.answer);
        assert_eq!(ensemble(0), Some(v1::answer::Answer::Value(0.025)));
        let bands: Vec<_> =
            wire.tasks[0].bands.iter().map(|band| (band.level, band.low, band.high)).collect();
        assert_eq!(bands, [(0.8, -0.5, 0.75), (0.9, -1.0, 1.5)]);
        assert!(wire.tasks[1].bands.is_empty());
        assert!(wire.tasks.iter().all(|task| task.root_mean_square.is_none()));
        let volatility = prediction(&domain, Selection::of([Task::Volatility4Step]), Interval::M15, 12);
        assert_eq!(volatility.tasks[0].root_mean_square, Some(0.625));
        let Some(v1::answer::Answer::Classes(classes)) = ensemble(1) else { panic!("not classes") };
        assert_eq!((classes.index, classes.name.as_str()), (1, "normal"));
    }

    #[test]
    fn a_missing_class_has_no_name() {
        let wire = answer(Task::Direction4Step, &Answer::Probabilities(vec![f64::NAN, f64::NAN]));
        let Some(v1::answer::Answer::Classes(classes)) = wire.answer else { panic!("not classes") };
        assert_eq!(classes.name, "");
        assert!(classes.probabilities[0].is_nan());
    }
}
