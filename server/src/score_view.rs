//! What is known of the live score, and which bars have news for it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forecast::JournalRecord;
use forecast::score::Ledger;
use kline::BarTime;

/// How many bars may wait to be read. At the bound they are forgotten and the whole journal is read again.
pub(crate) const WAITING_BARS_MAX: usize = 16_384;

/// What is known of the live score.
#[derive(Debug, Clone)]
pub struct ScoreView {
    /// The sums.
    pub ledger: Ledger,
    /// The days before this one are not known: not read yet, or beyond what is kept. `None` once all are known.
    pub known_from: Option<i64>,
    /// Days whose records cannot be read.
    pub damaged: BTreeSet<i64>,
    /// The days before this one were dropped from the journal.
    pub dropped_before: Option<i64>,
}

impl Default for ScoreView {
    /// Nothing is known before the journal was looked at.
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            known_from: Some(i64::MAX),
            damaged: BTreeSet::new(),
            dropped_before: None,
        }
    }
}

/// Bars with news in the journal, on their way to the thread.
#[derive(Debug, Default)]
pub struct TouchedBars {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) bars: BTreeSet<BarTime>,
    pub(crate) overflowed: bool,
    stopped: bool,
}

impl TouchedBars {
    /// Notes the bars of outcomes that are durable now. Waits for no one but the thread's short look.
    pub fn note(&self, records: &[JournalRecord]) {
        let mut waiting = self.lock();
        let bars = records.iter().filter_map(|record| match record {
            JournalRecord::Resolution(resolution) => Some(resolution.bar_time),
            JournalRecord::Prediction(_) => None,
        });
        waiting.bars.extend(bars);
        if waiting.bars.len() > WAITING_BARS_MAX {
            waiting.bars.clear();
            waiting.overflowed = true;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_one();
    }

    /// Waits until the thread shall end, for at most so long; whether it shall.
    pub(crate) fn is_stopped_within(&self, patience: Duration) -> bool {
        let waiting = self.lock();
        let waited = self.changed.wait_timeout_while(waiting, patience, |waiting| !waiting.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// What is waiting, after at most `patience` of waiting for it; `None` when the thread shall end.
    pub(crate) fn take(&self, patience: Option<Duration>) -> Option<Waiting> {
        let mut waiting = self.lock();
        while waiting.bars.is_empty() && !waiting.overflowed && !waiting.stopped {
            waiting = match patience {
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.changed.wait_timeout(waiting, patience);
                    waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
                    break;
                }
            };
        }
        (!waiting.stopped).then(|| std::mem::take(&mut *waiting))
    }

    /// A set of bars is whole after every step of it, so another thread's end does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
