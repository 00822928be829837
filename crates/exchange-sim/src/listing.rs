//! Which symbols are traded when: listings, delistings and halts.

use std::collections::BTreeMap;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::faults::{FaultPlan, Halt, halts_of_day};
use crate::{ExchangeConfig, ExchangeError};

const DAY: Milliseconds = 86_400_000;
/// A recorded symbol whose klines end so long before the last of all is taken for delisted.
const DELISTED_AFTER: Milliseconds = 7 * DAY;

/// When a symbol comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Which.
    pub symbol: Symbol,
    /// The first moment of its trading; before it the symbol is not known. `None`: always.
    pub from: Option<Milliseconds>,
    /// The end of its trading; from then on its status is BREAK. `None`: never.
    pub until: Option<Milliseconds>,
    /// What it lives on as: listed from `until` on, unless it has a listing of its own.
    pub successor: Option<Symbol>,
}

/// What `exchangeInfo` says of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Trading,
    Break,
    Halt,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trading => "TRADING",
            Self::Break => "BREAK",
            Self::Halt => "HALT",
        }
    }
}

/// When each symbol is traded.
#[derive(Debug)]
pub(crate) struct Calendar {
    interval: Interval,
    start: Milliseconds,
    plan: FaultPlan,
    symbols: Vec<Symbol>,
    spans: BTreeMap<Symbol, (Milliseconds, Milliseconds)>,
    halts: BTreeMap<Symbol, Vec<Halt>>,
    next_day: i64,
}

impl Calendar {
    /// `symbols` in order.
    pub(crate) fn new(
        config: &ExchangeConfig,
        plan: &FaultPlan,
        symbols: Vec<Symbol>,
    ) -> Result<Self, ExchangeError> {
        let mut spans = BTreeMap::new();
        let known = |symbol: Symbol| {
            if symbols.contains(&symbol) { Ok(symbol) } else { Err(ExchangeError::Listing(symbol)) }
        };
        for Listing { until, successor, .. } in &config.listings {
            if let (Some(successor), Some(until)) = (successor, until) {
                spans.insert(known(*successor)?, (*until, Milliseconds::MAX));
            }
        }
        for Listing { symbol, from, until, .. } in &config.listings {
            let (from, until) = (from.unwrap_or(Milliseconds::MIN), until.unwrap_or(Milliseconds::MAX));
            spans.insert(known(*symbol)?, (from, until));
        }
        let (plan, start) = (plan.clone(), config.start);
        let next_day = start.div_euclid(DAY);
        Ok(Self { interval: config.interval, start, plan, symbols, spans, halts: BTreeMap::new(), next_day })
    }

    /// Delists what ends long before the others, unless its listing was configured.
    pub(crate) fn delist(&mut self, recorded: &BTreeMap<Symbol, Vec<Kline>>) {
        let end = |klines: &Vec<Kline>| klines.last().map(|kline| kline.close_time + 1);
        let Some(last) = recorded.values().filter_map(end).max() else {
            return;
        };
        for (symbol, klines) in recorded {
            if let Some(end) = end(klines).filter(|end| end + DELISTED_AFTER < last) {
                self.spans.entry(*symbol).or_insert((Milliseconds::MIN, end));
            }
        }
    }

    /// Makes the halts known that begin until the end of the day of `time`.
    pub(crate) fn extend_to(&mut self, time: Milliseconds) {
        while self.next_day * DAY <= time {
            for halt in halts_of_day(&self.plan, self.interval, self.next_day, &self.symbols) {
                if halt.from >= self.start {
                    self.halts.entry(halt.symbol).or_default().push(halt);
                }
            }
            self.next_day += 1;
        }
    }

    /// Whether the bar that opens at `open_time` is traded.
    pub(crate) fn trades(&self, symbol: Symbol, open_time: Milliseconds) -> bool {
        let (from, until) = self.span(symbol);
        from <= open_time && open_time < until && self.halt(symbol, open_time).is_none()
    }

    /// The status at `now`; `None` if the symbol is not known yet.
    pub(crate) fn status(&self, symbol: Symbol, now: Milliseconds) -> Option<Status> {
        let (from, until) = self.span(symbol);
        if now < from {
            return None;
        }
        let halted = |halt: &Halt| if halt.halt { Status::Halt } else { Status::Break };
        let running = self.halt(symbol, now).map_or(Status::Trading, halted);
        Some(if now >= until { Status::Break } else { running })
    }

    fn span(&self, symbol: Symbol) -> (Milliseconds, Milliseconds) {
        self.spans.get(&symbol).copied().unwrap_or((Milliseconds::MIN, Milliseconds::MAX))
    }

    fn halt(&self, symbol: Symbol, time: Milliseconds) -> Option<&Halt> {
        let halts = self.halts.get(&symbol)?;
        let begun = halts.partition_point(|halt| halt.from <= time);
        // No halt is longer than a day or one bar.
        let oldest = time - DAY.max(self.interval.milliseconds());
        let mut begun = halts.get(..begun)?.iter().rev().take_while(|halt| halt.from >= oldest);
        begun.find(|halt| halt.until > time)
    }
}
