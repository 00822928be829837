//! The exchange without sockets and clocks: what is true, who follows it, what leaves when, and what goes wrong.
//! The loopback server and the virtual exchange both drive this.

mod command;
mod doors;
mod floods;
mod frames;
mod lines;
mod outbox;
mod trades;

use std::sync::Arc;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::faults::{Begun, Fate, FaultEntry, FaultPlan, Faults, Letter, Tear};
use crate::manners::{Ending, GOING_AWAY};
use crate::stamps::Stamps;
use crate::tape::Tape;
use crate::weights::Weights;
use crate::{ExchangeConfig, ExchangeError, LineId, frame};
pub(crate) use doors::Asked;
use lines::{Lines, Route};
use outbox::{Item, Outbox};

/// After this much of the exchange's time following a bar's end its closed klines have been sent.
pub(crate) const LATENCY: Milliseconds = 60;

/// What differs between the ways of driving a venue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drive {
    /// Exchange seconds for one of the client's.
    pub(crate) speed: f64,
    /// Whether frames can be sent in fragments.
    pub(crate) fragments: bool,
    /// Time between two frames of a forming kline; `None` sends them only when told to.
    pub(crate) forming_every: Option<Milliseconds>,
}

/// Something that leaves the exchange on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) at: Milliseconds,
    pub(crate) line: LineId,
    pub(crate) what: What,
}

/// What leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A text, in one piece or in so many fragments.
    Text(String, Tear),
    /// The exchange closes the connection.
    Close(Ending),
    /// The connection is dropped.
    Reset,
    /// Nothing leaves any more, and nothing that comes is answered.
    Mute,
}

/// The exchange itself.
#[derive(Debug)]
pub(crate) struct Venue {
    tape: Tape,
    interval: Interval,
    now: Milliseconds,
    /// The end of the next bar to close.
    boundary: Milliseconds,
    /// When forming klines are sent next, and how often.
    forming: Option<(Milliseconds, Milliseconds)>,
    /// The moment whose trades were sent last.
    traded: Milliseconds,
    lines: Lines,
    faults: Faults,
    outbox: Outbox,
    weights: Weights,
}

impl Venue {
    /// Takes up the configured market under a plan of faults; `client_time` is what [`Asked`] counts from.
    pub(crate) fn new(
        config: &ExchangeConfig,
        plan: FaultPlan,
        drive: Drive,
        client_time: Milliseconds,
    ) -> Result<Self, ExchangeError> {
        plan.check()?;
        let tape = Tape::new(config, &plan)?;
        let (interval, now) = (config.interval, config.start);
        let symbols = tape.symbols().collect();
        let boundary = interval.floor(now) + interval.milliseconds();
        let every = drive.forming_every.map(|every| every.max(1));
        let mut venue = Self {
            tape,
            interval,
            now,
            boundary,
            forming: every.map(|every| (now.saturating_add(every), every)),
            traded: now,
            lines: Lines::default(),
            faults: Faults::new(plan, (interval, now), symbols, (drive.speed, drive.fragments)),
            outbox: Outbox::default(),
            weights: Weights::new(config.request_weight_limit, client_time),
        };
        venue.extend(boundary);
        Ok(venue)
    }

    /// The true time up to which everything has happened.
    pub(crate) const fn now(&self) -> Milliseconds {
        self.now
    }

    /// What was injected so far.
    pub(crate) fn log(&self) -> &[FaultEntry] {
        self.faults.log()
    }

    /// The true klines that open in a range and have closed.
    pub(crate) fn truth(&self, symbol: Symbol, range: (Milliseconds, Milliseconds)) -> &[Kline] {
        self.tape.truth(symbol, range, self.now)
    }

    /// Whether nothing more will come of recorded klines.
    pub(crate) fn ended(&self) -> bool {
        self.outbox.is_empty() && self.tape.next_close(self.boundary - 1).is_none()
    }

