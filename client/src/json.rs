//! The wire's messages as JSON for programs, in the words of the REST answers. A number that JSON can't write (NaN,
//! infinity) is `null`.

use serde_json::{Map, Value, json};

use crate::wire;

mod explanation;
mod history;
mod journal;
mod scorecard;

pub use history::journalled;
pub use journal::{replay, verification};
pub use scorecard::scorecard;

/// A prediction, in the shape of `POST /predict/{symbol}`: `predictions.<task>.lightgbm`, `xgboost` and `ensemble` are the
/// number of a regression or the index of the most probable class; `probabilities` stand beside, and `bands` and
/// `root_mean_square` where there are any. The names of all classes are those of `tasks`, as [`Client::tasks`](crate::Client::tasks) answers them.
#[must_use]
pub fn prediction(prediction: &wire::Prediction, tasks: &wire::ListTasksResponse) -> Value {
    let classes = |name: &str| tasks.tasks.iter().find(|task| task.name == name);
    let tasks: Map<String, Value> = prediction
        .tasks
        .iter()
        .map(|answers| (answers.task.clone(), task_prediction(answers, classes(&answers.task))))
        .collect();
    json!({
        "id": prediction.id,
        "symbol": prediction.symbol,
        "timestamp": timestamp(prediction.bar_time_ms),
        "predictions": tasks,
        "interval": prediction.interval,
        "bar_time": prediction.bar_time_ms,
        "bundle": prediction.bundle_digest,
        "revision": prediction.revision,
        "provisional": prediction.provisional,
        "staleness_ms": prediction.staleness_ms,
        "close": number(prediction.close_price),
        "source": enum_name(prediction.source().as_str_name(), "KLINE_SOURCE_"),
        "late_ms": prediction.late_ms,
        "row_hash": prediction.row_hash,
        "quality": prediction.quality.as_ref().map(quality),
    })
}

/// A gap of the ledger.
#[must_use]
pub fn gap(gap: &wire::Gap) -> Value {
    let is_filled = gap.state() == wire::GapState::Filled;
    let source = is_filled.then(|| enum_name(gap.source().as_str_name(), "KLINE_SOURCE_"));
    json!({
        "symbol": gap.symbol,
        "from_bar_time": gap.from_bar_time_ms,
        "to_bar_time": gap.to_bar_time_ms,
        "bar_count": gap.bar_count,
        "noticed_at": timestamp(gap.noticed_at_ms),
        "state": enum_name(gap.state().as_str_name(), "GAP_STATE_"),
        "settled_at": (gap.settled_at_ms > 0).then(|| timestamp(gap.settled_at_ms)),
        "source": source,
    })
}

fn task_prediction(task: &wire::TaskPrediction, info: Option<&wire::TaskInfo>) -> Value {
    let members = [("lightgbm", &task.lightgbm), ("xgboost", &task.xgboost), ("ensemble", &task.ensemble)];
    let mut fields: Map<String, Value> =
        members.iter().map(|(name, answer)| ((*name).to_owned(), short(answer.as_ref()))).collect();
    fields.insert("kind".to_owned(), enum_name(task.kind().as_str_name(), "TASK_KIND_").into());
    fields.insert("horizon_steps".to_owned(), task.horizon_steps.into());
    if let Some(wire::answer::Answer::Classes(classes)) = inner(task.ensemble.as_ref()) {
        fields.insert("class".to_owned(), named(&classes.name));
        if let Some(info) = info {
            fields.insert("classes".to_owned(), json!(info.class_names));
        }
        let lists = members.iter().map(|(name, answer)| ((*name).to_owned(), full(answer.as_ref())));
        fields.insert("probabilities".to_owned(), Value::Object(lists.collect()));
    }
    let baselines =
        task.baselines.iter().map(|baseline| (baseline.name.clone(), full(baseline.answer.as_ref())));
    fields.insert("baselines".to_owned(), Value::Object(baselines.collect()));
    if !task.bands.is_empty() {
        fields.insert("bands".to_owned(), task.bands.iter().map(band).collect());
    }
    if let Some(value) = task.root_mean_square {
        fields.insert("root_mean_square".to_owned(), number(value));
    }
    if !task.explanations.is_empty() {
        fields.insert("explanations".to_owned(), explanation::explanations(&task.explanations));
    }
    Value::Object(fields)
}

