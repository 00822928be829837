//! Predictions as they are made.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use forecast::{BundleDigest, Prediction};
use kline::{BarTime, Symbol};

use super::{Selection, Service};
use crate::reason::{Reason, Refusal};
use crate::state::Shared;
use crate::stores::Stores;
use crate::subscribers::{Heard, Listener};

/// How many bars a resumed subscription gets from the journal at most: the latest.
pub const RESUME_BARS_MAX: i64 = 1_000;

/// What a subscriber wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// The symbols; none means all.
    pub symbols: Vec<String>,
    /// The tasks; none means all.
    pub tasks: Vec<String>,
    /// The interval; empty means the one that is served.
    pub interval: String,
    /// Whether to begin with the latest prediction of each symbol.
    pub latest_first: bool,
    /// Whether to begin with the journalled predictions of later bars than this (milliseconds).
    pub after_bar_time_ms: Option<i64>,
}

/// What a subscriber is told.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// A prediction, and how stale it was when it was sent.
    Prediction(Arc<Prediction>, i64),
    /// So many were lost.
    Lagged(u64),
    /// Nothing happened for a while.
    Heartbeat(Option<BarTime>),
    /// Nothing more will come, and why.
    Ended(Refusal),
}

type Key = (Symbol, BarTime, BundleDigest, u32);

fn key(prediction: &Prediction) -> Key {
    (prediction.symbol, prediction.bar_time, prediction.bundle, prediction.revision)
}

/// One open subscription.
#[derive(Debug)]
pub struct Subscription {
    /// The tasks that were asked for.
    pub selection: Selection,
    /// The symbols that are wanted, sorted; `None` is all.
    wanted: Option<Vec<Symbol>>,
    shared: Arc<Shared>,
    listener: Listener,
    first: VecDeque<Arc<Prediction>>,
    /// What of `first` may still come from the ring, which hears of a prediction a little after the journal and the table.
    sent: HashSet<Key>,
    /// The newest bar of `first`: once the ring has gone past it, nothing of `first` comes any more.
    newest: Option<BarTime>,
    heartbeat: Duration,
}

impl Service {
    /// Opens a subscription: what was asked for of the past first, then everything from now on, nothing twice.
    ///
    /// # Errors
    /// An unknown symbol, task or interval; a stopping server; a store that cannot be read.
    pub async fn subscribe(&self, request: &SubscriptionRequest) -> Result<Subscription, Refusal> {
        self.check_interval(&request.interval)?;
        let selection = Selection::named(&request.tasks)?;
        let mut wanted = Vec::with_capacity(request.symbols.len());
        for symbol in &request.symbols {
            wanted.push(self.symbol(symbol)?);
        }
        wanted.sort_unstable();
        let wanted = Some(wanted).filter(|wanted| !wanted.is_empty());
        if self.shared.draining.is_cancelled() {
            return Err(Refusal::new(Reason::Draining, "the server is stopping"));
        }
        let listener = self.shared.subscribers.subscribe();
        let first = match request.after_bar_time_ms {
            Some(after) => self.journalled_after(after).await?,
            None if request.latest_first => self.latest_all(),
            None => VecDeque::new(),
        };
        Ok(Subscription {
            selection,
            wanted,
            shared: self.shared.clone(),
            newest: first.iter().map(|prediction| prediction.bar_time).max(),
            sent: first.iter().map(|prediction| key(prediction)).collect(),
            listener,
            first,
            heartbeat: self.heartbeat,
        })
    }

    fn latest_all(&self) -> VecDeque<Arc<Prediction>> {
        let latest = self.shared.latest.load();
        latest.symbols().iter().filter_map(|symbol| latest.get(*symbol)?.as_ref().cloned()).collect()
    }

