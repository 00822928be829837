//! One column of the klines, to be changed on its own.

use features::Input;
use kline::{Interval, Kline, Symbol};

use super::Klines;
use crate::random::{Random, purpose_of};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lever {
    Open,
    High,
    Low,
    Close,
    Volume,
    QuoteVolume,
    Trades,
    TakerBase,
    /// No feature may declare it, so none may read it.
    TakerQuote,
}

impl Lever {
    pub(super) const ALL: [Self; 9] = [
        Self::Open,
        Self::High,
        Self::Low,
        Self::Close,
        Self::Volume,
        Self::QuoteVolume,
        Self::Trades,
        Self::TakerBase,
        Self::TakerQuote,
    ];

    /// As features declare it.
    pub(super) const fn input(self) -> Option<Input> {
        Some(match self {
            Self::Open => Input::Open,
            Self::High => Input::High,
            Self::Low => Input::Low,
            Self::Close => Input::Close,
            Self::Volume => Input::Volume,
            Self::QuoteVolume => Input::QuoteVolume,
            Self::Trades => Input::Trades,
            Self::TakerBase => Input::TakerBase,
            Self::TakerQuote => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self.input() {
            Some(input) => input.as_str(),
            None => "taker_quote",
        }
    }

    /// Changes the column in every kline of one symbol and nothing else, as far as a kline stays one: open and close move within
    /// the bar's range, high and low outwards, volumes up.
    pub(super) fn pull(self, klines: &Klines, symbol: Symbol, interval: Interval, seed: u64) -> Klines {
        let mut random = Random::of(seed, &[0x1e7e4, self as u64, purpose_of(symbol)]);
        let mut changed = klines.clone();
        for kline in changed.get_mut(&symbol).into_iter().flatten() {
            *kline = self.change(kline, interval, random.between(0.05, 1.0));
        }
        changed
    }

    fn change(self, kline: &Kline, interval: Interval, draw: f64) -> Kline {
        let mut fields = **kline;
        let range = fields.high - fields.low;
        match self {
            Self::Open => fields.open = fields.low + range * draw,
            Self::Close => fields.close = fields.low + range * draw,
            Self::High => fields.high += (range + fields.high * 1e-4) * draw,
            Self::Low => fields.low -= (range + fields.low * 1e-4).min(0.5 * fields.low) * draw,
            Self::Volume => fields.volume += (fields.volume + 1.0) * draw,
            Self::QuoteVolume => {
                fields.quote_volume = fields.quote_volume.map(|volume| volume + (volume + 1.0) * draw);
            }
            Self::Trades => fields.trades = fields.trades.map(|trades| trades + 1 + (100.0 * draw) as u64),
            Self::TakerBase => fields.taker_base = fields.taker_base.map(|_| fields.volume * draw),
            Self::TakerQuote => {
                fields.taker_quote = fields.quote_volume.map(|volume| volume * draw);
            }
        }
        // Rounding can push a price out of its bar by the last bit.
        Kline::new(interval, fields).unwrap_or(*kline)
    }
}

/// The same klines `steps` later, each step `to` long.
pub(super) fn at_another_time(klines: &Klines, from: Interval, to: Interval, steps: i64) -> Klines {
    let one = |kline: &Kline| {
        let mut fields = **kline;
        fields.open_time = (fields.open_time.div_euclid(from.milliseconds()) + steps) * to.milliseconds();
        fields.close_time = fields.open_time + to.milliseconds() - 1;
        // Both grids begin with the epoch, and no shift of days leaves the years that a kline may be of.
        Kline::new(to, fields).ok()
    };
    klines.iter().map(|(symbol, klines)| (*symbol, klines.iter().filter_map(one).collect())).collect()
}
