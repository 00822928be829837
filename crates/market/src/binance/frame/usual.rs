//! A kline frame as the exchange usually writes it, read in one pass.
//!
//! Accepts exactly one order of fields, without spaces, escapes or missing columns. Whatever differs is left to
//! [`decode`](super::decode)'s general way, which also finds the words for what is wrong; tests demand that both say the same.

use kline::{Interval, Kline, KlineFields, Symbol};

use super::super::scalar::{closing, instant, opening};
use crate::{KlineSource, MarketKline, TradeIds};

/// Powers of ten that are whole numbers of 53 bits.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Reads a raw or combined kline frame; `None` if anything is unusual about it.
pub(super) fn kline(text: &[u8], interval: Interval) -> Option<MarketKline> {
    let mut rest = Rest(text);
    let is_combined = rest.literal(br#"{"stream":""#).is_some();
    if is_combined {
        rest.plain_text()?;
        rest.literal(br#","data":{"e":"kline","E":"#)?;
    } else {
        rest.literal(br#"{"e":"kline","E":"#)?;
    }
    let event_time = instant("E", rest.whole()?).ok()?;
    rest.literal(br#","s":""#)?;
    let outer = rest.plain_text()?;
    rest.literal(br#","k":{"t":"#)?;
    let open_time = opening("k.t", rest.whole()?).ok()?;
    rest.literal(br#","T":"#)?;
    let close_time = closing("k.T", rest.whole()?).ok()?;
    rest.literal(br#","s":""#)?;
    let inner = rest.plain_text()?;
    rest.literal(br#","i":""#)?;
    if rest.plain_text()? != interval.as_str().as_bytes() || outer != inner {
        return None;
    }
    let symbol: Symbol = std::str::from_utf8(inner).ok()?.parse().ok()?;
    rest.literal(br#","f":"#)?;
    let first_trade = rest.trade_number()?;
    rest.literal(br#","L":"#)?;
    let last_trade = rest.trade_number()?;
    let [open, close, high, low, volume] =
        rest.decimals([br#","o":""#, br#","c":""#, br#","h":""#, br#","l":""#, br#","v":""#])?;
    rest.literal(br#","n":"#)?;
    let trades = u64::try_from(rest.whole()?).ok()?;
    rest.literal(br#","x":"#)?;
    let closed = rest.literal(b"true").is_some();
    if !closed {
        rest.literal(b"false")?;
    }
    let [quote_volume, taker_base, taker_quote, _unused] =
        rest.decimals([br#","q":""#, br#","V":""#, br#","Q":""#, br#","B":""#])?;
    rest.literal(b"}}")?;
    if is_combined {
        rest.literal(b"}")?;
    }
    let fields = KlineFields {
        open_time,
        close_time,
        open,
        high,
        low,
        close,
        volume,
        quote_volume: Some(quote_volume),
        trades: Some(trades),
        taker_base: Some(taker_base),
        taker_quote: Some(taker_quote),
    };
    rest.0.is_empty().then_some(())?;
    Some(MarketKline {
        symbol,
        kline: Kline::new(interval, fields).ok()?,
        closed,
        event_time: Some(event_time),
        trade_ids: TradeIds::new(first_trade, last_trade),
        source: KlineSource::Socket,
    })
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Text of a known length, so that it is compared by words.
    #[inline]
    fn literal<const N: usize>(&mut self, expected: &[u8; N]) -> Option<()> {
        let (found, rest) = self.0.split_first_chunk::<N>()?;
        (found == expected).then(|| self.0 = rest)
    }

    /// Text up to its closing quote, which is passed; printable ASCII without escapes.
    #[inline]
    fn plain_text(&mut self) -> Option<&'a [u8]> {
        let mut end = 0;
        loop {
            // Eight at once, as for digits.
            let Some(eight) = self.0.get(end..).and_then(<[u8]>::first_chunk::<8>) else {
                end += self.0.get(end..)?.iter().position(|byte| !is_plain(*byte))?;
                break;
            };
            let plain = leading_plain(u64::from_le_bytes(*eight));
            end += plain;
            if plain < 8 {
                break;
            }
        }
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    /// The value of the digits that come next, and how many there are; at most 18. Eight at once, because how many there are
    /// can't be guessed by a processor.
    #[inline(always)]
    fn digits(&mut self) -> Option<(u64, usize)> {
        let (mut value, mut count) = (0_u64, 0);
        loop {
            let word = match self.0.first_chunk::<8>() {
                Some(eight) => u64::from_le_bytes(*eight),
                None => {
                    let mut eight = [0; 8];
                    eight[..self.0.len()].copy_from_slice(self.0);
                    u64::from_le_bytes(eight)
                }
            };
            let (next, length) = leading_digits(word);
            self.0 = &self.0[length..];
            count += length;
            if count > 18 {
                return None;
            }
            value = value * POWERS_OF_TEN[length] + next;
            if length < 8 || !self.0.first().is_some_and(u8::is_ascii_digit) {
                return (count > 0).then_some((value, count));
            }
        }
    }

    /// A whole number without sign, as JSON writes it.
    #[inline(always)]
    fn whole(&mut self) -> Option<i64> {
        let leads_with_zero = self.0.first() == Some(&b'0');
        let (value, count) = self.digits()?;
        if leads_with_zero && count > 1 { None } else { i64::try_from(value).ok() }
    }

    /// A trade's number, -1 if there was none.
    fn trade_number(&mut self) -> Option<i64> {
        let is_negative = self.literal(b"-").is_some();
        let number = self.whole()?;
        match is_negative {
            false => Some(number),
            true if number > 0 => Some(-number),
            true => None,
        }
    }

    /// Decimals in quotes, each after what stands before it.
    #[inline(always)]
    fn decimals<const N: usize>(&mut self, before: [&[u8; 6]; N]) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        for (number, before) in numbers.iter_mut().zip(before) {
            self.literal(before)?;
            *number = self.decimal()?;
        }
        Some(numbers)
    }

    /// A decimal of at most 7 digits and exactly 8 places, as the exchange writes nearly all of them. It has less than 53 bits, so
    /// that the quotient is the nearest `f64`, as in [`Rest::decimal`]. Reads nothing if it is another.
    #[inline(always)]
    fn eight_places(&mut self) -> Option<f64> {
        let (whole, count) = leading_digits(u64::from_le_bytes(*self.0.first_chunk::<8>()?));
        let (tail, rest) = self.0.get(count..)?.split_first_chunk::<10>()?;
        let [b'.', places @ .., b'"'] = tail else { return None };
        let (fraction, places) = leading_digits(u64::from_le_bytes(*places));
        if places != 8 || !(1..8).contains(&count) {
            return None;
        }
        self.0 = rest;
        Some((whole * 100_000_000 + fraction) as f64 / 1e8)
    }

    /// A decimal without sign up to its closing quote, which is passed: the nearest `f64`.
    #[inline(always)]
    fn decimal(&mut self) -> Option<f64> {
        if let Some(number) = self.eight_places() {
            return Some(number);
        }
        let begin = self.0;
        let (whole, whole_count) = self.digits()?;
        let (mut all, mut places) = (whole, 0);
        if self.literal(b".").is_some() {
            let (fraction, count) = self.digits()?;
            if whole_count + count > 19 {
                return None;
            }
            places = count;
            all = whole.checked_mul(*POWERS_OF_TEN.get(count)?)?.checked_add(fraction)?;
        }
        let length = begin.len() - self.0.len();
        self.literal(b"\"")?;
        while all >= 1 << 53 && places > 0 && all.is_multiple_of(10) {
            (all, places) = (all / 10, places - 1);
        }
        // Both numbers are exact, so that their quotient is rounded once: the nearest (Clinger, "How to Read Floating Point
        // Numbers Accurately", 1990).
        if all < 1 << 53 {
            return Some(all as f64 / POWERS[places.min(POWERS.len() - 1)]);
        }
        std::str::from_utf8(&begin[..length]).ok()?.parse().ok()
    }
}

/// By the number of digits: what a value is moved by.
const POWERS_OF_TEN: [u64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Whether a byte is printable ASCII that stands for itself in a JSON text.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// How many bytes at a word's beginning are plain, by [`is_plain`].
#[inline(always)]
fn leading_plain(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte is marked if it is 0; bytes after the first marked one may be marked wrongly, and are not looked at.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let is_quote = zeros(word ^ (ONES * u64::from(b'"')));
    let is_backslash = zeros(word ^ (ONES * u64::from(b'\\')));
    let is_control = word.wrapping_sub(ONES * u64::from(b' ')) & !word & HIGH;
    let is_beyond = (word.wrapping_add(ONES) | word) & HIGH;
    ((is_quote | is_backslash | is_control | is_beyond).trailing_zeros() / 8) as usize
}

/// The value of the digits that a word of text begins with, and how many they are. (Lemire, "Quickly parsing eight digits",
/// 2018, with what is no digit pushed out.)
#[inline(always)]
fn leading_digits(word: u64) -> (u64, usize) {
    let digits = word ^ 0x3030_3030_3030_3030;
    // The high bit of each byte above 9; bytes after the first of them may be marked wrongly, and are not looked at.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    let bits = others.trailing_zeros() & !7;
    // Low bytes are the digits in front: zeros come in there.
    let digits = digits.checked_shl(64 - bits).unwrap_or(0);
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff, (bits / 8) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_bytes_at_once_are_plain_as_one_by_one(
            bytes in prop::array::uniform8(prop_oneof![any::<u8>(), b' '..=b'~', Just(b'"'), Just(b'\\'), Just(0x7f_u8), Just(0x1f_u8)]),
        ) {
            let plain = bytes.iter().position(|byte| !is_plain(*byte)).unwrap_or(8);
            prop_assert_eq!(leading_plain(u64::from_le_bytes(bytes)), plain, "{:?}", bytes);
        }
    }
}
