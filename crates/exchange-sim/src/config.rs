//! What an exchange is started with.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::{FaultPlan, Listing};

/// Where the klines come from.
#[derive(Debug, Clone)]
pub enum MarketSource {
    /// Recorded klines, per symbol in order of time. Those before the start are history, those after it are
    /// replayed.
    Recorded(BTreeMap<Symbol, Vec<Kline>>),
    /// The synthetic market of [`synthetic::PAIRS`](crate::synthetic::PAIRS). The same seed is the same market
    /// at every moment, whatever the start.
    Synthetic {
        /// Which market.
        seed: u64,
        /// How many days before the start can be asked for.
        history_days: u32,
    },
}

/// Everything that an exchange needs to know; the two constructors fill in usual values.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// The source of klines.
    pub market: MarketSource,
    /// The length of the source's bars. Longer intervals are answered by adding bars up.
    pub interval: Interval,
    /// Exchange seconds for one second of the wall; 0 replays as fast as the subscribers read, without loss,
    /// once every stream of `interval` is subscribed to.
    pub speed: f64,
    /// The exchange's time at the moment of starting.
    pub start: Milliseconds,
    /// Address to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Request weight that one minute of the wall allows.
    pub request_weight_limit: u32,
    /// Time of the wall between two pings on a websocket; on a virtual exchange, of its own time.
    /// [`Duration::MAX`] is never.
    pub ping_interval: Duration,
    /// Time of the exchange between two frames of a forming kline, in milliseconds; `None` sends none. A running
    /// exchange sends them no more often than every 250 milliseconds of the wall.
    pub forming_every: Option<Milliseconds>,
    /// When symbols come and go; those without a listing are always traded. A recorded symbol whose klines end
    /// more than a week before the others' is delisted then.
    pub listings: Vec<Listing>,
    /// How a running exchange misbehaves.
    pub faults: Option<FaultPlan>,
}

impl ExchangeConfig {
    /// The default start of a synthetic market: 2025-06-01 00:00 UTC.
    pub const DEFAULT_START: Milliseconds = 1_748_736_000_000;

    /// The synthetic market of `seed` with 180 days of history, in real time, on a free port of loopback.
    #[must_use]
    pub fn synthetic(seed: u64) -> Self {
        Self::with(MarketSource::Synthetic { seed, history_days: 180 }, Self::DEFAULT_START)
    }

    /// Recorded 15-minute klines replayed from `start`, in real time, on a free port of loopback.
    #[must_use]
    pub fn recorded(klines: BTreeMap<Symbol, Vec<Kline>>, start: Milliseconds) -> Self {
        Self::with(MarketSource::Recorded(klines), start)
    }

    fn with(market: MarketSource, start: Milliseconds) -> Self {
        Self {
            market,
            interval: Interval::M15,
            speed: 1.0,
            start,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            request_weight_limit: 6_000,
            ping_interval: Duration::from_secs(20),
            forming_every: Some(2_000),
            listings: Vec::new(),
            faults: None,
        }
    }
}
