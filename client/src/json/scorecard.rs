//! Scorecards.

use serde_json::{Map, Value, json};

use super::{number, timestamp};
use crate::wire;

/// A scorecard, in the shape of `GET /scorecard`.
#[must_use]
pub fn scorecard(card: &wire::GetScorecardResponse) -> Value {
    let time = |time: i64| (time != 0).then(|| timestamp(time));
    json!({
        "from": time(card.from_ms),
        "until": time(card.until_ms),
        "complete": card.complete,
        "dropped_before": time(card.dropped_before_ms),
        "lines": card.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(line: &wire::ScoreLine) -> Value {
    let mut fields = Map::new();
    fields.insert("task".to_owned(), line.task.as_str().into());
    fields.insert("horizon_steps".to_owned(), line.horizon_steps.into());
    for (name, apart) in [("symbol", &line.symbol), ("bundle", &line.bundle_digest)] {
        if !apart.is_empty() {
            fields.insert(name.to_owned(), apart.as_str().into());
        }
    }
    fields.insert("outcome_count".to_owned(), line.outcome_count.into());
    fields.insert("day_count".to_owned(), line.day_count.into());
    fields.insert("baselines".to_owned(), json!(line.baselines));
    let numbers = [
        ("loss", line.loss),
        ("baseline_loss", line.baseline_loss),
        ("skill", line.skill),
        ("skill_low", line.skill_low),
        ("skill_high", line.skill_high),
        ("hit_rate", line.hit_rate),
        ("rank_correlation", line.rank_correlation),
        ("calibration_error", line.calibration_error),
    ];
    fields.extend(numbers.map(|(name, value)| (name.to_owned(), number(value))));
    fields.insert("too_few_days".to_owned(), line.too_few_days.into());
    if !line.days.is_empty() {
        fields.insert("days".to_owned(), line.days.iter().map(day).collect());
    }
    Value::Object(fields)
}

fn day(day: &wire::ScoreDay) -> Value {
    json!({
        "day": timestamp(day.day_ms),
        "outcome_count": day.outcome_count,
        "loss": number(day.loss),
        "baseline_loss": number(day.baseline_loss),
    })
}
