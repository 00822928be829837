//! The name of a prediction in one word that people can copy.

use std::fmt;
use std::str::FromStr;

use forecast::{BundleDigest, Prediction};
use kline::{Milliseconds, Symbol};

/// The beginning of a bundle's digest in hexadecimal; may be empty, which every digest begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePrefix(String);

/// A text that no digest begins with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bundle {text:?} is not the beginning of a digest; give up to 64 hexadecimal digits")]
pub struct PrefixError {
    /// The text, cut after 80 characters.
    text: String,
}

impl BundlePrefix {
    /// Whether a digest begins like this.
    #[must_use]
    pub fn fits(&self, digest: BundleDigest) -> bool {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0.bytes().zip(0..).all(|(digit, place): (u8, usize)| {
            let byte = digest.0.get(place / 2).copied().unwrap_or_default();
            let half = if place % 2 == 0 { byte >> 4 } else { byte & 15 };
            DIGITS[usize::from(half)] == digit
        })
    }
}

impl FromStr for BundlePrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() <= 64 && is_hexadecimal {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(PrefixError { text: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for BundlePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `SYMBOL:BAR_TIME_MS:BUNDLE:REVISION`, as much of it as was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionId {
    /// The market.
    pub symbol: Symbol,
    /// The close of the bar, in Unix milliseconds.
    pub bar_time_ms: Milliseconds,
    /// How the bundle's digest begins.
    pub bundle: BundlePrefix,
    /// The revision; `None` means the last.
    pub revision: Option<u32>,
}

/// A text that names no prediction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "prediction id {text:?} cannot be read; write SYMBOL:BAR_TIME_MS:BUNDLE or SYMBOL:BAR_TIME_MS:BUNDLE:REVISION, as predictions show it"
)]
pub struct PredictionIdError {
    /// The text, cut after 160 characters.
    text: String,
}

impl PredictionId {
    /// The id of a prediction, with the first twelve digits of its bundle.
    #[must_use]
    pub fn of(prediction: &Prediction) -> Self {
        Self {
            symbol: prediction.symbol,
            bar_time_ms: prediction.bar_time.milliseconds(),
            bundle: BundlePrefix(prediction.bundle.short()),
            revision: Some(prediction.revision),
        }
    }
}

impl fmt::Display for PredictionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.symbol, self.bar_time_ms, self.bundle)?;
        self.revision.map_or(Ok(()), |revision| write!(f, ":{revision}"))
    }
}

impl FromStr for PredictionId {
    type Err = PredictionIdError;

    fn from_str(text: &str) -> Result<Self, PredictionIdError> {
        let mut parts = text.split(':');
        let read = || {
            let symbol = parts.next()?.parse().ok()?;
            let bar_time_ms = parts.next()?.parse().ok()?;
            let bundle: BundlePrefix = parts.next()?.parse().ok()?;
            let revision = parts.next().map(str::parse).transpose().ok()?;
            let is_whole = parts.next().is_none() && !bundle.0.is_empty();
            is_whole.then_some(Self { symbol, bar_time_ms, bundle, revision })
        };
        let mut read = read;
        read().ok_or_else(|| PredictionIdError { text: text.chars().take(160).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prediction;

    #[test]
    fn an_id_reads_back_and_parts_may_be_left_out() {
        let made = prediction("BTCUSDT", 5, 2);
        let id = PredictionId::of(&made);
        assert_eq!(id.to_string(), "BTCUSDT:5399999:070707070707:2");
        assert_eq!(id.to_string().parse(), Ok(id));
        let short: PredictionId = "btcusdt:5399999:07".parse().expect("readable");
        assert_eq!((short.symbol, short.revision), (made.symbol, None));
        for text in [
            "",
            "BTCUSDT",
            "BTCUSDT:5399999",
            "BTCUSDT:x:07:1",
            "BTCUSDT:1:07:1:1",
            "BTCUSDT:1::1",
            "BTCUSDT:1:zz",
        ] {
            assert!(text.parse::<PredictionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_fits_digests_that_begin_with_it() {
        let digest = BundleDigest::of(b"x");
        let text = digest.to_string();
        for digits in [0, 1, 7, 12, 64] {
            assert!(
                text[..digits].to_uppercase().parse::<BundlePrefix>().is_ok_and(|prefix| prefix.fits(digest))
            );
        }
        let other = if text.starts_with('0') { "1" } else { "0" };
        assert!(other.parse::<BundlePrefix>().is_ok_and(|prefix| !prefix.fits(digest)));
        assert!("0".repeat(65).parse::<BundlePrefix>().is_err());
    }
}
