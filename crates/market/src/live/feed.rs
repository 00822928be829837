//! What follows the exchange: several sockets, REST, and every clock, as one state machine. Pure: time, frames and
//! answers come in, what is to be done goes out. The sockets themselves are the driver's; a simulation drives it without.
//!
//! Sockets fail one by one: as long as one is open nothing is missed, and nothing is held back for another's sake. What
//! all of them miss is found by the exchange's clock and fetched; what the klines endpoint does not have either is made of
//! trades (`trades`). Without any socket bars are fetched as they close.

mod line;
mod ranges;
mod rest;
mod trades;
mod wants;

use std::time::Duration;

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use tokio::time::Instant;

pub use line::LineId;

use super::{Brought, Missing, Repair, Settled, repair::Shown};
use crate::binance::frame::{Frame, decode};
use crate::binance::stream::subscriptions;
use crate::trades::TradedKline;
use crate::{ExchangeLimits, ExchangeSettings, MarketError, MarketEvent, MarketKline, TradedBar};
use line::{Line, Open, Phase};
use rest::{Rest, patience};
use wants::{Audit, Wants};

/// How long the renewal of the only open connection is put off.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// One thing that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A connection that was asked for is open.
    Opened(LineId),
    /// A message on it.
    Text(LineId, &'a [u8]),
    /// A ping or pong on it.
    Alive(LineId),
    /// It could not be opened, or has ended.
    Ended(LineId, MarketError),
    /// The exchange's clock.
    Told(Result<Milliseconds, MarketError>),
    /// What came of [`Action::Fetch`], in its order.
    Fetched(Vec<Result<Vec<Kline>, MarketError>>),
    /// What came of [`Action::FetchTrades`], in its order; `None` where nothing was traded.
    Traded(Vec<Result<Option<TradedKline>, MarketError>>),
    /// The owner misses these bars; their klines come as events, or a [`MarketEvent::Gap`].
    Wanted(Missing),
    /// Nothing but time has passed.
    Wake,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Open a connection.
    Connect(LineId),
    /// Close one; nothing of it is heard any more.
    Close(LineId),
    /// Send this on it.
    Send(LineId, String),
    /// Ask for the exchange's clock, once.
    AskTime,
    /// Fetch these ranges of closed klines.
    Fetch(Vec<Missing>),
    /// Fetch the trades of these bars, and make their klines of them.
    FetchTrades(Vec<TradedBar>),
    /// Tell the owner.
    Tell(MarketEvent),
}

/// The state machine. After every [`Feed::take`] the driver does what it says, and calls again at the latest at
/// [`Feed::wake_at`].
#[derive(Debug)]
pub struct Feed {
    limits: ExchangeLimits,
    interval: Interval,
    symbols: Vec<Symbol>,
    lines: Vec<Line>,
    repair: Repair,
    rest: Rest,
    wants: Wants,
    audit: Audit,
    /// The catch-up that is due, and whether bars that are not there are given up even if they are the newest.
    catch_up: Option<NewestIsFinal>,
    hold_since: Option<Instant>,
    /// A bar whose closing frame is awaited, and since when.
    overdue: Option<(BarTime, Instant)>,
    last_kline: Instant,
    /// The time of the last input.
    now: Instant,
    connected: bool,
    /// Whether the exchange's clock has to be asked at once.
    ask_clock: bool,
    chance: u64,
}

type NewestIsFinal = bool;

impl Feed {
    /// Follows `settings.symbols`; `repair` knows the last bars. `seed` spreads the waits after failures.
    #[must_use]
    pub fn new(settings: &ExchangeSettings, repair: Repair, now: Instant, seed: u64) -> Self {
        let limits = settings.limits.clone();
        Self {
            interval: settings.interval,
            symbols: repair.symbols().collect(),
            lines: (0..limits.lines.max(1)).map(|_| Line::new(now, &limits)).collect(),
            rest: Rest::new(now, &limits),
            wants: Wants::default(),
            audit: Audit::new(repair.symbols(), &limits, now),
            catch_up: None,
            hold_since: None,
            overdue: None,
            last_kline: now,
            now,
            connected: false,
            ask_clock: false,
            chance: seed,
            repair,
            limits,
        }
    }

    /// Takes one input and appends what is to be done.
    pub fn take(&mut self, now: Instant, input: Input<'_>, actions: &mut Vec<Action>) {
        self.now = now;
        match input {
            Input::Opened(id) if self.is_present(id) => self.opened(id, now, actions),
            Input::Text(id, text) if self.is_present(id) => self.text(id, text, now, actions),
            Input::Alive(id) if self.is_present(id) => {
                if let Some(open) = self.lines[id.line].open_mut() {
                    open.last_message = now;
                }
            }
            Input::Ended(id, error) if self.is_present(id) => {
                self.end(id.line, &End::Broken(error), now, actions);
            }
            Input::Opened(_) | Input::Text(..) | Input::Alive(_) | Input::Ended(..) | Input::Wake => {}
            Input::Told(told) => self.told(told, now, actions),
            Input::Fetched(results) => self.fetched(results, now, actions),
            Input::Traded(results) => self.traded(results, now, actions),
            Input::Wanted(missing) => self.wants.add(missing),
        }
        self.look_at_lines(now, actions);
        self.look_at_bars(now, actions);
        self.ask(now, actions);
    }

