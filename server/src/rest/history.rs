//! `GET /predictions` and `GET /predictions/{symbol}/at/{time}`: their queries and shapes.

use forecast::Resolution;
use kline::Interval;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::json::{number, prediction};
use super::requests::{list, optional_time, time};
use crate::convert::outcome_class;
use crate::reason::Refusal;
use crate::service::{AsOfRequest, HistoryPage, HistoryRequest};

/// The query of `GET /predictions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// Pairs, separated by commas; none means all.
    symbols: String,
    /// Tasks, separated by commas; none means all.
    tasks: String,
    /// The interval; none means the one that is served.
    interval: String,
    /// The first bar: a date, a time (RFC 3339) or Unix milliseconds.
    from: Option<String>,
    /// The last bar, in the same forms: it closed at or before this time.
    until: Option<String>,
    /// Whether replaced revisions are wanted too.
    all_revisions: bool,
    /// How the bundle's digest begins.
    bundle: String,
    /// Whether what came true is wanted too.
    outcomes: bool,
    /// How many predictions a page has at most.
    page_size: u32,
    /// What the page before said.
    page_token: String,
}

impl HistoryQuery {
    /// The request.
    pub(super) fn read(self) -> Result<HistoryRequest, Refusal> {
        Ok(HistoryRequest {
            symbols: list(&self.symbols),
            tasks: list(&self.tasks),
            interval: self.interval,
            from_ms: optional_time("from", self.from.as_deref())?,
            until_ms: optional_time("until", self.until.as_deref())?,
            all_revisions: self.all_revisions,
            bundle: self.bundle,
            with_outcomes: self.outcomes,
            page_size: self.page_size,
            page_token: self.page_token,
        })
    }
}

/// The query of `GET /predictions/{symbol}/at/{time}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AsOfQuery {
    /// Tasks, separated by commas; none means all.
    tasks: String,
    /// The interval; none means the one that is served.
    interval: String,
    /// Whether the first revision is wanted and not the last.
    first_revision: bool,
    /// How many features each explanation names; 0 for none.
    explain_top: u32,
}

impl AsOfQuery {
    /// The request about a symbol at a time.
    pub(super) fn read(self, symbol: String, at: &str) -> Result<AsOfRequest, Refusal> {
        Ok(AsOfRequest {
            symbol,
            tasks: list(&self.tasks),
            interval: self.interval,
            at_ms: time("time", at)?,
            first_revision: self.first_revision,
            explain_top: self.explain_top,
        })
    }
}

/// A page of the journal.
pub(super) fn page(page: &HistoryPage, interval: Interval) -> Value {
    let item = |(answered, outcomes): &(_, Vec<Resolution>)| {
        let mut object = prediction(answered, interval);
        let of_tasks = outcomes.iter().map(|came| (came.task.name().to_owned(), outcome(came)));
        object["outcomes"] = Value::Object(of_tasks.collect::<Map<_, _>>());
        object
    };
    json!({
        "predictions": page.predictions.iter().map(item).collect::<Vec<_>>(),
        "next_page_token": page.next_page_token,
    })
}

fn outcome(came: &Resolution) -> Value {
    json!({
        "value": number(came.outcome),
        "class": outcome_class(came),
        "loss": number(came.loss),
        "baseline": came.baseline.name(),
        "baseline_loss": number(came.baseline_loss),
        "prediction_revision": came.prediction_revision,
    })
}
