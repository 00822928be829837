//! What every part of a running exchange shares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kline::Milliseconds;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::hub::Hub;
use crate::venue::Asked;

/// What every connection sees.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) ping_interval: Duration,
    pub(crate) stop: watch::Receiver<bool>,
    /// Rung when who follows what has changed.
    pub(crate) changed: Notify,
    /// How many faults have been injected.
    pub(crate) injected: watch::Sender<usize>,
    origin: Instant,
    hub: Mutex<Hub>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, ping_interval: Duration, stop: watch::Receiver<bool>, hub: Hub) -> Self {
        let (injected, _) = watch::channel(0);
        Self {
            clock,
            ping_interval,
            stop,
            changed: Notify::new(),
            injected,
            origin: Instant::now(),
            hub: Mutex::new(hub),
        }
    }

    /// The exchange itself with its connections' queues. The lock is never held while something is awaited.
    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the exchange, and tells of the faults that this has brought about.
    pub(crate) fn with_hub<T>(&self, work: impl FnOnce(&mut Hub) -> T) -> T {
        let mut hub = self.hub();
        let result = work(&mut hub);
        let injected = hub.venue.log().len();
        drop(hub);
        self.injected.send_if_modified(|known| std::mem::replace(known, injected) != injected);
        result
    }

    /// Milliseconds of the wall since the exchange has started.
    pub(crate) fn wall(&self) -> Milliseconds {
        Milliseconds::try_from(self.origin.elapsed().as_millis()).unwrap_or(Milliseconds::MAX)
    }

    /// The time of a request that comes now.
    pub(crate) fn asked(&self) -> Asked {
        Asked { at: self.clock.now(), client_time: self.wall() }
    }
}

/// What a handler is given. The guard is dropped when the last websocket has gone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) guard: mpsc::Sender<()>,
}

/// Waits until the exchange is told to stop, or is dropped.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
