//! What the parts of the server show one another: immutable snapshots, each written by one owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use features::Quality;
use forecast::{Bundle, SymbolReadiness, TaskSkill};
use kline::{BarTime, Milliseconds, Symbol};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::dropped::DroppedView;
use crate::gaps::GapLedger;
use crate::latest::LatestTable;
use crate::listings::Listings;
use crate::score_view::{ScoreView, TouchedBars};
use crate::subscribers::Subscribers;

/// Whether the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingState {
    /// It waits for klines or for a bundle.
    Starting,
    /// Every symbol is warm and a bundle is loaded.
    Serving,
    /// It stops.
    Draining,
}

/// How the line to the exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExchangeState {
    /// Not reached yet.
    #[default]
    Connecting,
    /// Reading history.
    Backfilling,
    /// Following the stream.
    Live,
    /// Lost; trying again.
    Reconnecting,
}

/// The line to the exchange, as its follower last saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExchangeView {
    /// How it is.
    pub state: ExchangeState,
    /// The last trouble since it was reached.
    pub problem: Option<String>,
}

/// One symbol's feature row at the last sealed bar.
#[derive(Debug, Clone)]
pub struct FeatureRow {
    /// The bar.
    pub bar: BarTime,
    /// The values in catalogue order.
    pub values: Arc<[f64]>,
    /// How far they can be trusted.
    pub quality: Quality,
    /// The lower and upper cut of the volatility's regimes that are known at the bar.
    pub regime_cuts: Option<[f64; 2]>,
}

/// The Forecaster, as its thread last showed it.
#[derive(Debug, Clone, Default)]
pub struct EngineView {
    /// How far each symbol is, in the order of the symbols.
    pub readiness: Vec<SymbolReadiness>,
    /// Whether each symbol can be answered, in the same order: once it was warm it stays so, and its answers say how
    /// stale they are when it goes quiet.
    pub ready: Vec<bool>,
    /// The rows, in the same order.
    pub rows: Vec<Option<FeatureRow>>,
    /// The champion's live score.
    pub skill: Vec<TaskSkill>,
    /// The last sealed bar.
    pub watermark: Option<BarTime>,
}

impl EngineView {
    /// A symbol's place in the lists.
    fn place(&self, symbol: Symbol) -> Option<usize> {
        self.readiness.binary_search_by_key(&symbol, |readiness| readiness.symbol).ok()
    }

    /// How far a symbol is.
    #[must_use]
    pub fn readiness_of(&self, symbol: Symbol) -> Option<&SymbolReadiness> {
        self.readiness.get(self.place(symbol)?)
    }

    /// Whether a symbol can be answered.
    #[must_use]
    pub fn is_ready(&self, symbol: Symbol) -> bool {
        self.place(symbol).and_then(|place| self.ready.get(place)).copied().unwrap_or_default()
    }

    /// A symbol's row.
    #[must_use]
    pub fn row_of(&self, symbol: Symbol) -> Option<&FeatureRow> {
        self.rows.get(self.place(symbol)?)?.as_ref()
    }
}

/// The bundle that answers, as the champion's owner last saw it.
#[derive(Debug, Clone, Default)]
pub struct ChampionView {
    /// The bundle.
    pub bundle: Option<Arc<Bundle>>,
    /// Its number in the registry.
    pub version: Option<u32>,
    /// Why the last try to take one up failed.
    pub problem: Option<String>,
}

/// Everything that is shared.
#[derive(Debug)]
pub struct Shared {
    /// The latest predictions about the symbols that are followed. Owner: the engine's thread.
    pub latest: ArcSwap<LatestTable>,
    /// What the klines that are still forming say, as far as somebody asked. Owner: the engine's thread.
    pub nowcasts: ArcSwap<LatestTable>,
    /// The fan-out of predictions. Owner: the journal's thread.
    pub subscribers: Subscribers,
    /// The fan-out of nowcasts, for those who want them. Owner: the engine's thread.
    pub nowcast_subscribers: Subscribers,
    /// Owner: the engine's thread.
    pub engine: ArcSwap<EngineView>,
    /// Owner: the champion's task.
    pub champion: ArcSwap<ChampionView>,
    /// Owner: the exchange's follower.
    pub exchange: ArcSwap<ExchangeView>,
    /// Which symbols are traded. Owner: the task that asks the exchange.
    pub listings: ArcSwap<Listings>,
    /// Bars that are or were missing. Owners: the engine's thread and the exchange's follower.
    pub gaps: GapLedger,
    /// The live score. Owner: the scores' thread.
    pub scores: ArcSwap<ScoreView>,
    /// What was dropped from the journal. Owner: the retention's task.
    pub dropped: ArcSwapOption<DroppedView>,
    /// Bars whose outcomes have become durable. From the journal's thread to the scores' thread.
    pub touched_bars: TouchedBars,
    /// Audits of live answers. Owner: the audit's task.
    pub parity_audits: AtomicU64,
    /// Numbers of live answers that were not those of a batch run. Owner: the audit's task.
    pub parity_mismatches: AtomicU64,
    /// Journal records that were lost. Owner: the journal's thread.
    pub journal_lost: AtomicU64,
    /// Cancelled when the server stops taking work.
    pub draining: CancellationToken,
    /// Cancelled when the engine has taken in its history: bundles are taken up after that. Owner: the engine's thread.
    pub warmed: CancellationToken,
    /// Cancelled when the registry was asked for the champion for the first time after that: live klines wait for
    /// it, so that no bar passes unanswered while a bundle is being verified.
    pub champion_looked_for: CancellationToken,
    /// When the process started.
    pub started: Instant,
    exchange_time: AtomicI64,
    answers: watch::Sender<()>,
    serving: watch::Sender<ServingState>,
}

