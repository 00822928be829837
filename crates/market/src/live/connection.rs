//! The socket: one task that connects, follows and connects again.

use std::collections::VecDeque;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use kline::{Interval, Kline, Milliseconds, Symbol};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Missing, Repair, Settled};
use crate::backoff::Backoff;
use crate::binance::frame::{Frame, decode};
use crate::binance::stream::{combined_address, subscriptions};
use crate::{BackfillProgress, ExchangeSettings, MarketError, MarketEvent, RestClient, backfill};

/// No valid frame is longer.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Symbols that are back-filled at the same time.
const FETCHES_MAX: usize = 4;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a session ended.
enum End {
    /// Nobody receives the events any more.
    ReceiverGone,
    /// The exchange said that it is about to close the connection.
    Shutdown,
    /// Anything else.
    Broken(MarketError),
}

impl From<MarketError> for End {
    fn from(error: MarketError) -> Self {
        Self::Broken(error)
    }
}

/// What the one request in the background brings.
enum Work {
    Fetched { result: Result<Fetched, MarketError>, newest_is_final: bool },
    Time(Result<Milliseconds, MarketError>),
}

struct Fetched {
    now: Milliseconds,
    klines: Vec<(Missing, Vec<Kline>)>,
}

/// The owner of one connection and of its symbols' order of delivery.
pub(super) struct Follower {
    settings: ExchangeSettings,
    client: RestClient,
    repair: Repair,
    events: mpsc::Sender<MarketEvent>,
}

impl Follower {
    pub(super) fn new(
        settings: &ExchangeSettings,
        symbols: &[Symbol],
        client: RestClient,
        repair: Repair,
        events: mpsc::Sender<MarketEvent>,
    ) -> Self {
        let settings = ExchangeSettings { symbols: symbols.to_vec(), ..settings.clone() };
        Self { settings, client, repair, events }
    }

    /// Follows until nobody receives. Safe to cancel.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.settings.limits.backoff);
        loop {
            let mut worked = false;
            let end = match self.session(&mut worked).await {
                Ok(never) => match never {},
                Err(end) => end,
            };
            if worked {
                backoff.reset();
            }
            let wait = backoff.next_wait(rand::random());
            let (wait, reason) = match end {
                End::ReceiverGone => return,
                End::Shutdown if worked => (Duration::ZERO, "the exchange closes this connection".to_owned()),
                End::Shutdown => (wait, "the exchange closes this connection".to_owned()),
                End::Broken(error) => (patience(&error, wait, &self.settings), error.to_string()),
            };
            let attempt = backoff.attempt();
            tracing::warn!(attempt, wait_ms = wait.as_millis(), reason, "reconnecting");
            if self.events.send(MarketEvent::Reconnecting { attempt, wait, reason }).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.events.closed() => return,
            }
        }
    }

    async fn session(&mut self, worked: &mut bool) -> Result<std::convert::Infallible, End> {
        let socket = connect(&self.settings).await?;
        self.repair.hold();
        let now = Instant::now();
        let mut session = Session {
            outbox: subscriptions(&self.settings.symbols, self.settings.interval).into(),
            follower: self,
            socket,
            work: None,
            last_message: now,
            last_kline: now,
            heard: false,
            overdue: None,
            worked,
        };
        session.fetch(false);
        session.run().await
    }
}

/// A terminal fault is not tried again in a hurry, and a limit is kept.
fn patience(error: &MarketError, wait: Duration, settings: &ExchangeSettings) -> Duration {
    match error {
        MarketError::RateLimited { wait: asked, .. } => wait.max(*asked),
        error if error.is_terminal() => settings.limits.backoff.longest,
        _ => wait,
    }
}

