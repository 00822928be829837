//! The synthetic market: ten pairs whose returns, volatility, volume and flow behave as the real ones do.
//!
//! A bar's return is `season * (loading * market + own)`: two draws, each scaled by its own volatility. The
//! logarithm of a volatility is a sum of autoregressions with half-lives from half an hour to weeks (the
//! cascade that HAR models see) and of a part that lasts one bar (fat tails); the pairs' own volatilities
//! follow the market's in part. High and low come from the law of a Brownian bridge's extremes. Volume follows
//! the bar's volatility, its range and a slow level of its own; the taker's share leans with the return. Nothing
//! about the sign of a return can be known ahead: only volatility, volume and season can be forecast.
//!
//! The constants were measured on the public klines of 2022-08 to 2024-04; `tests/exchange/facts.rs` compares.

mod bar;
mod noise;
mod pairs;
mod season;
mod volatility;

use std::collections::BTreeMap;

use kline::{Interval, Kline, Milliseconds, Symbol};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::ExchangeError;
use crate::aggregate::aggregate;
use bar::{PairState, Shock};
use noise::{normal, uniform};
pub use pairs::PAIRS;
pub(crate) use pairs::decimals;
use volatility::{Cascade, MARKET};

/// The length of the bars that the market is made of.
pub const BASE: Interval = Interval::M15;

/// When the market began: 2020-01-01 00:00 UTC.
pub const GENESIS: Milliseconds = 1_577_836_800_000;

/// How often the whole market moves at once, in bars, and by how much more than usual: some seven times a year.
const JUMP_PROBABILITY: f64 = 1.0 / 5_000.0;
const JUMP_FACTOR: f64 = 10.0;

/// The ten pairs' klines of the bars that open in `[from, from + bars * interval)`, `from` rounded down to the
/// grid. The same seed gives the same klines for a bar, whatever `from`.
///
/// # Errors
/// An interval shorter than 15 minutes; a `from` before [`GENESIS`].
pub fn generate(
    seed: u64,
    interval: Interval,
    from: Milliseconds,
    bars: usize,
) -> Result<BTreeMap<Symbol, Vec<Kline>>, ExchangeError> {
    if interval < BASE {
        return Err(ExchangeError::Interval(interval));
    }
    let parts = usize::try_from(interval.milliseconds() / BASE.milliseconds()).unwrap_or(1);
    let mut market = Market::new(seed, interval.floor(from))?;
    let mut series: BTreeMap<Symbol, Vec<Kline>> =
        market.symbols().map(|symbol| (symbol, Vec::with_capacity(bars * parts))).collect();
    for _ in 0..bars * parts {
        for (symbol, kline) in market.next_bar() {
            series.entry(symbol).or_default().push(kline);
        }
    }
    if parts > 1 {
        for klines in series.values_mut() {
            *klines = klines.chunks(parts).filter_map(|chunk| aggregate(interval, chunk)).collect();
        }
    }
    Ok(series)
}

/// The market at one moment; each call of [`Market::next_bar`] makes the next 15-minute bar of every pair.
#[derive(Debug, Clone)]
pub struct Market {
    random: ChaCha8Rng,
    open_time: Milliseconds,
    volatility: Cascade<5>,
    pairs: Vec<PairState>,
}

impl Market {
    /// The market of `seed`, about to make the bar that opens at `from` (rounded down to the grid).
    ///
    /// # Errors
    /// A `from` before [`GENESIS`].
    pub fn new(seed: u64, from: Milliseconds) -> Result<Self, ExchangeError> {
        let from = BASE.floor(from);
        if from < GENESIS {
            return Err(ExchangeError::BeforeGenesis { from, genesis: GENESIS });
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let volatility = Cascade::new(&MARKET, &mut random);
        let pairs = pairs::ALL.iter().map(|pair| PairState::new(pair, &mut random)).collect();
        let mut market = Self { random, open_time: GENESIS, volatility, pairs };
        while market.open_time < from {
            market.step(|_, _| ());
        }
        Ok(market)
    }

    /// The pairs, in the order in which bars are made.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.pairs.iter().map(PairState::symbol)
    }

    /// When the next bar opens.
    #[must_use]
    pub const fn next_open_time(&self) -> Milliseconds {
        self.open_time
    }

    /// Makes one bar of every pair.
    pub fn next_bar(&mut self) -> Vec<(Symbol, Kline)> {
        let open_time = self.open_time;
        let mut made = Vec::with_capacity(self.pairs.len());
        self.step(|pair, bar| made.extend(bar.kline(pair, open_time).map(|kline| (pair.symbol(), kline))));
        made
    }

    fn step(&mut self, mut take: impl FnMut(&PairState, &bar::Bar)) {
        let season = season::at(self.open_time);
        self.volatility.step(&mut self.random);
        let jump = if uniform(&mut self.random) < JUMP_PROBABILITY { JUMP_FACTOR } else { 1.0 };
        let scale = self.volatility.scale() * jump;
        let shock = Shock {
            log_volatility: self.volatility.log_volatility(),
            variance: self.volatility.variance(),
            scale,
            draw: normal(&mut self.random) * scale,
        };
        for pair in &mut self.pairs {
            let bar = pair.step(&season, &shock, &mut self.random);
            take(pair, &bar);
        }
        self.open_time += BASE.milliseconds();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_the_same_whatever_the_start() {
        let day = 86_400_000;
        let early = generate(7, BASE, GENESIS + day, 300).expect("a valid start");
        let late = generate(7, BASE, GENESIS + 2 * day + 1, 10).expect("a valid start");
        assert_eq!(late.len(), PAIRS.len());
        for (symbol, klines) in &late {
            assert_eq!(klines.as_slice(), &early[symbol][96..106], "{symbol}");
        }
        let other = generate(8, BASE, GENESIS + day, 1).expect("a valid start");
        assert!(other.iter().all(|(symbol, klines)| klines[0].close != early[symbol][0].close));
    }

    #[test]
    fn longer_bars_are_sums_of_shorter_ones() {
        let quarters = generate(3, BASE, GENESIS, 8).expect("a valid start");
        let hours = generate(3, Interval::H1, GENESIS, 2).expect("a valid start");
        for (symbol, hours) in hours {
            let quarters = &quarters[&symbol];
            assert_eq!(hours.len(), 2);
            assert_eq!(hours[1].open, quarters[4].open);
            assert_eq!(hours[1].close, quarters[7].close);
            assert_eq!(hours[1].trades, quarters[4..].iter().map(|kline| kline.trades).sum());
        }
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        assert!(matches!(generate(1, Interval::M5, GENESIS, 1), Err(ExchangeError::Interval(_))));
        assert!(matches!(generate(1, BASE, GENESIS - 1, 1), Err(ExchangeError::BeforeGenesis { .. })));
    }
}
