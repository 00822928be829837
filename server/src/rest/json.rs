//! The shapes of the HTTP answers: those of the earlier Python service with more fields. Missing numbers are `null`.

use features::{Catalogue, Quality};
use forecast::{Answer, Band, BoosterExplanation, Prediction, Task, TaskKind, TaskPrediction};
use jiff::Timestamp;
use kline::{BarTime, Interval, Milliseconds};
use serde_json::{Map, Value, json};
use store::{Cause, StageStep};

use crate::convert::explained_class;
use crate::gaps::{Gap, GapState};
use crate::listings::Listing;
use crate::model_info::ModelInfo;
use crate::prediction_id::PredictionId;
use crate::selection::Selection;
use crate::service::{Answered, FeatureAnswer, Service, Status, largest};
use crate::state::{ExchangeState, ServingState};

/// A prediction: `predictions.<task>.lightgbm`, `xgboost` and `ensemble` are the number of a regression or the index of
/// a class; `probabilities` stand beside.
pub(super) fn prediction(answered: &Answered, interval: Interval) -> Value {
    let mut object = lasting(answered.prediction(), answered.selection, interval);
    if let Some(explanations) = &answered.explanations {
        for (task, explained) in &explanations.tasks {
            let row = &answered.prediction().row;
            object["predictions"][task.name()]["explanations"] =
                explanation(*task, explained, explanations.top, row);
        }
    }
    object["staleness_ms"] = answered.staleness_ms.into();
    object
}

/// What moved each booster's answer.
fn explanation(task: Task, explained: &[BoosterExplanation; 2], top: usize, row: &[f64]) -> Value {
    let definitions = Catalogue::standard().definitions();
    let of_booster = |explained: &BoosterExplanation| {
        let (contributions, rest) = largest(explained, top);
        let contribution = |(place, contribution): (usize, f64)| {
            json!({
                "feature": definitions.get(place).map(|definition| definition.name),
                "value": row.get(place).map(|value| number(*value)),
                "contribution": number(contribution),
            })
        };
        let class = explained_class(task, explained).and_then(|class| task.class_names().get(class));
        json!({
            "class": class,
            "raw_score": number(explained.raw_score),
            "expected": number(explained.expected),
            "contributions": contributions.into_iter().map(contribution).collect::<Vec<_>>(),
            "rest": number(rest),
        })
    };
    let [lightgbm, xgboost] = explained;
    json!({ "lightgbm": of_booster(lightgbm), "xgboost": of_booster(xgboost) })
}

/// [`prediction`] as text; that of all tasks is made once for all who ask.
pub(super) fn prediction_text(answered: &Answered, interval: Interval) -> String {
    if answered.selection != Selection::ALL || answered.explanations.is_some() {
        return prediction(answered, interval).to_string();
    }
    let make = |prediction: &Prediction| lasting(prediction, Selection::ALL, interval).to_string();
    answered.encoded.json(answered.staleness_ms, make)
}

/// What does not change while the prediction stands.
fn lasting(prediction: &Prediction, selection: Selection, interval: Interval) -> Value {
    let tasks: Map<String, Value> = prediction
        .tasks
        .iter()
        .filter(|answer| selection.has(answer.task))
        .map(|answer| (answer.task.name().to_owned(), task_prediction(answer)))
        .collect();
    json!({
        "id": PredictionId::of(prediction).to_string(),
        "symbol": prediction.symbol,
        "timestamp": timestamp(prediction.bar_time.milliseconds()),
        "predictions": tasks,
        "interval": interval,
        "bar_time": prediction.bar_time.milliseconds(),
        "bundle": prediction.bundle,
        "revision": prediction.revision,
        "provisional": prediction.provisional,
        "close": number(prediction.close),
        "source": prediction.source,
        "late_ms": prediction.late_ms,
        "row_hash": prediction.row_hash,
        "quality": quality(prediction.quality),
    })
}

fn task_prediction(prediction: &TaskPrediction) -> Value {
    let task = prediction.task;
    let mut fields = Map::new();
    let members = [
        ("lightgbm", &prediction.lightgbm),
        ("xgboost", &prediction.xgboost),
        ("ensemble", &prediction.ensemble),
    ];
    for (name, answer) in members {
        fields.insert(name.to_owned(), short(answer));
    }
    fields.insert("kind".to_owned(), kind(task).into());
    fields.insert("horizon_steps".to_owned(), task.horizon_steps().into());
    if task.kind() != TaskKind::Regression {
        let class = prediction.ensemble.class().and_then(|index| task.class_names().get(index));
        fields.insert("class".to_owned(), class.copied().into());
        fields.insert("classes".to_owned(), json!(task.class_names()));
        let lists = members.into_iter().map(|(name, answer)| (name.to_owned(), full(answer)));
        fields.insert("probabilities".to_owned(), Value::Object(lists.collect()));
    }
    let baselines =
        prediction.baselines.iter().map(|named| (named.name.name().to_owned(), full(&named.answer)));
    fields.insert("baselines".to_owned(), Value::Object(baselines.collect()));
    if !prediction.bands.is_empty() {
        fields.insert("bands".to_owned(), prediction.bands.iter().map(band).collect());
    }
    if let Some(value) = prediction.root_mean_square {
        fields.insert("root_mean_square".to_owned(), number(value));
    }
    Value::Object(fields)
}

