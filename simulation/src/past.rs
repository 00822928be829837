//! The market that all seeds share: made once, cut to pieces.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use exchange_sim::synthetic;
use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

/// How many pairs are followed.
pub const SYMBOLS: usize = 4;

/// The bar length.
pub(crate) const INTERVAL: Interval = Interval::M15;

/// 2024-01-01 00:00 UTC.
const FROM: Milliseconds = 1_704_067_200_000;

/// Bars of one day.
pub(crate) const DAY_BARS: usize = 96;

/// Klines of some pairs over a long time.
#[derive(Debug)]
pub struct Past {
    series: BTreeMap<Symbol, Vec<Kline>>,
}

impl Past {
    /// Makes so many days of the synthetic market.
    ///
    /// # Errors
    /// What the synthetic market says.
    pub fn make(days: usize) -> Result<Self> {
        let all =
            synthetic::generate(1, INTERVAL, FROM, days * DAY_BARS).context("the market cannot be made")?;
        Ok(Self { series: all.into_iter().take(SYMBOLS).collect() })
    }

    /// How many bars there are.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.series.values().map(Vec::len).min().unwrap_or(0)
    }

    /// The pairs.
    #[must_use]
    pub fn symbols(&self) -> Vec<Symbol> {
        self.series.keys().copied().collect()
    }

    /// The bars of the range, by pair.
    #[must_use]
    pub fn cut(&self, bars: std::ops::Range<usize>) -> BTreeMap<Symbol, Vec<Kline>> {
        let part = |klines: &Vec<Kline>| klines.get(bars.clone()).unwrap_or_default().to_vec();
        self.series.iter().map(|(symbol, klines)| (*symbol, part(klines))).collect()
    }
}

/// The bar that ended last before a time.
pub(crate) fn last_bar(at: Milliseconds) -> BarTime {
    BarTime::last_closed(at, INTERVAL)
}
