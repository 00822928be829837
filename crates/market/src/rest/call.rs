//! Requests as data, and what their answers mean. Pure.

use std::time::Duration;

use kline::{Interval, Kline, Milliseconds, Symbol};

use super::PAGE_ROWS;
use crate::MarketError;
use crate::binance::DecodeError;
use crate::binance::rest::{ExchangeInfo, decode_exchange_info, decode_klines, decode_refusal, decode_time};
use crate::binance::trade::decode_agg_trades;
use crate::trades::AggTrade;

/// When a 429 or 418 does not say how long to wait.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(60);

/// No longer wish to wait is believed: a ban lasts three days at most.
const RETRY_AFTER_MAX_SECONDS: u64 = 3 * 86_400;

/// The wait of a `Retry-After` header, bounded so that no number from outside can overflow a clock.
#[must_use]
pub(crate) fn retry_after(text: &str) -> Option<Duration> {
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_MAX_SECONDS)))
}

/// Weights of the requests that are made. Source: Binance spot API, "Market Data endpoints".
mod weight {
    pub(super) const TIME: u32 = 1;
    pub(super) const KLINES: u32 = 2;
    pub(super) const AGG_TRADES: u32 = 4;
    pub(super) const EXCHANGE_INFO: u32 = 20;
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestCall {
    path: &'static str,
    query: Vec<(&'static str, String)>,
    weight: u32,
    /// For error messages.
    what: String,
}

/// An answer as it came, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestReply {
    /// The HTTP status.
    pub status: u16,
    /// The exchange's count of the present minute (`X-MBX-USED-WEIGHT-1M`).
    pub used_weight: Option<u32>,
    /// How long the exchange asks to wait (`Retry-After`, in seconds).
    pub retry_after: Option<Duration>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl RestCall {
    /// Asks for the exchange's clock.
    #[must_use]
    pub fn time() -> Self {
        let path = "/api/v3/time";
        Self { path, query: Vec::new(), weight: weight::TIME, what: path.to_owned() }
    }

    /// Asks for the exchange's markets; `symbols` empty means all.
    #[must_use]
    pub fn exchange_info(symbols: &[Symbol]) -> Self {
        let path = "/api/v3/exchangeInfo";
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let query = match names.as_slice() {
            [] => Vec::new(),
            [name] => vec![("symbol", (*name).to_owned())],
            names => vec![("symbols", format!("[\"{}\"]", names.join("\",\"")))],
        };
        Self { path, query, weight: weight::EXCHANGE_INFO, what: path.to_owned() }
    }

    /// Asks for the klines that open in `from..to_exclusive` (milliseconds), at most the first [`PAGE_ROWS`] of them.
    #[must_use]
    pub fn klines(
        symbol: Symbol,
        interval: Interval,
        from: Milliseconds,
        to_exclusive: Milliseconds,
    ) -> Self {
        let path = "/api/v3/klines";
        let query = vec![
            ("symbol", symbol.to_string()),
            ("interval", interval.to_string()),
            ("startTime", from.to_string()),
            ("endTime", (to_exclusive - 1).to_string()),
            ("limit", PAGE_ROWS.to_string()),
        ];
        Self { path, query, weight: weight::KLINES, what: format!("{path} of {symbol} {interval}") }
    }

    /// Asks for the aggregated trades of a time and later, at most the first [`PAGE_ROWS`] of them.
    #[must_use]
    pub fn agg_trades_since(symbol: Symbol, from: Milliseconds) -> Self {
        Self::agg_trades(symbol, "startTime", from)
    }

    /// Asks for the aggregated trades of a number and above, at most the first [`PAGE_ROWS`] of them.
    #[must_use]
    pub fn agg_trades_from(symbol: Symbol, id: i64) -> Self {
        Self::agg_trades(symbol, "fromId", id)
    }

    fn agg_trades(symbol: Symbol, first: &'static str, value: i64) -> Self {
        let path = "/api/v3/aggTrades";
        let query = vec![
            ("symbol", symbol.to_string()),
            (first, value.to_string()),
            ("limit", PAGE_ROWS.to_string()),
        ];
        Self { path, query, weight: weight::AGG_TRADES, what: format!("{path} of {symbol}") }
    }

    /// The path, for example `/api/v3/time`.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Names and values of the query, not yet encoded.
    #[must_use]
    pub fn query(&self) -> &[(&'static str, String)] {
        &self.query
    }

    /// Path and query as they stand in an address.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        let query = query.finish();
        if query.is_empty() { self.path.to_owned() } else { format!("{}?{query}", self.path) }
    }

    /// How much of the minute's budget it takes.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// The body of an answer that is one, or what is wrong; `address` is the base address, for messages.
    ///
    /// # Errors
    /// [`MarketError`] by the status.
    pub fn judge(&self, reply: RestReply, address: &str) -> Result<Vec<u8>, MarketError> {
        let (request, status) = (self.path.to_owned(), reply.status);
        match (status, decode_refusal(&reply.body)) {
            (200..=299, _) => Ok(reply.body),
            (418 | 429, _) => {
                let wait = reply.retry_after.unwrap_or(RETRY_AFTER_DEFAULT);
                Err(MarketError::RateLimited { status, wait })
            }
            (451, _) | (403, None) => Err(MarketError::Forbidden { address: address.to_owned(), status }),
            (500..=599, _) => Err(MarketError::Server { request, status }),
            (_, Some((code, message))) => Err(MarketError::Refused { request, status, code, message }),
            (_, None) => {
                let message = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
                Err(MarketError::Refused { request, status, code: 0, message })
            }
        }
    }

    /// Reads the answer to [`RestCall::time`].
    ///
    /// # Errors
    /// [`MarketError::Malformed`].
    pub fn read_time(&self, body: &[u8]) -> Result<Milliseconds, MarketError> {
        self.read(body, decode_time)
    }

    /// Reads the answer to [`RestCall::exchange_info`].
    ///
    /// # Errors
    /// [`MarketError::Malformed`].
    pub fn read_exchange_info(&self, body: &[u8]) -> Result<ExchangeInfo, MarketError> {
        self.read(body, decode_exchange_info)
    }

    /// Reads the answer to [`RestCall::klines`].
    ///
    /// # Errors
    /// [`MarketError::Malformed`].
    pub fn read_klines(
        &self,
        body: &[u8],
        symbol: Symbol,
        interval: Interval,
    ) -> Result<Vec<Kline>, MarketError> {
        self.read(body, |bytes| decode_klines(bytes, interval, symbol))
    }

    /// Reads the answer to [`RestCall::agg_trades_since`] and [`RestCall::agg_trades_from`].
    ///
    /// # Errors
    /// [`MarketError::Malformed`].
    pub fn read_agg_trades(&self, body: &[u8], symbol: Symbol) -> Result<Vec<AggTrade>, MarketError> {
        self.read(body, |bytes| decode_agg_trades(bytes, symbol))
    }

    fn read<T>(
        &self,
        body: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, MarketError> {
        decode(body).map_err(|source| MarketError::Malformed { request: self.what.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wish_to_wait_overflows_a_clock() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&u64::MAX.to_string()), Some(Duration::from_secs(3 * 86_400)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
