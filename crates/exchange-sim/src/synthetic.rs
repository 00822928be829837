//! The synthetic market.

use std::collections::BTreeMap;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::ExchangeError;

/// The ten pairs.
pub const PAIRS: [&str; 10] = [
    "BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT", "AVAXUSDT", "POLUSDT", "LINKUSDT",
];

/// The ten pairs' klines of the bars that open in `[from, from + bars * interval)`, `from` rounded down to the
/// grid. The same seed gives the same klines for a bar, whatever `from`.
///
/// # Errors
/// An interval shorter than 15 minutes.
pub fn generate(_seed: u64, _interval: Interval, _from: Milliseconds, _bars: usize) -> Result<BTreeMap<Symbol, Vec<Kline>>, ExchangeError> {
    todo!()
}
