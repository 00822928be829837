//! A bar's volume in parts, each at one price, that add up to the bar.

use kline::Kline;

use crate::decimals::{Decimals, decimal};

/// A quantity at a price, both in hundred-millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) price: i128,
    pub(super) quantity: i128,
    pub(super) buyer_is_maker: bool,
}

/// The bar in exactly `count` parts, in order of time.
pub(super) fn parts(kline: &Kline, decimals: Decimals, count: usize) -> Vec<Part> {
    exact(kline, decimals, count).unwrap_or_else(|| rough(kline, count))
}

/// Parts that add up to every number of the bar; `None` if there are none.
fn exact(kline: &Kline, decimals: Decimals, count: usize) -> Option<Vec<Part>> {
    let prices = [kline.open, kline.high, kline.low, kline.close].map(units);
    let [open, high, low, close] = [prices[0]?, prices[1]?, prices[2]?, prices[3]?];
    let volume = units(kline.volume)?;
    let (quote, taker) = (units(kline.quote_volume?)?, units(kline.taker_base?)?);
    let taker_quote = units(kline.taker_quote?)?;
    let tick = 10_i128.pow(8_u32.saturating_sub(decimals.price));
    // The least quantity whose price times quantity has eight decimals at every tick.
    let least = 10_i128.pow(decimals.price.min(8));
    if count == 1 {
        let only = Part { price: open, quantity: volume, buyer_is_maker: taker == 0 };
        let whole = open * volume == quote * ONE && (taker == 0 || (taker, taker_quote) == (volume, quote));
        return (whole && high == low).then(|| vec![only]);
    }
    // The marks belong to the side that has more to give.
    let buyer_is_maker = taker * 2 <= volume;
    let rising = close >= open;
    let (before, after) = if rising { (low, high) } else { (high, low) };
    let mark = |price: i128| Part { price, quantity: least, buyer_is_maker };
    let touch = |price: i128| (price != open && price != close).then(|| mark(price));
    let (first, second, third, last) = (mark(open), touch(before), touch(after), mark(close));
    let marks = [Some(first), second, third, Some(last)];
    let marked: i128 = marks.iter().flatten().map(|mark| mark.quantity).sum();
    let marked_quote: i128 = marks.iter().flatten().map(|mark| mark.quantity * mark.price).sum();
    let side = |volume: i128, quote: i128, is_maker: bool| {
        let (marked, marked_quote) = if is_maker == buyer_is_maker { (marked, marked_quote) } else { (0, 0) };
        balance((volume - marked, quote * ONE - marked_quote), (low, high), tick, is_maker)
    };
    let selling = side(volume - taker, quote - taker_quote, true)?;
    let buying = side(taker, taker_quote, false)?;
    let ordered = [Some(first), buying[0], selling[1], second, selling[0], third, buying[1], Some(last)];
    let mut parts: Vec<Part> = ordered.into_iter().flatten().collect();
    while parts.len() < count {
        let (place, largest) = parts.iter().copied().enumerate().max_by_key(|(_, part)| part.quantity)?;
        let half = largest.quantity / 2 / least * least;
        if half == 0 {
            return None;
        }
        parts[place].quantity -= half;
        parts.insert(place + 1, Part { quantity: half, ..largest });
    }
    (parts.len() == count).then_some(parts)
}

/// A quantity in at most two parts at neighbouring ticks inside the range, so that the sum of price times quantity
/// (in ten-quadrillionths) comes out; `None` if no two parts do.
fn balance(
    (quantity, quote): (i128, i128),
    (low, high): (i128, i128),
    tick: i128,
    buyer_is_maker: bool,
) -> Option<[Option<Part>; 2]> {
    if quantity <= 0 {
        return (quantity == 0 && quote == 0).then_some([None, None]);
    }
    let price = (quote / quantity / tick * tick).min(high);
    let rest = quote - price * quantity;
    let above = rest / tick;
    let fits = rest >= 0 && rest % tick == 0 && above <= quantity && price >= low;
    if !fits || (above > 0 && price + tick > high) {
        return None;
    }
    let part =
        |price: i128, quantity: i128| (quantity > 0).then_some(Part { price, quantity, buyer_is_maker });
    Some([part(price, quantity - above), part(price + tick, above)])
}

