//! The trades that a bar is made of, told as aggregated trades: a deterministic sequence that adds up to the bar's
//! kline, the same at every asking.
//!
//! A bar of `n` trades is told in at most [`MOST`] aggregates, which cover the trades' ids without a hole. The first has
//! the open, the last the close, two of the others touch high and low with the least quantity; what is left of the volume is
//! traded at two neighbouring ticks, for buying and for selling takers apart, in such parts that quote volume and the takers'
//! shares come out exactly. Prices keep to the tick, quantities may be finer than the lot. Amounts are counted in
//! hundred-millionths, so sums are exact.
//!
//! Not exact are bars that no trades can add up to: an average price at the very edge of the range, fewer trades than the
//! parts needed, numbers with more than eight decimals. Their volume, count, open, close and (from four trades on) high and
//! low are right, their quote volume and the takers' shares are not. A bar that lacks a column has no trades to tell.

mod split;
mod wire;

use kline::{Interval, Kline, Milliseconds};

use crate::decimals::Decimals;
pub(crate) use wire::{event, rows};

/// A bar is told in so many aggregates at most; they lie on a grid of as many steps in the bar's time.
pub(crate) const MOST: i64 = 24;

/// Several trades of one taker at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) id: i64,
    /// In hundred-millionths.
    pub(crate) price: i128,
    /// In hundred-millionths.
    pub(crate) quantity: i128,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) time: Milliseconds,
    /// Whether the buyer waited in the book, and the seller was the taker.
    pub(crate) buyer_is_maker: bool,
}

/// How many trades a bar tells of.
pub(crate) fn told(kline: &Kline) -> i64 {
    let whole = kline.quote_volume.is_some() && kline.taker_base.is_some() && kline.taker_quote.is_some();
    match kline.trades.and_then(|trades| i64::try_from(trades).ok()) {
        Some(trades) if whole && kline.volume > 0.0 => trades.min(MOST),
        _ => 0,
    }
}

/// The first moment of the grid after `time`.
pub(crate) fn next_moment(interval: Interval, time: Milliseconds) -> Milliseconds {
    let open_time = interval.floor(time);
    let moments = (1..MOST).map(|step| moment(interval, open_time, step));
    moments.into_iter().find(|moment| *moment > time).unwrap_or(open_time + interval.milliseconds())
}

fn moment(interval: Interval, open_time: Milliseconds, step: i64) -> Milliseconds {
    open_time + step * interval.milliseconds() / MOST
}

/// The bar's aggregates in order; `first` are the ids of its first aggregate and of its first trade.
pub(crate) fn of_bar(kline: &Kline, interval: Interval, decimals: Decimals, first: (i64, i64)) -> Vec<Trade> {
    let count = told(kline);
    let trades = kline.trades.and_then(|trades| i64::try_from(trades).ok()).unwrap_or(0);
    // The ids in front of the aggregate at a place: an equal share of all for each.
    let before = |place: i64| {
        let share = i128::from(place) * i128::from(trades) / i128::from(count.max(1));
        i64::try_from(share).unwrap_or(trades)
    };
    let parts = split::parts(kline, decimals, usize::try_from(count).unwrap_or(0));
    let trade = |(place, part): (i64, split::Part)| Trade {
        id: first.0 + place,
        price: part.price,
        quantity: part.quantity,
        first: first.1 + before(place),
        last: first.1 + before(place + 1) - 1,
        time: moment(interval, kline.open_time, place * MOST / count),
        buyer_is_maker: part.buyer_is_maker,
    };
    (0..count).zip(parts).map(trade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn the_trades_of_the_synthetic_market_are_its_klines() {
        let bars = synthetic::generate(7, Interval::M15, synthetic::GENESIS, 2_000).expect("a valid start");
        let (mut inexact, mut all) = (0, 0);
        for (symbol, klines) in &bars {
            let (price, volume) = synthetic::decimals(symbol.as_str()).expect("one of the ten");
            let (mut id, mut number) = (5, 11);
            for kline in klines {
                let trades = of_bar(kline, Interval::M15, Decimals { price, volume }, (id, number));
                let (first, last) = (trades[0], trades[trades.len() - 1]);
                assert_eq!((first.id, first.first), (id, number));
                assert_eq!(i64::try_from(trades.len()).ok(), Some(told(kline)));
                (id, number) = (last.id + 1, last.last + 1);
                assert_eq!(Some(number - first.first), kline.trades.and_then(|n| i64::try_from(n).ok()));
                for pair in trades.windows(2) {
                    assert_eq!((pair[1].id, pair[1].first), (pair[0].id + 1, pair[0].last + 1));
                    assert!(pair[0].time < pair[1].time);
                    assert_eq!(next_moment(Interval::M15, pair[1].time - 1), pair[1].time);
                }
                assert!(kline.open_time <= first.time && last.time < kline.close_time);
                all += 1;
                inexact += i32::from(!adds_up(kline, &trades));
            }
        }
        assert!(inexact * 2_000 < all, "{inexact} of {all} do not add up");
    }

    /// Whether the trades give every number of the kline.
    fn adds_up(kline: &Kline, trades: &[Trade]) -> bool {
        let number = |units: i128| -> f64 {
            let text = format!("{}.{:08}", units / 100_000_000, units % 100_000_000);
            text.parse().expect("a number")
        };
        let sum = |of: &dyn Fn(&Trade) -> i128| trades.iter().map(of).sum::<i128>();
        let taker = |trade: &Trade| i128::from(!trade.buyer_is_maker);
        let quote: i128 = sum(&|trade| trade.price * trade.quantity);
        let taker_quote: i128 = sum(&|trade| trade.price * trade.quantity * taker(trade));
        let prices = trades.iter().map(|trade| trade.price);
        assert_eq!(number(sum(&|trade| trade.quantity)), kline.volume);
        assert_eq!(
            (number(trades[0].price), number(trades[trades.len() - 1].price)),
            (kline.open, kline.close)
        );
        quote % 100_000_000 == 0
            && taker_quote % 100_000_000 == 0
            && Some(number(quote / 100_000_000)) == kline.quote_volume
            && Some(number(taker_quote / 100_000_000)) == kline.taker_quote
            && Some(number(sum(&|trade| trade.quantity * taker(trade)))) == kline.taker_base
            && prices.clone().max().map(number) == Some(kline.high)
            && prices.min().map(number) == Some(kline.low)
    }

    #[test]
    fn a_bar_without_trades_or_without_a_column_tells_nothing() {
        let fields = kline::KlineFields::flat(900_000, 10.0);
        let kline = |fields| Kline::new(Interval::M15, fields).expect("valid by construction");
        assert_eq!(told(&kline(fields)), 0);
        let traded = kline::KlineFields { volume: 1.0, trades: Some(1), quote_volume: None, ..fields };
        assert_eq!(told(&kline(traded)), 0);
        let decimals = Decimals { price: 2, volume: 2 };
        assert_eq!(of_bar(&kline(fields), Interval::M15, decimals, (1, 1)), []);
        // One trade alone is the whole bar.
        let one = kline::KlineFields { quote_volume: Some(10.0), ..traded };
        let trades = of_bar(&kline(one), Interval::M15, decimals, (1, 7));
        assert_eq!((trades.len(), trades[0].last), (1, 7));
        assert!(adds_up(&kline(one), &trades));
    }
}