fn band(band: &wire::Band) -> Value {
    json!({ "level": band.level, "low": number(band.low), "high": number(band.high) })
}

fn inner(answer: Option<&wire::Answer>) -> Option<&wire::answer::Answer> {
    answer?.answer.as_ref()
}

/// One number: a value, or the index of the most probable class; `null` when it is missing.
fn short(answer: Option<&wire::Answer>) -> Value {
    match inner(answer) {
        Some(wire::answer::Answer::Value(value)) => number(*value),
        Some(wire::answer::Answer::Classes(classes)) if !classes.name.is_empty() => classes.index.into(),
        _ => Value::Null,
    }
}

/// A value, or the list of probabilities.
fn full(answer: Option<&wire::Answer>) -> Value {
    match inner(answer) {
        Some(wire::answer::Answer::Value(value)) => number(*value),
        Some(wire::answer::Answer::Classes(classes)) => {
            classes.probabilities.iter().map(|&p| number(p)).collect()
        }
        None => Value::Null,
    }
}

fn quality(quality: &wire::Quality) -> Value {
    json!({
        "warm_features": quality.warm_features,
        "total_features": quality.total_features,
        "carried_bars": quality.carried_bars,
        "missing_inputs": quality.missing_inputs,
    })
}

/// A symbol that could not be answered.
#[must_use]
pub fn problem(symbol: &str, problem: &wire::Problem) -> Value {
    json!({
        "symbol": symbol,
        "problem": { "reason": problem.reason, "message": problem.message, "remedy": problem.remedy },
    })
}

/// A feature row: `features.<name>`.
#[must_use]
pub fn features(row: &wire::GetFeaturesResponse) -> Value {
    let features: Map<String, Value> =
        row.features.iter().map(|feature| (feature.name.clone(), number(feature.value))).collect();
    json!({
        "symbol": row.symbol,
        "timestamp": timestamp(row.bar_time_ms),
        "feature_count": features.len(),
        "features": features,
        "regime_cuts": <[f64; 2]>::try_from(row.regime_cuts.as_slice()).ok(),
        "interval": row.interval,
        "bar_time": row.bar_time_ms,
        "catalogue_hash": row.catalogue_hash,
        "row_hash": row.row_hash,
        "quality": row.quality.as_ref().map(quality),
    })
}

/// The tasks.
#[must_use]
pub fn tasks(tasks: &wire::ListTasksResponse) -> Value {
    let task = |task: &wire::TaskInfo| {
        json!({
            "name": task.name,
            "kind": enum_name(task.kind().as_str_name(), "TASK_KIND_"),
            "horizon_steps": task.horizon_steps,
            "classes": task.class_names,
            "loaded": task.loaded,
        })
    };
    json!({ "interval": tasks.interval, "tasks": tasks.tasks.iter().map(task).collect::<Vec<_>>() })
}

/// The models of the registry.
#[must_use]
pub fn models(models: &wire::ListModelsResponse) -> Value {
    json!({
        "champion": models.champion_digest,
        "models": models.models.iter().map(model).collect::<Vec<_>>(),
    })
}

/// One model of the registry.
#[must_use]
pub fn model(model: &wire::Model) -> Value {
    let document = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    json!({
        "version": model.version,
        "digest": model.digest,
        "stage": enum_name(model.stage().as_str_name(), "STAGE_"),
        "steps": model.steps.iter().map(step).collect::<Vec<_>>(),
        "aliases": model.aliases().map(|alias| enum_name(alias.as_str_name(), "ALIAS_")).collect::<Vec<_>>(),
        "serving": model.serving,
        "registered_at": timestamp(model.registered_at_ms),
        "manifest": document(&model.manifest_json),
        "metrics": document(&model.metrics_json),
    })
}