    /// When [`Input::Wake`] is due if nothing else comes before.
    #[must_use]
    pub fn wake_at(&self) -> Instant {
        let lines = self.lines.iter().filter_map(|line| match &line.phase {
            Phase::Down { until } => Some(*until),
            Phase::Connecting => None,
            Phase::Open(open) => Some(open.wake_at(&self.limits)),
        });
        let overdue = self.overdue.filter(|_| !self.repair.is_holding());
        let overdue = overdue.map(|(_, since)| since + self.limits.overdue_close);
        let hold = self.hold_since.filter(|_| self.repair.is_holding()).map(|since| since + self.limits.hold);
        let asking = self.asking_at();
        let far = self.now + self.limits.clock_check;
        lines.chain(overdue).chain(hold).chain(asking).fold(far, Instant::min)
    }

    fn is_present(&self, id: LineId) -> bool {
        self.lines.get(id.line).is_some_and(|line| line.generation == id.generation)
    }

    fn open_lines(&self) -> usize {
        self.lines.iter().filter(|line| line.open().is_some()).count()
    }

    fn opened(&mut self, id: LineId, now: Instant, actions: &mut Vec<Action>) {
        let is_first = self.open_lines() == 0;
        // The first renewals are spread over the lifetime, so that never all lines are renewed together.
        let share = u32::try_from(id.line + 1).unwrap_or(1);
        let count = u32::try_from(self.lines.len()).unwrap_or(1);
        let lifetime = self.limits.connection_lifetime;
        let lifetime = if id.generation <= 1 { lifetime * share / count } else { lifetime };
        let outbox = subscriptions(&self.symbols, self.interval).into();
        self.lines[id.line].phase = Phase::Open(Open::new(now, now + lifetime, outbox));
        let open_lines = self.open_lines();
        actions.push(Action::Tell(MarketEvent::Opened { line: id.line, open_lines }));
        if is_first {
            self.hold(now, false);
        }
    }

    fn text(&mut self, id: LineId, text: &[u8], now: Instant, actions: &mut Vec<Action>) {
        if let Some(open) = self.lines[id.line].open_mut() {
            open.last_message = now;
        }
        match decode(text, self.interval) {
            Ok(Frame::Kline(frame)) => self.frame(id, frame, now, actions),
            Ok(Frame::ServerShutdown) => self.end(id.line, &End::Shutdown, now, actions),
            Ok(Frame::Response { error: Some(message), .. }) => {
                let request = "SUBSCRIBE".to_owned();
                let refused = MarketError::Refused { request, status: 200, code: 0, message };
                self.end(id.line, &End::Broken(refused), now, actions);
            }
            Ok(Frame::Response { error: None, .. } | Frame::Other) => {}
            Err(error) => tracing::warn!(%error, line = id.line, "a malformed frame is left out"),
        }
    }

    fn frame(&mut self, id: LineId, frame: MarketKline, now: Instant, actions: &mut Vec<Action>) {
        self.last_kline = now;
        let line = &mut self.lines[id.line];
        line.worked = true;
        if let Some(open) = line.open_mut() {
            (open.last_kline, open.heard) = (now, true);
        }
        let mut events = Vec::new();
        match self.repair.take(frame, &mut events) {
            Shown::Nothing => {}
            Shown::Hole => self.hold(now, false),
            Shown::Doubt(missing) => self.wants.add(missing),
            Shown::Implausible => {
                tracing::warn!(
                    line = id.line,
                    "a frame lies more than a day ahead of the exchange's clock and is left out"
                );
                self.ask_clock = true;
            }
        }
        tell(events, actions);
    }

    /// Holds frames back and has what is missing fetched.
    fn hold(&mut self, now: Instant, newest_is_final: NewestIsFinal) {
        self.repair.hold();
        self.hold_since = Some(now);
        self.catch_up = Some(newest_is_final);
    }