/// One open socket.
struct Session<'a> {
    follower: &'a mut Follower,
    socket: Socket,
    /// Subscription requests still to be sent, one a tick.
    outbox: VecDeque<String>,
    work: Option<BoxFuture<'static, Work>>,
    last_message: Instant,
    last_kline: Instant,
    /// Whether a kline frame has come since a missing close was last fetched.
    heard: bool,
    /// A bar whose closing frame is awaited, and since when.
    overdue: Option<(kline::BarTime, Instant)>,
    /// Set once everything was delivered and frames pass through.
    worked: &'a mut bool,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, End> {
        let mut ticks = interval(self.follower.settings.limits.message_pause.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // At the bound the socket is not read: the exchange's own buffers fill, then it disconnects us.
            let room = self.follower.repair.held_frames() < self.follower.settings.limits.buffered_frames;
            tokio::select! {
                biased;
                _ = ticks.tick() => self.tick(room).await?,
                work = finished(&mut self.work), if self.work.is_some() => self.finish(work).await?,
                message = self.socket.next(), if room => self.message(message).await?,
            }
        }
    }

    async fn message(&mut self, message: Option<Result<Message, SocketError>>) -> Result<(), End> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(MarketError::Socket(error.to_string()).into()),
            None => return Err(MarketError::Socket("the exchange closed it".to_owned()).into()),
        };
        self.last_message = Instant::now();
        match message {
            Message::Text(text) => self.frame(text.as_bytes()).await,
            Message::Binary(bytes) => self.frame(&bytes).await,
            // The library has queued the pong with the same payload; it only has to leave.
            Message::Ping(_) => self.bounded(None).await,
            Message::Close(frame) => {
                let reason = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                Err(MarketError::Socket(format!("the exchange closed it{reason}")).into())
            }
            Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn frame(&mut self, text: &[u8]) -> Result<(), End> {
        let mut events = Vec::new();
        match decode(text, self.follower.settings.interval) {
            Ok(Frame::Kline(frame)) => {
                self.last_kline = self.last_message;
                self.heard = true;
                if self.follower.repair.take(frame, &mut events) {
                    self.fetch(false);
                }
            }
            Ok(Frame::ServerShutdown) => return Err(End::Shutdown),
            Ok(Frame::Response { error: Some(message), .. }) => {
                let request = "SUBSCRIBE".to_owned();
                return Err(MarketError::Refused { request, status: 200, code: 0, message }.into());
            }
            Ok(Frame::Response { error: None, .. } | Frame::Other) => {}
            Err(error) => tracing::warn!(%error, "a malformed frame is left out"),
        }
        self.deliver(events).await
    }

    /// Sends what is due and looks at the clocks.
    async fn tick(&mut self, reading: bool) -> Result<(), End> {
        if let Some(request) = self.outbox.pop_front() {
            self.bounded(Some(Message::text(request))).await?;
        }
        let limits = &self.follower.settings.limits;
        let (silent, quiet, patience) = (limits.silent_socket, limits.quiet_socket, limits.overdue_close);
        if reading && self.last_message.elapsed() > silent {
            let problem = format!("no message for {} s", silent.as_secs());
            return Err(MarketError::Socket(problem).into());
        }
        let now = Instant::now();
        let overdue = self.follower.repair.overdue();
        match (overdue, self.overdue) {
            (Some(bar), Some((awaited, since))) if bar == awaited => {
                if now - since >= patience && !self.follower.repair.is_holding() {
                    self.follower.repair.hold();
                    self.overdue = None;
                    self.fetch(true);
                }
            }
            (bar, _) => self.overdue = bar.map(|bar| (bar, now)),
        }
        if self.work.is_none() && self.last_kline.elapsed() > quiet {
            self.last_kline = now;
            let client = self.follower.client.clone();
            self.work = Some(async move { Work::Time(client.server_time().await) }.boxed());
        }
        Ok(())
    }

    /// Begins to fetch what is missing, in place of any other request.
    fn fetch(&mut self, newest_is_final: bool) {
        let client = self.follower.client.clone();
        let repair = self.follower.repair.clone();
        let interval = self.follower.settings.interval;
        let events = self.follower.events.clone();
        let fetch = async move {
            let result = fetch(client, repair, interval, events).await;
            Work::Fetched { result, newest_is_final }
        };
        self.work = Some(fetch.boxed());
    }

    async fn finish(&mut self, work: Work) -> Result<(), End> {
        self.work = None;
        let mut events = Vec::new();
        match work {
            Work::Time(Ok(now)) if now >= self.follower.repair.clock() => {
                self.follower.repair.tell_time(now);
                events.push(MarketEvent::Time(now));
            }
            Work::Time(Ok(_)) => {}
            Work::Time(Err(error)) => tracing::warn!(%error, "the exchange's clock cannot be read"),
            Work::Fetched { result, newest_is_final } => {
                let Fetched { now, klines } = result?;
                let brought = klines.iter().any(|(_, klines)| !klines.is_empty());
                let deaf = newest_is_final && brought && !self.heard;
                self.heard &= !newest_is_final;
                self.follower.repair.tell_time(now);
                match self.follower.repair.settle(klines, newest_is_final, &mut events) {
                    Settled::Again => self.fetch(false),
                    Settled::Complete if !*self.worked => {
                        *self.worked = true;
                        events.push(MarketEvent::Connected);
                    }
                    Settled::Complete => {}
                }
                if deaf {
                    self.deliver(events).await?;
                    let problem = "it sends no klines although the exchange closes bars".to_owned();
                    return Err(MarketError::Socket(problem).into());
                }
            }
        }
        self.deliver(events).await
    }

    /// Hands events on; a full queue holds everything back. That time is not the socket's fault.
    async fn deliver(&mut self, events: Vec<MarketEvent>) -> Result<(), End> {
        let begun = Instant::now();
        for event in events {
            self.follower.events.send(event).await.map_err(|_| End::ReceiverGone)?;
        }
        let held_back = begun.elapsed();
        self.last_message += held_back;
        self.last_kline += held_back;
        Ok(())
    }

    /// Sends a message, or only what is queued, within the time of a handshake.
    async fn bounded(&mut self, message: Option<Message>) -> Result<(), End> {
        let send = async {
            match message {
                Some(message) => self.socket.send(message).await,
                None => self.socket.flush().await,
            }
        };
        let sent = timeout(self.follower.settings.limits.connect_timeout, send).await;
        let problem = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the exchange does not read what we send".to_owned(),
        };
        Err(MarketError::Socket(problem).into())
    }
}

