//! The ten pairs: what each one's market looks like.

/// The ten pairs.
pub const PAIRS: [&str; 10] = [
    "BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT", "AVAXUSDT", "POLUSDT",
    "LINKUSDT",
];

/// One pair's constants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) name: &'static str,
    /// The price that the market keeps coming back to over years, in quote units.
    pub(super) price: f64,
    /// Decimals of the tick.
    pub(super) price_decimals: u32,
    /// Decimals of the lot.
    pub(super) volume_decimals: u32,
    /// Standard deviation of a 15-minute log return.
    pub(super) volatility: f64,
    /// Correlation with the market's factor.
    pub(super) loading: f64,
    /// Median quote volume of 15 minutes.
    pub(super) quote_volume: f64,
    /// Mean quote volume of one trade.
    pub(super) trade_size: f64,
}

#[expect(clippy::too_many_arguments, reason = "one table row")]
const fn pair(
    index: usize,
    price: f64,
    price_decimals: u32,
    volume_decimals: u32,
    volatility: f64,
    loading: f64,
    quote_volume: f64,
    trade_size: f64,
) -> Pair {
    Pair {
        name: PAIRS[index],
        price,
        price_decimals,
        volume_decimals,
        volatility,
        loading,
        quote_volume,
        trade_size,
    }
}

/// Ticks, lots and prices are those of spring 2025; the rest was measured from 2022-08 to 2024-04.
pub(super) static ALL: [Pair; 10] = [
    pair(0, 85_000.0, 2, 5, 0.002_80, 0.87, 20.0e6, 1_000.0),
    pair(1, 2_400.0, 2, 4, 0.003_30, 0.93, 10.0e6, 900.0),
    pair(2, 600.0, 2, 3, 0.003_45, 0.77, 2.5e6, 450.0),
    pair(3, 0.65, 4, 1, 0.004_50, 0.85, 0.7e6, 400.0),
    pair(4, 140.0, 2, 3, 0.006_00, 0.80, 5.5e6, 500.0),
    pair(5, 2.0, 4, 1, 0.004_45, 0.72, 2.2e6, 500.0),
    pair(6, 5.0, 3, 2, 0.004_50, 0.85, 0.42e6, 300.0),
    pair(7, 24.0, 2, 2, 0.005_30, 0.82, 0.9e6, 350.0),
    pair(8, 0.40, 4, 1, 0.004_70, 0.83, 0.65e6, 300.0),
    pair(9, 15.0, 2, 2, 0.004_70, 0.83, 0.7e6, 350.0),
];

/// Decimals of tick and lot of the pair of that name, if it is one of the ten.
pub(crate) fn decimals(name: &str) -> Option<(u32, u32)> {
    ALL.iter().find(|pair| pair.name == name).map(|pair| (pair.price_decimals, pair.volume_decimals))
}
