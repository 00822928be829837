//! Names of streams: `btcusdt@kline_15m`, `btcusdt@aggTrade`.

use kline::{Interval, Symbol};

/// The most streams that one connection may follow.
pub(crate) const MOST_STREAMS: usize = 1_024;

/// What a kline stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KlineStream {
    pub(crate) symbol: Symbol,
    pub(crate) interval: Interval,
}

impl KlineStream {
    /// Reads a name. `None` for what is no kline stream in lower case: the exchange takes such subscriptions and
    /// never sends anything.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (symbol, interval) = name.split_once("@kline_")?;
        if symbol.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        Some(Self { symbol: symbol.parse().ok()?, interval: interval.parse().ok()? })
    }

    /// The stream's name.
    pub(crate) fn name(self) -> String {
        format!("{}@kline_{}", self.symbol.to_lowercase(), self.interval)
    }
}

/// The pair of a stream of aggregated trades. `None` for what is no such stream.
pub(crate) fn trade_stream(name: &str) -> Option<Symbol> {
    let symbol = name.strip_suffix("@aggTrade")?;
    if symbol.bytes().any(|byte| byte.is_ascii_uppercase()) { None } else { symbol.parse().ok() }
}

/// Whether bars of `long` are made of whole bars of `base`.
pub(crate) const fn divides(base: Interval, long: Interval) -> bool {
    long.milliseconds() % base.milliseconds() == 0
}

/// Whether a text could be a stream's name at all.
pub(crate) fn is_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"@_!:+-.".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case() {
        let stream = KlineStream::parse("btcusdt@kline_15m");
        assert_eq!(stream.map(KlineStream::name), Some("btcusdt@kline_15m".to_owned()));
        for name in ["BTCUSDT@kline_15m", "btcusdt@kline_7m", "btcusdt@trade", "btcusdt"] {
            assert_eq!(KlineStream::parse(name), None, "{name}");
        }
        assert_eq!(
            trade_stream("btcusdt@aggTrade").map(|symbol| symbol.to_string()),
            Some("BTCUSDT".to_owned())
        );
        for name in ["BTCUSDT@aggTrade", "btcusdt@aggtrade", "btcusdt@trade", "@aggTrade"] {
            assert_eq!(trade_stream(name), None, "{name}");
        }
        assert!(is_name("!miniTicker@arr") && !is_name("") && !is_name("a\"b"));
    }
}
