//! Fan-out of predictions: one bounded ring that every subscriber reads at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use forecast::Prediction;
use store::ChainPlace;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

use crate::encoded::Encoded;
use crate::resume::ResumeToken;

/// A prediction that subscribers are told of.
#[derive(Debug)]
pub struct Published {
    /// The prediction, encoded once for all of them.
    pub encoded: Arc<Encoded>,
    /// Where its record stands in the journal; a nowcast has none.
    pub place: Option<ChainPlace>,
    /// The token that goes on after it; empty for a nowcast.
    pub token: Arc<str>,
}

impl Published {
    /// A journalled prediction.
    #[must_use]
    pub fn journalled(encoded: Arc<Encoded>, place: ChainPlace) -> Self {
        let token = ResumeToken::of(place, encoded.prediction.bar_time.milliseconds());
        Self { encoded, place: Some(place), token: token.to_string().into() }
    }

    /// A nowcast.
    #[must_use]
    pub fn nowcast(encoded: Arc<Encoded>) -> Self {
        Self { encoded, place: None, token: "".into() }
    }

    /// The prediction.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.encoded.prediction
    }

    /// Its number in the journal; 0 for a nowcast.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.place.map_or(0, |place| u64::try_from(place.number).unwrap_or_default())
    }
}

/// What a subscriber hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A prediction.
    Prediction(Arc<Published>),
    /// It was too slow, and so many predictions are gone.
    Lagged(u64),
}

/// The ring. When it is full the oldest prediction goes, and a subscriber that has not read it is told how many it
/// lost; publishing never waits.
#[derive(Debug)]
pub struct Subscribers {
    ring: broadcast::Sender<Arc<Published>>,
    open: Arc<AtomicUsize>,
    /// The last journalled prediction that was sent.
    end: ArcSwapOption<ResumeToken>,
}

impl Subscribers {
    /// A ring of so many predictions (rounded up to a power of two).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            ring: broadcast::Sender::new(capacity.max(1)),
            open: Arc::default(),
            end: ArcSwapOption::empty(),
        }
    }

    /// Sends a prediction to every subscriber.
    pub fn publish(&self, published: Arc<Published>) {
        if let Some(place) = published.place {
            self.set_end(ResumeToken::of(place, published.prediction().bar_time.milliseconds()));
        }
        // An error only says that nobody listens.
        let _ = self.ring.send(published);
    }

    /// Where the journal ended before anything was published.
    pub fn set_end(&self, end: ResumeToken) {
        self.end.store(Some(Arc::new(end)));
    }

    /// The place of the last journalled prediction that was sent; of the journal's end before the first. `None` while the
    /// journal is empty.
    #[must_use]
    pub fn end(&self) -> Option<ResumeToken> {
        self.end.load().as_deref().copied()
    }

    /// [`Subscribers::end`] as text; empty while the journal is empty.
    #[must_use]
    pub fn end_token(&self) -> Arc<str> {
        self.end().map_or_else(|| "".into(), |end| end.to_string().into())
    }

    /// Hears everything that is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Listener {
        self.open.fetch_add(1, Ordering::Relaxed);
        Listener { ring: self.ring.subscribe(), open: self.open.clone() }
    }

    /// How many listen.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One subscriber's place in the ring.
#[derive(Debug)]
pub struct Listener {
    ring: broadcast::Receiver<Arc<Published>>,
    open: Arc<AtomicUsize>,
}

impl Listener {
    /// Waits for what comes next; `None` when the server is gone. Safe to cancel: nothing is lost.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.ring.recv().await {
            Ok(prediction) => Some(Heard::Prediction(prediction)),
            Err(RecvError::Lagged(count)) => Some(Heard::Lagged(count)),
            Err(RecvError::Closed) => None,
        }
    }

    /// What waits already, without waiting for more.
    pub fn try_next(&mut self) -> Option<Heard> {
        match self.ring.try_recv() {
            Ok(prediction) => Some(Heard::Prediction(prediction)),
            Err(TryRecvError::Lagged(count)) => Some(Heard::Lagged(count)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// How many predictions wait to be read.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.ring.len()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::published;

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_lost_and_a_quick_one_loses_nothing() {
        let subscribers = Subscribers::new(4);
        let (mut slow, mut quick) = (subscribers.subscribe(), subscribers.subscribe());
        for bar in 0..7 {
            subscribers.publish(published("A", bar, bar + 1));
            assert!(matches!(quick.next().await, Some(Heard::Prediction(_))));
        }
        assert!(matches!(slow.next().await, Some(Heard::Lagged(3))));
        let Some(Heard::Prediction(first)) = slow.next().await else { panic!("no prediction") };
        assert_eq!(first.sequence(), 4);
        assert_eq!(subscribers.count(), 2);
        drop(slow);
        assert_eq!(subscribers.count(), 1);
    }
}
