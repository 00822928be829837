//! Klines that are answered before the true ones.

use kline::{Interval, Kline, KlineFields, Milliseconds, Symbol};

use super::{Draw, FaultKind, Faults};
use crate::decimals::Decimals;
use crate::path;

/// What is answered in place of a closed kline, until when, and how the truth comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Untruth {
    pub(crate) kind: FaultKind,
    pub(crate) kline: Kline,
    pub(crate) until: Milliseconds,
    /// Whether the true kline comes as a second closing frame too; else only REST ever tells it.
    pub(crate) second_frame: bool,
}

const fn untrue(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::CorrectedFinal | FaultKind::PartialAsClosed)
}

impl Faults {
    /// Whether something untrue may be answered of bars that end just before `boundary`.
    pub(crate) fn untrue_at(&self, boundary: Milliseconds) -> bool {
        self.active.iter().any(|active| untrue(active.episode.kind) && active.at(boundary))
    }

    /// What is answered in place of `whole`, a bar that ends just before `boundary`.
    pub(crate) fn untruth_of(
        &self,
        symbol: Symbol,
        whole: &Kline,
        decimals: Decimals,
        boundary: Milliseconds,
    ) -> Option<Untruth> {
        let active = self.active.iter().find(|active| {
            untrue(active.episode.kind) && active.at(boundary) && active.strikes_symbol(symbol)
        })?;
        let mut draw = active.episode.draw(boundary.cast_unsigned());
        untruth(active.episode.kind, &mut draw, whole, (self.interval, decimals), boundary)
    }
}

/// Draws the untruth; `None` if there is nothing to change.
pub(crate) fn untruth(
    kind: FaultKind,
    draw: &mut Draw,
    whole: &Kline,
    (interval, decimals): (Interval, Decimals),
    boundary: Milliseconds,
) -> Option<Untruth> {
    let (kline, delay, second_frame) = if kind == FaultKind::PartialAsClosed {
        let before = draw.spread(500, 60_000).min(interval.milliseconds() / 2);
        let kline = path::forming(whole, interval, decimals, boundary - before)?;
        (kline, draw.spread(1_000, 60_000), true)
    } else {
        (other(draw, whole, interval, decimals)?, draw.spread(3_000, 600_000), draw.chance(0.5))
    };
    let untruth = Untruth { kind, kline, until: boundary + delay, second_frame };
    (!kline.same_bits(whole)).then_some(untruth)
}

/// A kline of the same bar with another close and less volume.
fn other(draw: &mut Draw, whole: &Kline, interval: Interval, decimals: Decimals) -> Option<Kline> {
    let price_scale = f64::from(10_u32.pow(decimals.price));
    let volume_scale = f64::from(10_u32.pow(decimals.volume));
    let share = 0.9 + 0.09 * draw.unit();
    let part = |value: f64, scale: f64| ((value * share * scale).floor() / scale).min(value);
    let drawn = whole.low + (whole.high - whole.low) * draw.unit();
    let mut close = ((drawn * price_scale).round() / price_scale).clamp(whole.low, whole.high);
    if close.to_bits() == whole.close.to_bits() {
        close = ((whole.close * price_scale).round() + 1.0) / price_scale;
    }
    let volume = part(whole.volume, volume_scale);
    let quote_volume = whole.quote_volume.map(|value| part(value, 1e8));
    let at_most = |part: f64, whole: Option<f64>| whole.map_or(part, |whole| part.min(whole));
    let fields = KlineFields {
        close,
        high: whole.high.max(close),
        low: whole.low.min(close),
        volume,
        quote_volume,
        trades: whole.trades.map(|trades| trades - trades / 20),
        taker_base: whole.taker_base.map(|value| at_most(part(value, volume_scale), Some(volume))),
        taker_quote: whole.taker_quote.map(|value| at_most(part(value, 1e8), quote_volume)),
        ..*whole.fields()
    };
    Kline::new(interval, fields).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DECIMALS: Decimals = Decimals { price: 2, volume: 3 };

    proptest! {
        #[test]
        fn an_untruth_is_a_valid_kline_of_the_bar_with_other_values(
            ticks in prop::array::uniform4(100_u32..10_000), volume in 0_u32..1_000_000, seed in any::<u64>(),
        ) {
            let price = |at: usize| f64::from(ticks[at]) / 100.0;
            let sorted = { let mut sorted = ticks; sorted.sort_unstable(); sorted };
            let volume = f64::from(volume) / 1_000.0;
            let fields = KlineFields {
                open: price(0),
                close: price(1),
                high: f64::from(sorted[3]) / 100.0,
                low: f64::from(sorted[0]) / 100.0,
                volume,
                quote_volume: Some(volume * price(0)),
                trades: Some(1_000),
                taker_base: Some(volume),
                ..KlineFields::flat(900_000, 1.0)
            };
            let whole = Kline::new(Interval::M15, fields).expect("valid by construction");
            let mut draw = Draw::of(&[seed]);
            let shape = (Interval::M15, DECIMALS);
            let told = untruth(FaultKind::CorrectedFinal, &mut draw, &whole, shape, 1_800_000);
            let told = told.expect("always another close");
            prop_assert!(told.kline.open_time == whole.open_time && told.kline.close != whole.close);
            prop_assert!(told.until > 1_800_000);
            if let Some(told) = untruth(FaultKind::PartialAsClosed, &mut draw, &whole, shape, 1_800_000) {
                prop_assert!(told.second_frame && !told.kline.same_bits(&whole));
                prop_assert!(told.kline.volume <= whole.volume);
            }
        }
    }
}
