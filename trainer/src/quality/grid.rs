//! All symbols' returns on one grid of bars.

use std::collections::BTreeMap;

use kline::{Interval, Kline, Milliseconds, Symbol};

/// Fewer symbols have no median to speak of.
const MARKET_SYMBOLS_LEAST: usize = 3;

/// Log returns by symbol and bar; NaN where the bar or the one before it is missing.
pub(super) struct Grid {
    from: Milliseconds,
    step: Milliseconds,
    returns: Vec<Vec<f64>>,
    bars_per_day: usize,
}

impl Grid {
    /// The bars from the first of any symbol to the last.
    pub(super) fn of(klines: &BTreeMap<Symbol, Vec<Kline>>, interval: Interval) -> Self {
        let step = interval.milliseconds();
        let times = || klines.values().flatten().map(|kline| kline.open_time);
        let from = times().min().unwrap_or(0);
        let bars = times().max().map_or(0, |last| (last - from) / step + 1);
        let bars = usize::try_from(bars).unwrap_or(0);
        let returns_of = |klines: &Vec<Kline>| {
            let mut returns = vec![f64::NAN; bars];
            for pair in klines.windows(2).filter(|pair| pair[1].open_time - pair[0].open_time == step) {
                let at = usize::try_from((pair[1].open_time - from) / step).ok();
                if let Some(slot) = at.and_then(|at| returns.get_mut(at)) {
                    *slot = libm::log(pair[1].close / pair[0].close);
                }
            }
            returns
        };
        let bars_per_day = usize::try_from(86_400_000 / step).unwrap_or(1).max(1);
        Self { from, step, returns: klines.values().map(returns_of).collect(), bars_per_day }
    }

    pub(super) const fn open_time(&self, bar: usize) -> Milliseconds {
        self.from + bar as i64 * self.step
    }

    pub(super) const fn bars_per_day(&self) -> usize {
        self.bars_per_day
    }

    pub(super) fn returns(&self, symbol: usize) -> &[f64] {
        &self.returns[symbol]
    }

    /// What every symbol's return is beyond the market's: the median of the other symbols' returns of the bar. NaN where
    /// too few symbols have one.
    pub(super) fn beyond_market(&self) -> Vec<Vec<f64>> {
        let bars = self.returns.first().map_or(0, Vec::len);
        let mut beyond = vec![vec![f64::NAN; bars]; self.returns.len()];
        let mut known: Vec<(f64, usize)> = Vec::with_capacity(self.returns.len());
        for bar in 0..bars {
            known.clear();
            let of_bar = self.returns.iter().enumerate().map(|(symbol, of)| (of[bar], symbol));
            known.extend(of_bar.filter(|(value, _)| !value.is_nan()));
            if known.len() < MARKET_SYMBOLS_LEAST {
                continue;
            }
            known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let middle = (known.len() - 1) / 2;
            for (place, (value, symbol)) in known.iter().enumerate() {
                // Without the symbol itself, what is at or behind its place moves up by one.
                let others = known[if place > middle { middle } else { middle + 1 }].0;
                beyond[*symbol][bar] = value - others;
            }
        }
        beyond
    }
}
