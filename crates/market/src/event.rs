//! What a source says: klines, and everything about its own state. Disconnects are values, not errors.

use std::time::Duration;

use kline::{BarTime, Kline, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};

/// Where a kline came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlineSource {
    /// A websocket frame.
    Socket,
    /// A REST answer.
    Rest,
    /// A file that the exchange publishes.
    Archive,
    /// A recorded file, or the store.
    Replay,
}

impl KlineSource {
    /// The name in answers and labels, for example `socket`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Rest => "rest",
            Self::Archive => "archive",
            Self::Replay => "replay",
        }
    }
}

/// One kline as a source delivered it.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketKline {
    /// The market.
    pub symbol: Symbol,
    /// The checked values.
    pub kline: Kline,
    /// Whether the bar has ended; a forming kline still changes.
    pub closed: bool,
    /// The exchange's time at which it sent the frame; `None` for REST and files.
    pub event_time: Option<Milliseconds>,
    /// Where it came from.
    pub source: KlineSource,
}

/// How far a back-fill of one symbol has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillProgress {
    /// The market.
    pub symbol: Symbol,
    /// Bars passed so far, whether the exchange had them or not.
    pub bars_done: u64,
    /// Bars asked for.
    pub bars_total: u64,
}

/// What a live source tells its owner, in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum MarketEvent {
    /// A kline. Closed ones come in bar order over all symbols of a connection and without doubles; a second
    /// one for the same bar differs in some value (a correction).
    Kline(MarketKline),
    /// The source is not connected and tries again after `wait`.
    Reconnecting {
        /// 1 for the first try after a connection that worked.
        attempt: u32,
        /// How long it waits first.
        wait: Duration,
        /// Why, for people.
        reason: String,
    },
    /// The socket is open, what was missed has been fetched and delivered; from here on frames are live.
    Connected,
    /// The exchange's clock, asked for because the socket is quiet.
    Time(Milliseconds),
    /// Bars that the exchange closed but does not have (or has in a form that cannot be read). They will not come.
    Gap {
        /// The market.
        symbol: Symbol,
        /// First missing bar.
        from: BarTime,
        /// Last missing bar, at least `from`.
        to: BarTime,
    },
    /// A back-fill moves on. Informative: dropped when the queue is full.
    BackfillProgress(BackfillProgress),
}