    /// The close time of the next bar of any pair.
    pub(crate) fn next_close(&self) -> Option<Milliseconds> {
        self.tape.next_close(self.boundary - 1)
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Milliseconds {
        let forming = self.forming.map_or(Milliseconds::MAX, |(next, _)| next);
        let trades = self.next_trades_at().unwrap_or(Milliseconds::MAX);
        self.faults.next_at().min(self.boundary).min(forming).min(trades).min(self.outbox.next_at())
    }

    /// Lets everything happen that happens until `to`, in order.
    pub(crate) fn advance(&mut self, to: Milliseconds, out: &mut Vec<Parcel>) {
        loop {
            let at = self.next_at();
            if at > to {
                break;
            }
            self.now = self.now.max(at);
            if self.faults.next_at() <= at {
                self.begin_faults(out);
            } else if self.boundary <= at {
                self.close_bars();
            } else if self.outbox.next_at() <= at {
                if let Some(item) = self.outbox.pop() {
                    self.leave(item, out);
                }
            } else if let Some(moment) = self.next_trades_at().filter(|moment| *moment <= at) {
                self.send_trades(moment);
            } else if let Some((next, every)) = self.forming {
                // The closed klines of the bar before come first.
                let soonest = self.interval.floor(next) + LATENCY;
                if next < soonest {
                    self.forming = Some((soonest, every));
                } else {
                    self.forming = Some((next + every, every));
                    self.send_forming();
                }
            }
        }
        self.now = self.now.max(to);
        if !self.lines.follow_trades() {
            // Who comes later hears of what happens then.
            self.traded = self.now;
        }
    }

    fn begin_faults(&mut self, out: &mut Vec<Parcel>) {
        let open = self.lines.speaking();
        for begun in self.faults.begin(self.now, &open) {
            match begun {
                Begun::Mute(line) => {
                    self.lines.mute(line);
                    self.faults.forget(line);
                    out.push(self.parcel(line, What::Mute));
                }
                Begun::Reset(line) => self.end(line, What::Reset, out),
                Begun::Shutdown { line, close_at } => {
                    if let Some(combined) = self.lines.combined(line) {
                        let shown = self.now + self.faults.clock_offset(self.now);
                        let notice = frame::server_shutdown(combined, shown);
                        out.push(self.parcel(line, What::Text(notice, Tear::Whole)));
                    }
                    self.outbox.push(close_at, Item::Close(line));
                }
                Begun::Flood { line, at, frames } => self.outbox.push(at, Item::Flood(line, frames)),
                Begun::Partial(partial) => self.outbox.push(partial.at, Item::Partial(partial)),
            }
        }
    }

    fn leave(&mut self, item: Item, out: &mut Vec<Parcel>) {
        match item {
            Item::Letter(letter) => self.post(letter, out),
            Item::Reply(line, text) => {
                if self.lines.speaks(line) {
                    out.push(self.parcel(line, What::Text(text, Tear::Whole)));
                }
            }
            Item::Close(line) => {
                if self.lines.speaks(line) {
                    let ending = Ending { code: GOING_AWAY, reason: "server shutdown" };
                    self.end(line, What::Close(ending), out);
                }
            }
            Item::Flood(line, frames) => self.flood(line, frames, out),
            Item::Partial(partial) => self.send_partial(&partial),
            Item::Correct { symbol, open_time, second_frame } => {
                self.correct(symbol, open_time, second_frame);
            }
        }
    }

    /// A frame has come to the door: it leaves, or whatever else becomes of it.
    fn post(&mut self, letter: Letter, out: &mut Vec<Parcel>) {
        if !self.lines.speaks(letter.line) {
            return;
        }
        match self.faults.fate(letter, self.now) {
            Fate::Leaves(letter, tear) => {
                out.push(self.parcel(letter.line, What::Text(letter.text, tear)));
            }
            Fate::Later(letter, time) => self.outbox.push(time, Item::Letter(letter)),
            Fate::Stays => (),
        }
    }

    /// Ends a connection and says how.
    pub(crate) fn end(&mut self, line: LineId, what: What, out: &mut Vec<Parcel>) {
        self.disconnect(line);
        out.push(self.parcel(line, what));
    }

    const fn parcel(&self, line: LineId, what: What) -> Parcel {
        Parcel { at: self.now, line, what }
    }

    fn routes(&mut self) -> Arc<Vec<Route>> {
        self.lines.routes()
    }

    fn stamps(&mut self) -> Stamps {
        if self.faults.microseconds(self.now) { Stamps::Microseconds } else { Stamps::Milliseconds }
    }

    /// Makes a synthetic market further if its end is near.
    fn extend(&mut self, time: Milliseconds) {
        if self.tape.must_extend(time) {
            self.tape.extend_to(time);
        }
    }
}
