//! The latest predictions.

use std::sync::Arc;

use forecast::Prediction;
use kline::{Milliseconds, Symbol};

use super::{Explanations, Service};
use crate::encoded::Encoded;
use crate::reason::{Reason, Refusal};
use crate::selection::Selection;
use crate::telemetry::scope::note_asked;

/// How many symbols one batch may ask for.
pub const BATCH_SYMBOLS_MAX: usize = 1_000;

/// The last prediction of a symbol that is not traded is answered for so many bars; then it is refused.
const STOPPED_BARS: i64 = 4;

/// An answered request.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The prediction, and its bytes.
    pub encoded: Arc<Encoded>,
    /// The tasks that were asked for.
    pub selection: Selection,
    /// How long ago its bar closed by the exchange's clock, in milliseconds.
    pub staleness_ms: Milliseconds,
    /// What moved the answers, if that was asked for.
    pub explanations: Option<Arc<Explanations>>,
}

impl Answered {
    /// The prediction.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.encoded.prediction
    }
}

/// One symbol of a batch as it was asked for, and its answer or why there is none.
pub type BatchAnswer = (String, Result<Answered, Refusal>);

impl Service {
    /// The latest prediction of one symbol. Waits for nothing.
    ///
    /// # Errors
    /// An unknown symbol, task or interval; no bundle; a symbol that is not warm.
    pub fn predict<Name: AsRef<str>>(
        &self,
        symbol: &str,
        tasks: &[Name],
        interval: &str,
    ) -> Result<Answered, Refusal> {
        self.check_interval(interval)?;
        let selection = Selection::named(tasks)?;
        note_asked(1, selection.count());
        self.latest(symbol, selection, !tasks.is_empty())
    }

    /// The latest predictions of several symbols, in the order asked; none named means all.
    ///
    /// # Errors
    /// An unknown task or interval, or too many symbols; what is wrong with one symbol stands in its place.
    pub fn predict_batch<Name: AsRef<str>>(
        &self,
        symbols: &[Name],
        tasks: &[Name],
        interval: &str,
    ) -> Result<Vec<BatchAnswer>, Refusal> {
        self.check_interval(interval)?;
        let selection = Selection::named(tasks)?;
        if symbols.len() > BATCH_SYMBOLS_MAX {
            return Err(too_many(symbols.len()));
        }
        note_asked(symbols.len(), selection.count());
        let answer = |name: &str| (name.to_owned(), self.latest(name, selection, !tasks.is_empty()));
        if symbols.is_empty() {
            let latest = self.shared.latest.load();
            note_asked(latest.symbols().len(), selection.count());
            return Ok(latest.symbols().iter().map(|symbol| answer(symbol.as_str())).collect());
        }
        Ok(symbols.iter().map(|name| answer(name.as_ref())).collect())
    }

    /// The latest prediction about a symbol; with `strict` every selected task must be in it.
    pub(super) fn latest(
        &self,
        symbol: &str,
        selection: Selection,
        strict: bool,
    ) -> Result<Answered, Refusal> {
        let symbol = self.symbol(symbol)?;
        self.check_traded(symbol)?;
        let stands = self.shared.latest.load().get(symbol);
        let Some(encoded) = stands.as_ref().and_then(|guard| guard.as_ref()) else {
            return Err(self.why_none(symbol));
        };
        if !self.shared.engine.load().is_ready(symbol) {
            return Err(self.why_none(symbol));
        }
        let prediction = &encoded.prediction;
        if strict {
            has_tasks(prediction, selection)?;
        }
        let staleness_ms = self.shared.staleness(prediction.bar_time);
        Ok(Answered { encoded: encoded.clone(), selection, staleness_ms, explanations: None })
    }

    /// Refuses a symbol that is not traded and whose last bar is old, or that has none.
    fn check_traded(&self, symbol: Symbol) -> Result<(), Refusal> {
        let listings = self.shared.listings.load();
        let Some(listing) = listings.of(symbol).filter(|listing| !listing.is_traded()) else { return Ok(()) };
        let engine = self.shared.engine.load();
        let last = engine.readiness_of(symbol).and_then(|readiness| readiness.last_bar);
        let patience = STOPPED_BARS * self.interval.milliseconds();
        if last.is_some_and(|last| self.shared.staleness(last) <= patience) {
            return Ok(());
        }
        Err(listings.not_traded(symbol, listing))
    }

    /// Why a symbol has no prediction.
    pub(super) fn why_none(&self, symbol: Symbol) -> Refusal {
        let champion = self.shared.champion.load();
        let Some(bundle) = &champion.bundle else {
            let why =
                champion.problem.as_ref().map(|problem| format!("; the last one was refused: {problem}"));
            let message = format!("no bundle is loaded{}", why.unwrap_or_default());
            return Refusal::new(Reason::NoBundle, message).with("symbol", symbol);
        };
        if !bundle.covers(symbol) {
            let message = format!("symbol {symbol} is not in bundle {}", bundle.digest().short());
            return Refusal::new(Reason::SymbolNotInBundle, message).with("symbol", symbol);
        }
        let engine = self.shared.engine.load();
        let (warm, total) = engine
            .readiness_of(symbol)
            .map_or((0, 0), |readiness| (readiness.warm_features, readiness.total_features));
        let message = format!("symbol {symbol} is not warm yet, {warm} of {total} features are");
        Refusal::new(Reason::NotWarm, message)
            .with("symbol", symbol)
            .with("warm_features", warm)
            .with("total_features", total)
    }
}

/// Refuses a prediction without one of the selected tasks.
pub(super) fn has_tasks(prediction: &Prediction, selection: Selection) -> Result<(), Refusal> {
    let Some(task) = selection.tasks().find(|task| prediction.task(*task).is_none()) else { return Ok(()) };
    let known: Vec<&str> = prediction.tasks.iter().map(|answer| answer.task.name()).collect();
    let known = known.join(", ");
    let message =
        format!("task {task} is not answered by bundle {}, it has {known}", prediction.bundle.short());
    Err(Refusal::new(Reason::TaskNotInBundle, message).with("task", task).with("known", known))
}

/// A batch of too many symbols.
pub(super) fn too_many(symbols: usize) -> Refusal {
    let message = format!("{symbols} symbols were asked for at once, {BATCH_SYMBOLS_MAX} are allowed");
    Refusal::new(Reason::RequestTooLarge, message).with("symbols", symbols)
}
