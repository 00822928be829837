//! Live klines into the engine, and the exchange of one source for another when other symbols are to be followed.

use std::collections::BTreeMap;
use std::time::Duration;

use forecast::Forecaster;
use kline::{BarTime, Milliseconds, Symbol};
use market::live::Missing;
use market::{ExchangeSettings, LiveSource, MarketError, MarketEvent};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::change::{self, FollowRequests, Prepared};
use super::history::HistoryReader;
use super::line;
use crate::clock::wall_time;
use crate::engine_thread::Command;
use crate::followed::Followed;
use crate::reason::{Reason, Refusal};
use crate::state::ExchangeState;
use crate::telemetry::metrics as names;

/// How many events of a source may wait. At the bound the socket is not read.
const QUEUE_EVENTS: usize = 8_192;

/// How long a source's tasks may take to end.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// A source and what it tells.
struct Feed {
    source: LiveSource,
    events: mpsc::Receiver<MarketEvent>,
}

impl Feed {
    fn spawn(
        exchange: &ExchangeSettings,
        reader: &HistoryReader,
        last: &BTreeMap<Symbol, BarTime>,
    ) -> Result<Self, MarketError> {
        let (sender, events) = mpsc::channel(QUEUE_EVENTS);
        let source = LiveSource::spawn(exchange.clone(), reader.client.clone(), last, sender)?;
        Ok(Self { source, events })
    }
}

/// What happened.
enum Happened {
    Event(Option<MarketEvent>),
    /// Of the feed that is about to go.
    OldEvent(Option<MarketEvent>),
    Missing(Missing),
    Asked(change::Request),
    Prepared(Option<Prepared>),
}

/// Follows the exchange live.
pub(super) struct Live {
    /// Which exchange, which symbols.
    pub(super) exchange: ExchangeSettings,
    /// Histories of symbols that are followed anew.
    pub(super) reader: HistoryReader,
    /// How long bars wait for late klines.
    pub(super) max_lateness_ms: Milliseconds,
    /// The engine's queue.
    pub(super) engine: mpsc::Sender<Command>,
    /// Ranges that the engine wants.
    pub(super) ranges: mpsc::Receiver<Missing>,
    /// Which symbols are followed after a restart.
    pub(super) followed: Followed,
    /// Asked-for changes of it.
    pub(super) requests: FollowRequests,
}

