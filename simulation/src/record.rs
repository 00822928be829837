//! What is durable: klines and the journal. It outlives the node.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::{BundleDigest, JournalRecord, Journalled, Prediction, Resolution, Task};
use kline::{BarTime, Kline, Milliseconds, Symbol};

/// Of what a prediction is.
pub(crate) type PredictionKey = (BarTime, Symbol, BundleDigest);
/// Of what a resolution is.
pub(crate) type ResolutionKey = (BarTime, Symbol, BundleDigest, Task);

/// A stored kline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    /// The kline.
    pub(crate) kline: Kline,
    /// When it was stored with these values, in true time.
    pub(crate) at: Milliseconds,
}

/// The store of one simulated machine.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Klines by pair.
    pub(crate) klines: BTreeMap<Symbol, BTreeMap<BarTime, Stored>>,
    /// The last revision of every prediction.
    pub(crate) predictions: BTreeMap<PredictionKey, Arc<Prediction>>,
    /// The last revision of every resolution.
    pub(crate) resolutions: BTreeMap<ResolutionKey, Resolution>,
    /// How many predictions were journalled, revisions included.
    pub(crate) journalled: u64,
    /// How many klines were made of trades.
    pub(crate) from_trades: u64,
    /// What is wrong with the journal.
    pub(crate) faults: Vec<String>,
    /// The saved state.
    pub(crate) snapshot: Option<Vec<u8>>,
}

impl Record {
    /// Stores a kline.
    pub(crate) fn store(&mut self, symbol: Symbol, bar: BarTime, kline: Kline, at: Milliseconds) {
        self.klines.entry(symbol).or_default().insert(bar, Stored { kline, at });
    }

    /// Journals a record; one that is there already, skips a revision or says nothing new is a fault.
    pub(crate) fn journal(&mut self, record: JournalRecord) {
        match record {
            JournalRecord::Prediction(prediction) => {
                let key = (prediction.bar_time, prediction.symbol, prediction.bundle);
                let before = self.predictions.get(&key);
                let revision = before.map_or(0, |before| before.revision);
                if prediction.revision != revision + 1 {
                    self.faults.push(format!(
                        "prediction of {} at {} has revision {} after {revision}",
                        prediction.symbol, prediction.bar_time, prediction.revision
                    ));
                }
                if before.is_some_and(|before| before.same_bits(&prediction)) {
                    self.faults.push(format!(
                        "prediction of {} at {} was said twice",
                        prediction.symbol, prediction.bar_time
                    ));
                }
                self.journalled += 1;
                self.predictions.insert(key, prediction);
            }
            JournalRecord::Resolution(resolution) => {
                let Resolution { bar_time, symbol, bundle, task, revision, .. } = resolution;
                let key = (bar_time, symbol, bundle, task);
                let before = self.resolutions.get(&key).map_or(0, |before| before.revision);
                if revision != before + 1 {
                    self.faults.push(format!(
                        "outcome of {} of {symbol} at {bar_time} has revision {revision} after {before}",
                        task.name()
                    ));
                }
                self.resolutions.insert(key, resolution);
            }
        }
    }

    /// The klines of a pair from a bar on, in order.
    pub(crate) fn klines_from(&self, symbol: Symbol, from: BarTime) -> Vec<Kline> {
        let series = self.klines.get(&symbol);
        series.into_iter().flat_map(|series| series.range(from..)).map(|(_, stored)| stored.kline).collect()
    }

    /// What a restart is told of bars from `from` on.
    pub(crate) fn journalled_from(&self, from: BarTime) -> Journalled {
        let predictions = self.predictions.values().filter(|prediction| prediction.bar_time >= from);
        let resolutions = self.resolutions.values().filter(|resolution| resolution.bar_time >= from);
        Journalled {
            predictions: predictions.cloned().collect(),
            resolutions: resolutions.cloned().collect(),
        }
    }
}
