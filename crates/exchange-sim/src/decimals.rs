//! How finely a market is quoted.

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
