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
    /// Made by klinecast of every trade of the bar, because the exchange told its kline in no other way.
    Trades,
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
            Self::Trades => "trades",
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
    /// The exchange's time at which it sent the frame, or by which it had given the REST answer; `None` for files.
    pub event_time: Option<Milliseconds>,
    /// The bar's trades, where the exchange tells.
    pub trade_ids: Option<TradeIds>,
    /// Where it came from.
    pub source: KlineSource,
}

/// The numbers of a bar's first and last trade. Those of consecutive bars of one market follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeIds {
    /// The first.
    pub first: i64,
    /// The last, not before the first.
    pub last: i64,
}

impl TradeIds {
    /// The numbers as the exchange writes them; it writes -1 for a bar without trades.
    #[must_use]
    pub fn new(first: i64, last: i64) -> Option<Self> {
        (0 <= first && first <= last).then_some(Self { first, last })
    }
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
    /// One of the sockets is down and is connected again after `wait`.
    Reconnecting {
        /// Which socket, from 0.
        line: usize,
        /// How many sockets are still open. What is closed meanwhile comes through them.
        open_lines: usize,
        /// 1 for the first try after a connection that worked.
        attempt: u32,
        /// How long it waits first.
        wait: Duration,
        /// Why, for people.
        reason: String,
    },
    /// One of the sockets is open.
    Opened {
        /// Which socket, from 0.
        line: usize,
        /// How many are open now.
        open_lines: usize,
    },
    /// A socket is open, what was missed has been fetched and delivered; from here on frames are live.
    Connected,
    /// Frames were held back for bars that can't be fetched now, and pass again. What is missing comes late.
    Released {
        /// Why, for people.
        reason: String,
    },
    /// The exchange's clock, asked for because the socket is quiet.
    Time(Milliseconds),
    /// Bars that were asked for and that the exchange does not have (or has in a form that cannot be read).
    Gap {
        /// The market.
        symbol: Symbol,
        /// First missing bar.
        from: BarTime,
        /// Last missing bar, at least `from`.
        to: BarTime,
    },
    /// Closed klines that were asked for apart from the order of delivery, to be taken in together.
    Late(Vec<MarketKline>),
    /// Closed bars were asked for again: the klines follow as events where they differ from what was delivered lately, all of
    /// them are here to be compared with what was used.
    Audited {
        /// The market.
        symbol: Symbol,
        /// Every closed kline that the exchange has now of the bars asked for, in order.
        klines: Vec<Kline>,
    },
    /// A back-fill moves on. Informative: dropped when the queue is full.
    BackfillProgress(BackfillProgress),
}
