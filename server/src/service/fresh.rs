//! Answers that have to be fresh, and what klines say that are still forming.

use std::sync::Arc;
use std::time::Duration;

use kline::{BarTime, Milliseconds, Symbol};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::Code;

use super::predict::has_tasks;
use super::{Answered, BATCH_SYMBOLS_MAX, BatchAnswer, Service};
use crate::encoded::Encoded;
use crate::engine_thread::Command;
use crate::reason::{Reason, Refusal};
use crate::selection::Selection;
use crate::telemetry::scope::note_asked;

/// The longest wait for a fresh answer.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// How many requests may wait for a fresh answer at once.
pub(super) const WAITS_MAX: usize = 16_384;

/// How many nowcasts may be asked of the engine at once.
pub(super) const NOWCASTS_MAX: usize = 64;

/// Of a call's deadline so much is kept for the way of the answer.
const WAY: Duration = Duration::from_millis(5);

/// What is asked for beyond the latest answer as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// The answer is about this bar or a later one.
    pub min_bar_time_ms: Option<Milliseconds>,
    /// The answer's bar closed so long ago at most.
    pub max_staleness_ms: Option<Milliseconds>,
    /// How long may be waited until that holds.
    pub wait: Duration,
    /// From the kline that is still forming.
    pub nowcast: bool,
    /// With what moved it: so many features of each booster; 0 for none.
    pub explain_top: u32,
}

impl Wants {
    /// Whether the latest answer as it stands is wanted.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what contradicts itself or asks for too much.
    fn check(&self) -> Result<(), Refusal> {
        let refuse = |field: &'static str, value: String, message: &str| {
            Err(Refusal::new(Reason::MalformedRequest, format!("{field} {value}: {message}"))
                .with(field, value))
        };
        if self.wait > WAIT_MAX {
            let value = self.wait.as_millis().to_string();
            return refuse("wait_ms", value, "is more than 60000, the longest wait");
        }
        for (field, value) in
            [("min_bar_time_ms", self.min_bar_time_ms), ("max_staleness_ms", self.max_staleness_ms)]
        {
            if let Some(value) = value.filter(|value| *value < 0) {
                return refuse(field, value.to_string(), "is negative");
            }
        }
        if self.nowcast && (self.min_bar_time_ms.is_some() || self.max_staleness_ms.is_some()) {
            let message = "is about a bar that has not closed, so freshness does not go with it";
            return refuse("nowcast", "true".to_owned(), message);
        }
        super::explain::check_top(self.explain_top)?;
        Ok(())
    }
}

impl Service {
    /// An answer as fresh as wanted, waiting for it until the wait or the call's deadline is over.
    ///
    /// # Errors
    /// As [`Service::predict`]; [`Reason::NotFresh`] when the wait is over; [`Reason::NoNowcast`].
    pub async fn predict_fresh<Name: AsRef<str>>(
        &self,
        symbol: &str,
        tasks: &[Name],
        interval: &str,
        wants: Wants,
        deadline: Option<Instant>,
    ) -> Result<Answered, Refusal> {
        self.check_interval(interval)?;
        wants.check()?;
        let selection = Selection::named(tasks)?;
        note_asked(1, selection.count());
        let answered =
            self.answer(symbol, (selection, !tasks.is_empty()), wants, until(wants, deadline)).await?;
        self.explained(answered, wants.explain_top).await
    }

    /// An answer with what moved it, if that is wanted.
    pub(super) async fn explained(&self, mut answered: Answered, top: u32) -> Result<Answered, Refusal> {
        if top > 0 {
            let explanations = self.explain(&answered.encoded.prediction, answered.selection, top).await?;
            answered.explanations = Some(explanations);
        }
        Ok(answered)
    }

    /// The same of several symbols; the wait is for all together.
    ///
    /// # Errors
    /// As [`Service::predict_batch`]; what is wrong with one symbol stands in its place.
    pub async fn predict_batch_fresh<Name: AsRef<str>>(
        &self,
        symbols: &[Name],
        tasks: &[Name],
        interval: &str,
        wants: Wants,
        deadline: Option<Instant>,
    ) -> Result<Vec<BatchAnswer>, Refusal> {
        self.check_interval(interval)?;
        wants.check()?;
        let selection = (Selection::named(tasks)?, !tasks.is_empty());
        if symbols.len() > BATCH_SYMBOLS_MAX {
            return Err(super::predict::too_many(symbols.len()));
        }
        let names: Vec<String> = if symbols.is_empty() {
            self.shared.latest.load().symbols().iter().map(ToString::to_string).collect()
        } else {
            symbols.iter().map(|name| name.as_ref().to_owned()).collect()
        };
        note_asked(names.len(), selection.0.count());
        let until = until(wants, deadline);
        let mut answers = Vec::with_capacity(names.len());
        // One after the other: the wait of each is over at the same moment.
        for name in names {
            let answer = match self.answer(&name, selection, wants, until).await {
                Ok(answered) => self.explained(answered, wants.explain_top).await,
                refused => refused,
            };
            answers.push((name, answer));
        }
        Ok(answers)
    }

