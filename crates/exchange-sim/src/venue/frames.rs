//! The kline frames: closed and forming, true and untrue. All closes of one bar leave before any frame with a
//! later bar, unless a fault has it otherwise.

use kline::{Interval, Milliseconds, Symbol};

use super::lines::{Follower, Route};
use super::{Item, Venue};
use crate::faults::{FaultEntry, FaultKind, Letter, Partial, Untruth};
use crate::frame;
use crate::path::scramble;
use crate::stream::divides;
use crate::tape::Candle;

impl Venue {
    /// Sends the closed klines of every interval that ends just before the boundary, and moves it on.
    pub(super) fn close_bars(&mut self) {
        let boundary = self.boundary;
        self.boundary += self.interval.milliseconds();
        self.extend(self.boundary);
        self.tell_untruths(boundary);
        let delay = i64::try_from(scramble(boundary.cast_unsigned()) % 30).unwrap_or(0) + 5;
        for (at, route) in (0_i64..).zip(self.routes().iter()) {
            let interval = route.stream.interval;
            if !divides(self.interval, interval) || interval.floor(boundary) != boundary {
                continue;
            }
            let open_time = boundary - interval.milliseconds();
            if let Some(candle) = self.tape.candle(route.stream.symbol, interval, open_time, boundary) {
                self.send_closed(route, &candle, boundary, boundary + delay + at.min(20));
            }
        }
    }

    fn send_closed(&mut self, route: &Route, candle: &Candle, boundary: Milliseconds, usual: Milliseconds) {
        let mut written: Option<(Milliseconds, String)> = None;
        let what = (route.stream.symbol, route.stream.interval);
        for follower in &route.followers {
            let times = self.faults.departures(follower.line, what, boundary, usual);
            let Some(first) = times.first().copied() else {
                continue;
            };
            let event = match written.take() {
                Some((time, event)) if time == first => event,
                _ => self.event(route, candle, first),
            };
            for time in times {
                self.enclose(route, *follower, (&event, true), time);
            }
            written = Some((first, event));
        }
    }

    /// Sends the klines that are being traded.
    pub(crate) fn send_forming(&mut self) {
        let now = self.now;
        for route in self.routes().iter() {
            if let Some(candle) = self.forming_candle(route, now) {
                let event = self.event(route, &candle, now);
                for follower in &route.followers {
                    self.enclose(route, *follower, (&event, false), now);
                }
            }
        }
    }

    /// A stream's kline that is being traded at `time`.
    pub(super) fn forming_candle(&self, route: &Route, time: Milliseconds) -> Option<Candle> {
        let (symbol, interval) = (route.stream.symbol, route.stream.interval);
        if !divides(self.interval, interval) {
            return None;
        }
        let candle = self.tape.candle(symbol, interval, interval.floor(time), time);
        candle.filter(|candle| !candle.closed)
    }

    /// Sends klines that are still being traded as closed ones: those that end with the running bar.
    pub(super) fn send_partial(&mut self, partial: &Partial) {
        let now = self.now;
        let boundary = self.interval.floor(now) + self.interval.milliseconds();
        for route in self.routes().iter() {
            let (symbol, interval) = (route.stream.symbol, route.stream.interval);
            let Some(candle) = self.forming_candle(route, now) else {
                continue;
            };
            if candle.kline.close_time + 1 != boundary {
                continue;
            }
            let event = self.event(route, &Candle { closed: true, ..candle }, now);
            for follower in route.followers.iter().filter(|follower| partial.strikes(symbol, follower.line)) {
                self.enclose(route, *follower, (&event, true), now);
                if interval == self.interval {
                    self.faults.note(FaultEntry {
                        kind: FaultKind::PartialAsClosed,
                        symbol: Some(symbol),
                        line: Some(follower.line),
                        start: now,
                        end: boundary,
                    });
                }
            }
        }
    }

    /// Lets untrue klines stand for some that end just before `boundary`.
    fn tell_untruths(&mut self, boundary: Milliseconds) {
        if !self.faults.untrue_at(boundary) {
            return;
        }
        let open_time = boundary - self.interval.milliseconds();
        let told = |symbol: Symbol| {
            let (whole, decimals) = self.tape.whole(symbol, open_time)?;
            Some((symbol, self.faults.untruth_of(symbol, whole, decimals, boundary)?))
        };
        let told: Vec<(Symbol, Untruth)> = self.tape.symbols().filter_map(told).collect();
        for (symbol, untruth) in told {
            let Untruth { kind, until, second_frame, .. } = untruth;
            self.tape.tell(symbol, untruth);
            self.outbox.push(until, Item::Correct { symbol, open_time, second_frame });
            let entry = FaultEntry { kind, symbol: Some(symbol), line: None, start: boundary, end: until };
            self.faults.note(entry);
        }
    }

    /// Answers the truth about a bar from now on, and sends what has closed with it once more.
    pub(super) fn correct(&mut self, symbol: Symbol, open_time: Milliseconds, second_frame: bool) {
        self.tape.correct(symbol, open_time);
        let now = self.now;
        for route in self.routes().iter().filter(|route| second_frame && route.stream.symbol == symbol) {
            let interval: Interval = route.stream.interval;
            let opened = interval.floor(open_time);
            if !divides(self.interval, interval) || opened + interval.milliseconds() > now {
                continue;
            }
            if let Some(candle) = self.tape.candle(symbol, interval, opened, now) {
                let event = self.event(route, &candle, now);
                for follower in &route.followers {
                    self.enclose(route, *follower, (&event, true), now);
                }
            }
        }
    }

    /// An event's text, with the time that the exchange's clock shows at `time`.
    pub(super) fn event(&mut self, route: &Route, candle: &Candle, time: Milliseconds) -> String {
        let shown = time + self.faults.clock_offset(self.now);
        let stamps = self.stamps();
        frame::event(route.stream.symbol, route.stream.interval, candle, shown, stamps)
    }

    fn enclose(
        &mut self,
        route: &Route,
        follower: Follower,
        (event, closed): (&str, bool),
        time: Milliseconds,
    ) {
        self.outbox.push(time, Item::Letter(letter(route, follower, event, closed)));
    }
}

/// A letter to one follower.
pub(super) fn letter(route: &Route, follower: Follower, event: &str, closed: bool) -> Letter {
    let text = addressed(&route.name, follower, event);
    let (line, symbol) = (follower.line, route.stream.symbol);
    Letter { line, symbol, is_kline: true, closed, text, slowed: false }
}

/// An event's text as a follower of its stream gets it.
pub(super) fn addressed(stream: &str, follower: Follower, event: &str) -> String {
    if follower.combined { frame::combined(stream, event) } else { event.to_owned() }
}
