//! The feed's requests: one at a time, none in a hurry after a failure.

use std::time::Duration;

use kline::{BarTime, Kline, Milliseconds};
use tokio::time::Instant;

use super::ranges::{Outcome, Ranges};
use super::trades::Waiting;
use super::{Action, Brought, End, Feed, Missing, Settled, tell};
use crate::backoff::Backoff;
use crate::trades::TradedKline;
use crate::{ExchangeLimits, KlineSource, MarketError, MarketEvent};

/// Ranges apart from the order of delivery that are fetched at once.
const WANTS_AT_ONCE: usize = 64;

/// What was asked.
#[derive(Debug)]
enum Request {
    /// The clock, and then perhaps what is missing at that time.
    Time { then_fetch: bool },
    /// Missing bars.
    Ranges(Ranges),
    /// Trades of bars that the klines endpoint did not tell; the others wait for them.
    Trades(Waiting),
    /// Bars that are compared.
    Audit { missing: Missing, at: Milliseconds },
}

/// Requests and their failures.
#[derive(Debug)]
pub(super) struct Rest {
    request: Option<Request>,
    backoff: Backoff,
    not_before: Instant,
    /// When the exchange last told its time.
    pub(super) told_at: Instant,
    /// Why the last request failed.
    pub(super) problem: Option<String>,
}

impl Rest {
    pub(super) fn new(now: Instant, limits: &ExchangeLimits) -> Self {
        Self {
            request: None,
            backoff: Backoff::new(limits.backoff),
            not_before: now,
            told_at: now,
            problem: None,
        }
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        self.problem = None;
    }
}

impl Feed {
    /// Begins the most urgent request that is due, unless one is under way.
    pub(super) fn ask(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.rest.request.is_some() || now < self.rest.not_before {
            return;
        }
        let then_fetch = self.catch_up.is_some() || self.has_wants();
        if then_fetch || self.ask_clock || now >= self.clock_due_at() {
            self.rest.request = Some(Request::Time { then_fetch });
            actions.push(Action::AskTime);
        } else if self.audit_due_at().is_some_and(|due| now >= due) {
            let clock = self.repair.clock();
            let Some(missing) = self.audit.turn(now, clock, self.interval) else { return };
            self.rest.request = Some(Request::Audit { missing, at: clock });
            actions.push(Action::Fetch(vec![missing]));
        }
    }

    /// When the next request is due; `None` while one is under way.
    pub(super) fn asking_at(&self) -> Option<Instant> {
        if self.rest.request.is_some() {
            return None;
        }
        let due = if self.catch_up.is_some() || self.has_wants() || self.ask_clock {
            self.rest.not_before
        } else {
            self.audit_due_at().map_or_else(|| self.clock_due_at(), |audit| audit.min(self.clock_due_at()))
        };
        Some(due.max(self.rest.not_before))
    }

    /// Whether something is wanted that the exchange can have by now.
    fn has_wants(&self) -> bool {
        !self.wants.is_empty() && !self.wants.next(1, self.repair.clock()).is_empty()
    }

    fn clock_due_at(&self) -> Instant {
        let quiet = self.last_kline.max(self.rest.told_at) + self.limits.quiet_socket;
        quiet.min(self.rest.told_at + self.limits.clock_check)
    }

    fn audit_due_at(&self) -> Option<Instant> {
        let may = !self.audit.is_off() && self.connected && !self.repair.is_holding();
        may.then_some(self.audit.next_at)
    }

    /// The exchange's clock was told, or not.
    pub(super) fn told(
        &mut self,
        told: Result<Milliseconds, MarketError>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(Request::Time { then_fetch }) = self.rest.request.take() else { return };
        let time = match told {
            Ok(time) => time,
            Err(error) => return self.failed(&error, now),
        };
        self.rest.told_at = now;
        self.ask_clock = false;
        self.rest.succeeded();
        let is_news = time >= self.repair.clock();
        self.repair.tell_time(time);
        if then_fetch {
            self.fetch(time, now, actions);
        } else if is_news && !self.repair.is_holding() {
            actions.push(Action::Tell(MarketEvent::Time(time)));
        }
    }

