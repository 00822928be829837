//! Request bodies, read strictly.

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::reason::{Reason, Refusal};

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
#[serde(default)]
pub(super) struct SymbolQuery {
    /// The interval; none means the one that is served.
    pub(super) interval: String,
    /// Feature names, separated by commas; none means all.
    pub(super) names: String,
}

/// Reads a JSON body; an empty one is `{}`.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let bytes: &[u8] = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(bytes)
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
        for text in ["{\"task\": []}", "[1]", "{", "\u{0}", "{\"tasks\": [1]}"] {
            let refusal = read_predict(text).err();
            assert!(refusal.is_some_and(|refusal| refusal.reason == Reason::MalformedRequest), "{text}");
        }
        assert!(read::<Promote>(&Bytes::new()).is_err());
    }
}
