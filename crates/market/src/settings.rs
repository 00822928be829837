//! Which exchange, which symbols, and how patiently.

use std::str::FromStr;
use std::time::Duration;

use kline::{Interval, Symbol};
use url::Url;

use crate::MarketError;
use crate::backoff::BackoffPolicy;

/// Binance's public market data by REST; needs no key.
pub const BINANCE_REST_URL: &str = "https://data-api.binance.vision";
/// Binance's public market data by websocket.
pub const BINANCE_WEBSOCKET_URL: &str = "wss://data-stream.binance.vision";
/// Binance's main REST address; answers 451 in some countries.
pub const BINANCE_API_REST_URL: &str = "https://api.binance.com";
/// Binance's main websocket address.
pub const BINANCE_STREAM_WEBSOCKET_URL: &str = "wss://stream.binance.com:9443";

/// When klines are made of trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradesUse {
    /// Never.
    Never,
    /// When a bar's end has passed by `overdue_close`, and neither a socket nor the klines endpoint tells its kline.
    Fallback,
}

/// A word that says no use of trades.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no use of trades; choose fallback or never")]
pub struct UnknownTradesUse(String);

impl FromStr for TradesUse {
    type Err = UnknownTradesUse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self::Never),
            "fallback" => Ok(Self::Fallback),
            other => Err(UnknownTradesUse(other.chars().take(64).collect())),
        }
    }
}

/// Bounds and patience. The defaults hold Binance's published limits.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeLimits {
    /// Request weight per minute and address (Binance: 6000).
    pub request_weight_per_minute: u32,
    /// Streams on one connection (Binance: 1024).
    pub streams_per_connection: usize,
    /// Connections that follow the same streams; what one misses the other brings.
    pub lines: usize,
    /// A connection is renewed after this long, one after the other (Binance closes it after 24 hours).
    pub connection_lifetime: Duration,
    /// Pause between two messages that we send on one socket (Binance allows 5 a second, pongs count).
    pub message_pause: Duration,
    /// Longest wait for a TCP, TLS and websocket handshake.
    pub connect_timeout: Duration,
    /// Longest wait for a whole REST answer.
    pub request_timeout: Duration,
    /// A socket without any message, pings included, for this long is taken for dead (Binance pings every 20 s).
    pub silent_socket: Duration,
    /// A socket without a kline frame for this much longer than another one is taken for deaf.
    pub deaf_socket: Duration,
    /// After this long without a kline frame the exchange's clock is asked.
    pub quiet_socket: Duration,
    /// The exchange's clock is asked at least this often.
    pub clock_check: Duration,
    /// Frames are held back at most this long while what was missed is fetched; then they pass, and the rest comes late.
    pub hold: Duration,
    /// How long a closing frame may be overdue before the bar is fetched by REST.
    pub overdue_close: Duration,
    /// When klines are made of trades (weight 4 for every 1000 aggregated trades of such a bar).
    pub trades: TradesUse,
    /// Tries of one REST request in a back-fill before it fails.
    pub request_attempts: u32,
    /// Waits between tries, for REST and for the socket.
    pub backoff: BackoffPolicy,
    /// Klines and frames held back while what was missed is fetched; beyond that they pass.
    pub buffered_frames: usize,
    /// How many of each symbol's last closed bars are asked for again, to be compared; 0 for none.
    pub audit_bars: u32,
    /// How often each symbol is audited, if `audits_per_minute` allows.
    pub audit_every: Duration,
    /// Most audits in a minute, over all symbols (weight 2 each).
    pub audits_per_minute: u32,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self {
            request_weight_per_minute: 6_000,
            streams_per_connection: 1_024,
            lines: 2,
            connection_lifetime: Duration::from_secs(23 * 3_600),
            message_pause: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(20),
            silent_socket: Duration::from_secs(60),
            deaf_socket: Duration::from_secs(60),
            quiet_socket: Duration::from_secs(3),
            clock_check: Duration::from_secs(60),
            hold: Duration::from_secs(20),
            overdue_close: Duration::from_secs(2),
            trades: TradesUse::Fallback,
            request_attempts: 5,
            backoff: BackoffPolicy::default(),
            buffered_frames: 100_000,
            audit_bars: 480,
            audit_every: Duration::from_secs(600),
            audits_per_minute: 300,
        }
    }
}

/// Where to get klines, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeSettings {
    /// Base address of the REST interface, for example [`BINANCE_REST_URL`].
    pub rest_url: String,
    /// Base address of the websocket interface, for example [`BINANCE_WEBSOCKET_URL`].
    pub websocket_url: String,
    /// The markets.
    pub symbols: Vec<Symbol>,
    /// The bar length.
    pub interval: Interval,
    /// Bounds and patience.
    pub limits: ExchangeLimits,
}

impl ExchangeSettings {
    /// Binance's public market-data addresses.
    #[must_use]
    pub fn binance(symbols: Vec<Symbol>, interval: Interval) -> Self {
        Self::at(BINANCE_REST_URL, BINANCE_WEBSOCKET_URL, symbols, interval)
    }

    /// Another exchange that speaks the same protocol, for example the simulated one.
    #[must_use]
    pub fn at(rest_url: &str, websocket_url: &str, symbols: Vec<Symbol>, interval: Interval) -> Self {
        Self {
            rest_url: rest_url.to_owned(),
            websocket_url: websocket_url.to_owned(),
            symbols,
            interval,
            limits: ExchangeLimits::default(),
        }
    }

    /// Checks both addresses.
    ///
    /// # Errors
    /// [`MarketError::Address`] naming the one that cannot be used.
    pub fn validate(&self) -> Result<(), MarketError> {
        parse_address("rest", &self.rest_url, &["http", "https"])?;
        parse_address("websocket", &self.websocket_url, &["ws", "wss"])?;
        Ok(())
    }
}

/// Reads a base address and strips its trailing slash.
pub(crate) fn parse_address(
    what: &'static str,
    text: &str,
    schemes: &'static [&'static str],
) -> Result<Url, MarketError> {
    let refuse = |problem: String| MarketError::Address { what, address: text.to_owned(), problem };
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| refuse(error.to_string()))?;
    if !schemes.contains(&url.scheme()) {
        return Err(refuse(format!("its scheme is not {}", schemes.join(" or "))));
    }
    if url.host().is_none() {
        return Err(refuse("it names no host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(MarketError::Address {
            what,
            address: format!("{}://…", url.scheme()),
            problem: "it holds a user name or password".to_owned(),
        });
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binance_addresses_are_valid() {
        assert_eq!(ExchangeSettings::binance(Vec::new(), Interval::M15).validate(), Ok(()));
        let other = ExchangeSettings::at(
            BINANCE_API_REST_URL,
            BINANCE_STREAM_WEBSOCKET_URL,
            Vec::new(),
            Interval::M15,
        );
        assert_eq!(other.validate(), Ok(()));
    }

    #[test]
    fn a_wrong_address_is_named_and_secrets_are_not_repeated() {
        let at = |rest: &str| {
            let settings = ExchangeSettings::at(rest, BINANCE_WEBSOCKET_URL, Vec::new(), Interval::M15);
            settings.validate().map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        assert!(at("localhost:80").contains("localhost:80"));
        assert!(at("ws://x").contains("http or https"));
        assert!(!at("http://user:secret@x").contains("secret"));
    }
}
