//! One pair's bar: return, range, volume and flow, then rounded to tick and lot.

use kline::{Kline, KlineFields, Milliseconds, Symbol};
use rand_chacha::ChaCha8Rng;

use super::noise::{normal, uniform};
use super::pairs::Pair;
use super::season::Season;
use super::volatility::{Cascade, Component, FOLLOWS, OWN};

/// Pulls the log price back towards its reference, with a half-life of one year: too slow to be of use to a
/// forecast, enough to keep prices in reach of their ticks.
const REVERSION: f64 = std::f64::consts::LN_2 / 35_040.0;

/// How log volume follows the log volatility and the log range of its bar.
const VOLUME_ON_VOLATILITY: f64 = 0.40;
const VOLUME_ON_RANGE: f64 = 0.50;
/// What else moves log volume: the bar's own, a few hours' and some weeks' share.
const VOLUME: [Component; 3] = [
    Component { half_life: 0.0, variance: 0.06 },
    Component { half_life: 8.0, variance: 0.05 },
    Component { half_life: 1_500.0, variance: 0.09 },
];
/// The mean of the log range in units of the bar's volatility.
const MEAN_LOG_RANGE: f64 = 0.43;

/// The taker's share of volume: its mean, its spread, and how it leans with the return.
const TAKER_MEAN: f64 = 0.49;
const TAKER_SPREAD: f64 = 0.072;
const TAKER_ON_RETURN: f64 = 0.54;
const TAKER_MEMORY: f64 = 0.80;
const TAKER_SLOW: f64 = 0.45;

/// Where one pair's market stands.
#[derive(Debug, Clone)]
pub(super) struct PairState {
    pair: &'static Pair,
    symbol: Symbol,
    own: Cascade<5>,
    volume: Cascade<3>,
    taker: f64,
    log_price: f64,
    close: f64,
}

/// What the market as a whole does in one bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shock {
    /// The log volatility that the pairs' own parts follow, and its variance.
    pub(super) log_volatility: f64,
    pub(super) variance: f64,
    /// The factor's volatility in this bar, with mean square near 1.
    pub(super) scale: f64,
    /// The factor's return: a normal draw times `scale`.
    pub(super) draw: f64,
}

/// What a bar is made from, not yet rounded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    quote_volume: f64,
    taker_share: f64,
    trade_size: f64,
    price_position: f64,
}

impl PairState {
    pub(super) fn new(pair: &'static Pair, random: &mut ChaCha8Rng) -> Self {
        let own = Cascade::new(&OWN, random);
        let volume = Cascade::new(&VOLUME, random);
        let log_price = libm::log(pair.price) + 0.3 * normal(random);
        let close = round(libm::exp(log_price), pair.price_decimals);
        #[expect(clippy::expect_used, reason = "a constant of this crate, covered by tests")]
        let symbol = pair.name.parse().expect("the ten pairs have valid names");
        Self { pair, symbol, own, volume, taker: normal(random), log_price, close }
    }

