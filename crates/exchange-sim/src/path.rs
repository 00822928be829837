//! How a bar comes about: a path from open to close that touches high and low, the same at every asking.

use kline::{Interval, Kline, KlineFields, Milliseconds};

use crate::decimals::Decimals;

/// The bar's time is divided into so many steps; a price holds for one.
const STEPS: i64 = 450;

/// The bar as it stands at `now`, inside `[open_time, close_time]`: its range so far and the share of its volume
/// that has been traded. Columns that `whole` lacks stay missing.
pub(crate) fn forming(
    whole: &Kline,
    interval: Interval,
    decimals: Decimals,
    now: Milliseconds,
) -> Option<Kline> {
    let step = ((now - whole.open_time) * STEPS / interval.milliseconds()).clamp(0, STEPS - 1);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let share = step as f64 / STEPS as f64;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "far below 2^53"
    )]
    let trades = whole.trades.map(|trades| (trades as f64 * share) as u64);
    let traded = trades != Some(0);
    let part = |value: f64, decimals: u32| {
        let scale = f64::from(10_u32.pow(decimals));
        if traded { ((value * share * scale).floor() / scale).min(value) } else { 0.0 }
    };
    let path = Path::of(whole, decimals.price);
    let steps = if traded { 0..=step } else { 0..=0 };
    let prices = steps.map(|step| path.price(step));
    let (high, low, close) = prices.fold((whole.open, whole.open, whole.open), |(high, low, _), price| {
        (high.max(price), low.min(price), price)
    });
    let volume = part(whole.volume, decimals.volume);
    let quote_volume = whole.quote_volume.map(|value| part(value, 8));
    let at_most = |part: f64, whole: Option<f64>| whole.map_or(part, |whole| part.min(whole));
    let fields = KlineFields {
        high,
        low,
        close,
        volume,
        quote_volume,
        trades,
        taker_base: whole.taker_base.map(|value| at_most(part(value, decimals.volume), Some(volume))),
        taker_quote: whole.taker_quote.map(|value| at_most(part(value, 8), quote_volume)),
        ..*whole.fields()
    };
    Kline::new(interval, fields).ok()
}

/// Four corners, straight lines between them, and a jitter that keeps inside the range.
struct Path {
    corners: [(i64, f64); 4],
    low: f64,
    high: f64,
    seed: u64,
    scale: f64,
}

impl Path {
    fn of(whole: &Kline, decimals: u32) -> Self {
        let seed = scramble(whole.open_time.cast_unsigned() ^ whole.close.to_bits());
        let pick = |bits: u64, from: i64, to: i64| {
            from + i64::try_from(bits % 1_000).unwrap_or(0) * (to - from) / 1_000
        };
        // A rising bar mostly sees its low first.
        let rising = whole.close >= whole.open;
        let low_first = if seed.is_multiple_of(4) { !rising } else { rising };
        let (first, second) = if low_first { (whole.low, whole.high) } else { (whole.high, whole.low) };
        let corners = [
            (0, whole.open),
            (pick(seed >> 8, STEPS / 12, STEPS * 5 / 12), first),
            (pick(seed >> 24, STEPS / 2, STEPS * 11 / 12), second),
            (STEPS - 1, whole.close),
        ];
        Self { corners, low: whole.low, high: whole.high, seed, scale: f64::from(10_u32.pow(decimals)) }
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn price(&self, step: i64) -> f64 {
        let Some(at) = self.corners.windows(2).position(|pair| step <= pair[1].0) else {
            return self.corners[3].1;
        };
        let ((from, start), (to, end)) = (self.corners[at], self.corners[at + 1]);
        if step == from {
            return start;
        }
        if step == to {
            return end;
        }
        let share = (step - from) as f64 / (to - from) as f64;
        let draw = (scramble(self.seed ^ step.cast_unsigned()) >> 40) as f64 / (1_u64 << 24) as f64 - 0.5;
        let jitter = draw * share * (1.0 - share) * (self.high - self.low);
        let price = start + (end - start) * share + jitter;
        ((price * self.scale).round() / self.scale).clamp(self.low, self.high)
    }
}

/// SplitMix64's finaliser.
pub(crate) const fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DECIMALS: Decimals = Decimals { price: 2, volume: 3 };

    fn bar(prices: [u32; 4], volume: u32, trades: u64) -> Kline {
        let mut sorted = prices;
        sorted.sort_unstable();
        let price = |ticks: u32| f64::from(ticks) / 100.0;
        let volume = f64::from(volume) / 1_000.0;
        let fields = KlineFields {
            open: price(prices[0]),
            close: price(prices[1]),
            high: price(sorted[3]),
            low: price(sorted[0]),
            volume,
            quote_volume: Some(volume * price(sorted[1])),
            trades: Some(trades),
            taker_base: Some((volume * 500.0).floor() / 1_000.0),
            taker_quote: None,
            ..KlineFields::flat(900_000, 1.0)
        };
        Kline::new(Interval::M15, fields).expect("valid by construction")
    }

    proptest! {
        #[test]
        fn a_forming_bar_only_grows_and_ends_as_the_closed_one(
            prices in prop::array::uniform4(100_u32..10_000), volume in 0_u32..1_000_000, trades in 1_u64..5_000,
        ) {
            let whole = bar(prices, volume, trades);
            let mut last = forming(&whole, Interval::M15, DECIMALS, whole.open_time).expect("a valid kline");
            prop_assert_eq!(last.close, whole.open);
            for now in (whole.open_time..=whole.close_time).step_by(1_999) {
                let next = forming(&whole, Interval::M15, DECIMALS, now).expect("a valid kline");
                prop_assert!(next.high >= last.high && next.low <= last.low && next.volume >= last.volume);
                prop_assert!(next.high <= whole.high && next.low >= whole.low && next.volume <= whole.volume);
                prop_assert!(next.trades >= last.trades && next.taker_quote.is_none());
                prop_assert_eq!(next.close.to_bits(), ((next.close * 100.0).round() / 100.0).to_bits());
                last = next;
            }
            let end = forming(&whole, Interval::M15, DECIMALS, whole.close_time).expect("a valid kline");
            prop_assert_eq!(end.open, whole.open);
            if end.trades > Some(0) {
                prop_assert_eq!((end.high, end.low, end.close), (whole.high, whole.low, whole.close));
            }
        }
    }
}
