//! Numbers as the exchange writes them, and how finely a market is quoted.

use std::fmt::Write;

use kline::Kline;

/// How finely prices and volumes are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimals {
    pub(crate) price: u32,
    pub(crate) volume: u32,
}

impl Decimals {
    /// The fewest decimals that write every price and every volume.
    pub(crate) fn of(klines: &[Kline]) -> Self {
        let mut found = Self { price: 0, volume: 0 };
        for kline in klines {
            for price in [kline.open, kline.high, kline.low, kline.close] {
                found.price = at_least(found.price, price);
            }
            found.volume = at_least(found.volume, kline.volume);
        }
        found
    }
}

fn at_least(mut decimals: u32, value: f64) -> u32 {
    while decimals < 8 {
        let scale = f64::from(10_u32.pow(decimals));
        if ((value * scale).round() / scale).to_bits() == value.to_bits() {
            break;
        }
        decimals += 1;
    }
    decimals
}

/// A quoted decimal with eight places, as the exchange writes it; more places where eight would not give the
/// same bits back.
pub(crate) fn decimal(value: f64) -> String {
    let mut text = String::new();
    push_decimal(&mut text, value);
    text
}

/// Below 2^51 hundred-millionths the nearest count of them is the one that the formatter finds, and dividing it
/// gives what reading the text gives: both are the number nearest to the same quotient.
const COUNTED_BELOW: f64 = 2_251_799_813_685_248.0;

/// The same, appended.
pub(crate) fn push_decimal(text: &mut String, value: f64) {
    let units = (value * 1e8).round();
    if units.is_sign_positive() && units < COUNTED_BELOW && (units / 1e8).to_bits() == value.to_bits() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just bounded")]
        let units = units as u64;
        let _ = write!(text, "\"{}.{:08}\"", units / 100_000_000, units % 100_000_000);
        return;
    }
    let eight = format!("{value:.8}");
    let same = eight.parse::<f64>().is_ok_and(|read| read.to_bits() == value.to_bits());
    let _ = if same { write!(text, "\"{eight}\"") } else { write!(text, "\"{value}\"") };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_those_of_the_finest_value() {
        assert_eq!([1.0, 0.5, 0.1, 79_743.33, 0.172_07].map(|value| at_least(0, value)), [0, 1, 1, 2, 5]);
        let flat = kline::KlineFields::flat(0, 2.25);
        let kline = Kline::new(
            kline::Interval::M15,
            kline::KlineFields { volume: 0.5, quote_volume: None, taker_quote: None, ..flat },
        );
        assert_eq!(kline.map(|kline| Decimals::of(&[kline])), Ok(Decimals { price: 2, volume: 1 }));
    }

    proptest! {
        #[test]
        fn a_decimal_reads_back_with_the_same_bits(value in prop_oneof![0.0..1e12, 0.0..1.0, 0.0..1e-9]) {
            let read: f64 = decimal(value).trim_matches('"').parse().expect("a number");
            prop_assert_eq!(read.to_bits(), value.to_bits());
        }

        #[test]
        fn eight_places_are_written_as_the_formatter_writes_them(units in 0_u64..1 << 51, places in 0_u32..9) {
            let scale = 10_u64.pow(places);
            let value = (units / scale * scale) as f64 / 1e8;
            prop_assert_eq!(decimal(value), format!("\"{value:.8}\""));
        }
    }
}
