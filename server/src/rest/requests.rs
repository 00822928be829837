//! Request bodies, read strictly.

use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use kline::Milliseconds;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::object::Object;
use crate::reason::{Reason, Refusal, shorten};
use crate::service::Wants;

/// The longest body in bytes.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;

/// The body of `POST /predict/{symbol}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Predict {
    /// The tasks; none means all.
    pub(super) tasks: Option<Vec<String>>,
    /// The interval; none means the one that is served.
    pub(super) interval: Option<String>,
    /// How fresh the answer has to be; none means the latest as it stands.
    pub(super) freshness: Option<Object<Freshness>>,
    /// Whether the kline that is still forming is asked about.
    pub(super) nowcast: Option<bool>,
    /// How many features each explanation names; none for no explanation.
    pub(super) explain_top: Option<u32>,
}

/// The body of `POST /predict/batch`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PredictBatch {
    /// The symbols; none means all.
    pub(super) symbols: Option<Vec<String>>,
    /// The tasks; none means all.
    pub(super) tasks: Option<Vec<String>>,
    /// The interval.
    pub(super) interval: Option<String>,
    /// How fresh the answer has to be; none means the latest as it stands.
    pub(super) freshness: Option<Object<Freshness>>,
    /// Whether the kline that is still forming is asked about.
    pub(super) nowcast: Option<bool>,
    /// How many features each explanation names; none for no explanation.
    pub(super) explain_top: Option<u32>,
}

/// How fresh an answer has to be.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Freshness {
    /// The close time of the bar that the answer has to be about, or of a later one.
    min_bar_time: Option<i64>,
    /// How long ago the answer's bar may have closed, in milliseconds.
    max_staleness_ms: Option<i64>,
    /// How long may be waited until that holds, in milliseconds.
    wait_ms: Option<u64>,
}

impl Freshness {
    /// What is wanted beyond the latest answer.
    pub(super) fn wants(self, nowcast: Option<bool>, explain_top: Option<u32>) -> Wants {
        Wants {
            min_bar_time_ms: self.min_bar_time,
            max_staleness_ms: self.max_staleness_ms,
            wait: Duration::from_millis(self.wait_ms.unwrap_or_default()),
            nowcast: nowcast.unwrap_or_default(),
            explain_top: explain_top.unwrap_or_default(),
        }
    }
}

/// The body of `POST /symbols`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Symbols {
    /// Followed from now on.
    pub(super) add: Option<Vec<String>>,
    /// Not followed any more.
    pub(super) remove: Option<Vec<String>>,
}

/// The body of `POST /models/promote`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Promote {
    /// The model's number.
    pub(super) version: u64,
    /// `none`, `staging`, `production` or `archived`.
    #[serde(default)]
    pub(super) stage: Option<String>,
    /// `champion` or `challenger`.
    #[serde(default)]
    pub(super) alias: Option<String>,
}

/// The query of the ledger of missing bars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GapsQuery {
    /// The symbol; empty means all.
    #[serde(default)]
    pub(super) symbol: String,
    /// Leaves out what has been filled.
    #[serde(default)]
    pub(super) unfilled: bool,
}

/// The query of the GET routes about a symbol.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SymbolQuery {
    /// The interval; none means the one that is served.
    pub(super) interval: String,
    /// Feature names, separated by commas; none means all.
    pub(super) names: String,
}

/// The parts of a text, separated by commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A time that need not be given. An empty one is refused: whoever sends it meant some time.
pub(super) fn optional_time(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Milliseconds>, Refusal> {
    text.map(|text| time(field, text)).transpose()
}

/// A date, a time (RFC 3339) or Unix milliseconds.
pub(super) fn time(field: &'static str, text: &str) -> Result<Milliseconds, Refusal> {
    let timestamp = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    let milliseconds =
        text.parse().ok().or_else(|| timestamp(text)).or_else(|| timestamp(&format!("{text}T00:00:00Z")));
    milliseconds.ok_or_else(|| {
        let message =
            format!("{field} {:?} cannot be read, write 2024-01-31 or Unix milliseconds", shorten(text));
        Refusal::new(Reason::MalformedRequest, message).with(field, shorten(text))
    })
}

/// The refusal of a body that is longer than that.
pub(super) fn too_long(bytes_max: usize) -> Refusal {
    Refusal::new(Reason::RequestTooLarge, format!("the body is longer than {bytes_max} bytes"))
}

/// Reads a JSON body; an empty one is `{}`.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let bytes: &[u8] = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(bytes)
        .map(|Object(read)| read)
        .map_err(|error| Refusal::new(Reason::MalformedRequest, format!("the body cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_asks_for_everything_and_an_unknown_field_is_refused() {
        let read_predict = |text: &'static str| read::<Predict>(&Bytes::from_static(text.as_bytes()));
        assert!(read_predict(" \n").is_ok_and(|request| request.tasks.is_none()));
        assert!(read_predict("{\"tasks\": null}").is_ok());
        for text in [
            "{\"task\": []}",
            "[1]",
            "[]",
            "{\"freshness\": []}",
            "{",
            "\u{0}",
            "{\"tasks\": [1]}",
            "{\"tasks\": [], \"tasks\": []}",
        ] {
            let refusal = read_predict(text).err();
            assert!(refusal.is_some_and(|refusal| refusal.reason == Reason::MalformedRequest), "{text}");
        }
        assert!(read::<Promote>(&Bytes::new()).is_err());
    }
}
