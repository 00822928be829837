//! What was brought in of one symbol.

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use serde::Serialize;
use store::Home;

use super::disputes::Disputes;
use super::holes::{self, Hole};
use crate::Result;

/// A kline that the source has otherwise than the store had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// The bar's opening in milliseconds.
    pub open_time: Milliseconds,
}

/// What was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ingested {
    /// The market.
    pub symbol: Symbol,
    /// Klines that the source gave.
    pub fetched: usize,
    /// Klines that were new to the store, or changed.
    pub written: usize,
    /// Kept klines that the source has otherwise; they were replaced.
    pub corrected: usize,
    /// The first of them, at most [`Ingested::LISTED_MAX`].
    pub corrections: Vec<Correction>,
    /// Bars that are missing from what was asked for; of a folder, between its first and last bar.
    pub missing_bars: i64,
    /// Where, at most [`Ingested::LISTED_MAX`].
    pub holes: Vec<Hole>,
    /// The first kept kline's bar.
    pub from: Option<BarTime>,
    /// The last kept kline's bar.
    pub until: Option<BarTime>,
}

impl Ingested {
    /// Corrections and holes that are listed; more are only counted.
    pub const LISTED_MAX: usize = 1_000;
}

/// Keeps klines of one symbol and counts them.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    home: &'a Home,
    symbol: Symbol,
    interval: Interval,
    fetched: usize,
    written: usize,
    corrected: usize,
    corrections: Vec<Correction>,
    replaced: Vec<(Kline, Kline)>,
}

impl<'a> Keeper<'a> {
    pub(super) const fn new(home: &'a Home, symbol: Symbol, interval: Interval) -> Self {
        Self {
            home,
            symbol,
            interval,
            fetched: 0,
            written: 0,
            corrected: 0,
            corrections: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Klines that the source gave.
    pub(super) const fn fetched(&self) -> usize {
        self.fetched
    }

    /// Keeps klines in order of time, all or nothing.
    pub(super) fn keep(&mut self, klines: &[Kline]) -> Result<()> {
        let (Some(first), Some(last)) = (klines.first(), klines.last()) else { return Ok(()) };
        let store = self.home.klines();
        let bar = |kline: &Kline| Some(kline.bar_time(self.interval));
        let kept = store.range(self.symbol, self.interval, bar(first), bar(last))?;
        for kline in klines {
            let at = kept.binary_search_by_key(&kline.open_time, |kept| kept.open_time);
            let before = at.ok().and_then(|at| kept.get(at)).filter(|kept| !kept.same_bits(kline));
            if let Some(before) = before {
                self.corrected += 1;
                self.replaced.push((*before, *kline));
                if self.corrections.len() < Ingested::LISTED_MAX {
                    self.corrections.push(Correction { open_time: kline.open_time });
                }
            }
        }
        self.fetched += klines.len();
        self.written += store.append(self.symbol, self.interval, klines)?;
        Ok(())
    }

    /// Compares the newest bars that are kept of a range with what another source says of them, and notes where they differ;
    /// so it does with what was replaced so far.
    pub(super) fn note_disputes(
        &mut self,
        disputes: &mut Disputes,
        given: &[Kline],
        source: &str,
    ) -> Result<()> {
        let (symbol, interval) = (self.symbol, self.interval);
        for (before, after) in self.replaced.drain(..) {
            disputes.compare(symbol, interval, (&[before], &[after], source));
        }
        let (Some(first), Some(last)) = (given.first(), given.last()) else { return Ok(()) };
        let bar = |kline: &Kline| Some(kline.bar_time(interval));
        let kept = self.home.klines().range(symbol, interval, bar(first), bar(last))?;
        disputes.compare(symbol, interval, (&kept, given, source));
        Ok(())
    }

    /// The last bar that is kept of those that open in `from..until`.
    pub(super) fn last_kept(
        &self,
        (from, until): (Milliseconds, Milliseconds),
    ) -> Result<Option<Milliseconds>> {
        let bar = |open_time| BarTime::from_open(self.interval.floor(open_time), self.interval);
        let kept = self.home.klines().range(self.symbol, self.interval, bar(from), bar(until - 1))?;
        Ok(kept.last().map(|kline| kline.open_time))
    }

    /// What the store lacks of the bars that open in `from..until`.
    pub(super) fn missing(&self, (from, until): (Milliseconds, Milliseconds)) -> Result<Vec<Hole>> {
        let bar = |open_time| BarTime::from_open(self.interval.floor(open_time), self.interval);
        let kept = self.home.klines().range(self.symbol, self.interval, bar(from), bar(until - 1))?;
        Ok(holes::missing(kept.iter().map(|kline| kline.open_time), self.interval, from, until))
    }

    /// What has come of it, and what is missing of `asked`; of all that is kept if nothing particular was asked for.
    pub(super) fn finish(self, asked: Option<(Milliseconds, Milliseconds)>) -> Result<Ingested> {
        let kept = self.home.klines().range(self.symbol, self.interval, None, None)?;
        let (first, last) = (kept.first(), kept.last());
        let span = first.zip(last).map(|(first, last)| (first.open_time, last.close_time + 1));
        let mut holes = match asked.or(span) {
            Some((from, until)) => {
                holes::missing(kept.iter().map(|kline| kline.open_time), self.interval, from, until)
            }
            None => Vec::new(),
        };
        let missing_bars = holes.iter().map(|hole| hole.bars).sum();
        holes.truncate(Ingested::LISTED_MAX);
        let bar = |kline: Option<&Kline>| kline.map(|kline| kline.bar_time(self.interval));
        Ok(Ingested {
            symbol: self.symbol,
            fetched: self.fetched,
            written: self.written,
            corrected: self.corrected,
            corrections: self.corrections,
            missing_bars,
            holes,
            from: bar(first),
            until: bar(last),
        })
    }
}
