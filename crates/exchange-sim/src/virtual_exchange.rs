//! The exchange without sockets, threads and clocks: a caller moves its time and takes what leaves it.

use std::collections::{BTreeMap, BTreeSet};

use kline::{Kline, Milliseconds, Symbol};

use crate::faults::{FaultEntry, FaultPlan};
use crate::manners::{Ending, Manners};
use crate::path::scramble;
use crate::venue::{Asked, Drive, Parcel, Venue, What};
use crate::{Answer, ExchangeConfig, ExchangeError, LineId};

/// How long the answer to a command takes.
const REPLY: Milliseconds = 20;
/// How long a handshake that is never answered is waited for by whoever stands between.
const GATEWAY: Milliseconds = 30_000;

/// Something that arrives at a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When, in the exchange's true time.
    pub at: Milliseconds,
    /// On which connection.
    pub line: LineId,
    /// What.
    pub what: Delivered,
}

/// What arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// A text: a frame, the answer to a command, or what a fault has made of it.
    Text(String),
    /// A ping, to be answered by [`VirtualExchange::pong`].
    Ping,
    /// The exchange has closed the connection.
    Closed {
        /// The websocket's code.
        code: u16,
        /// The exchange's words.
        reason: String,
    },
    /// The connection has been dropped.
    Reset,
}

/// The whole exchange as a state machine. The same configuration, plan and calls give the same bytes.
///
/// ```
/// use exchange_sim::{Delivered, ExchangeConfig, FaultPlan, VirtualExchange};
///
/// // No pings: a client that does not answer them is closed after three.
/// let ping_interval = std::time::Duration::MAX;
/// let config = ExchangeConfig { ping_interval, ..ExchangeConfig::synthetic(7) };
/// let mut exchange = VirtualExchange::new(config, FaultPlan::none())?;
/// let line = exchange.connect("/ws/btcusdt@kline_15m").map_err(|answer| format!("status {}", answer.status))?;
/// let mut deliveries = Vec::new();
/// exchange.advance(exchange.now() + 901_000, &mut deliveries);
/// let closed = deliveries.iter().filter(|delivery| {
///     delivery.line == line && matches!(&delivery.what, Delivered::Text(text) if text.contains(r#""x":true"#))
/// });
/// assert_eq!(closed.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VirtualExchange {
    venue: Venue,
    ping_every: Milliseconds,
    manners: BTreeMap<LineId, Manners>,
    pings: BTreeSet<(Milliseconds, LineId)>,
    parcels: Vec<Parcel>,
    requests: u64,
}

impl VirtualExchange {
    /// An exchange whose time stands at the configured start. The configured speed, address and faults are not
    /// looked at.
    ///
    /// # Errors
    /// A start outside the recorded klines or before the synthetic market; an interval shorter than the synthetic
    /// market's bars; a listing of an unknown symbol; a rate of faults that is none.
    pub fn new(config: ExchangeConfig, faults: FaultPlan) -> Result<Self, ExchangeError> {
        let drive = Drive { speed: 1.0, fragments: false, forming_every: config.forming_every };
        let ping_every =
            Milliseconds::try_from(config.ping_interval.as_millis()).unwrap_or(Milliseconds::MAX);
        Ok(Self {
            venue: Venue::new(&config, faults, drive, config.start)?,
            ping_every: ping_every.max(1),
            manners: BTreeMap::new(),
            pings: BTreeSet::new(),
            parcels: Vec::new(),
            requests: 0,
        })
    }

    /// The true time; the exchange's own clock may jump.
    #[must_use]
    pub fn now(&self) -> Milliseconds {
        self.venue.now()
    }

    /// Opens a websocket at `/ws`, `/ws/STREAM/STREAM` or `/stream?streams=STREAM/STREAM`.
    ///
    /// # Errors
    /// The HTTP answer that the handshake gets in place of a websocket.
    pub fn connect(&mut self, path_and_query: &str) -> Result<LineId, Answer> {
        let never = || Answer { after: GATEWAY, ..Answer::text(504, "Gateway Timeout".to_owned()) };
        let line = self
            .venue
            .connect(path_and_query, self.venue.now())
            .map_err(|answer| answer.map_or_else(never, |answer| self.taking_time(answer)))?;
        self.manners.insert(line, Manners::default());
        self.pings.insert((self.venue.now().saturating_add(self.ping_every), line));
        Ok(line)
    }