    pub(super) const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Draws the next bar.
    pub(super) fn step(&mut self, season: &Season, market: &Shock, random: &mut ChaCha8Rng) -> Bar {
        let pair = self.pair;
        self.own.step(random);
        self.volume.step(random);
        let own_log = self.own.log_volatility() + FOLLOWS * market.log_volatility;
        let own_scale = libm::exp(own_log - self.own.variance() - FOLLOWS * FOLLOWS * market.variance);
        let rest = (1.0 - pair.loading * pair.loading).sqrt();
        let level = pair.volatility * season.volatility / MEAN_SEASON;
        let change = level * (pair.loading * market.draw + rest * own_scale * normal(random));
        let (loaded, unloaded) = (pair.loading * market.scale, rest * own_scale);
        let sigma = level * (loaded * loaded + unloaded * unloaded).sqrt();

        let start = self.log_price;
        let pull = REVERSION * (libm::log(pair.price) - start);
        self.log_price = start + change + pull;
        let extreme = |random: &mut ChaCha8Rng| {
            (change * change - 2.0 * sigma * sigma * libm::log(uniform(random))).sqrt()
        };
        let above = 0.5 * (change + extreme(random));
        let below = 0.5 * (change - extreme(random));

        let log_range = libm::log((above - below) / sigma) - MEAN_LOG_RANGE;
        let log_sigma = libm::log(sigma / pair.volatility);
        let log_volume = season.log_volume * 0.45
            + (VOLUME_ON_VOLATILITY + VOLUME_ON_RANGE) * (log_sigma + 0.35)
            + VOLUME_ON_RANGE * log_range
            + self.volume.log_volatility();
        self.taker = TAKER_MEMORY * self.taker + (1.0 - TAKER_MEMORY * TAKER_MEMORY).sqrt() * normal(random);
        let leaning = TAKER_ON_RETURN * change / sigma;
        let free =
            (1.0 - TAKER_ON_RETURN * TAKER_ON_RETURN - TAKER_SLOW * TAKER_SLOW).sqrt() * normal(random);
        let share = TAKER_MEAN + TAKER_SPREAD * (leaning + TAKER_SLOW * self.taker + free);

        let bar = Bar {
            open: self.open(random),
            high: libm::exp(start + above),
            low: libm::exp(start + below),
            close: round(libm::exp(self.log_price), pair.price_decimals),
            quote_volume: pair.quote_volume * libm::exp(log_volume),
            taker_share: share.clamp(0.02, 0.98),
            trade_size: pair.trade_size * libm::exp(0.25 * normal(random)),
            price_position: 0.12 * normal(random),
        };
        self.close = bar.close;
        bar
    }

    /// The first trade's price: mostly the last close, at times a tick beside it.
    fn open(&self, random: &mut ChaCha8Rng) -> f64 {
        let draw = uniform(random);
        let ticks = if draw < 0.2 {
            -1.0
        } else if draw > 0.8 {
            1.0
        } else {
            0.0
        };
        let tick = 1.0 / scale(self.pair.price_decimals);
        round((self.close + ticks * tick).max(tick), self.pair.price_decimals)
    }
}

impl Bar {
    /// Rounds to tick and lot.
    pub(super) fn kline(&self, state: &PairState, open_time: Milliseconds) -> Option<Kline> {
        let pair = state.pair;
        let tick = 1.0 / scale(pair.price_decimals);
        let (open, close) = (self.open, self.close.max(tick));
        let high = round(self.high, pair.price_decimals).max(open).max(close);
        let low = round(self.low, pair.price_decimals).max(tick).min(open).min(close);
        let middle = 0.25 * (open + high + low + close);
        let average = (middle + self.price_position * (high - low)).clamp(low, high);
        let lot = 1.0 / scale(pair.volume_decimals);
        let volume = round(self.quote_volume / average, pair.volume_decimals).max(lot);
        let quote_volume = round(volume * average, 8);
        let taker_base = round(volume * self.taker_share, pair.volume_decimals).min(volume);
        let taker_quote = round(quote_volume * (taker_base / volume), 8).min(quote_volume);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1 and far below 2^53"
        )]
        let trades = (quote_volume / self.trade_size).round().clamp(1.0, (volume / lot).round()) as u64;
        let fields = KlineFields {
            open_time,
            close_time: open_time + super::BASE.milliseconds() - 1,
            open,
            high,
            low,
            close,
            volume,
            quote_volume: Some(quote_volume),
            trades: Some(trades),
            taker_base: Some(taker_base),
            taker_quote: Some(taker_quote),
        };
        let kline = Kline::new(super::BASE, fields);
        debug_assert!(kline.is_ok(), "{kline:?}");
        kline.ok()
    }
}

/// Root of the mean square of the season's factor, so that a pair's level is its standard deviation.
const MEAN_SEASON: f64 = 1.0;

fn scale(decimals: u32) -> f64 {
    f64::from(10_u32.pow(decimals.min(9)))
}

/// The nearest number of that many decimals.
fn round(value: f64, decimals: u32) -> f64 {
    (value * scale(decimals)).round() / scale(decimals)
}
