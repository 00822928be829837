//! What is missing, and in which order klines are delivered. Pure: frames, fetched klines and times go in, events
//! come out.
//!
//! The procedure, whose step numbers the methods quote:
//! 1. A socket is opened first, so that nothing after this moment can be missed.
//! 2. Frames are held back.
//! 3. The exchange's clock says which bars have closed; those after each symbol's last one are fetched.
//! 4. Fetched and held-back klines are delivered in bar order over all symbols, each bar once.
//! 5. Frames pass through. A closed frame that leaves a hole, or a closing frame that does not come, leads back
//!    to step 2.
//!
//! Several sockets feed one `Repair`: which of them brought a frame makes no difference. Of two klines of one bar the
//! one that the exchange sent later holds.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

use crate::trades::TradedKline;
use crate::{KlineSource, MarketEvent, MarketKline, TradeIds};

/// Delivered klines that are remembered, to tell doubles from corrections.
const REMEMBERED_BARS: usize = 16;

/// A frame's times are believed so far ahead of the exchange's clock; beyond that its clock is asked first. One damaged
/// stamp must not take the order of delivery into another century.
const AHEAD_MAX: Milliseconds = 86_400_000;

/// Bars of one symbol to be fetched, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// What a frame showed to be missing or doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A hole before it: bars must be fetched (step 5).
    Hole,
    /// Its times lie more than a day ahead of the exchange's clock: it was left out, and the clock has to be asked.
    Implausible,
    /// The bar before it was delivered with trades that do not lead to this one's: it was not final.
    Doubt(Missing),
}

/// A closed kline that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brought {
    /// The values.
    pub kline: Kline,
    /// The bar's trades, where they are known.
    pub trade_ids: Option<TradeIds>,
    /// The REST interface's klines, or its trades.
    pub source: KlineSource,
}

impl From<Kline> for Brought {
    fn from(kline: Kline) -> Self {
        Self { kline, trade_ids: None, source: KlineSource::Rest }
    }
}

impl From<TradedKline> for Brought {
    fn from(TradedKline { kline, trade_ids }: TradedKline) -> Self {
        Self { kline, trade_ids: Some(trade_ids), source: KlineSource::Trades }
    }
}

/// A delivered kline.
#[derive(Debug, Clone, Copy)]
struct Known {
    kline: Kline,
    /// When the exchange sent it.
    event_time: Option<Milliseconds>,
    trade_ids: Option<TradeIds>,
}

/// One symbol's delivered series.
#[derive(Debug, Clone, Default)]
struct Head {
    last: Option<BarTime>,
    recent: BTreeMap<BarTime, Known>,
}

impl Head {
    /// Whether the bar was delivered, or given up, too long ago for its kline to be remembered.
    fn is_forgotten(&self, bar: BarTime) -> bool {
        self.last.is_some_and(|last| bar < last)
            && self.recent.len() >= REMEMBERED_BARS
            && self.recent.first_key_value().is_some_and(|(oldest, _)| bar < *oldest)
    }
}

