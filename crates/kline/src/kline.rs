//! One exchange candle and what makes it valid.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::{BarTime, Interval, KlineError, Milliseconds};

/// The latest time taken for milliseconds: 2200-01-01.
const LATEST: Milliseconds = 7_258_118_400_000;

/// The twelve columns of a kline, not yet checked. Prices in quote units, volumes in base units unless named
/// `quote`; `None` means that the source did not have the column (missing, not zero).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KlineFields {
    /// First millisecond of the bar.
    pub open_time: Milliseconds,
    /// Last millisecond of the bar.
    pub close_time: Milliseconds,
    /// First traded price.
    pub open: f64,
    /// Highest traded price.
    pub high: f64,
    /// Lowest traded price.
    pub low: f64,
    /// Last traded price.
    pub close: f64,
    /// Base volume.
    pub volume: f64,
    /// Quote volume.
    pub quote_volume: Option<f64>,
    /// Number of trades.
    pub trades: Option<u64>,
    /// Base volume bought by takers.
    pub taker_base: Option<f64>,
    /// Quote volume bought by takers.
    pub taker_quote: Option<f64>,
}

impl KlineFields {
    /// A 15-minute bar without trades at one price: a starting point for tests and examples.
    #[must_use]
    pub const fn flat(open_time: Milliseconds, price: f64) -> Self {
        Self {
            open_time,
            close_time: open_time + Interval::M15.milliseconds() - 1,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0.0,
            quote_volume: Some(0.0),
            trades: Some(0),
            taker_base: Some(0.0),
            taker_quote: Some(0.0),
        }
    }
}

/// A kline whose fields were checked: on the interval's grid, positive finite prices that high and low
/// enclose, volumes that are finite and not negative, taker's parts not above the whole. Fields are read
/// through [`Deref`]; there is no way to change them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Kline(KlineFields);

impl Kline {
    /// Checks the fields.
    ///
    /// # Errors
    /// The first rule that does not hold, with the values that break it.
    pub fn new(interval: Interval, fields: KlineFields) -> Result<Self, KlineError> {
        check_times(interval, &fields)?;
        check_prices(&fields)?;
        check_volumes(&fields)?;
        Ok(Self(fields))
    }

    /// The bar that this kline is of.
    #[must_use]
    pub fn bar_time(&self, interval: Interval) -> BarTime {
        BarTime::last_closed(self.0.close_time + 1, interval)
    }

    /// The checked fields.
    #[must_use]
    pub const fn fields(&self) -> &KlineFields {
        &self.0
    }

    /// Whether every field has the same bits.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        let floats = |k: &KlineFields| [k.open, k.high, k.low, k.close, k.volume].map(f64::to_bits);
        let options = |k: &KlineFields| {
            [k.quote_volume, k.taker_base, k.taker_quote].map(|value| value.map(f64::to_bits))
        };
        let (a, b) = (&self.0, &other.0);
        a.open_time == b.open_time
            && a.close_time == b.close_time
            && a.trades == b.trades
            && floats(a) == floats(b)
            && options(a) == options(b)
    }
}

impl Deref for Kline {
    type Target = KlineFields;

    fn deref(&self) -> &KlineFields {
        &self.0
    }
}

fn check_times(interval: Interval, fields: &KlineFields) -> Result<(), KlineError> {
    let open_time = fields.open_time;
    if !(0..LATEST).contains(&open_time) {
        return Err(KlineError::Time { open_time });
    }
    let floor = interval.floor(open_time);
    if floor != open_time {
        return Err(KlineError::OffGrid { open_time, interval, floor });
    }
    let expected = open_time + interval.milliseconds() - 1;
    if fields.close_time != expected {
        return Err(KlineError::CloseTime { open_time, close_time: fields.close_time, interval, expected });
    }
    Ok(())
}

fn check_prices(fields: &KlineFields) -> Result<(), KlineError> {
    let KlineFields { open, high, low, close, .. } = *fields;
    for (field, value) in [("open", open), ("high", high), ("low", low), ("close", close)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(KlineError::Price { field, value });
        }
    }
    if high < open.max(close) || low > open.min(close) {
        return Err(KlineError::Range { open, high, low, close });
    }
    Ok(())
}

fn check_volumes(fields: &KlineFields) -> Result<(), KlineError> {
    let volumes = [
        ("volume", Some(fields.volume)),
        ("quote_volume", fields.quote_volume),
        ("taker_base", fields.taker_base),
        ("taker_quote", fields.taker_quote),
    ];
    for (field, value) in volumes {
        if let Some(value) = value
            && !(value.is_finite() && value >= 0.0)
        {
            return Err(KlineError::Volume { field, value });
        }
    }
    let parts = [
        ("taker_base", fields.taker_base, Some(fields.volume)),
        ("taker_quote", fields.taker_quote, fields.quote_volume),
    ];
    for (field, part, whole) in parts {
        if let (Some(part), Some(whole)) = (part, whole)
            && part > whole
        {
            return Err(KlineError::TakerShare { field, part, whole });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut KlineFields)) -> Result<Kline, KlineError> {
        let mut fields = KlineFields::flat(900_000, 2.0);
        change(&mut fields);
        Kline::new(Interval::M15, fields)
    }

    #[test]
    fn a_valid_kline_is_taken_and_names_its_bar() {
        let bar = with(|_| ()).map(|kline| kline.bar_time(Interval::M15).milliseconds());
        assert_eq!(bar, Ok(1_799_999));
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(matches!(with(|k| k.open_time += 1), Err(KlineError::OffGrid { floor: 900_000, .. })));
        assert!(matches!(with(|k| k.open_time *= 10_000_000), Err(KlineError::Time { .. })));
        assert!(matches!(with(|k| k.close_time += 1), Err(KlineError::CloseTime { .. })));
        assert!(matches!(with(|k| k.low = 0.0), Err(KlineError::Price { field: "low", .. })));
        assert!(matches!(with(|k| k.close = f64::NAN), Err(KlineError::Price { field: "close", .. })));
        assert!(matches!(with(|k| k.high = f64::INFINITY), Err(KlineError::Price { field: "high", .. })));
        assert!(matches!(with(|k| k.high = 1.0), Err(KlineError::Range { .. })));
        assert!(matches!(with(|k| k.low = 3.0), Err(KlineError::Range { .. })));
        assert!(matches!(with(|k| k.volume = -1.0), Err(KlineError::Volume { field: "volume", .. })));
        assert!(matches!(with(|k| k.taker_base = Some(1.0)), Err(KlineError::TakerShare { .. })));
    }

    #[test]
    fn a_missing_column_is_not_zero() {
        let known = with(|_| ());
        let missing = with(|k| k.taker_base = None);
        assert!(known.is_ok_and(|a| missing.is_ok_and(|b| !a.same_bits(&b))));
    }
}