    /// A line is down: says so and plans the next try.
    fn end(&mut self, at: usize, end: &End, now: Instant, actions: &mut Vec<Action>) {
        let chance = self.next_chance();
        let line = &mut self.lines[at];
        let id = LineId { line: at, generation: line.generation };
        if !matches!(line.phase, Phase::Down { .. }) {
            actions.push(Action::Close(id));
        }
        if line.worked {
            line.backoff.reset();
        }
        let wait = line.backoff.next_wait(chance);
        let (wait, reason) = match end {
            End::Broken(error) => (patience(error, wait, &self.limits), error.to_string()),
            End::Shutdown => {
                let wait = if line.worked { Duration::ZERO } else { wait };
                (wait, "the exchange closes this connection".to_owned())
            }
            End::Renewal => (Duration::ZERO, "it is renewed before the exchange's limit".to_owned()),
        };
        line.worked = false;
        line.phase = Phase::Down { until: now + wait };
        let attempt = line.backoff.attempt();
        let open_lines = self.open_lines();
        self.connected &= open_lines > 0;
        tracing::warn!(line = at, open_lines, attempt, wait_ms = wait.as_millis(), reason, "reconnecting");
        actions.push(Action::Tell(MarketEvent::Reconnecting { line: at, open_lines, attempt, wait, reason }));
        if open_lines == 0 && self.repair.is_holding() && self.catch_up.is_none() {
            // Without a socket bars are fetched as they close.
            self.hold(now, true);
        }
    }

    /// Connects, sends, renews and gives up.
    fn look_at_lines(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let newest = self.lines.iter().filter_map(|line| Some(line.open()?.last_kline)).max();
        for at in 0..self.lines.len() {
            let others = self.open_lines() > 1 || self.lines.len() == 1;
            let line = &mut self.lines[at];
            let end = match &mut line.phase {
                Phase::Down { until } if *until <= now => {
                    line.phase = Phase::Connecting;
                    line.generation += 1;
                    actions.push(Action::Connect(LineId { line: at, generation: line.generation }));
                    None
                }
                Phase::Down { .. } | Phase::Connecting => None,
                Phase::Open(open) => {
                    let id = LineId { line: at, generation: line.generation };
                    actions.extend(open.outgoing(now, &self.limits).map(|request| Action::Send(id, request)));
                    let deaf =
                        newest.is_some_and(|newest| newest > open.last_kline + self.limits.deaf_socket);
                    if now >= open.last_message + self.limits.silent_socket {
                        Some(silent(&self.limits))
                    } else if deaf {
                        Some(End::Broken(MarketError::Socket(
                            "it sends no klines although another socket does".to_owned(),
                        )))
                    } else if now >= open.renew_at && others {
                        Some(End::Renewal)
                    } else {
                        if now >= open.renew_at {
                            // Alone it stays until another one is there, or until the exchange closes it.
                            open.renew_at = now + RENEWAL_PAUSE;
                        }
                        None
                    }
                }
            };
            if let Some(end) = end {
                self.end(at, &end, now, actions);
            }
        }
    }

    /// Looks for closes that do not come, and for frames that have been held back too long.
    fn look_at_bars(&mut self, now: Instant, actions: &mut Vec<Action>) {
        match (self.repair.overdue(), self.overdue) {
            (Some(bar), Some((awaited, since))) if bar == awaited => {
                if now >= since + self.limits.overdue_close && !self.repair.is_holding() {
                    self.overdue = None;
                    self.hold(now, true);
                }
            }
            (bar, _) => self.overdue = bar.map(|bar| (bar, now)),
        }
        let too_long = self.hold_since.is_some_and(|since| now >= since + self.limits.hold);
        let too_many = self.repair.held_frames() >= self.limits.buffered_frames;
        if self.repair.is_holding() && self.open_lines() > 0 && (too_long || too_many) {
            let mut events = Vec::new();
            for missing in self.repair.release(&mut events) {
                self.wants.add(missing);
            }
            let reason = self.rest.problem.clone().unwrap_or_else(|| "no answer yet".to_owned());
            actions.push(Action::Tell(MarketEvent::Released { reason }));
            tell(events, actions);
            self.caught_up(actions);
        } else if too_long && self.open_lines() == 0 {
            self.hold_since = Some(now);
        }
    }

    /// Frames pass from now on.
    fn caught_up(&mut self, actions: &mut Vec<Action>) {
        (self.catch_up, self.hold_since) = (None, None);
        if self.open_lines() == 0 {
            return;
        }
        for line in &mut self.lines {
            line.worked |= line.open().is_some();
        }
        if !self.connected {
            self.connected = true;
            actions.push(Action::Tell(MarketEvent::Connected));
        }
    }

    fn next_chance(&mut self) -> f64 {
        // The high bits of a linear congruential generator (Knuth): the waits only have to differ.
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Why a connection ends.
enum End {
    /// The exchange said that it is about to close it.
    Shutdown,
    /// It has become old.
    Renewal,
    /// Anything else.
    Broken(MarketError),
}

fn silent(limits: &ExchangeLimits) -> End {
    End::Broken(MarketError::Socket(format!("no message for {} s", limits.silent_socket.as_secs())))
}

fn tell(events: Vec<MarketEvent>, actions: &mut Vec<Action>) {
    actions.extend(events.into_iter().map(Action::Tell));
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
