//! What moves bytes for a feed: opens its sockets, sends its requests, keeps its clock.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kline::{Interval, Kline, Milliseconds};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Missing;
use super::feed::{Action, Feed, Input, LineId};
use super::socket::{Heard, Socket};
use crate::trades::TradedKline;
use crate::{
    BackfillProgress, ExchangeSettings, MarketError, MarketEvent, RestClient, TradedBar, backfill,
    kline_of_trades,
};

/// Symbols that are back-filled at the same time.
const FETCHES_MAX: usize = 4;

/// What the sockets have heard and the feed has not yet. At the bound the sockets are not read.
const QUEUE_HEARD: usize = 1_024;

/// What the request in the background brings.
enum Work {
    Told(Result<Milliseconds, MarketError>),
    Fetched(Vec<Result<Vec<Kline>, MarketError>>),
    Traded(Vec<Result<Option<TradedKline>, MarketError>>),
}

/// Nobody receives the events any more.
struct ReceiverGone;

/// The owner of a feed and of its sockets.
pub(super) struct Driver {
    settings: ExchangeSettings,
    client: RestClient,
    feed: Feed,
    wanted: mpsc::Receiver<Missing>,
    events: mpsc::Sender<MarketEvent>,
    sockets: BTreeMap<LineId, Socket>,
    /// What the sockets tell, and a way in for new ones.
    heard: mpsc::Receiver<(LineId, Heard)>,
    telling: mpsc::Sender<(LineId, Heard)>,
    work: Option<BoxFuture<'static, Work>>,
    actions: Vec<Action>,
}

impl Driver {
    pub(super) fn new(
        settings: ExchangeSettings,
        client: RestClient,
        feed: Feed,
        wanted: mpsc::Receiver<Missing>,
        events: mpsc::Sender<MarketEvent>,
    ) -> Self {
        let (telling, heard) = mpsc::channel(QUEUE_HEARD);
        let (sockets, work, actions) = (BTreeMap::new(), None, Vec::new());
        Self { settings, client, feed, wanted, events, sockets, heard, telling, work, actions }
    }

    /// Follows until nobody receives. Safe to cancel.
    pub(super) async fn run(mut self) {
        self.take(Input::Wake);
        while self.act().await.is_ok() {
            let wake_at = self.feed.wake_at();
            // What was heard comes before what the clock says about not having heard.
            tokio::select! {
                biased;
                () = self.events.closed() => return,
                Some((id, heard)) = self.heard.recv() => self.hear(id, heard),
                work = finished(&mut self.work), if self.work.is_some() => {
                    self.work = None;
                    self.take(match work {
                        Work::Told(told) => Input::Told(told),
                        Work::Fetched(results) => Input::Fetched(results),
                        Work::Traded(results) => Input::Traded(results),
                    });
                }
                Some(missing) = self.wanted.recv() => self.take(Input::Wanted(missing)),
                () = sleep_until(wake_at) => self.take(Input::Wake),
            }
        }
    }

    fn hear(&mut self, id: LineId, heard: Heard) {
        match heard {
            Heard::Opened => self.take(Input::Opened(id)),
            Heard::Text(text) => self.take(Input::Text(id, text.as_bytes())),
            Heard::Bytes(bytes) => self.take(Input::Text(id, &bytes)),
            Heard::Alive => self.take(Input::Alive(id)),
            Heard::Ended(error) => {
                self.sockets.remove(&id);
                self.take(Input::Ended(id, error));
            }
        }
    }

    fn take(&mut self, input: Input<'_>) {
        self.feed.take(Instant::now(), input, &mut self.actions);
    }

    /// Does what the feed says. A full queue of events holds everything back.
    async fn act(&mut self) -> Result<(), ReceiverGone> {
        for action in std::mem::take(&mut self.actions) {
            match action {
                Action::Connect(id) => {
                    let socket = Socket::spawn(id, &self.settings, self.telling.clone());
                    self.sockets.insert(id, socket);
                }
                Action::Close(id) => drop(self.sockets.remove(&id)),
                Action::Send(id, text) => {
                    if let Some(socket) = self.sockets.get(&id) {
                        socket.send(text);
                    }
                }
                Action::AskTime => {
                    let client = self.client.clone();
                    self.work = Some(async move { Work::Told(client.server_time().await) }.boxed());
                }
                Action::Fetch(ranges) => {
                    let fetched =
                        fetch(self.client.clone(), ranges, self.settings.interval, self.events.clone());
                    self.work = Some(fetched.boxed());
                }
                Action::FetchTrades(bars) => {
                    let made = make(self.client.clone(), bars, self.settings.interval);
                    self.work = Some(made.boxed());
                }
                Action::Tell(event) => self.events.send(event).await.map_err(|_| ReceiverGone)?,
            }
        }
        Ok(())
    }
}

async fn finished(work: &mut Option<BoxFuture<'static, Work>>) -> Work {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Makes klines of trades, several at a time.
async fn make(client: RestClient, bars: Vec<TradedBar>, interval: Interval) -> Work {
    let made = bars.into_iter().map(|bar| {
        let client = client.clone();
        async move { kline_of_trades(&client, bar, interval).await }
    });
    Work::Traded(futures::stream::iter(made).buffered(FETCHES_MAX).collect().await)
}

/// Fetches ranges, several at a time.
async fn fetch(
    client: RestClient,
    ranges: Vec<Missing>,
    interval: Interval,
    events: mpsc::Sender<MarketEvent>,
) -> Work {
    let fetches = ranges.into_iter().map(|Missing { symbol, from, to }| {
        let (client, events) = (client.clone(), events.clone());
        async move {
            let progress = |progress: BackfillProgress| {
                if progress.bars_total > 1 {
                    // Informative only: a full queue may drop it.
                    let _ = events.try_send(MarketEvent::BackfillProgress(progress));
                }
            };
            let (start, end) = (from.open_time(interval), to.milliseconds() + 1);
            backfill(&client, symbol, interval, start, end, progress).await
        }
    });
    Work::Fetched(futures::stream::iter(fetches).buffered(FETCHES_MAX).collect().await)
}