impl Shared {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(symbols: &[Symbol], subscriber_queue: usize) -> Self {
        Self {
            latest: ArcSwap::from_pointee(LatestTable::new(symbols)),
            nowcasts: ArcSwap::from_pointee(LatestTable::new(symbols)),
            subscribers: Subscribers::new(subscriber_queue),
            nowcast_subscribers: Subscribers::new(subscriber_queue),
            engine: ArcSwap::default(),
            champion: ArcSwap::default(),
            exchange: ArcSwap::default(),
            listings: ArcSwap::default(),
            gaps: GapLedger::default(),
            scores: ArcSwap::default(),
            dropped: ArcSwapOption::default(),
            touched_bars: TouchedBars::default(),
            parity_audits: AtomicU64::new(0),
            parity_mismatches: AtomicU64::new(0),
            journal_lost: AtomicU64::new(0),
            draining: CancellationToken::new(),
            warmed: CancellationToken::new(),
            champion_looked_for: CancellationToken::new(),
            started: Instant::now(),
            exchange_time: AtomicI64::new(0),
            answers: watch::Sender::new(()),
            serving: watch::Sender::new(ServingState::Starting),
        }
    }

    /// The latest predictions have changed.
    pub fn note_answers(&self) {
        self.answers.send_replace(());
    }

    /// Hears whenever the latest predictions have changed.
    #[must_use]
    pub fn answers(&self) -> watch::Receiver<()> {
        self.answers.subscribe()
    }

    /// The exchange's clock has shown this time; earlier ones are ignored.
    pub fn hear_exchange_time(&self, time: Milliseconds) {
        self.exchange_time.fetch_max(time, Ordering::Relaxed);
    }

    /// The exchange's time as last heard; 0 before.
    #[must_use]
    pub fn exchange_time(&self) -> Milliseconds {
        self.exchange_time.load(Ordering::Relaxed)
    }

    /// How long ago a bar closed by the exchange's clock as last heard, in milliseconds; never negative.
    #[must_use]
    pub fn staleness(&self, bar: BarTime) -> Milliseconds {
        (self.exchange_time() - bar.milliseconds()).max(0)
    }

    /// What the server waits for before it serves, one sentence each.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.champion.load().bundle.is_none() {
            reasons.push("no bundle is loaded".to_owned());
        }
        let engine = self.engine.load();
        if engine.readiness.is_empty() {
            reasons.push("no klines were read yet".to_owned());
        }
        let listings = self.listings.load();
        for (symbol, ready) in engine.readiness.iter().zip(&engine.ready) {
            // What is not traded is not waited for: no kline of it will come.
            if !ready && !listings.is_stopped(symbol.symbol) {
                reasons.push(format!(
                    "{} has {} of {} features warm",
                    symbol.symbol, symbol.warm_features, symbol.total_features
                ));
            }
        }
        reasons
    }

    /// Looks again whether the server serves. Called by the owners after each change.
    pub fn refresh_serving(&self) {
        let state = if self.draining.is_cancelled() {
            ServingState::Draining
        } else if self.waiting_for().is_empty() {
            ServingState::Serving
        } else {
            ServingState::Starting
        };
        let changed = self.serving.send_if_modified(|stands| {
            let differs = *stands != state;
            *stands = state;
            differs
        });
        if changed {
            tracing::info!(?state, "serving state changed");
        }
    }

    /// Whether the server serves, and its changes.
    #[must_use]
    pub fn serving(&self) -> watch::Receiver<ServingState> {
        self.serving.subscribe()
    }
}