    /// Sends a text: a command, whose answer arrives as a [`Delivery`].
    pub fn send(&mut self, line: LineId, text: &str) {
        if self.heard(line)
            && let Some(reply) = self.venue.command(line, text)
        {
            self.venue.reply_at(line, reply, self.venue.now() + REPLY);
        }
    }

    /// Answers a ping.
    pub fn pong(&mut self, line: LineId) {
        if self.heard(line)
            && let Some(manners) = self.manners.get_mut(&line)
        {
            manners.pong();
        }
    }

    /// The client closes its end.
    pub fn disconnect(&mut self, line: LineId) {
        self.venue.disconnect(line);
        self.manners.remove(&line);
    }

    /// Asks a REST route, for example `/api/v3/time`. `None` is a request that is never answered: how long to wait
    /// is the caller's decision.
    pub fn request(&mut self, path_and_query: &str) -> Option<Answer> {
        let now = self.venue.now();
        let answer = self.venue.request(path_and_query, Asked { at: now, client_time: now });
        self.requests += 1;
        answer.map(|answer| self.taking_time(answer))
    }

    /// When the next thing happens. There is always one: bars end for ever, though recorded klines do not.
    #[must_use]
    pub fn next_at(&self) -> Milliseconds {
        let ping = self.pings.first().map_or(Milliseconds::MAX, |(at, _)| *at);
        let waiting = if self.parcels.is_empty() { Milliseconds::MAX } else { self.venue.now() };
        self.venue.next_at().min(ping).min(waiting)
    }

    /// Moves the time on and adds everything that arrives until then, in order.
    pub fn advance(&mut self, to: Milliseconds, deliveries: &mut Vec<Delivery>) {
        while let Some((at, line)) = self.pings.first().copied().filter(|(at, _)| *at <= to) {
            self.venue.advance(at, &mut self.parcels);
            self.deliver(deliveries);
            self.pings.pop_first();
            self.ping(line, at, deliveries);
        }
        self.venue.advance(to, &mut self.parcels);
        self.deliver(deliveries);
    }

    /// The klines that open in `[from, to_exclusive)` and have closed, as REST answers them in the end.
    #[must_use]
    pub fn truth(&self, symbol: Symbol, from: Milliseconds, to_exclusive: Milliseconds) -> Vec<Kline> {
        self.venue.truth(symbol, (from, to_exclusive)).to_vec()
    }

    /// Every fault that was injected so far, in the order in which they began to show.
    #[must_use]
    pub fn log(&self) -> &[FaultEntry] {
        self.venue.log()
    }

    /// Whether the recorded klines are at their end and all of them have been sent; never on a synthetic market.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.venue.ended()
    }

    /// Takes notice of a message; a client that sends too many is closed.
    fn heard(&mut self, line: LineId) -> bool {
        let now = self.venue.now();
        match self.manners.get_mut(&line).map(|manners| manners.message(now)) {
            Some(Ok(())) => self.venue.speaks(line),
            Some(Err(ending)) => {
                self.close(line, ending);
                false
            }
            None => false,
        }
    }

    fn ping(&mut self, line: LineId, at: Milliseconds, deliveries: &mut Vec<Delivery>) {
        let Some(manners) = self.manners.get_mut(&line).filter(|_| self.venue.speaks(line)) else {
            return;
        };
        match manners.ping() {
            Ok(()) => {
                deliveries.push(Delivery { at, line, what: Delivered::Ping });
                self.pings.insert((at.saturating_add(self.ping_every), line));
            }
            Err(ending) => {
                self.close(line, ending);
                self.deliver(deliveries);
            }
        }
    }

    /// Closes a connection, unless nothing leaves on it any more.
    fn close(&mut self, line: LineId, ending: Ending) {
        if self.venue.speaks(line) {
            self.venue.end(line, What::Close(ending), &mut self.parcels);
        }
    }

    fn deliver(&mut self, deliveries: &mut Vec<Delivery>) {
        for Parcel { at, line, what } in self.parcels.drain(..) {
            let what = match what {
                What::Text(text, _) => Delivered::Text(text),
                What::Close(Ending { code, reason }) => Delivered::Closed { code, reason: reason.to_owned() },
                What::Reset => Delivered::Reset,
                What::Mute => continue,
            };
            if !matches!(what, Delivered::Text(_)) {
                self.manners.remove(&line);
            }
            deliveries.push(Delivery { at, line, what });
        }
    }

    fn taking_time(&self, mut answer: Answer) -> Answer {
        let drawn = scramble(self.requests ^ self.venue.now().cast_unsigned()) % 90;
        answer.after = 30 + Milliseconds::try_from(drawn).unwrap_or(0);
        answer
    }
}