/// One step of a model's way through the stages.
fn step(step: &wire::StageStep) -> Value {
    let cause = Some(step.cause()).filter(|cause| *cause != wire::StageCause::Unspecified);
    json!({
        "stage": enum_name(step.stage().as_str_name(), "STAGE_"),
        "since": step.at_ms.map(timestamp),
        "champion": step.champion,
        "cause": cause.map(|cause| enum_name(cause.as_str_name(), "STAGE_CAUSE_")),
        "by": named(&step.by),
        "how": named(&step.how),
        "replaced": step.replaced_versions,
        "replaced_by": (step.replaced_by_version > 0).then_some(step.replaced_by_version),
    })
}

/// What a reload did.
#[must_use]
pub fn reload(reload: &wire::ReloadModelsResponse) -> Value {
    json!({ "changed": reload.changed, "previous_digest": reload.previous_digest, "digest": reload.digest })
}

/// The server's status.
#[must_use]
pub fn status(status: &wire::GetStatusResponse) -> Value {
    let symbol = |symbol: &wire::SymbolStatus| {
        json!({
            "symbol": symbol.symbol,
            "ready": symbol.ready,
            "last_bar_time_ms": symbol.last_bar_time_ms,
            "warm_features": symbol.warm_features,
            "total_features": symbol.total_features,
            "missing_bars": symbol.missing_bars,
            "staleness_ms": symbol.staleness_ms,
            "listing": symbol.listing,
            "successor": symbol.successor,
        })
    };
    json!({
        "state": enum_name(status.state().as_str_name(), "SERVING_STATE_"),
        "waiting_for": status.waiting_for,
        "server_version": status.server_version,
        "interval": status.interval,
        "uptime_seconds": number(status.uptime_seconds),
        "exchange_state": enum_name(status.exchange_state().as_str_name(), "EXCHANGE_STATE_"),
        "exchange_problem": status.exchange_problem,
        "exchange_time_ms": status.exchange_time_ms,
        "watermark_ms": status.watermark_ms,
        "bundle_digest": status.bundle_digest,
        "bundle_problem": status.bundle_problem,
        "catalogue_hash": status.catalogue_hash,
        "symbols": status.symbols.iter().map(symbol).collect::<Vec<_>>(),
        "scores": status.scores.iter().map(score).collect::<Vec<_>>(),
        "subscriber_count": status.subscriber_count,
        "journal_lost_count": status.journal_lost_count,
        "parity_audit_count": status.parity_audit_count,
        "parity_mismatch_count": status.parity_mismatch_count,
    })
}

fn score(score: &wire::TaskScore) -> Value {
    json!({
        "task": score.task,
        "resolved_count": score.resolved_count,
        "loss": number(score.loss),
        "baseline": score.baseline,
        "baseline_loss": number(score.baseline_loss),
        "skill": number(score.skill),
    })
}

/// RFC 3339 in UTC with milliseconds.
fn timestamp(milliseconds: i64) -> Value {
    jiff::Timestamp::from_millisecond(milliseconds).map_or(Value::Null, |time| format!("{time:.3}").into())
}

/// A name, or `null` for none.
fn named(name: &str) -> Value {
    Some(name).filter(|name| !name.is_empty()).into()
}

fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A wire enum's name for people and programs: `STAGE_PRODUCTION` without its prefix, in lower case.
#[must_use]
pub fn enum_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(booster: &str, feature: &str, contribution: f64) -> wire::Explanation {
        wire::Explanation {
            booster: booster.to_owned(),
            raw_score: 0.5 + contribution,
            expected: 0.5,
            contributions: vec![wire::Contribution {
                feature: feature.to_owned(),
                value: f64::NAN,
                contribution,
            }],
            ..Default::default()
        }
    }

    #[test]
    fn a_prediction_has_each_members_answer_under_its_task() {
        let value = |value| Some(wire::Answer { answer: Some(wire::answer::Answer::Value(value)) });
        let classes = wire::ClassAnswer { index: 1, name: "up".to_owned(), probabilities: vec![0.25, 0.75] };
        let message = wire::Prediction {
            symbol: "BTCUSDT".to_owned(),
            close_price: f64::NAN,
            source: wire::KlineSource::Socket.into(),
            tasks: vec![
                wire::TaskPrediction {
                    task: "return_1step".to_owned(),
                    kind: wire::TaskKind::Regression.into(),
                    lightgbm: value(0.5),
                    xgboost: value(f64::INFINITY),
                    baselines: vec![wire::BaselineAnswer { name: "zero".to_owned(), answer: value(0.0) }],
                    explanations: vec![explanation("lightgbm", "rsi_14", 0.25)],
                    bands: vec![wire::Band { level: 0.8, low: -0.25, high: f64::INFINITY }],
                    root_mean_square: Some(0.75),
                    ..Default::default()
                },
                wire::TaskPrediction {
                    task: "direction_4step".to_owned(),
                    ensemble: Some(wire::Answer { answer: Some(wire::answer::Answer::Classes(classes)) }),
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        let direction = wire::TaskInfo {
            name: "direction_4step".to_owned(),
            class_names: vec!["down".to_owned(), "up".to_owned()],
            ..Default::default()
        };
        let tasks = wire::ListTasksResponse { tasks: vec![direction], ..Default::default() };
        let json = prediction(&message, &tasks);
        assert_eq!(json["source"], "socket");
        assert_eq!(json["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(json["close"], Value::Null);
        let explained = json!({
            "class": null,
            "raw_score": 0.75,
            "expected": 0.5,
            "contributions": [{ "feature": "rsi_14", "value": null, "contribution": 0.25 }],
            "rest": 0.0,
        });
        assert_eq!(json["predictions"]["return_1step"]["explanations"], json!({ "lightgbm": explained }));
        assert_eq!(json["predictions"]["direction_4step"].get("explanations"), None);
        let task = &json["predictions"]["return_1step"];
        assert_eq!(task["kind"], "regression");
        assert_eq!(task["lightgbm"], 0.5);
        assert_eq!(task["xgboost"], Value::Null);
        assert_eq!(task["ensemble"], Value::Null);
        assert_eq!(task["baselines"]["zero"], 0.0);
        assert_eq!(task["bands"], json!([{ "level": 0.8, "low": -0.25, "high": null }]));
        assert_eq!(task["root_mean_square"], json!(0.75));
        let direction = &json["predictions"]["direction_4step"];
        assert_eq!((&direction["ensemble"], &direction["class"]), (&json!(1), &json!("up")));
        assert_eq!(direction["probabilities"]["ensemble"], json!([0.25, 0.75]));
        assert_eq!(direction["classes"], json!(["down", "up"]));
        assert_eq!((direction.get("bands"), direction.get("root_mean_square")), (None, None));
        assert_eq!(json["predictions"]["return_1step"]["classes"], Value::Null);
    }

    #[test]
    fn a_model_without_documents_has_null_in_their_place() {
        let json = model(&wire::Model { metrics_json: r#"{"skill":1}"#.to_owned(), ..Default::default() });
        assert_eq!(json["manifest"], Value::Null);
        assert_eq!(json["metrics"]["skill"], 1);
    }

    #[test]
    fn what_is_not_known_of_a_step_is_null() {
        let production = wire::StageStep {
            stage: wire::Stage::Production.into(),
            at_ms: Some(1),
            champion: true,
            cause: wire::StageCause::Force.into(),
            by: "ann".to_owned(),
            how: "promoted by force past: days (by ann)".to_owned(),
            replaced_versions: vec![1],
            replaced_by_version: 3,
        };
        let json = model(&wire::Model { steps: vec![production, Default::default()], ..Default::default() });
        let expected = json!([
            {
                "stage": "production", "since": "1970-01-01T00:00:00.001Z", "champion": true, "cause": "force", "by": "ann",
                "how": "promoted by force past: days (by ann)", "replaced": [1], "replaced_by": 3,
            },
            {
                "stage": "unspecified", "since": null, "champion": false, "cause": null, "by": null,
                "how": null, "replaced": [], "replaced_by": null,
            },
        ]);
        assert_eq!(json["steps"], expected);
    }
}