    /// Fetches what is missing at the present time.
    fn fetch(&mut self, at: Milliseconds, now: Instant, actions: &mut Vec<Action>) {
        let catch_up = if self.catch_up.is_some() { self.repair.missing() } else { Vec::new() };
        let wants = self.wants.next(WANTS_AT_ONCE, self.repair.clock());
        let newest_is_final = self.catch_up.unwrap_or(false);
        let ranges: Vec<Missing> = catch_up.iter().chain(&wants).copied().collect();
        let is_empty = ranges.is_empty();
        self.rest.request = Some(Request::Ranges(Ranges { catch_up, newest_is_final, wants, at }));
        if is_empty {
            self.fetched(Vec::new(), now, actions);
        } else {
            actions.push(Action::Fetch(ranges));
        }
    }

    /// What was fetched, or why not, range by range.
    pub(super) fn fetched(
        &mut self,
        results: Vec<Result<Vec<Kline>, MarketError>>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        match self.rest.request.take() {
            Some(Request::Ranges(ranges)) => {
                let brought = |klines: Vec<Kline>| klines.into_iter().map(Brought::from).collect();
                let outcomes: Vec<Outcome> = results.into_iter().map(|result| result.map(brought)).collect();
                let untold = self.untold(&ranges, &outcomes);
                if untold.is_empty() {
                    self.take_ranges(ranges, outcomes, now, actions);
                } else {
                    actions.push(Action::FetchTrades(untold.clone()));
                    self.rest.request = Some(Request::Trades(Waiting { ranges, outcomes, untold }));
                }
            }
            Some(Request::Audit { missing, at }) => match results.into_iter().next() {
                Some(Ok(klines)) => {
                    self.rest.succeeded();
                    let klines = self.repair.audit(missing.symbol, klines, at);
                    let audited = MarketEvent::Audited { symbol: missing.symbol, klines };
                    actions.push(Action::Tell(audited));
                }
                Some(Err(error)) => self.failed(&error, now),
                None => {}
            },
            other => self.rest.request = other,
        }
    }

    /// What came of the trades that were asked for, bar by bar.
    pub(super) fn traded(
        &mut self,
        results: Vec<Result<Option<TradedKline>, MarketError>>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        match self.rest.request.take() {
            Some(Request::Trades(waiting)) => {
                let (ranges, outcomes) = waiting.completed(results, self.interval);
                self.take_ranges(ranges, outcomes, now, actions);
            }
            other => self.rest.request = other,
        }
    }

    /// Delivers what came of ranges.
    fn take_ranges(
        &mut self,
        ranges: Ranges,
        outcomes: Vec<Outcome>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Ranges { catch_up, newest_is_final, wants, at } = ranges;
        let mut outcomes = outcomes.into_iter();
        let ordered: Vec<_> = catch_up.into_iter().zip(outcomes.by_ref()).collect();
        let late: Vec<_> = wants.into_iter().zip(outcomes).collect();
        let mut failure = self.take_late(late, at, actions);
        if let Some(error) = self.take_ordered(ordered, newest_is_final, at, now, actions) {
            failure = Some(error);
        }
        match failure {
            Some(error) => self.failed(&error, now),
            None => self.rest.succeeded(),
        }
    }