    /// Everything about later bars that has been published, in the order of the bars.
    async fn journalled_after(&self, after: i64) -> Result<VecDeque<Arc<Prediction>>, Refusal> {
        let newest = BarTime::last_closed(self.shared.exchange_time(), self.interval);
        let oldest = newest.plus(-RESUME_BARS_MAX, self.interval);
        let from =
            BarTime::last_closed(after.saturating_add(1), self.interval).plus(1, self.interval).max(oldest);
        // What was published before now stands in the journal's queue before this.
        self.journaling.flush().await;
        self.with_store(move |stores: &Stores| stores.predictions_from(from)).await
    }
}

impl Subscription {
    /// Waits for what comes next; `None` when the server stops. Safe to cancel between calls only: a cancelled call
    /// loses nothing, the next one goes on.
    pub async fn next(&mut self) -> Option<Announcement> {
        while let Some(prediction) = self.first.pop_front() {
            if self.wants(&prediction) {
                return Some(self.announce(prediction));
            }
        }
        let heartbeat = tokio::time::sleep(self.heartbeat);
        tokio::pin!(heartbeat);
        let draining = self.shared.draining.clone();
        loop {
            let heard = tokio::select! {
                biased;
                heard = self.listener.next() => heard?,
                () = draining.cancelled() => return None,
                () = &mut heartbeat => return Some(self.heartbeat()),
            };
            match heard {
                Heard::Lagged(count) => {
                    return Some(Announcement::Lagged(count));
                }
                Heard::Prediction(prediction) => {
                    if !self.is_repeated(&prediction) && self.wants(&prediction) {
                        return Some(self.announce(prediction));
                    }
                }
            }
        }
    }

    fn heartbeat(&self) -> Announcement {
        let latest = self.shared.latest.load();
        match &self.wanted {
            Some(wanted) if !wanted.iter().any(|symbol| latest.has(*symbol)) => {
                let names = wanted.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
                let message = format!("{names}: not followed any more");
                Announcement::Ended(Refusal::new(Reason::UnknownSymbol, message).with("symbol", names))
            }
            _ => Announcement::Heartbeat(self.shared.engine.load().watermark),
        }
    }

    fn announce(&self, prediction: Arc<Prediction>) -> Announcement {
        let staleness = self.shared.staleness(prediction.bar_time);
        Announcement::Prediction(prediction, staleness)
    }

    fn wants(&self, prediction: &Prediction) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&prediction.symbol).is_ok())
    }

    /// Whether a prediction from the ring was among the first ones.
    fn is_repeated(&mut self, prediction: &Prediction) -> bool {
        if self.sent.is_empty() {
            return false;
        }
        if self.newest < Some(prediction.bar_time) {
            self.sent = HashSet::new();
            return false;
        }
        self.sent.remove(&key(prediction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prediction;

    #[tokio::test]
    async fn what_was_read_first_does_not_come_again_however_late_the_ring_hears_of_it() {
        let shared = Arc::new(Shared::new(&["A".parse().expect("a name")], 8));
        let made = |bar: i64, revision: u32| Arc::new(prediction("A", bar, revision));
        let first: VecDeque<_> = [made(1, 1), made(2, 1)].into();
        let mut subscription = Subscription {
            selection: Selection::named::<&str>(&[]).expect("all"),
            wanted: None,
            shared: Arc::clone(&shared),
            listener: shared.subscribers.subscribe(),
            newest: first.iter().map(|prediction| prediction.bar_time).max(),
            sent: first.iter().map(|prediction| key(prediction)).collect(),
            first,
            heartbeat: std::time::Duration::from_secs(60),
        };
        // Nothing of it is in the ring yet when the subscription begins.
        for (bar, revision) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
            shared.subscribers.publish(made(bar, revision));
        }
        let mut heard = Vec::new();
        while heard.len() < 4 {
            match subscription.next().await {
                Some(Announcement::Prediction(prediction, _)) => {
                    heard.push((prediction.bar_time, prediction.revision));
                }
                other => panic!("{other:?}"),
            }
        }
        let bar = |bar: i64| made(bar, 1).bar_time;
        assert_eq!(heard, [(bar(1), 1), (bar(2), 1), (bar(1), 2), (bar(3), 1)]);
        assert_eq!(subscription.listener.waiting(), 0);
    }
}
