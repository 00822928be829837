//! The exchange's name of a market.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseError;

const CAPACITY: usize = 20;

/// A market's name as the exchange writes it, for example `BTCUSDT`: 1 to 20 characters, checked once, copied
/// freely.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Symbol {
    bytes: [u8; CAPACITY],
    length: u8,
}

impl Symbol {
    /// The name in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }

    /// The name in lower case, as the exchange's stream names write it.
    #[must_use]
    pub fn to_lowercase(self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Symbol {
    type Err = ParseError;

    /// Reads a name in either case.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let (mut bytes, mut all_valid) = ([0; CAPACITY], true);
        for (slot, byte) in bytes.iter_mut().zip(text.bytes()) {
            all_valid &= valid(byte);
            *slot = byte.to_ascii_uppercase();
        }
        if text.is_empty() || text.len() > CAPACITY || !all_valid {
            return Err(ParseError::Symbol(text.chars().take(64).collect()));
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most CAPACITY, checked above")]
        let length = text.len() as u8;
        Ok(Self { bytes, length })
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.as_str().to_owned()
    }
}

impl TryFrom<String> for Symbol {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_either_case_and_sort_by_name() {
        let parse = |text: &str| text.parse::<Symbol>();
        assert_eq!(parse("btcusdt"), parse("BTCUSDT"));
        assert_eq!(parse("btcusdt").map(Symbol::to_lowercase), Ok("btcusdt".to_owned()));
        assert!(parse("ADAUSDT").ok() < parse("BTCUSDT").ok());
        assert!(parse("BTC").ok() < parse("BTCUSDT").ok());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "BTC/USDT", "BTC USDT", "BTCUSDTBTCUSDTBTCUSDT", "ÄUSDT", "../../x/y"] {
            assert!(text.parse::<Symbol>().is_err(), "{text:?}");
        }
    }
}
