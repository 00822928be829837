//! Fetching a range of closed klines page by page, as a state machine. Pure: time, chance and answers come in.

use kline::{Interval, Kline, Milliseconds, Symbol};
use tokio::time::Instant;

use super::tries::Tries;
use super::{RestCall, RestReply};
use crate::{BackfillProgress, ExchangeLimits, MarketError, WeightBudget};

/// Rows of one page: the most that the exchange gives at once.
pub const PAGE_ROWS: usize = 1_000;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing until then.
    Wait(Instant),
    /// Send this, and tell [`Paging::answered`] what came.
    Ask(RestCall),
    /// All is there; see [`Paging::into_klines`].
    Done,
}

/// What the last call was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Time,
    Page,
}

/// The fetching of one range. Bars that the exchange does not have are simply absent; bars that have not closed yet end
/// the answer: the forming kline is never in it. Faults that may pass are tried again with growing waits.
#[derive(Debug)]
pub struct Paging {
    symbol: Symbol,
    interval: Interval,
    start: Milliseconds,
    next: Milliseconds,
    to_exclusive: Milliseconds,
    /// The exchange's latest known time.
    told: Milliseconds,
    asked: Asked,
    finished: bool,
    klines: Vec<Kline>,
    tries: Tries,
}

impl Paging {
    /// Fetches the klines that open in `from..to_exclusive` (milliseconds); `told` is the exchange's latest known time,
    /// which is asked for where it does not reach the range's end.
    #[must_use]
    pub fn new(
        symbol: Symbol,
        interval: Interval,
        (from, to_exclusive): (Milliseconds, Milliseconds),
        told: Milliseconds,
        limits: &ExchangeLimits,
    ) -> Self {
        let start = interval.floor(from.max(0).saturating_add(interval.milliseconds() - 1));
        Self {
            symbol,
            interval,
            start,
            next: start,
            to_exclusive,
            told,
            asked: Asked::Nothing,
            finished: start >= to_exclusive,
            klines: Vec::new(),
            tries: Tries::new(limits),
        }
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Instant, budget: &mut WeightBudget) -> Step {
        if self.finished {
            return Step::Done;
        }
        if let Some(until) = self.tries.wait(now) {
            return Step::Wait(until);
        }
        let (asked, call) = if self.told < self.to_exclusive && self.asked != Asked::Time {
            (Asked::Time, RestCall::time())
        } else {
            let to = self.closed_end();
            if self.next >= to {
                self.finished = true;
                return Step::Done;
            }
            (Asked::Page, RestCall::klines(self.symbol, self.interval, self.next, to))
        };
        if let Some(wait) = budget.reserve(call.weight(), now) {
            return Step::Wait(now + wait);
        }
        self.asked = asked;
        Step::Ask(call)
    }

    /// Takes what came of the last call; `when` is the time, and a chance uniform in 0 to 1 that shortens the wait after
    /// a failure.
    ///
    /// # Errors
    /// The last [`MarketError`] once the tries are used up, or at once when trying again cannot help.
    pub fn answered(
        &mut self,
        outcome: Result<RestReply, MarketError>,
        address: &str,
        budget: &mut WeightBudget,
        when: (Instant, f64),
    ) -> Result<(), MarketError> {
        let taken = outcome.and_then(|reply| {
            budget.heed(&reply, when.0);
            self.take(reply, address)
        });
        let Err(error) = taken else {
            self.tries.succeeded();
            return Ok(());
        };
        if self.asked == Asked::Time {
            self.asked = Asked::Nothing;
        }
        self.tries.failed(error, when)
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> BackfillProgress {
        let step = self.interval.milliseconds();
        let bars = |until: Milliseconds| u64::try_from((until - self.start) / step).unwrap_or(0);
        let bars_total = bars(self.interval.floor(self.to_exclusive.saturating_add(step - 1)));
        let bars_done = if self.finished { bars_total } else { bars(self.next) };
        BackfillProgress { symbol: self.symbol, bars_done, bars_total }
    }

    /// The exchange's latest known time.
    #[must_use]
    pub const fn told(&self) -> Milliseconds {
        self.told
    }

    /// The klines, in order.
    #[must_use]
    pub fn into_klines(self) -> Vec<Kline> {
        self.klines
    }

    /// The end of the bars of the range that had closed when the exchange last told its time.
    const fn closed_end(&self) -> Milliseconds {
        let closed = self.interval.floor(self.told);
        if closed < self.to_exclusive { closed } else { self.to_exclusive }
    }

    fn take(&mut self, reply: RestReply, address: &str) -> Result<(), MarketError> {
        let to = self.closed_end();
        match self.asked {
            Asked::Nothing => Ok(()),
            Asked::Time => {
                let call = RestCall::time();
                self.told = self.told.max(call.read_time(&call.judge(reply, address)?)?);
                Ok(())
            }
            Asked::Page => {
                let call = RestCall::klines(self.symbol, self.interval, self.next, to);
                let body = call.judge(reply, address)?;
                let mut page = call.read_klines(&body, self.symbol, self.interval)?;
                page.retain(|kline| {
                    (self.next..to).contains(&kline.open_time) && kline.close_time < self.told
                });
                self.finished = page.len() < PAGE_ROWS;
                if let Some(last) = page.last() {
                    self.next = last.open_time + self.interval.milliseconds();
                }
                self.klines.extend(page);
                Ok(())
            }
        }
    }
}