async fn finished(work: &mut Option<BoxFuture<'static, Work>>) -> Work {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Asks for the exchange's clock and for every missing bar. Bars whose answer cannot be read count as not there.
async fn fetch(
    client: RestClient,
    mut repair: Repair,
    interval: Interval,
    events: mpsc::Sender<MarketEvent>,
) -> Result<Fetched, MarketError> {
    let now = retry_time(&client).await?;
    repair.tell_time(now);
    let fetches = repair.missing().into_iter().map(|missing| {
        let (client, events) = (client.clone(), events.clone());
        async move {
            let progress = |progress: BackfillProgress| {
                if progress.bars_total > 1 {
                    // Informative only: a full queue may drop it.
                    let _ = events.try_send(MarketEvent::BackfillProgress(progress));
                }
            };
            let (from, to) = (missing.from.open_time(interval), missing.to.milliseconds() + 1);
            match backfill(&client, missing.symbol, interval, from, to, progress).await {
                Ok(klines) => Ok((missing, klines)),
                Err(error @ MarketError::Malformed { .. }) => {
                    tracing::warn!(%error, symbol = %missing.symbol, "bars cannot be read and become a gap");
                    Ok((missing, Vec::new()))
                }
                Err(error) => Err(error),
            }
        }
    });
    let mut answers = futures::stream::iter(fetches).buffered(FETCHES_MAX);
    let mut klines = Vec::new();
    while let Some(answer) = answers.next().await {
        klines.push(answer?);
    }
    Ok(Fetched { now, klines })
}

async fn retry_time(client: &RestClient) -> Result<Milliseconds, MarketError> {
    let mut backoff = Backoff::new(client.limits().backoff);
    loop {
        match client.server_time().await {
            Err(error) if error.is_retryable() => {
                let wait = backoff.next_wait(rand::random());
                if backoff.attempt() >= client.limits().request_attempts {
                    return Err(error);
                }
                tokio::time::sleep(wait).await;
            }
            answer => return answer,
        }
    }
}

async fn connect(settings: &ExchangeSettings) -> Result<Socket, MarketError> {
    let address = combined_address(&settings.websocket_url, &settings.symbols, settings.interval);
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let connecting = connect_async_with_config(address, Some(config), true);
    let unreachable = |problem| MarketError::Unreachable { address: settings.websocket_url.clone(), problem };
    match timeout(settings.limits.connect_timeout, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(SocketError::Http(response))) => match response.status().as_u16() {
            status @ (403 | 451) => {
                Err(MarketError::Forbidden { address: settings.websocket_url.clone(), status })
            }
            status @ (418 | 429) => {
                let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let seconds = after.and_then(|text| text.trim().parse().ok()).unwrap_or(60);
                Err(MarketError::RateLimited { status, wait: Duration::from_secs(seconds) })
            }
            status => Err(unreachable(format!("the handshake was answered with http {status}"))),
        },
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable("no handshake in time".to_owned())),
    }
}