fn band(band: &Band) -> Value {
    json!({ "level": band.level, "low": number(band.low), "high": number(band.high) })
}

/// One number: a value, or the index of the most probable class.
fn short(answer: &Answer) -> Value {
    match answer {
        Answer::Value(value) => number(*value),
        Answer::Probabilities(_) => answer.class().into(),
    }
}

/// A value, or the list of probabilities.
fn full(answer: &Answer) -> Value {
    match answer {
        Answer::Value(value) => number(*value),
        Answer::Probabilities(list) => list.iter().map(|&value| number(value)).collect(),
    }
}

/// A number, or `null` when it is missing.
pub(super) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn quality(quality: Quality) -> Value {
    json!({
        "warm_features": quality.warm_features,
        "total_features": quality.total,
        "carried_bars": quality.carried_bars,
        "missing_inputs": quality.missing_inputs,
    })
}

/// The ledger of missing bars.
pub(super) fn gaps(gaps: &[Gap]) -> Value {
    let gap = |gap: &Gap| {
        let (state, settled_at, source) = match gap.state {
            GapState::Open => ("open", None, None),
            GapState::Lacking { at_ms } => ("lacking", Some(at_ms), None),
            GapState::Filled { source, at_ms } => ("filled", Some(at_ms), Some(source.name())),
        };
        json!({
            "symbol": gap.symbol,
            "from_bar_time": gap.from.milliseconds(),
            "to_bar_time": gap.to.milliseconds(),
            "bar_count": gap.bars,
            "noticed_at": timestamp(gap.noticed_at_ms),
            "state": state,
            "settled_at": settled_at.map(timestamp),
            "source": source,
        })
    };
    json!({ "gaps": gaps.iter().map(gap).collect::<Vec<_>>() })
}

/// RFC 3339 in UTC with milliseconds.
pub(super) fn timestamp(time: Milliseconds) -> Value {
    Timestamp::from_millisecond(time).map_or(Value::Null, |time| format!("{time:.3}").into())
}

const fn kind(task: Task) -> &'static str {
    match task.kind() {
        TaskKind::Regression => "regression",
        TaskKind::Binary => "binary",
        TaskKind::Classes(_) => "classes",
    }
}

/// The answer of `GET /features/{symbol}`.
pub(super) fn features(answer: &FeatureAnswer, interval: Interval) -> Value {
    let values: Map<String, Value> =
        answer.features.iter().map(|feature| (feature.name.to_owned(), number(feature.value))).collect();
    json!({
        "symbol": answer.symbol,
        "timestamp": timestamp(answer.bar.milliseconds()),
        "features": values,
        "feature_count": answer.features.len(),
        "interval": interval,
        "bar_time": answer.bar.milliseconds(),
        "catalogue_hash": answer.catalogue_hash,
        "row_hash": answer.row_hash,
        "quality": quality(answer.quality),
        "regime_cuts": answer.regime_cuts,
    })
}

/// The answer of `GET /tasks`.
pub(super) fn tasks(service: &Service) -> Value {
    let champion = service.shared().champion.load();
    let info = |task: Task| {
        let loaded = champion.bundle.as_ref().is_some_and(|bundle| bundle.manifest().task(task).is_some());
        json!({
            "name": task.name(),
            "kind": kind(task),
            "horizon_steps": task.horizon_steps(),
            "classes": task.class_names(),
            "description": task.description(),
            "loaded": loaded,
        })
    };
    json!({ "tasks": Task::ALL.map(info), "interval": service.interval })
}

/// The answer of `GET /models`.
pub(super) fn models(models: &[ModelInfo], service: &Service) -> Value {
    let list: Vec<Value> = models.iter().map(model).collect();
    json!({ "models": list, "champion": service.champion_digest() })
}

/// One model.
pub(super) fn model(model: &ModelInfo) -> Value {
    json!({
        "version": model.version,
        "digest": model.digest,
        "stage": model.stage.name(),
        "steps": model.steps.iter().map(step).collect::<Vec<_>>(),
        "aliases": model.aliases.iter().map(|alias| alias.name()).collect::<Vec<_>>(),
        "serving": model.serving,
        "registered_at": timestamp(model.registered_at_ms),
        "metrics": model.metrics,
        "manifest": model.manifest,
    })
}