/// The order of delivery of several symbols.
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

    /// The symbols, sorted.
    pub fn symbols(&self) -> impl ExactSizeIterator<Item = Symbol> + '_ {
        self.heads.keys().copied()
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

    /// A frame arrived. Says what it shows to be missing or doubtful.
    pub fn take(&mut self, frame: MarketKline, events: &mut Vec<MarketEvent>) -> Shown {
        let bar = frame.kline.bar_time(self.interval);
        let latest = frame.kline.open_time.max(frame.event_time.unwrap_or_default());
        if self.clock > 0 && latest > self.clock.saturating_add(AHEAD_MAX) {
            return Shown::Implausible;
        }
        if let Some(event_time) = frame.event_time {
            self.tell_time(event_time);
        }
        let Some(head) = self.heads.get(&frame.symbol) else { return Shown::Nothing };
        let before = bar.plus(-1, self.interval);
        let doubtful = head.recent.get(&before).is_some_and(|known| !leads_to(known, frame.trade_ids));
        let next = head.last.map(|last| last.plus(1, self.interval));
        let doubt = Missing { symbol: frame.symbol, from: before, to: before };
        if frame.closed && head.is_forgotten(bar) {
            // Whether it is the latest word cannot be told any more.
            return Shown::Doubt(Missing { symbol: frame.symbol, from: bar, to: bar });
        }
        if self.holding {
            self.keep(bar, frame);
            return Shown::Nothing;
        }
        match next {
            Some(next) if bar > next && frame.closed => {
                self.holding = true;
                self.keep(bar, frame);
                return Shown::Hole;
            }
            Some(next) if bar < next && !frame.closed => return Shown::Nothing,
            _ => self.deliver(bar, frame, events),
        }
        if doubtful {
            // Asked once: without its numbers it leads anywhere.
            let head = self.heads.get_mut(&doubt.symbol);
            if let Some(known) = head.and_then(|head| head.recent.get_mut(&before)) {
                known.trade_ids = None;
            }
            return Shown::Doubt(doubt);
        }
        Shown::Nothing
    }

    /// Step 4: merges what was fetched. Bars that were asked for and came from nowhere become gaps; only the newest
    /// asked for is given more time, since it may have closed this very moment, unless `newest_is_final`. The exchange's
    /// clock showed `at` when it was asked.
    pub fn settle(
        &mut self,
        fetched: Vec<(Missing, Vec<Brought>)>,
        at: Milliseconds,
        newest_is_final: bool,
        events: &mut Vec<MarketEvent>,
    ) -> Settled {
        let mut asked: BTreeMap<Symbol, BarTime> = BTreeMap::new();
        for (missing, klines) in fetched {
            let Missing { symbol, from, to } = missing;
            let Some(head) = self.heads.get_mut(&symbol) else { continue };
            head.last.get_or_insert(from.plus(-1, self.interval));
            asked.insert(symbol, if newest_is_final { to } else { to.plus(-1, self.interval) });
            for brought in klines {
                let bar = brought.kline.bar_time(self.interval);
                if (from..=to).contains(&bar) {
                    self.keep(bar, fetched_kline(symbol, brought, at));
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
        self.pass_forming(events);
        self.holding = false;
        Settled::Complete
    }

    /// Ends holding back although bars are missing: delivers what is held, in order, and answers the holes that it leaves,
    /// those up to the present time included. They are not waited for any more.
    pub fn release(&mut self, events: &mut Vec<MarketEvent>) -> Vec<Missing> {
        let mut holes = Vec::new();
        for ((bar, symbol), frame) in std::mem::take(&mut self.closed) {
            if let Some(last) = self.last(symbol)
                && bar > last.plus(1, self.interval)
            {
                let (from, to) = (last.plus(1, self.interval), bar.plus(-1, self.interval));
                holes.push(Missing { symbol, from, to });
            }
            self.deliver(bar, frame, events);
        }
        for missing in self.missing() {
            if let Some(head) = self.heads.get_mut(&missing.symbol) {
                head.last = Some(missing.to);
            }
            holes.push(missing);
        }
        self.pass_forming(events);
        self.holding = false;
        holes
    }

    /// What of a symbol's klines, as the exchange had them when its clock showed `at`, can be compared with what was
    /// delivered: all but those of which something else was sent later. What differs is what holds from now on.
    pub fn audit(&mut self, symbol: Symbol, mut klines: Vec<Kline>, at: Milliseconds) -> Vec<Kline> {
        let interval = self.interval;
        let Some(head) = self.heads.get_mut(&symbol) else { return Vec::new() };
        klines.retain(|kline| {
            let Some(known) = head.recent.get_mut(&kline.bar_time(interval)) else { return true };
            if known.kline.same_bits(kline) {
                return true;
            }
            let holds = known.event_time.is_none_or(|event_time| event_time <= at);
            if holds {
                *known = Known { kline: *kline, event_time: Some(at), trade_ids: None };
            }
            holds
        });
        klines
    }

    /// Takes klines that were asked for apart from the order of delivery, as the exchange had them when its clock
    /// showed `at`. Answers them without those that have been delivered with the same bits, or were sent later than that.
    pub fn take_late(&mut self, missing: Missing, klines: &[Brought], at: Milliseconds) -> Vec<MarketKline> {
        let mut events = Vec::new();
        let Missing { symbol, from, to } = missing;
        for brought in klines {
            let bar = brought.kline.bar_time(self.interval);
            let is_due = self.last(symbol).is_none_or(|last| bar <= last);
            if (from..=to).contains(&bar) && is_due {
                self.deliver(bar, fetched_kline(symbol, *brought, at), &mut events);
            }
        }
        let kline = |event| match event {
            MarketEvent::Kline(kline) => Some(kline),
            _ => None,
        };
        events.into_iter().filter_map(kline).collect()
    }

    /// The last trade before a bar, where the bar in front of it is remembered with its trades.
    #[must_use]
    pub fn trade_before(&self, symbol: Symbol, bar: BarTime) -> Option<i64> {
        let before = self.heads.get(&symbol)?.recent.get(&bar.plus(-1, self.interval))?;
        before.trade_ids.map(|trades| trades.last)
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

    fn pass_forming(&mut self, events: &mut Vec<MarketEvent>) {
        for (_, frame) in std::mem::take(&mut self.forming) {
            let bar = frame.kline.bar_time(self.interval);
            if self.last(frame.symbol).is_none_or(|last| bar > last) {
                events.push(MarketEvent::Kline(frame));
            }
        }
    }

    /// Holds a frame back; of two of one bar that differ the one that was sent later.
    fn keep(&mut self, bar: BarTime, frame: MarketKline) {
        if frame.closed {
            let kept = self.closed.entry((bar, frame.symbol)).or_insert_with(|| frame.clone());
            if !kept.kline.same_bits(&frame.kline) && kept.event_time <= frame.event_time {
                *kept = frame;
            }
        } else {
            self.forming.insert(frame.symbol, frame);
        }
    }

    /// Hands a kline on, unless the same bits were handed on before, or others that were sent later.
    fn deliver(&mut self, bar: BarTime, frame: MarketKline, events: &mut Vec<MarketEvent>) {
        let Some(head) = self.heads.get_mut(&frame.symbol) else { return };
        if frame.closed {
            if let Some(known) = head.recent.get_mut(&bar) {
                let is_older = known.event_time.zip(frame.event_time).is_some_and(|(known, new)| new < known);
                if known.kline.same_bits(&frame.kline) {
                    // A frame's numbers say more than a REST row, which has none.
                    known.trade_ids = known.trade_ids.or(frame.trade_ids);
                    known.event_time = known.event_time.max(frame.event_time);
                    return;
                }
                if is_older {
                    return;
                }
            }
            let MarketKline { kline, event_time, trade_ids, .. } = frame;
            head.recent.insert(bar, Known { kline, event_time, trade_ids });
            if head.recent.len() > REMEMBERED_BARS {
                head.recent.pop_first();
            }
            head.last = head.last.max(Some(bar));
        }
        events.push(MarketEvent::Kline(frame));
    }
}

/// Whether a bar with these trades can be followed by one with those.
fn leads_to(known: &Known, next: Option<TradeIds>) -> bool {
    known.trade_ids.zip(next).is_none_or(|(this, next)| next.first == this.last + 1)
}

fn fetched_kline(symbol: Symbol, brought: Brought, at: Milliseconds) -> MarketKline {
    let Brought { kline, trade_ids, source } = brought;
    MarketKline { symbol, kline, closed: true, event_time: Some(at), trade_ids, source }
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
