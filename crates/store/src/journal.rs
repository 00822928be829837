//! The durable record of predictions, and of what then happened.

use std::ops::ControlFlow;
use std::sync::Arc;

use forecast::score::Forecast;
use forecast::{BundleDigest, JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval, Symbol};

use crate::{ChainPlace, RecordKey, StoreError, Verification};

/// Which records are asked for; an empty field asks for all.
#[derive(Debug, Clone, Default)]
pub struct JournalQuery {
    /// One market.
    pub symbol: Option<Symbol>,
    /// One bundle.
    pub bundle: Option<BundleDigest>,
    /// One task (resolutions only).
    pub task: Option<Task>,
    /// The first bar, included.
    pub from: Option<BarTime>,
    /// The last bar, included.
    pub until: Option<BarTime>,
    /// At most so many records, the earliest first.
    pub limit: Option<u32>,
    /// Only records that come after this one in the order of the answer (predictions only).
    pub after: Option<RecordKey>,
    /// Leaves out what a later revision has replaced (predictions only).
    pub last_revisions: bool,
}

/// What became of a record that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whether it was written now; if not, it was there before, or its bar was dropped.
    pub is_new: bool,
    /// Its place in the chain. `None` if it was dropped, and for outcomes that were there before.
    pub place: Option<ChainPlace>,
}

/// A prediction and its place in the chain: predictions in the order of their numbers are in the order of their publication.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedPrediction {
    /// The place.
    pub place: ChainPlace,
    /// The prediction.
    pub prediction: Arc<Prediction>,
}

/// Keeps predictions and resolutions. Appending is idempotent: a record whose key is there already is not written
/// again, so a replay after a crash leaves neither holes nor doubles.
pub trait Journal: Send + Sync {
    /// Keeps records, all or nothing, durably when it returns. Answers how many were new. Those of bars that retention has
    /// dropped are not written again.
    ///
    /// # Errors
    /// When the journal can't be written.
    fn append(&self, records: &[JournalRecord]) -> Result<usize, StoreError> {
        Ok(self.keep(records)?.iter().filter(|kept| kept.is_new).count())
    }

    /// [`Journal::append`], and what became of each record, in their order.
    ///
    /// # Errors
    /// When the journal can't be written.
    fn keep(&self, records: &[JournalRecord]) -> Result<Vec<Kept>, StoreError>;

    /// The predictions that were written after the record of a number, in the order of writing, at most `limit`.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn predictions_after(&self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, StoreError>;

    /// The number of the prediction that was written first of those about this bar and later ones; `None` if there is none.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn first_number_from(&self, bar: BarTime) -> Result<Option<i64>, StoreError>;

    /// All predictions about a symbol of the last bar up to `until` that has one, in the order of writing.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn predictions_as_of(&self, symbol: Symbol, until: BarTime) -> Result<Vec<PlacedPrediction>, StoreError>;

    /// Predictions in the order of bar, symbol, bundle, revision.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn predictions(&self, query: &JournalQuery) -> Result<Vec<Arc<Prediction>>, StoreError>;

    /// What the score needs of the predictions, in their order. Cheaper to read than all of them.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn forecasts(&self, query: &JournalQuery) -> Result<Vec<Forecast>, StoreError> {
        Ok(self.predictions(query)?.iter().map(|prediction| Forecast::from(prediction.as_ref())).collect())
    }

    /// Follows the chain of hashes over all records, from the first one that was not dropped on, and names those that are not as they were
    /// written. Nobody who writes waits for it; `progress` is told how many of how many records were looked at.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verification, StoreError> {
        let mut on = |done, total| {
            progress(done, total);
            ControlFlow::Continue(())
        };
        Ok(self.verify_while(&mut on)?.unwrap_or_else(|| Verification::begin(None)))
    }

    /// [`Journal::verify`] for as long as `progress` says to continue; `None` if it was broken off.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn verify_while(
        &self,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Verification>, StoreError>;

    /// The last bar about which something was predicted.
    ///
    /// # Errors
    /// When the journal can't be read, or that bar is none of the interval.
    fn last_predicted_bar(&self, interval: Interval) -> Result<Option<BarTime>, StoreError>;

    /// Resolutions in the order of bar, symbol, bundle, task, revision.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn resolutions(&self, query: &JournalQuery) -> Result<Vec<Resolution>, StoreError>;
}

/// A record as the text that is stored and that the chain covers.
pub(crate) fn encode(record: &JournalRecord) -> Result<String, StoreError> {
    let (what, text) = match record {
        JournalRecord::Prediction(prediction) => ("prediction", serde_json::to_string(&**prediction)),
        JournalRecord::Resolution(resolution) => ("resolution", serde_json::to_string(resolution)),
    };
    text.map_err(|source| StoreError::Encode { what, source })
}

/// A stored text that is no record, with the bar's close and the symbol that its key says.
pub(crate) fn unreadable(
    what: &'static str,
    (bar_time, symbol): (i64, String),
    source: serde_json::Error,
) -> StoreError {
    // A bar's close is the close of a one-minute bar too, whatever the interval.
    match (BarTime::from_close(bar_time, Interval::M1), symbol.parse()) {
        (Some(bar), Ok(symbol)) => StoreError::StoredRecord { what, symbol, bar, source },
        _ => StoreError::StoredText { what: "journal key", text: source.to_string() },
    }
}
