//! Binance's error answers.

use serde_json::json;

use crate::Answer;

/// Why a request is refused. Codes and texts are those of the real exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A parameter with characters that it cannot have.
    Characters(&'static str),
    /// A mandatory parameter that was not sent.
    Missing(&'static str),
    /// Parameters that exclude one another.
    Combination,
    /// An interval that is not offered.
    Interval,
    /// A symbol that is not traded.
    Symbol,
    /// A parameter out of its range.
    Invalid(&'static str),
    /// The minute's weight is used up; `retry_after` in seconds.
    TooManyRequests { retry_after: i64, limit: u32 },
    /// A path that is not offered.
    UnknownRoute,
}

impl Failure {
    fn code(self) -> i32 {
        match self {
            Self::TooManyRequests { .. } => -1003,
            Self::Characters(_) => -1100,
            Self::Missing(_) => -1102,
            Self::Interval => -1120,
            Self::Symbol => -1121,
            Self::Combination => -1128,
            Self::Invalid(_) => -1130,
            Self::UnknownRoute => -1000,
        }
    }

    fn message(self) -> String {
        match self {
            Self::Characters(name) => format!("Illegal characters found in parameter '{name}'."),
            Self::Missing(name) => {
                format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
            }
            Self::Combination => "Combination of optional parameters invalid.".to_owned(),
            Self::Interval => "Invalid interval.".to_owned(),
            Self::Symbol => "Invalid symbol.".to_owned(),
            Self::Invalid(name) => format!("Data sent for parameter '{name}' is not valid."),
            Self::TooManyRequests { limit, .. } => format!(
                "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
            ),
            Self::UnknownRoute => {
                "Path not found; this exchange offers /api/v3/ping, time, exchangeInfo, klines and aggTrades."
                    .to_owned()
            }
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let status = match failure {
            Failure::TooManyRequests { .. } => 429,
            Failure::UnknownRoute => 404,
            _ => 400,
        };
        let body = json!({ "code": failure.code(), "msg": failure.message() });
        let answer = Self::json(status, body.to_string());
        match failure {
            Failure::TooManyRequests { retry_after, .. } => answer.with("retry-after", retry_after),
            _ => answer,
        }
    }
}
