//! Decimals of eight places, exact.

/// An amount in hundred-millionths: what the exchange writes as a decimal of up to eight places, below 184 billion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed(u64);

impl Fixed {
    /// Hundred-millionths of one.
    pub(super) const ONE: u64 = 100_000_000;

    /// Reads plain decimal text without sign; `None` for anything else, more than eight places that are not zero, or more
    /// than there is room for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction.trim_end_matches('0')),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 8 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let missing = u32::try_from(8 - fraction.len()).ok()?;
        let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let whole: u64 = whole.parse().ok()?;
        whole.checked_mul(Self::ONE)?.checked_add(part * 10_u64.pow(missing)).map(Self)
    }

    pub(super) fn units(self) -> u128 {
        u128::from(self.0)
    }

    /// The nearest `f64`, ties to even.
    #[must_use]
    pub fn nearest(self) -> f64 {
        nearest(self.units())
    }
}

/// The `f64` nearest to so many hundred-millionths, ties to even: what reading the exchange's text gives.
pub(super) fn nearest(units: u128) -> f64 {
    // Both are exact, so that their quotient is rounded once.
    if units < 1 << 53 {
        #[expect(clippy::cast_precision_loss, reason = "just bounded")]
        return units as f64 / Fixed::ONE as f64;
    }
    let one = u128::from(Fixed::ONE);
    let text = format!("{}.{:08}", units / one, units % one);
    text.parse().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, units) in [
            ("0.01633102", 1_633_102),
            ("4.7", 470_000_000),
            ("12", 1_200_000_000),
            ("0.1000000000", 10_000_000),
            ("184467440737.09551615", u64::MAX),
        ] {
            assert_eq!(Fixed::parse(text), Some(Fixed(units)), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e5", "0.000000001", "184467440737.09551616", "1.2.3", "１"]
        {
            assert_eq!(Fixed::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_nearest_number_is_the_one_that_reading_the_text_gives(units in any::<u64>(), shift in 0_u32..64) {
            let units = units >> shift;
            let text = format!("{}.{:08}", units / Fixed::ONE, units % Fixed::ONE);
            let read: f64 = text.parse().expect("a number");
            prop_assert_eq!(nearest(u128::from(units)).to_bits(), read.to_bits());
            prop_assert_eq!(Fixed::parse(&text), Some(Fixed(units)));
        }
    }
}