impl Live {
    /// Feeds live klines to the engine until `stop` or until the engine has ended.
    pub(super) async fn run(
        mut self,
        last: &BTreeMap<Symbol, BarTime>,
        stop: CancellationToken,
    ) -> Result<(), MarketError> {
        let mut feed = Feed::spawn(&self.exchange, &self.reader, last)?;
        // Goes on until the one after it is connected, so that no frame is missed between them.
        let mut old: Option<Feed> = None;
        let mut preparing: Option<JoinHandle<Option<Prepared>>> = None;
        loop {
            let happened = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = feed.events.recv() => Happened::Event(event),
                event = of_old(&mut old), if old.is_some() => Happened::OldEvent(event),
                Some(missing) = self.ranges.recv() => Happened::Missing(missing),
                prepared = of_preparation(&mut preparing), if preparing.is_some() => Happened::Prepared(prepared),
                Some(request) = self.requests.0.recv(), if preparing.is_none() => Happened::Asked(request),
            };
            let command = match happened {
                Happened::Event(None) => break,
                Happened::Event(Some(event)) => {
                    if matches!(event, MarketEvent::Connected)
                        && let Some(old) = old.take()
                    {
                        tokio::spawn(old.source.stop(STOP_WAIT));
                    }
                    self.command(event)
                }
                Happened::OldEvent(Some(event)) => self.command_of_old(event),
                Happened::OldEvent(None) => {
                    old = None;
                    None
                }
                Happened::Missing(missing) => {
                    want(&feed.source, missing);
                    None
                }
                Happened::Asked(request) => {
                    let symbols = self.exchange.symbols.clone();
                    let prepare =
                        change::prepare(self.reader.clone(), symbols, self.max_lateness_ms, request);
                    preparing = Some(tokio::spawn(prepare));
                    None
                }
                Happened::Prepared(prepared) => {
                    preparing = None;
                    if let Some(prepared) = prepared
                        && let Some(next) = self.switch(prepared).await
                    {
                        old = Some(std::mem::replace(&mut feed, next));
                    }
                    None
                }
            };
            if let Some(command) = command
                && self.engine.send(command).await.is_err()
            {
                break;
            }
        }
        feed.source.stop(STOP_WAIT).await;
        if let Some(preparing) = preparing {
            preparing.abort();
        }
        Ok(())
    }

    /// Lets a prepared Forecaster take over and follows its symbols; the feed that does so.
    async fn switch(&mut self, prepared: Prepared) -> Option<Feed> {
        let Prepared { forecaster, symbols, last, reply } = prepared;
        let exchange = ExchangeSettings { symbols: symbols.clone(), ..self.exchange.clone() };
        let switched = match Feed::spawn(&exchange, &self.reader, &last) {
            Ok(next) => self.take_over(forecaster, &symbols).await.map(|()| next),
            Err(error) => Err(Refusal::new(Reason::Internal, error)),
        };
        match switched {
            Ok(next) => {
                tracing::info!(symbols = symbols.len(), "other symbols are followed now");
                self.exchange = exchange;
                // The one who asked may have gone.
                let _ = reply.send(Ok(symbols));
                Some(next)
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
                None
            }
        }
    }

    /// Notes the symbols for the next start, then lets the Forecaster take over.
    async fn take_over(&mut self, forecaster: Box<Forecaster>, symbols: &[Symbol]) -> Result<(), Refusal> {
        self.followed.follow(symbols).map_err(|problem| {
            tracing::error!(%problem, "the symbols are not changed");
            Refusal::new(Reason::StoreFailed, "the symbols cannot be kept for the next start")
        })?;
        let stopping = || Refusal::new(Reason::Draining, "the server is stopping");
        let (done, finished) = oneshot::channel();
        self.engine.send(Command::Succeed { forecaster, done }).await.map_err(|_| stopping())?;
        finished.await.map_err(|_| stopping())
    }

    /// What an event of a feed that is about to go asks of the engine: klines that are still followed.
    fn command_of_old(&self, event: MarketEvent) -> Option<Command> {
        let is_followed = |symbol: Symbol| self.exchange.symbols.binary_search(&symbol).is_ok();
        match event {
            MarketEvent::Kline(received) if is_followed(received.symbol) => Some(Command::Kline(received)),
            MarketEvent::Late(mut klines) => {
                klines.retain(|kline| is_followed(kline.symbol));
                Some(Command::Late(klines))
            }
            MarketEvent::Audited { symbol, klines } if is_followed(symbol) => {
                Some(Command::Audited { symbol, klines })
            }
            _ => None,
        }
    }

    /// What an event asks of the engine; changes of the line are shown.
    fn command(&self, event: MarketEvent) -> Option<Command> {
        match event {
            MarketEvent::Kline(received) => Some(Command::Kline(received)),
            MarketEvent::Late(klines) => {
                names::count_backfilled(klines.len());
                Some(Command::Late(klines))
            }
            MarketEvent::Audited { symbol, klines } => Some(Command::Audited { symbol, klines }),
            MarketEvent::Time(time) => {
                names::show_clock_offset(time - wall_time());
                Some(Command::Time(time))
            }
            MarketEvent::Opened { line, open_lines } => {
                tracing::info!(line, open_lines, "a socket to the exchange is open");
                names::show_lines(open_lines);
                None
            }
            MarketEvent::Connected => {
                tracing::info!("following the exchange live");
                line::show(&self.reader.shared, ExchangeState::Live, None);
                None
            }
            MarketEvent::Reconnecting { line, open_lines, attempt, wait, reason } => {
                tracing::warn!(
                    line,
                    open_lines,
                    attempt,
                    wait_ms = wait.as_millis(),
                    reason,
                    "a socket to the exchange is down"
                );
                names::count_reconnect();
                names::show_lines(open_lines);
                if open_lines == 0 {
                    line::show(&self.reader.shared, ExchangeState::Reconnecting, Some(reason));
                }
                None
            }
            MarketEvent::Released { reason } => {
                tracing::warn!(reason, "missing bars cannot be fetched now and will come late");
                names::count_alarm("catch_up_released");
                None
            }
            MarketEvent::Gap { symbol, from, to } => {
                tracing::warn!(%symbol, %from, %to, "the exchange does not have these bars");
                names::count_alarm("exchange_gap");
                let (interval, now) = (self.reader.interval, self.reader.shared.exchange_time());
                self.reader.shared.gaps.lack(Missing { symbol, from, to }, interval, now);
                self.reader.keep_gaps();
                None
            }
            MarketEvent::BackfillProgress(progress) => {
                tracing::debug!(symbol = %progress.symbol, bars_done = progress.bars_done, "catching up");
                None
            }
        }
    }
}

async fn of_old(old: &mut Option<Feed>) -> Option<MarketEvent> {
    old.as_mut()?.events.recv().await
}

/// What came of a preparation; one that failed by a fault of ours has told the one who asked by hanging up.
async fn of_preparation(preparing: &mut Option<JoinHandle<Option<Prepared>>>) -> Option<Prepared> {
    match preparing.as_mut()?.await {
        Ok(prepared) => prepared,
        Err(error) => {
            tracing::error!(%error, "a change of the symbols ended by a fault");
            None
        }
    }
}

fn want(source: &LiveSource, missing: Missing) {
    if !source.want(missing) {
        names::count_alarm("fetch_dropped");
        tracing::warn!(symbol = %missing.symbol, from = %missing.from, to = %missing.to, "a missing range was not fetched, too many wait");
    }
}
