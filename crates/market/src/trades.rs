//! A bar's kline made of its trades. Pure: trades go in, the kline comes out, or why there is none.
//!
//! A kline is only made of every trade of the bar: aggregated trades are numbered without a hole, and so are the trades that
//! they cover. That nothing is missing in front is shown by a trade of the bar before, by the exchange's answer that began
//! with the bar's opening, and where it is known by the number of the trade before. That nothing is missing behind is shown
//! by a trade of a later bar, or by the exchange's answer that there are no more. Otherwise there is no kline: never a guess.
//!
//! Sums are exact, in hundred-millionths (quote amounts in ten-quadrillionths), and become the `f64` nearest to the
//! decimal that the exchange prints. On the exchange's ticks and lots price times quantity has eight decimals; where a sum has
//! more, what the exchange prints is not documented, and there is no kline.

mod fixed;

use kline::{BarTime, Interval, Kline, KlineError, KlineFields, Milliseconds};

use crate::TradeIds;
pub use fixed::Fixed;
use fixed::nearest;

/// One aggregated trade: what one taker's order filled at one price at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggTrade {
    /// Its own number; those of one market follow one another.
    pub id: i64,
    /// Price in quote units.
    pub price: Fixed,
    /// Quantity in base units.
    pub quantity: Fixed,
    /// The numbers of the trades that it covers.
    pub trade_ids: TradeIds,
    /// When.
    pub time: Milliseconds,
    /// Whether the seller was the taker.
    pub buyer_is_maker: bool,
}

