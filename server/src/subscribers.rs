//! Fan-out of predictions: one bounded ring that every subscriber reads at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use forecast::Prediction;
use tokio::sync::broadcast::{self, error::RecvError};

/// What a subscriber hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A prediction.
    Prediction(Arc<Prediction>),
    /// It was too slow, and so many predictions are gone.
    Lagged(u64),
}

/// The ring. When it is full the oldest prediction goes, and a subscriber that has not read it is told how many it
/// lost; publishing never waits.
#[derive(Debug)]
pub struct Subscribers {
    ring: broadcast::Sender<Arc<Prediction>>,
    open: Arc<AtomicUsize>,
}

impl Subscribers {
    /// A ring of so many predictions (rounded up to a power of two).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { ring: broadcast::Sender::new(capacity.max(1)), open: Arc::default() }
    }

    /// Sends a prediction to every subscriber.
    pub fn publish(&self, prediction: Arc<Prediction>) {
        // An error only says that nobody listens.
        let _ = self.ring.send(prediction);
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
    ring: broadcast::Receiver<Arc<Prediction>>,
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
    use crate::testing::prediction;

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_lost_and_a_quick_one_loses_nothing() {
        let subscribers = Subscribers::new(4);
        let (mut slow, mut quick) = (subscribers.subscribe(), subscribers.subscribe());
        for bar in 0..7 {
            subscribers.publish(Arc::new(prediction("A", bar, 1)));
            assert!(matches!(quick.next().await, Some(Heard::Prediction(_))));
        }
        assert!(matches!(slow.next().await, Some(Heard::Lagged(3))));
        let Some(Heard::Prediction(first)) = slow.next().await else { panic!("no prediction") };
        assert_eq!(first.bar_time, prediction("A", 3, 1).bar_time);
        assert_eq!(subscribers.count(), 2);
        drop(slow);
        assert_eq!(subscribers.count(), 1);
    }
}
