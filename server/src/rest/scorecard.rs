//! `GET /scorecard`: its query and its shape.

use forecast::score::{CardDay, CardLine, DAY_MS};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::json::{number, timestamp};
use super::requests::{list, optional_time};
use crate::reason::{Reason, Refusal, shorten};
use crate::service::{Scorecard, ScorecardRequest};

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ScorecardQuery {
    /// `7d`, or `all`, which none means too.
    window: Option<String>,
    /// The first day: a date, a time (RFC 3339) or Unix milliseconds.
    from: Option<String>,
    /// The last day, in the same forms.
    until: Option<String>,
    /// `task`, `pair`, `bundle`, separated by commas.
    by: String,
    /// Pairs, separated by commas; none means all.
    symbol: String,
    /// Tasks, separated by commas; none means all.
    task: String,
    /// How the bundle's digest begins.
    bundle: String,
    /// Whether each line comes with its days.
    pub(super) days: bool,
}

impl ScorecardQuery {
    /// The request.
    pub(super) fn read(&self) -> Result<ScorecardRequest, Refusal> {
        let mut request = ScorecardRequest {
            window_days: self.window.as_deref().map_or(Ok(0), window)?,
            from_ms: optional_time("from", self.from.as_deref())?,
            until_ms: optional_time("until", self.until.as_deref())?,
            symbols: list(&self.symbol),
            tasks: list(&self.task),
            bundle: self.bundle.clone(),
            ..ScorecardRequest::default()
        };
        for group in list(&self.by) {
            match group.as_str() {
                "task" => {}
                "pair" => request.by_pair = true,
                "bundle" => request.by_bundle = true,
                other => {
                    let message = format!("by {:?} is not known, use task, pair or bundle", shorten(other));
                    return Err(Refusal::new(Reason::MalformedRequest, message).with("by", shorten(other)));
                }
            }
        }
        Ok(request)
    }
}

fn window(text: &str) -> Result<u32, Refusal> {
    if text == "all" {
        return Ok(0);
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    days.ok_or_else(|| {
        let message = format!("window {:?} cannot be read, write 7d for seven days, or all", shorten(text));
        Refusal::new(Reason::MalformedRequest, message).with("window", shorten(text))
    })
}

/// The answer.
pub(super) fn scorecard(card: &Scorecard, with_days: bool) -> Value {
    json!({
        "from": card.span_ms.map(|(from, _)| timestamp(from)),
        "until": card.span_ms.map(|(_, until)| timestamp(until)),
        "complete": card.is_complete,
        "dropped_before": card.dropped_before_ms.map(timestamp),
        "lines": card.lines.iter().map(|of| line(card, of, with_days)).collect::<Vec<_>>(),
    })
}

fn line(card: &Scorecard, line: &CardLine, with_days: bool) -> Value {
    let mut fields = Map::new();
    fields.insert("task".to_owned(), line.task.name().into());
    fields.insert("horizon_steps".to_owned(), line.task.horizon_steps().into());
    if let Some(symbol) = line.symbol {
        fields.insert("symbol".to_owned(), symbol.as_str().into());
    }
    if let Some(bundle) = line.bundle {
        fields.insert("bundle".to_owned(), bundle.to_string().into());
    }
    fields.insert("outcome_count".to_owned(), line.count.into());
    fields.insert("day_count".to_owned(), line.days.len().into());
    let names: Vec<&str> = line.baselines.iter().map(|name| name.name()).collect();
    fields.insert("baselines".to_owned(), names.into());
    let numbers = [
        ("loss", line.loss),
        ("baseline_loss", line.baseline_loss),
        ("skill", line.skill.value),
        ("skill_low", line.skill.low),
        ("skill_high", line.skill.high),
        ("hit_rate", line.hit_rate),
        ("rank_correlation", line.rank_correlation),
        ("calibration_error", line.calibration_error),
    ];
    fields.extend(numbers.map(|(name, value)| (name.to_owned(), number(value))));
    fields.insert("too_few_days".to_owned(), line.has_too_few_days().into());
    if with_days {
        fields.insert("days".to_owned(), card.days(line).iter().map(day).collect());
    }
    Value::Object(fields)
}

fn day(day: &CardDay) -> Value {
    json!({
        "day": timestamp(day.day.saturating_mul(DAY_MS)),
        "outcome_count": day.count,
        "loss": number(day.loss / day.count as f64),
        "baseline_loss": number(day.baseline_loss / day.count as f64),
    })
}

#[cfg(test)]
mod tests {
    use super::super::requests::time;
    use super::*;

    #[test]
    fn a_query_reads_windows_times_and_lists() {
        let query = ScorecardQuery {
            from: Some("2024-01-31".to_owned()),
            until: Some("1706745599999".to_owned()),
            by: "pair, bundle".to_owned(),
            symbol: "BTCUSDT,ethusdt,".to_owned(),
            ..ScorecardQuery::default()
        };
        let request = query.read().expect("readable");
        assert_eq!((request.from_ms, request.until_ms), (Some(1_706_659_200_000), Some(1_706_745_599_999)));
        assert!(request.by_pair && request.by_bundle);
        assert_eq!(request.symbols, ["BTCUSDT", "ethusdt"]);
        assert_eq!(window("30d"), Ok(30));
        for text in ["", "0d", "d", "7", "7h", "-1d", "99999999999d"] {
            assert!(window(text).is_err(), "{text}");
        }
        assert_eq!(time("from", "2024-01-31T00:00:00Z"), Ok(1_706_659_200_000));
        assert!(time("from", "yesterday").is_err() && time("from", "").is_err());
        assert!(ScorecardQuery { by: "hour".to_owned(), ..ScorecardQuery::default() }.read().is_err());
    }
}
