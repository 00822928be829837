//! Longer bars out of shorter ones.

use kline::{Interval, Kline, KlineFields};

/// The bar of `interval` that `parts` (in order of time, all inside one bar) add up to. `None` if there are no
/// parts. A column that one part lacks, the whole lacks.
pub(crate) fn aggregate(interval: Interval, parts: &[Kline]) -> Option<Kline> {
    let (first, last) = (parts.first()?, parts.last()?);
    let open_time = interval.floor(first.open_time);
    let sum = |column: fn(&KlineFields) -> Option<f64>| {
        parts.iter().map(|part| column(part.fields())).sum::<Option<f64>>().map(eight_decimals)
    };
    let volume = eight_decimals(parts.iter().map(|part| part.volume).sum());
    let quote_volume = sum(|part| part.quote_volume);
    let at_most = |part: Option<f64>, whole: Option<f64>| match (part, whole) {
        (Some(part), Some(whole)) => Some(part.min(whole)),
        (part, _) => part,
    };
    let fields = KlineFields {
        open_time,
        close_time: open_time + interval.milliseconds() - 1,
        open: first.open,
        high: parts.iter().map(|part| part.high).fold(first.high, f64::max),
        low: parts.iter().map(|part| part.low).fold(first.low, f64::min),
        close: last.close,
        volume,
        quote_volume,
        trades: parts.iter().map(|part| part.trades).sum(),
        taker_base: at_most(sum(|part| part.taker_base), Some(volume)),
        taker_quote: at_most(sum(|part| part.taker_quote), quote_volume),
    };
    Kline::new(interval, fields).ok()
}

/// The nearest number of eight decimals, which is what the wire carries.
pub(crate) fn eight_decimals(value: f64) -> f64 {
    (value * 1e8).round() / 1e8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_a_missing_column_stays_missing() {
        let part = |open_time: i64, close: f64, trades: Option<u64>| {
            let mut fields = KlineFields::flat(open_time, 10.0);
            (fields.close, fields.high, fields.low) = (close, close.max(10.0), close.min(10.0));
            (fields.volume, fields.quote_volume, fields.trades) = (0.1, Some(1.0), trades);
            Kline::new(Interval::M15, fields).expect("valid by construction")
        };
        let parts =
            [part(3_600_000, 12.0, Some(3)), part(4_500_000, 9.0, None), part(5_400_000, 11.0, Some(4))];
        let whole = aggregate(Interval::H1, &parts).expect("parts of one hour");
        assert_eq!((whole.open_time, whole.close_time), (3_600_000, 7_199_999));
        assert_eq!((whole.open, whole.high, whole.low, whole.close), (10.0, 12.0, 9.0, 11.0));
        assert_eq!((whole.volume, whole.quote_volume, whole.trades), (0.3, Some(3.0), None));
        assert!(aggregate(Interval::H1, &[]).is_none());
    }
}
