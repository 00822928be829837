//! Klines made of trades: for bars whose end has passed, and which neither a socket nor the klines endpoint has told.
//!
//! The trigger is an answer of the klines endpoint that lacks such a bar, or that is none (5xx, a page of HTML), since the
//! endpoint is asked anyway as soon as a close is overdue. So nothing is followed and nothing asked while klines come.
//! Where the exchange limits or cannot be reached at all, trades are not to be had either.

use std::collections::BTreeSet;

use kline::{BarTime, Interval, Milliseconds};

use super::ranges::{Outcome, Ranges};
use super::{Brought, Feed, Missing};
use crate::trades::TradedKline;
use crate::{MarketError, TradedBar, TradesUse};

/// So many of the last closed bars are made of trades; older ones are left to the klines endpoint.
const BARS_MAX: i64 = 4;

/// Most bars whose trades are asked for at once; the others get their turn when their ranges are asked for again.
const AT_ONCE: usize = 64;

/// Answers that wait for trades.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ranges: Ranges,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) untold: Vec<TradedBar>,
}

impl Feed {
    /// The bars of the ranges that are to be made of trades.
    pub(super) fn untold(&self, ranges: &Ranges, outcomes: &[Outcome]) -> Vec<TradedBar> {
        if self.limits.trades == TradesUse::Never {
            return Vec::new();
        }
        let patience =
            Milliseconds::try_from(self.limits.overdue_close.as_millis()).unwrap_or(Milliseconds::MAX);
        let newest = BarTime::last_closed(ranges.at.saturating_sub(patience).max(0), self.interval);
        let oldest = newest.plus(1 - BARS_MAX, self.interval);
        let mut untold = BTreeSet::new();
        for (missing, outcome) in ranges.catch_up.iter().chain(&ranges.wants).zip(outcomes) {
            let Missing { symbol, from, to } = *missing;
            let told = match outcome {
                Ok(klines) => klines.as_slice(),
                // Where all that is told of a range is this, it has to be all of it.
                Err(error) if says_nothing(error) && from >= oldest && to <= newest => &[],
                Err(_) => continue,
            };
            let lacks = |bar: &BarTime| told.iter().all(|one| one.kline.bar_time(self.interval) != *bar);
            for bar in bars(from.max(oldest), to.min(newest), self.interval).filter(lacks) {
                untold.insert(TradedBar { symbol, bar, after: self.repair.trade_before(symbol, bar) });
            }
        }
        untold.into_iter().take(AT_ONCE).collect()
    }
}

impl Waiting {
    /// The ranges with what came of the trades. An answer that was none becomes one if all its bars were made of trades;
    /// bars of which nothing came stay as they are.
    pub(super) fn completed(
        mut self,
        results: Vec<Result<Option<TradedKline>, MarketError>>,
        interval: Interval,
    ) -> (Ranges, Vec<Outcome>) {
        let mut made: Vec<(TradedBar, TradedKline)> = Vec::new();
        for (wanted, result) in self.untold.iter().zip(results) {
            match result {
                Ok(Some(traded)) => made.push((*wanted, traded)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, symbol = %wanted.symbol, bar = %wanted.bar, "no kline is made of trades");
                }
            }
        }
        let ranges = self.ranges.catch_up.iter().chain(&self.ranges.wants);
        for (missing, outcome) in ranges.zip(&mut self.outcomes) {
            let inside = |(wanted, _): &&(TradedBar, TradedKline)| {
                wanted.symbol == missing.symbol && (missing.from..=missing.to).contains(&wanted.bar)
            };
            let of_range = made.iter().filter(inside).map(|(_, traded)| Brought::from(*traded));
            match outcome {
                Ok(klines) => {
                    let told: BTreeSet<Milliseconds> = klines.iter().map(|one| one.kline.open_time).collect();
                    klines.extend(of_range.filter(|one| !told.contains(&one.kline.open_time)));
                    klines.sort_by_key(|one| one.kline.open_time);
                }
                Err(_) => {
                    let mut klines: Vec<Brought> = of_range.collect();
                    klines.sort_by_key(|one| one.kline.open_time);
                    if klines.len() == bars(missing.from, missing.to, interval).count() {
                        *outcome = Ok(klines);
                    }
                }
            }
        }
        (self.ranges, self.outcomes)
    }
}

/// Whether the klines endpoint failed in a way that says nothing about others.
const fn says_nothing(error: &MarketError) -> bool {
    matches!(error, MarketError::Server { .. } | MarketError::Malformed { .. } | MarketError::TooLong { .. })
}

fn bars(from: BarTime, to: BarTime, interval: Interval) -> impl Iterator<Item = BarTime> {
    std::iter::successors(Some(from), move |bar| Some(bar.plus(1, interval)))
        .take_while(move |bar| *bar <= to)
}

#[cfg(test)]
#[path = "trades_tests.rs"]
mod tests;
