//! Why the exchange could not be asked or its answer not be used.

use std::time::Duration;

use kline::{BarTime, Symbol};

use crate::binance::DecodeError;
use crate::trades::TradeFault;

/// A failed request, connection or setting.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MarketError {
    /// A base address that cannot be used.
    #[error("the exchange's {what} address {address:?} cannot be used: {problem}")]
    Address {
        /// `rest` or `websocket`.
        what: &'static str,
        /// As it was given (without credentials).
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client could not be made.
    #[error("no https client could be made: {0}; install the system's ca-certificates")]
    Client(String),
    /// No connection, a broken one, or no answer in time.
    #[error("the exchange at {address} cannot be reached: {problem}")]
    Unreachable {
        /// The base address.
        address: String,
        /// The transport's own words.
        problem: String,
    },
    /// 429 or 418: too many requests.
    #[error("the exchange limits our requests (http {status}); it asks to wait {} s", wait.as_secs())]
    RateLimited {
        /// 429, or 418 for a ban.
        status: u16,
        /// From `Retry-After`.
        wait: Duration,
    },
    /// 451, or 403 from the exchange's firewall: it does not serve this place.
    #[error(
        "the exchange at {address} refuses to serve this location (http {status}); use {fallback} or a network elsewhere",
        fallback = crate::BINANCE_REST_URL
    )]
    Forbidden {
        /// The base address.
        address: String,
        /// 451 or 403.
        status: u16,
    },
    /// The exchange understood and refused the request, for example an unknown symbol.
    #[error("the exchange refused {request} (http {status}, code {code}): {message}")]
    Refused {
        /// Path and query.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The exchange's own code, for example -1121.
        code: i64,
        /// The exchange's own words.
        message: String,
    },
    /// The exchange is at fault.
    #[error("the exchange failed on {request} (http {status})")]
    Server {
        /// Path and query.
        request: String,
        /// The HTTP status, 500 to 599.
        status: u16,
    },
    /// An answer longer than any valid one.
    #[error("the answer to {request} is longer than {limit} bytes")]
    TooLong {
        /// Path and query.
        request: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// An answer that cannot be read.
    #[error("the answer to {request} is malformed: {source}")]
    Malformed {
        /// Path and query.
        request: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Trades of which no kline can be made.
    #[error("the trades of {symbol} in the bar of {bar} make no kline: {source}")]
    Trades {
        /// The market.
        symbol: Symbol,
        /// The bar.
        bar: BarTime,
        /// Why.
        source: TradeFault,
    },
    /// More trades in one bar than are fetched.
    #[error("{symbol} has more than {limit} aggregated trades in the bar of {bar}; no kline is made of them")]
    TooManyTrades {
        /// The market.
        symbol: Symbol,
        /// The bar.
        bar: BarTime,
        /// The bound.
        limit: usize,
    },
    /// The websocket ended.
    #[error("the socket ended: {0}")]
    Socket(String),
}

impl MarketError {
    /// Whether the same request may succeed later without anyone changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::RateLimited { .. }
                | Self::Server { .. }
                | Self::Socket(_)
                // What is no JSON at all is a gateway's page, not the exchange's answer.
                | Self::Malformed { source: DecodeError::Json(_), .. }
        )
    }

    /// Whether someone must act before it can succeed: a wrong address, a refused location or request.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Address { .. } | Self::Client(_) | Self::Forbidden { .. } | Self::Refused { .. })
    }
}