/// One step of a model's way through the stages.
fn step(step: &StageStep) -> Value {
    json!({
        "stage": step.stage.name(),
        "since": step.at.map(timestamp),
        "champion": step.champion,
        "cause": step.cause.map(Cause::name),
        "by": step.by,
        "how": step.how,
        "replaced": step.replaced,
        "replaced_by": step.replaced_by,
    })
}

/// The answer of `GET /health`.
pub(super) fn health(service: &Service, status: &Status) -> Value {
    let symbols: Vec<Value> = status
        .engine
        .readiness
        .iter()
        .zip(&status.engine.ready)
        .map(|(readiness, ready)| {
            json!({
                "symbol": readiness.symbol,
                "ready": ready,
                "bar_time": readiness.last_bar,
                "staleness_ms": readiness.last_bar.map(|bar| service.shared().staleness(bar)),
                "listing": service.shared().listings.load().of(readiness.symbol).map(Listing::as_str),
                "warm_features": readiness.warm_features,
                "total_features": readiness.total_features,
            })
        })
        .collect();
    let bundle = status.champion.bundle.as_ref();
    json!({
        "status": serving(status.state),
        "waiting_for": status.waiting_for,
        "version": env!("CARGO_PKG_VERSION"),
        "interval": service.interval,
        "uptime_seconds": status.uptime.as_secs_f64(),
        "models": {
            "loaded": bundle.is_some(),
            "bundle": bundle.map(|bundle| bundle.digest()),
            "tasks": bundle.map(|bundle| bundle.manifest().tasks.iter().map(|entry| entry.task).collect::<Vec<_>>()),
            "problem": status.champion.problem,
        },
        "exchange": {
            "state": exchange(status.exchange.state),
            "problem": status.exchange.problem,
            "time": status.exchange_time_ms,
        },
        "watermark": status.engine.watermark.map(BarTime::milliseconds),
        "catalogue_hash": Catalogue::standard().hash().to_string(),
        "symbols": symbols,
    })
}

const fn serving(state: ServingState) -> &'static str {
    match state {
        ServingState::Starting => "starting",
        ServingState::Serving => "healthy",
        ServingState::Draining => "draining",
    }
}

const fn exchange(state: ExchangeState) -> &'static str {
    match state {
        ExchangeState::Connecting => "connecting",
        ExchangeState::Backfilling => "backfilling",
        ExchangeState::Live => "live",
        ExchangeState::Reconnecting => "reconnecting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn answer(selection: Selection) -> Value {
        let encoded = testing::encoded("BTCUSDT", 1, 1);
        let answered = Answered { encoded, selection, staleness_ms: 5, explanations: None };
        let object = prediction(&answered, Interval::M15);
        // Made for the first who asks and for the second.
        for _ in 0..2 {
            assert_eq!(prediction_text(&answered, Interval::M15), object.to_string());
        }
        object
    }

    #[test]
    fn the_shape_is_the_old_one_with_more_beside() {
        let json = answer(Selection::ALL);
        assert_eq!(json["symbol"], "BTCUSDT");
        assert_eq!(json["id"], "BTCUSDT:1799999:070707070707:1");
        assert_eq!(json["timestamp"], "1970-01-01T00:29:59.999Z");
        assert_eq!(json["predictions"]["return_1step"]["ensemble"], 0.025);
        let bands = json!([
            { "level": 0.8, "low": -0.5, "high": 0.75 },
            { "level": 0.9, "low": -1.0, "high": 1.5 },
        ]);
        assert_eq!(json["predictions"]["return_1step"]["bands"], bands);
        assert_eq!(json["predictions"]["direction_4step"].get("bands"), None);
        assert_eq!(json["predictions"]["volatility_4step"]["root_mean_square"], 0.625);
        assert_eq!(json["predictions"]["return_1step"].get("root_mean_square"), None);
        assert_eq!(json["predictions"]["direction_4step"]["lightgbm"], 0);
        assert_eq!(json["predictions"]["direction_4step"]["xgboost"], 1);
        assert_eq!(
            json["predictions"]["direction_4step"]["probabilities"]["ensemble"],
            json!([0.375, 0.625])
        );
        assert_eq!(json["predictions"]["direction_4step"]["class"], "up");
        assert_eq!(json["predictions"].as_object().map(Map::len), Some(7));
        assert_eq!(json["bar_time"], 1_799_999);
    }

    #[test]
    fn only_the_tasks_asked_for_are_there_and_missing_numbers_are_null() {
        let json = answer(Selection::of([Task::Return4Step]));
        assert_eq!(json["predictions"].as_object().map(Map::len), Some(1));
        assert_eq!(number(f64::NAN), Value::Null);
        assert_eq!(short(&Answer::Probabilities(vec![f64::NAN; 2])), Value::Null);
    }
}
