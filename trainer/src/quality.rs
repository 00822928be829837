//! How good the klines are, by symbol and UTC day.
//!
//! A bar is *good* if it is there and has none of the faults of [`Fault`]. A day's score is
//! `good bars / bars that the day should have`, a symbol's the same over all its days, from its first bar to its last:
//! both from 0 to 1. A bar with two faults counts once. Missing flow columns are told, but don't lower the score: features
//! that need them are NaN, not wrong.

mod consistency;
mod days;
mod fault;
mod grid;
mod robust;
mod spikes;
mod staleness;
mod table;

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, Symbol};
use market::renamed::Joint;
use serde::Serialize;

use crate::ingest::Disputes;
use fault::Marks;
use grid::Grid;

pub use days::DayQuality;
pub use fault::{Fault, FaultCounts};
pub(crate) use table::table;

/// What was found in one symbol's klines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolQuality {
    /// The market.
    pub symbol: Symbol,
    /// How many klines there are.
    pub bars: usize,
    /// The first kline's opening, in milliseconds.
    pub from: i64,
    /// The last kline's closing, in milliseconds.
    pub until: i64,
    /// Holes in the series.
    pub gaps: usize,
    /// Bars that the holes lack.
    pub missing_bars: i64,
    /// The longest hole, in bars.
    pub longest_gap_bars: i64,
    /// Bars with each fault.
    pub faults: FaultCounts,
    /// Bars with a fault, each counted once.
    pub faulty_bars: usize,
    /// Bars that lack quote volume, trades or the takers' part.
    pub bars_without_flow: usize,
    /// What the market was called before, if it was renamed: the klines of both names stand here.
    pub continues: Option<Continued>,
    /// Good bars as a share of those that should be there, from 0 to 1.
    pub score: f64,
    /// Every UTC day from the first bar's to the last one's.
    pub days: Vec<DayQuality>,
}

/// Where a renamed market's series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Continued {
    /// The old name.
    pub name: Symbol,
    /// Its last bar.
    pub until: BarTime,
    /// Bars that are missing between the two names; they count as a gap.
    pub missing_bars: i64,
}

/// Examines every symbol's klines. `disputes` are the bars that two sources had otherwise.
#[must_use]
pub fn assess(
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    joints: &[Joint],
    disputes: &Disputes,
    interval: Interval,
) -> Vec<SymbolQuality> {
    let continued = |symbol: Symbol| {
        let joint = joints.iter().find(|joint| joint.new == symbol)?;
        Some(Continued { name: joint.old, until: joint.last, missing_bars: joint.missing_bars })
    };
    let grid = Grid::of(klines, interval);
    let lone = spikes::lone(&grid);
    let assessed = klines.iter().zip(lone).enumerate().filter_map(|(place, ((symbol, klines), lone))| {
        let mut marks = Marks::new(klines);
        marks.mark(Fault::Duplicate, |at| at > 0 && klines[at].open_time <= klines[at - 1].open_time);
        marks.mark(Fault::ZeroVolume, |at| klines[at].volume == 0.0);
        marks.mark(Fault::Inconsistent, |at| consistency::is_broken(&klines[at]));
        marks.mark_all(Fault::Stale, staleness::stale(klines, interval));
        marks.mark_grid(Fault::Outlier, &grid, spikes::outliers(&grid, place));
        marks.mark_grid(Fault::LoneSpike, &grid, lone);
        marks.mark(Fault::Disputed, |at| disputes.has(*symbol, interval, klines[at].open_time));
        let found = assess_symbol(*symbol, klines, &marks, interval)?;
        Some(SymbolQuality { continues: continued(*symbol), ..found })
    });
    assessed.collect()
}

fn assess_symbol(
    symbol: Symbol,
    klines: &[Kline],
    marks: &Marks<'_>,
    interval: Interval,
) -> Option<SymbolQuality> {
    let (first, last) = (klines.first()?, klines.last()?);
    let holes = klines.windows(2).filter_map(|pair| {
        let steps = (pair[1].open_time - pair[0].open_time) / interval.milliseconds();
        (steps > 1).then_some(steps - 1)
    });
    let days = days::days(klines, marks, interval);
    let expected: i64 = days.iter().map(|day| day.expected_bars).sum();
    let good: i64 = days.iter().map(|day| day.good_bars).sum();
    Some(SymbolQuality {
        symbol,
        bars: klines.len(),
        from: first.open_time,
        until: last.close_time,
        gaps: holes.clone().count(),
        missing_bars: holes.clone().sum(),
        longest_gap_bars: holes.max().unwrap_or(0),
        faults: marks.counts(0..klines.len()),
        faulty_bars: marks.faulty(0..klines.len()),
        bars_without_flow: klines.iter().filter(|kline| lacks_flow(kline)).count(),
        continues: None,
        score: good as f64 / expected.max(1) as f64,
        days,
    })
}

fn lacks_flow(kline: &Kline) -> bool {
    kline.quote_volume.is_none()
        || kline.trades.is_none()
        || kline.taker_base.is_none()
        || kline.taker_quote.is_none()
}

#[cfg(test)]
mod tests;