/// The volume in equal parts at open, high, low and close in turn, all of it sold by takers.
fn rough(kline: &Kline, count: usize) -> Vec<Part> {
    let nearest = |value: f64| units(value).unwrap_or_else(|| rounded(value));
    let (volume, number) = (nearest(kline.volume), i128::try_from(count.max(1)).unwrap_or(1));
    let price = |place: usize| match place {
        place if place + 1 == count && count > 1 => kline.close,
        0 => kline.open,
        place if place % 2 == 1 => kline.high,
        _ => kline.low,
    };
    let mut parts: Vec<Part> = (0..count)
        .map(|place| Part { price: nearest(price(place)), quantity: volume / number, buyer_is_maker: true })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.quantity += volume % number;
    }
    parts
}

/// One, in hundred-millionths.
const ONE: i128 = 100_000_000;

/// What the wire says of a number, in hundred-millionths; `None` if eight decimals do not say it.
fn units(value: f64) -> Option<i128> {
    let text = decimal(value);
    let (whole, fraction) = text.trim_matches('"').split_once('.')?;
    if fraction.len() > 8 {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<8}").parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(ONE)?.checked_add(fraction)
}

#[expect(clippy::cast_possible_truncation, reason = "saturates far above every volume")]
fn rounded(value: f64) -> i128 {
    (value * 1e8).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::{Interval, KlineFields};

    fn bar(quote_volume: f64, taker: (f64, f64), trades: u64) -> Kline {
        let fields = KlineFields {
            open: 10.5,
            high: 11.0,
            low: 10.0,
            close: 10.75,
            volume: 4.0,
            quote_volume: Some(quote_volume),
            trades: Some(trades),
            taker_base: Some(taker.0),
            taker_quote: Some(taker.1),
            ..KlineFields::flat(900_000, 10.0)
        };
        Kline::new(Interval::M15, fields).expect("valid by construction")
    }

    const DECIMALS: Decimals = Decimals { price: 2, volume: 3 };

    #[test]
    fn quote_volume_and_takers_shares_are_hit_to_the_last_decimal() {
        let kline = bar(41.123_456_78, (1.5, 15.432_109_87), 900);
        for count in 8..24 {
            let parts = exact(&kline, DECIMALS, count).expect("an average inside the range");
            assert_eq!(parts.len(), count);
            let quote: i128 = parts.iter().map(|part| part.price * part.quantity).sum();
            assert_eq!(quote, 4_112_345_678 * ONE);
            let taken = parts.iter().filter(|part| !part.buyer_is_maker);
            assert_eq!(taken.map(|part| part.price * part.quantity).sum::<i128>(), 1_543_210_987 * ONE);
            assert!(parts.iter().all(|part| part.price % 1_000_000 == 0 && part.quantity > 0));
        }
    }

    #[test]
    fn what_no_trades_can_add_up_to_keeps_its_volume_and_its_range() {
        for (kline, count) in [(bar(40.0, (0.0, 0.0), 900), 24), (bar(41.0, (2.0, 20.5), 5), 5)] {
            assert_eq!(exact(&kline, DECIMALS, count), None);
            let parts = parts(&kline, DECIMALS, count);
            assert_eq!(parts.len(), count);
            assert_eq!(parts.iter().map(|part| part.quantity).sum::<i128>(), 4 * ONE);
            let prices = parts.iter().map(|part| part.price);
            assert_eq!((prices.clone().min(), prices.max()), (Some(10 * ONE), Some(11 * ONE)));
        }
        assert_eq!(parts(&bar(41.0, (0.0, 0.0), 0), DECIMALS, 0), []);
    }
}
