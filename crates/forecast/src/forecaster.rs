//! The deterministic state machine: events in, effects out.

use std::collections::BTreeMap;
use std::sync::Arc;

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

use crate::{BaselineName, Bundle, BundleDigest, Effect, Event, Prediction, Role, Task};

/// What a Forecaster follows, and how patiently.
#[derive(Debug, Clone)]
pub struct ForecasterSettings {
    /// The markets; sorted and deduplicated inside.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// How long after a bar's end, in event time, the bar waits for klines that have not arrived.
    pub max_lateness_ms: Milliseconds,
}

/// How far one symbol is from being forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct SymbolReadiness {
    /// The market.
    pub symbol: Symbol,
    /// The last bar whose closed kline went in.
    pub last_bar: Option<BarTime>,
    /// How many features of the last row are known.
    pub warm_features: u16,
    /// How many features there are.
    pub total_features: u16,
    /// How many features of the last row lack an input that the source did not have.
    pub missing_inputs: u16,
    /// Bars without a kline among those that can be replayed, from the symbol's first on.
    pub bars_missing: usize,
    /// Bars of the trailing 30 days with a known 4-step volatility; `vol_regime_4step` needs 1,440.
    pub regime_bars_known: usize,
    /// Whether every feature is known that the source has inputs for, at the last sealed bar.
    pub ready: bool,
}

/// How one task of one bundle has done on what has been resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskSkill {
    /// The bundle.
    pub bundle: BundleDigest,
    /// The task.
    pub task: Task,
    /// How many outcomes were resolved.
    pub resolved: u64,
    /// The ensemble's mean loss; NaN before the first outcome.
    pub loss: f64,
    /// The task's best baseline, by the bundle's manifest.
    pub baseline: BaselineName,
    /// That baseline's mean loss over the same outcomes.
    pub baseline_loss: f64,
    /// `1 - loss/baseline_loss`; NaN if there is nothing to compare.
    pub skill: f64,
}

/// The state machine.
#[derive(Debug)]
pub struct Forecaster {
    symbols: Vec<Symbol>,
}

impl Forecaster {
    /// So many bars of history make every answer independent of where the history began.
    pub const HISTORY_BARS: usize = 4_000;

    /// A Forecaster that has seen nothing.
    #[must_use]
    pub fn new(settings: ForecasterSettings) -> Self {
        Self { symbols: settings.symbols }
    }

    /// Takes one event and appends what is to be done.
    pub fn apply(&mut self, event: Event, effects: &mut Vec<Effect>) {
        self.apply_all([event], effects);
    }

    /// Takes several events at once: they are all taken in before bars are sealed or replayed.
    pub fn apply_all(&mut self, events: impl IntoIterator<Item = Event>, effects: &mut Vec<Effect>) {
        let _ = (events.into_iter(), effects);
    }

    /// Takes history in event-time order over all symbols and publishes only the last bar's predictions.
    pub fn warm_up(&mut self, history: &BTreeMap<Symbol, Vec<Kline>>, effects: &mut Vec<Effect>) {
        let _ = (history, effects);
    }

    /// Tells of predictions that an earlier process has journalled.
    pub fn remember(&mut self, predictions: impl IntoIterator<Item = Arc<Prediction>>) {
        let _ = predictions.into_iter();
    }

    /// What the champion says about the kline that is still being traded.
    pub fn nowcast(&mut self, symbol: Symbol) -> Option<Prediction> {
        let _ = symbol;
        None
    }

    /// The markets, sorted.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The last sealed bar.
    #[must_use]
    pub fn watermark(&self) -> Option<BarTime> {
        None
    }

    /// The feature row of a symbol at the last sealed bar.
    #[must_use]
    pub fn row(&self, symbol: Symbol) -> Option<features::Row<'_>> {
        let _ = symbol;
        None
    }

    /// The last prediction about each symbol by the champion.
    #[must_use]
    pub fn latest(&self, symbol: Symbol) -> Option<&Arc<Prediction>> {
        let _ = symbol;
        None
    }

    /// The bundle whose predictions are published.
    #[must_use]
    pub fn champion(&self) -> Option<&Arc<Bundle>> {
        None
    }

    /// The bundles in a role.
    pub fn bundles(&self, role: Role) -> impl Iterator<Item = &Arc<Bundle>> {
        let _ = role;
        std::iter::empty()
    }

    /// How far each symbol is, in the order of [`Forecaster::symbols`].
    #[must_use]
    pub fn readiness(&self) -> Vec<SymbolReadiness> {
        Vec::new()
    }

    /// The champion's live score, one entry a task.
    #[must_use]
    pub fn skill(&self) -> Vec<TaskSkill> {
        Vec::new()
    }

    /// The live score of a bundle that has answered, one entry a task.
    #[must_use]
    pub fn skill_of(&self, bundle: BundleDigest) -> Vec<TaskSkill> {
        let _ = bundle;
        Vec::new()
    }
}
