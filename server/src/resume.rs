//! Where a subscriber stands, in one word that it gives back to go on from there.

use std::fmt;
use std::str::FromStr;

use kline::Milliseconds;
use store::{ChainHash, ChainPlace};

/// A place in the journal. It chooses what is read, never what may be read, so that a forged or an old one harms nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumeToken {
    /// Everything up to this number of the journal's chain was sent.
    pub number: i64,
    /// The beginning of that record's hash: another journal has another.
    fingerprint: u64,
    /// The bar of the event, or the watermark of a heartbeat: where to go on in another journal. 0 before the first.
    pub bar_time_ms: Milliseconds,
}

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resume token {text:?} is none; give one as an event carried it, or leave it out")]
pub struct ResumeTokenError {
    /// The text, cut after 64 characters.
    text: String,
}

impl ResumeToken {
    /// The token of a place in the journal.
    #[must_use]
    pub const fn of(place: ChainPlace, bar_time_ms: Milliseconds) -> Self {
        Self { number: place.number, fingerprint: fingerprint(place.hash), bar_time_ms }
    }

    /// Whether a place of that number is the one that the token means.
    #[must_use]
    pub const fn is_of(&self, place: ChainPlace) -> bool {
        self.number == place.number && self.fingerprint == fingerprint(place.hash)
    }
}

const fn fingerprint(hash: ChainHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = hash.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{:016x}.{}", self.number, self.fingerprint, self.bar_time_ms)
    }
}

impl FromStr for ResumeToken {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, ResumeTokenError> {
        let read = || {
            let mut parts = text.strip_prefix("1.")?.split('.');
            let number = parts.next()?.parse().ok()?;
            let fingerprint = u64::from_str_radix(parts.next()?, 16).ok()?;
            let bar_time_ms = parts.next()?.parse().ok()?;
            let token = Self { number, fingerprint, bar_time_ms };
            // One text a token: no signs, no zeros before, nothing after.
            (token.number >= 0 && token.bar_time_ms >= 0 && token.to_string() == text).then_some(token)
        };
        read().ok_or_else(|| ResumeTokenError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_knows_its_record() {
        let mut hash = [7; 32];
        let place = ChainPlace { number: 12, hash: ChainHash(hash) };
        let token = ResumeToken::of(place, 1_764_201_599_999);
        assert_eq!(token.to_string(), "1.12.0707070707070707.1764201599999");
        assert_eq!(token.to_string().parse(), Ok(token));
        assert!(token.is_of(place));
        hash[7] = 8;
        assert!(!token.is_of(ChainPlace { number: 12, hash: ChainHash(hash) }), "another journal's");
        assert!(!token.is_of(ChainPlace { number: 13, ..place }));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = "1.".repeat(1_000);
        let texts = [
            "",
            "1",
            "1.",
            "1.1",
            "1.1.1",
            "1.1.0000000000000001",
            "1.1.0000000000000001.-5",
            "1.-1.0000000000000001.5",
            "1.01.0000000000000001.5",
            "1.+1.0000000000000001.5",
            "1.1.1.5",
            "1.1.000000000000000G.5",
            "1.1.0000000000000001.5.",
            "2.1.0000000000000001.5",
            "1.1.\u{0}.5",
            "1.99999999999999999999.0000000000000001.5",
            " 1.1.0000000000000001.5",
            &long,
        ];
        for text in texts {
            let refused = text.parse::<ResumeToken>();
            assert!(refused.is_err_and(|error| error.text.len() <= 64), "{text}");
        }
        assert!("1.1.0000000000000001.5".parse::<ResumeToken>().is_ok());
    }
}
