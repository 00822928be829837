//! What every part of a running exchange shares.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kline::Interval;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::hub::Hub;
use crate::tape::Tape;
use crate::weights::Weights;

/// What every connection sees.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) hub: Hub,
    pub(crate) weights: Weights,
    pub(crate) interval: Interval,
    pub(crate) ping_interval: Duration,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) tape: RwLock<Tape>,
}

impl Shared {
    pub(crate) fn tape(&self) -> RwLockReadGuard<'_, Tape> {
        self.tape.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tape_mut(&self) -> RwLockWriteGuard<'_, Tape> {
        self.tape.write().unwrap_or_else(PoisonError::into_inner)
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
