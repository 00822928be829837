//! How the server is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kline::Milliseconds;

use super::Service;
use crate::state::{ChampionView, EngineView, ExchangeView, ServingState};

/// Everything that a status shows.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether the server answers.
    pub state: ServingState,
    /// What it waits for.
    pub waiting_for: Vec<String>,
    /// How long it runs.
    pub uptime: Duration,
    /// The line to the exchange.
    pub exchange: Arc<ExchangeView>,
    /// The exchange's time as last heard, 0 before.
    pub exchange_time_ms: Milliseconds,
    /// The bundle that answers.
    pub champion: Arc<ChampionView>,
    /// The Forecaster.
    pub engine: Arc<EngineView>,
    /// How many subscriptions are open.
    pub subscribers: usize,
    /// How many journal records were lost.
    pub journal_lost: u64,
}

impl Service {
    /// How the server is. Waits for nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = self.shared();
        let state = *shared.serving().borrow();
        Status {
            state,
            waiting_for: shared.waiting_for(),
            uptime: shared.started.elapsed(),
            exchange: shared.exchange.load_full(),
            exchange_time_ms: shared.exchange_time(),
            champion: shared.champion.load_full(),
            engine: shared.engine.load_full(),
            subscribers: shared.subscribers.count(),
            journal_lost: shared.journal_lost.load(Ordering::Relaxed),
        }
    }
}