    /// Delivers what the catch-up brought; answers a failure that may pass.
    fn take_ordered(
        &mut self,
        results: Vec<(Missing, Outcome)>,
        newest_is_final: bool,
        at: Milliseconds,
        now: Instant,
        actions: &mut Vec<Action>,
    ) -> Option<MarketError> {
        // If frames were released meanwhile, what was missing is wanted apart.
        self.catch_up?;
        let (mut fetched, mut failure) = (Vec::new(), None);
        for (missing, result) in results {
            match readable(missing, result) {
                Ok(klines) => fetched.push((missing, klines)),
                Err(error) => failure = Some(error),
            }
        }
        // Where klines are made of trades, it is not the line that keeps them back.
        let is_told = |brought: &Brought| brought.source == KlineSource::Rest;
        let brought = fetched.iter().any(|(_, klines)| klines.iter().any(is_told));
        let mut events = Vec::new();
        let settled = self.repair.settle(fetched, at, newest_is_final, &mut events);
        tell(events, actions);
        match (settled, &failure) {
            (Settled::Complete, None) => self.caught_up(actions),
            (Settled::Again, None) => self.catch_up = Some(false),
            (_, Some(_)) => {}
        }
        if newest_is_final && brought {
            self.end_deaf_lines(now, actions);
        }
        failure
    }

    /// A line on which no kline has come since the last bar that had to be fetched does not work.
    fn end_deaf_lines(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for at in 0..self.lines.len() {
            let heard = self.lines[at].open_mut().map(|open| std::mem::replace(&mut open.heard, false));
            if heard == Some(false) {
                let problem = "it sends no klines although the exchange closes bars".to_owned();
                self.end(at, &End::Broken(MarketError::Socket(problem)), now, actions);
            }
        }
    }

    /// Delivers what was wanted apart from the order; answers a failure that may pass.
    fn take_late(
        &mut self,
        results: Vec<(Missing, Outcome)>,
        at: Milliseconds,
        actions: &mut Vec<Action>,
    ) -> Option<MarketError> {
        let (mut late, mut failure) = (Vec::new(), None);
        let mut holes = Vec::new();
        for (missing, result) in results {
            match readable(missing, result) {
                Ok(klines) => {
                    self.wants.remove(missing);
                    late.extend(self.repair.take_late(missing, &klines, at));
                    self.tell_holes(missing, &klines, &mut holes);
                }
                Err(error) => failure = Some(error),
            }
        }
        if !late.is_empty() {
            actions.push(Action::Tell(MarketEvent::Late(late)));
        }
        actions.append(&mut holes);
        failure
    }

    /// Tells which bars of a range the exchange does not have.
    fn tell_holes(&self, missing: Missing, klines: &[Brought], actions: &mut Vec<Action>) {
        let mut next = missing.from;
        let ends = klines.iter().map(|brought| brought.kline.bar_time(self.interval));
        for bar in ends.chain([missing.to.plus(1, self.interval)]) {
            let to: BarTime = bar.plus(-1, self.interval);
            if next <= to {
                let symbol = missing.symbol;
                actions.push(Action::Tell(MarketEvent::Gap { symbol, from: next, to }));
            }
            next = next.max(bar.plus(1, self.interval));
        }
    }

    /// Plans the next try after a failure.
    fn failed(&mut self, error: &MarketError, now: Instant) {
        let chance = self.next_chance();
        let wait = patience(error, self.rest.backoff.next_wait(chance), &self.limits);
        tracing::warn!(%error, wait_ms = wait.as_millis(), "the exchange's rest interface failed");
        self.rest.not_before = now + wait;
        self.rest.problem = Some(error.to_string());
    }
}

/// A fault that cannot pass by itself leaves bars that can't be had: they count as not there.
fn readable(missing: Missing, result: Outcome) -> Outcome {
    match result {
        Err(error @ (MarketError::Malformed { .. } | MarketError::Refused { .. }))
            if !error.is_retryable() =>
        {
            tracing::warn!(%error, symbol = %missing.symbol, "bars cannot be read and become a gap");
            Ok(Vec::new())
        }
        result => result,
    }
}

/// A terminal fault is not tried again in a hurry, and a limit is kept.
pub(super) fn patience(error: &MarketError, wait: Duration, limits: &ExchangeLimits) -> Duration {
    match error {
        MarketError::RateLimited { wait: asked, .. } => wait.max(*asked),
        error if error.is_terminal() => limits.backoff.longest,
        _ => wait,
    }
}