    async fn answer(
        &self,
        symbol: &str,
        (selection, strict): (Selection, bool),
        wants: Wants,
        until: Instant,
    ) -> Result<Answered, Refusal> {
        if wants.nowcast {
            return self.nowcast(symbol, selection, strict).await;
        }
        let mut answers = self.shared.answers();
        let now = || {
            let answered = self.latest(symbol, selection, strict)?;
            self.check_fresh(&answered, wants)?;
            Ok(answered)
        };
        let mut refusal = match now() {
            Err(refusal) if can_pass(&refusal) => refusal,
            outcome => return outcome,
        };
        if wants.wait.is_zero() || until <= Instant::now() {
            return Err(refusal);
        }
        let Ok(_permit) = self.limits.waits.try_acquire() else {
            let message = format!("{WAITS_MAX} requests wait for fresh answers already");
            return Err(Refusal::new(Reason::Busy, message));
        };
        loop {
            tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => {
                    return Err(Refusal::new(Reason::Draining, "the server is stopping"));
                }
                heard = answers.changed() => if heard.is_err() { return Err(refusal) },
                () = tokio::time::sleep_until(until) => {
                    let waited = wants.wait.as_millis();
                    refusal.message = format!("{} after a wait of up to {waited} ms", refusal.message);
                    return Err(refusal.with("wait_ms", waited));
                }
            }
            refusal = match now() {
                Err(refusal) if can_pass(&refusal) => refusal,
                outcome => return outcome,
            };
        }
    }

    /// Refuses an answer that is not as fresh as wanted, and says what stands in the way.
    fn check_fresh(&self, answered: &Answered, wants: Wants) -> Result<(), Refusal> {
        let bar = answered.prediction().bar_time;
        let too_old = wants.min_bar_time_ms.filter(|least| bar.milliseconds() < *least);
        let too_stale = wants.max_staleness_ms.filter(|most| answered.staleness_ms > *most);
        if too_old.is_none() && too_stale.is_none() {
            return Ok(());
        }
        let symbol = answered.prediction().symbol;
        let wanted = match (too_old, too_stale) {
            (Some(least), _) => format!("the bar of {least} or a later one was asked for"),
            (_, Some(most)) => format!("it closed {} ms ago, {most} were allowed", answered.staleness_ms),
            (None, None) => String::new(),
        };
        let message = format!(
            "symbol {symbol} was answered last about the bar of {}, {wanted}; {}",
            bar.milliseconds(),
            self.what_is_missing(symbol)
        );
        Err(Refusal::new(Reason::NotFresh, message)
            .with("symbol", symbol)
            .with("bar_time_ms", bar.milliseconds())
            .with("staleness_ms", answered.staleness_ms))
    }

    /// Why the next bar of a symbol was not answered yet.
    fn what_is_missing(&self, symbol: Symbol) -> String {
        let engine = self.shared.engine.load();
        let state = self.shared.exchange.load().state;
        let watermark = engine.watermark.map_or(0, BarTime::milliseconds);
        let missing = engine.readiness_of(symbol).map_or(0, |readiness| readiness.bars_missing);
        format!(
            "the watermark is {watermark}, the exchange's clock {}, its line {state:?}, {missing} bars of the symbol are missing",
            self.shared.exchange_time()
        )
    }

    /// What the kline of a symbol says that is still forming.
    async fn nowcast(&self, name: &str, selection: Selection, strict: bool) -> Result<Answered, Refusal> {
        // Whoever cannot be answered about the last bar cannot be answered about this one.
        self.latest(name, selection, false)?;
        let symbol = self.symbol(name)?;
        let stands = self.shared.nowcasts.load().get(symbol).and_then(|stands| stands.as_ref().cloned());
        let encoded = match stands {
            Some(encoded) => encoded,
            None => self.ask_engine(symbol).await?,
        };
        if strict {
            has_tasks(&encoded.prediction, selection)?;
        }
        let staleness_ms = self.shared.staleness(encoded.prediction.bar_time);
        Ok(Answered { encoded, selection, staleness_ms, explanations: None })
    }

    async fn ask_engine(&self, symbol: Symbol) -> Result<Arc<Encoded>, Refusal> {
        let Ok(_permit) = self.limits.nowcasts.try_acquire() else {
            let message = format!("{NOWCASTS_MAX} nowcasts are being made already");
            return Err(Refusal::new(Reason::Busy, message));
        };
        let stopping = || Refusal::new(Reason::Draining, "the server is stopping");
        let (reply, answer) = oneshot::channel();
        self.engine.send(Command::Nowcast { symbol, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?.ok_or_else(|| {
            let message = format!("no kline of {symbol} is forming that follows its last bar");
            Refusal::new(Reason::NoNowcast, message).with("symbol", symbol)
        })
    }
}

/// When the wait is over.
fn until(wants: Wants, deadline: Option<Instant>) -> Instant {
    let wait = Instant::now() + wants.wait;
    deadline.and_then(|deadline| deadline.checked_sub(WAY)).map_or(wait, |deadline| wait.min(deadline))
}

/// Whether time alone can mend it.
fn can_pass(refusal: &Refusal) -> bool {
    refusal.reason.entry().code == Code::Unavailable
}
