//! What is missing, and in which order klines are delivered. Pure: frames, fetched klines and times go in, events
//! come out.
//!
//! The procedure, whose step numbers the methods quote:
//! 1. The socket is opened first, so that nothing after this moment can be missed.
//! 2. Frames are held back.
//! 3. The exchange's clock says which bars have closed; those after each symbol's last one are fetched.
//! 4. Fetched and held-back klines are delivered in bar order over all symbols, each bar once.
//! 5. Frames pass through. A closed frame that leaves a hole, or a closing frame that does not come, leads back
//!    to step 2.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

use crate::{KlineSource, MarketEvent, MarketKline};

/// Delivered klines that are remembered, to tell doubles from corrections.
const REMEMBERED_BARS: usize = 16;

/// Bars of one symbol to be fetched, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The market.
    pub symbol: Symbol,
    /// First bar.
    pub from: BarTime,
    /// Last bar, at least `from`.
    pub to: BarTime,
}

/// Whether everything could be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Frames pass through from now on.
    Complete,
    /// A held-back kline still leaves a hole: fetch again.
    Again,
}

/// One symbol's delivered series.
#[derive(Debug, Clone, Default)]
struct Head {
    last: Option<BarTime>,
    recent: BTreeMap<BarTime, Kline>,
}

/// The order of delivery of one connection's symbols.
#[derive(Debug, Clone)]
pub struct Repair {
    interval: Interval,
    heads: BTreeMap<Symbol, Head>,
    clock: Milliseconds,
    holding: bool,
    closed: BTreeMap<(BarTime, Symbol), MarketKline>,
    forming: BTreeMap<Symbol, MarketKline>,
}

impl Repair {
    /// Nothing delivered yet; `from` holds the last known bars. Frames are held back until the first [`Self::settle`].
    #[must_use]
    pub fn new(interval: Interval, symbols: &[Symbol], from: &BTreeMap<Symbol, BarTime>) -> Self {
        let head = |symbol: &Symbol| Head { last: from.get(symbol).copied(), recent: BTreeMap::new() };
        Self {
            interval,
            heads: symbols.iter().map(|symbol| (*symbol, head(symbol))).collect(),
            clock: 0,
            holding: true,
            closed: BTreeMap::new(),
            forming: BTreeMap::new(),
        }
    }

    /// Step 2: holds frames back from now on. Forming ones of an earlier connection are stale and dropped.
    pub fn hold(&mut self) {
        self.holding = true;
        self.forming.clear();
    }

    /// Whether frames are held back.
    #[must_use]
    pub const fn is_holding(&self) -> bool {
        self.holding
    }

    /// How many frames are held back.
    #[must_use]
    pub fn held_frames(&self) -> usize {
        self.closed.len() + self.forming.len()
    }

    /// The latest time that the exchange has told.
    #[must_use]
    pub const fn clock(&self) -> Milliseconds {
        self.clock
    }

    /// The exchange says what time it is. Never goes back.
    pub fn tell_time(&mut self, now: Milliseconds) {
        self.clock = self.clock.max(now);
    }

