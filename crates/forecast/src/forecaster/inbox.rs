//! Closed klines that wait for their bar to be sealed.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Milliseconds};

use crate::Received;

/// A symbol that has not delivered a closed kline for so many bars is no longer waited for.
const ACTIVE_BARS: i64 = 96;

/// At most so many bars wait; then the earliest is sealed as it is.
const WAITING_BARS_MAX: usize = 8_192;

/// No kline is this far ahead of event time: 30 days.
const AHEAD_MAX_MS: Milliseconds = 30 * 86_400_000;

/// The inbox, the clock of event time, and who is active.
#[derive(Debug)]
pub(super) struct Inbox {
    interval: Interval,
    max_lateness_ms: Milliseconds,
    clock: Option<Milliseconds>,
    waiting: BTreeMap<BarTime, Waiting>,
    /// The earliest bar of all.
    start: Option<BarTime>,
    /// Each symbol's earliest and latest bar.
    seen: Vec<Option<(BarTime, BarTime)>>,
}

#[derive(Debug)]
struct Waiting {
    klines: Vec<Option<Received>>,
    /// The clock when the first of them arrived.
    since: Option<Milliseconds>,
}

/// A bar that need not wait any longer.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) bar: BarTime,
    pub(super) klines: Vec<Option<Received>>,
    /// The active symbols that are missing.
    pub(super) missing: Vec<usize>,
    /// How long after the bar's end it is sealed.
    pub(super) waited_ms: Milliseconds,
}

impl Inbox {
    pub(super) fn new(symbols: usize, interval: Interval, max_lateness_ms: Milliseconds) -> Self {
        Self {
            interval,
            max_lateness_ms: max_lateness_ms.max(0),
            clock: None,
            waiting: BTreeMap::new(),
            start: None,
            seen: vec![None; symbols],
        }
    }

    pub(super) const fn clock(&self) -> Option<Milliseconds> {
        self.clock
    }

    /// Event time has passed `time`; it never goes back.
    pub(super) fn advance(&mut self, time: Milliseconds) {
        self.clock = self.clock.max(Some(time));
    }

    /// Whether a kline that ends at `close_time` lies further ahead of the clock than any clock is wrong: its time must
    /// be damaged, and taken in it would make everyone wait for it.
    pub(super) fn is_implausible(&self, close_time: Milliseconds) -> bool {
        self.clock.is_some_and(|clock| close_time.saturating_sub(clock) > AHEAD_MAX_MS)
    }

    /// Notes that a closed kline of the bar has arrived.
    pub(super) fn note_arrival(&mut self, index: usize, bar: BarTime) {
        self.start = Some(self.start.map_or(bar, |start| start.min(bar)));
        let seen = self.seen[index].get_or_insert((bar, bar));
        *seen = (seen.0.min(bar), seen.1.max(bar));
    }

    /// Each symbol's earliest and latest bar.
    pub(super) fn seen(&self, index: usize) -> Option<(BarTime, BarTime)> {
        self.seen[index]
    }

    pub(super) fn is_after_last(&self, index: usize, bar: BarTime) -> bool {
        self.seen[index].is_none_or(|(_, last)| bar > last)
    }

    /// Keeps a kline until its bar is sealed; says whether it is new or has other bits than the one kept.
    pub(super) fn put(&mut self, index: usize, bar: BarTime, received: Received) -> bool {
        let (symbols, since) = (self.seen.len(), self.clock);
        let waiting =
            self.waiting.entry(bar).or_insert_with(|| Waiting { klines: vec![None; symbols], since });
        let slot = &mut waiting.klines[index];
        if slot.is_some_and(|kept| kept.kline.same_bits(&received.kline)) {
            return false;
        }
        *slot = Some(received);
        true
    }

    /// A symbol's klines whose bars are not sealed yet, in the order of the bars.
    pub(super) fn waiting(&self, index: usize) -> impl Iterator<Item = Received> + '_ {
        self.waiting.values().filter_map(move |waiting| waiting.klines[index])
    }

    /// Whether a symbol is waited for at a bar: it has delivered within the last bars, or there were not that many.
    pub(super) fn is_active(&self, index: usize, bar: BarTime) -> bool {
        let since = match self.seen[index] {
            Some((_, last)) => Some(last),
            None => self.start,
        };
        since.is_none_or(|since| bar.steps_since(since, self.interval) <= ACTIVE_BARS)
    }

    /// Removes and answers the earliest waiting bar, if it need not wait any longer.
    pub(super) fn next_ready(&mut self) -> Option<Ready> {
        let (&bar, waiting) = self.waiting.first_key_value()?;
        let missing: Vec<usize> = (0..self.seen.len())
            .filter(|&index| waiting.klines[index].is_none() && self.is_active(index, bar))
            .collect();
        let end = bar.milliseconds();
        let deadline = waiting.since.unwrap_or(end).max(end).saturating_add(self.max_lateness_ms);
        let waited_enough = self.clock.is_some_and(|clock| clock >= deadline);
        if !missing.is_empty() && !waited_enough && self.waiting.len() <= WAITING_BARS_MAX {
            return None;
        }
        let (bar, waiting) = self.waiting.pop_first()?;
        let waited_ms = self.clock.map_or(0, |clock| (clock - end).max(0));
        Some(Ready { bar, klines: waiting.klines, missing, waited_ms })
    }
}