/// Why trades make no kline.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TradeFault {
    /// A number that does not follow the one before.
    #[error("{what} {found} does not follow {before}; trades between them are missing")]
    Hole {
        /// `aggregate` or `trade`.
        what: &'static str,
        /// The number before.
        before: i64,
        /// The number that came.
        found: i64,
    },
    /// A trade that is earlier than one with a lower number.
    #[error("aggregate {id} of {time} is earlier than the one before, of {before}")]
    Order {
        /// Its number.
        id: i64,
        /// Its time.
        time: Milliseconds,
        /// The time of the one before.
        before: Milliseconds,
    },
    /// Nothing shows that the first trade is the bar's first.
    #[error("aggregate {0} may not be the bar's first; trades before the bar have to be seen")]
    Beginning(i64),
    /// Nothing shows that the last trade is the bar's last.
    #[error("the bar's last trade is not known; trades after the bar have to be seen")]
    End,
    /// A sum beyond every market.
    #[error("the {0} is too large")]
    Large(&'static str),
    /// A sum with more decimals than the exchange prints.
    #[error("the {0} has more than eight decimals; how the exchange rounds it is not known")]
    Decimals(&'static str),
    /// The values are no valid kline.
    #[error(transparent)]
    Kline(#[from] KlineError),
}

/// A kline that was made of trades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TradedKline {
    /// The values.
    pub kline: Kline,
    /// The bar's first and last trade.
    pub trade_ids: TradeIds,
}

/// The trades of one bar.
#[derive(Debug, Clone)]
pub struct BarTrades {
    interval: Interval,
    bar: BarTime,
    /// Whether the exchange has said that the first trade which it tells is the bar's first.
    begins_told: bool,
    /// The last trade of the bar before, where it is known.
    after: Option<i64>,
    last: Option<AggTrade>,
    sums: Option<Sums>,
    ended: bool,
}

/// What has been traded in the bar.
#[derive(Debug, Clone, Copy)]
struct Sums {
    first: AggTrade,
    last: AggTrade,
    high: Fixed,
    low: Fixed,
    base: u128,
    quote: u128,
    taker_base: u128,
    taker_quote: u128,
}

impl BarTrades {
    /// No trade yet. The first of the bar must follow one from before the bar.
    #[must_use]
    pub const fn new(interval: Interval, bar: BarTime) -> Self {
        Self { interval, bar, begins_told: false, after: None, last: None, sums: None, ended: false }
    }

    /// The trades come from an answer that begins with the bar's opening; `after` is the last trade of the bar before, where
    /// it is known.
    #[must_use]
    pub const fn from_opening(interval: Interval, bar: BarTime, after: Option<i64>) -> Self {
        Self { begins_told: true, after, ..Self::new(interval, bar) }
    }

    /// Takes the next trade. One that was taken before is passed over, and so is everything after the bar's end.
    ///
    /// # Errors
    /// [`TradeFault`]; no kline can come of these trades any more.
    pub fn take(&mut self, trade: &AggTrade) -> Result<(), TradeFault> {
        if self.ended || self.last.is_some_and(|last| trade.id <= last.id) {
            return Ok(());
        }
        if let Some(last) = self.last {
            follows("aggregate", last.id, trade.id)?;
            follows("trade", last.trade_ids.last, trade.trade_ids.first)?;
            if trade.time < last.time {
                return Err(TradeFault::Order { id: trade.id, time: trade.time, before: last.time });
            }
        }
        if trade.time > self.bar.milliseconds() {
            self.ended = true;
            return Ok(());
        }
        if trade.time >= self.bar.open_time(self.interval) {
            match &mut self.sums {
                Some(sums) => sums.add(trade)?,
                None => {
                    if self.last.is_none() && !self.begins_told {
                        return Err(TradeFault::Beginning(trade.id));
                    }
                    if let Some(after) = self.after {
                        follows("trade", after, trade.trade_ids.first)?;
                    }
                    self.sums = Some(Sums::of(trade)?);
                }
            }
        }
        self.last = Some(*trade);
        Ok(())
    }

    /// Whether a trade of a later bar has come.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The number of the aggregate that comes next, once there was one.
    #[must_use]
    pub fn next_id(&self) -> Option<i64> {
        self.last.and_then(|last| last.id.checked_add(1))
    }

    /// The bar's kline, `None` if nothing was traded; `no_more` is the exchange's word that there are no more trades.
    ///
    /// # Errors
    /// [`TradeFault`] if trades may be missing, or their sums make no kline.
    pub fn kline(&self, no_more: bool) -> Result<Option<TradedKline>, TradeFault> {
        if !self.ended && !no_more {
            return Err(TradeFault::End);
        }
        let Some(sums) = &self.sums else { return Ok(None) };
        let (first, last) = (sums.first.trade_ids.first, sums.last.trade_ids.last);
        let fields = KlineFields {
            open_time: self.bar.open_time(self.interval),
            close_time: self.bar.milliseconds(),
            open: sums.first.price.nearest(),
            high: sums.high.nearest(),
            low: sums.low.nearest(),
            close: sums.last.price.nearest(),
            volume: nearest(sums.base),
            quote_volume: Some(quote("quote volume", sums.quote)?),
            trades: Some(last.abs_diff(first) + 1),
            taker_base: Some(nearest(sums.taker_base)),
            taker_quote: Some(quote("takers' quote volume", sums.taker_quote)?),
        };
        let kline = Kline::new(self.interval, fields)?;
        Ok(Some(TradedKline { kline, trade_ids: TradeIds { first, last } }))
    }
}

impl Sums {
    fn of(trade: &AggTrade) -> Result<Self, TradeFault> {
        let (first, last) = (*trade, *trade);
        let (high, low) = (trade.price, trade.price);
        let (base, quote, taker_base, taker_quote) = (0, 0, 0, 0);
        let mut sums = Self { first, last, high, low, base, quote, taker_base, taker_quote };
        sums.add(trade)?;
        Ok(sums)
    }

    fn add(&mut self, trade: &AggTrade) -> Result<(), TradeFault> {
        let AggTrade { price, quantity, .. } = *trade;
        let (base, quote) = (quantity.units(), price.units() * quantity.units());
        let sum =
            |sum: u128, part: u128, what: &'static str| sum.checked_add(part).ok_or(TradeFault::Large(what));
        self.base = sum(self.base, base, "volume")?;
        self.quote = sum(self.quote, quote, "quote volume")?;
        if !trade.buyer_is_maker {
            // Parts of what has just been summed up.
            self.taker_base += base;
            self.taker_quote += quote;
        }
        (self.high, self.low, self.last) = (self.high.max(price), self.low.min(price), *trade);
        Ok(())
    }
}

fn follows(what: &'static str, before: i64, found: i64) -> Result<(), TradeFault> {
    if before.checked_add(1) == Some(found) { Ok(()) } else { Err(TradeFault::Hole { what, before, found }) }
}

/// Ten-quadrillionths as the number of eight decimals that the exchange prints.
fn quote(what: &'static str, sum: u128) -> Result<f64, TradeFault> {
    let one = u128::from(Fixed::ONE);
    if sum.is_multiple_of(one) { Ok(nearest(sum / one)) } else { Err(TradeFault::Decimals(what)) }
}

#[cfg(test)]
#[path = "trades_tests.rs"]
mod tests;