    /// Step 3: the bars to fetch at the present time.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        let to = BarTime::last_closed(self.clock, self.interval);
        let first = |head: &Head| head.last.map_or(to, |last| last.plus(1, self.interval));
        self.heads
            .iter()
            .map(|(symbol, head)| Missing { symbol: *symbol, from: first(head), to })
            .filter(|missing| missing.from <= missing.to)
            .collect()
    }

    /// The earliest bar that has closed by the exchange's clock and was not delivered (step 5).
    #[must_use]
    pub fn overdue(&self) -> Option<BarTime> {
        let closed = BarTime::last_closed(self.clock, self.interval);
        self.heads
            .values()
            .filter_map(|head| Some(head.last?.plus(1, self.interval)))
            .filter(|next| *next <= closed)
            .min()
    }

    /// A frame arrived. Answers true when it leaves a hole, so that bars must be fetched (step 5).
    pub fn take(&mut self, frame: MarketKline, events: &mut Vec<MarketEvent>) -> bool {
        let bar = frame.kline.bar_time(self.interval);
        if let Some(event_time) = frame.event_time {
            self.tell_time(event_time);
        }
        let Some(head) = self.heads.get(&frame.symbol) else { return false };
        if self.holding {
            self.keep(bar, frame);
            return false;
        }
        let next = head.last.map(|last| last.plus(1, self.interval));
        match next {
            Some(next) if bar > next && frame.closed => {
                self.holding = true;
                self.keep(bar, frame);
                true
            }
            Some(next) if bar < next && !frame.closed => false,
            _ => {
                self.deliver(bar, frame, events);
                false
            }
        }
    }

    /// Step 4: merges what was fetched. Bars that were asked for and came from nowhere become gaps; only the newest
    /// asked for is given more time, since it may have closed this very moment, unless `newest_is_final`.
    pub fn settle(
        &mut self,
        fetched: Vec<(Missing, Vec<Kline>)>,
        newest_is_final: bool,
        events: &mut Vec<MarketEvent>,
    ) -> Settled {
        let mut asked: BTreeMap<Symbol, BarTime> = BTreeMap::new();
        for (missing, klines) in fetched {
            let Missing { symbol, from, to } = missing;
            let Some(head) = self.heads.get_mut(&symbol) else { continue };
            head.last.get_or_insert(from.plus(-1, self.interval));
            asked.insert(symbol, if newest_is_final { to } else { to.plus(-1, self.interval) });
            for kline in klines {
                let bar = kline.bar_time(self.interval);
                if (from..=to).contains(&bar) {
                    let source = KlineSource::Rest;
                    let kept = MarketKline { symbol, kline, closed: true, event_time: None, source };
                    self.closed.insert((bar, symbol), kept);
                }
            }
        }
        let complete = self.drain(&asked, events);
        for (symbol, to) in &asked {
            self.close_gap(*symbol, *to, events);
        }
        if !complete {
            return Settled::Again;
        }
        for (_, frame) in std::mem::take(&mut self.forming) {
            let bar = frame.kline.bar_time(self.interval);
            if self.last(frame.symbol).is_none_or(|last| bar > last) {
                events.push(MarketEvent::Kline(frame));
            }
        }
        self.holding = false;
        Settled::Complete
    }

    /// The last bar of a symbol that was delivered, or known from the start.
    #[must_use]
    pub fn last(&self, symbol: Symbol) -> Option<BarTime> {
        self.heads.get(&symbol)?.last
    }

    /// Delivers held-back klines in order up to the first one that leaves a hole which nobody asked about.
    fn drain(&mut self, asked: &BTreeMap<Symbol, BarTime>, events: &mut Vec<MarketEvent>) -> bool {
        while let Some(((bar, symbol), frame)) = self.closed.pop_first() {
            if let Some(to) = asked.get(&symbol) {
                self.close_gap(symbol, bar.plus(-1, self.interval).min(*to), events);
            }
            let last = self.last(symbol);
            if last.is_some_and(|last| bar > last.plus(1, self.interval)) {
                self.closed.insert((bar, symbol), frame);
                return false;
            }
            self.deliver(bar, frame, events);
        }
        true
    }

    /// Gives up on what is missing of a symbol through bar `to`.
    fn close_gap(&mut self, symbol: Symbol, to: BarTime, events: &mut Vec<MarketEvent>) {
        let Some(head) = self.heads.get_mut(&symbol) else { return };
        if let Some(last) = head.last
            && last < to
        {
            let waiting = self.closed.keys().find(|(bar, waiting)| *waiting == symbol && *bar > last);
            let to = waiting.map_or(to, |(bar, _)| to.min(bar.plus(-1, self.interval)));
            if last < to {
                events.push(MarketEvent::Gap { symbol, from: last.plus(1, self.interval), to });
                head.last = Some(to);
            }
        }
    }

    fn keep(&mut self, bar: BarTime, frame: MarketKline) {
        if frame.closed {
            self.closed.insert((bar, frame.symbol), frame);
        } else {
            self.forming.insert(frame.symbol, frame);
        }
    }

    /// Hands a kline on, unless the same bits were handed on before.
    fn deliver(&mut self, bar: BarTime, frame: MarketKline, events: &mut Vec<MarketEvent>) {
        let Some(head) = self.heads.get_mut(&frame.symbol) else { return };
        if frame.closed {
            if head.recent.get(&bar).is_some_and(|known| known.same_bits(&frame.kline)) {
                return;
            }
            head.recent.insert(bar, frame.kline);
            if head.recent.len() > REMEMBERED_BARS {
                head.recent.pop_first();
            }
            head.last = head.last.max(Some(bar));
        }
        events.push(MarketEvent::Kline(frame));
    }
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
