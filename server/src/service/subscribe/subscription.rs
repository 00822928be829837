//! One open subscription: what it tells next.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use forecast::Prediction;
use kline::{BarTime, Interval, Symbol};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

use super::{Announcement, Delivery, Event, Key, PAGE, key};
use crate::access::Lease;
use crate::encoded::Encoded;
use crate::reason::{Reason, Refusal};
use crate::resume::ResumeToken;
use crate::selection::Selection;
use crate::state::Shared;
use crate::stores::Stores;
use crate::subscribers::{Heard, Listener, Published};

/// One open subscription.
#[derive(Debug)]
pub struct Subscription {
    /// The tasks that were asked for.
    pub selection: Selection,
    /// The symbols that are wanted, sorted; `None` is all.
    pub(super) wanted: Option<Vec<Symbol>>,
    pub(super) shared: Arc<Shared>,
    pub(super) stores: Stores,
    /// Turns at reading the journal.
    pub(super) turns: Arc<Semaphore>,
    pub(super) interval: Interval,
    pub(super) listener: Listener,
    pub(super) nowcasts: Option<Listener>,
    pub(super) delivery: Delivery,
    /// Everything up to here was told, or is not wanted. `None` while the journal is empty.
    pub(super) position: Option<ResumeToken>,
    /// The journal is read from this number on before the ring.
    pub(super) after: Option<i64>,
    /// What the journal has of earlier bars is left out, until all of it is read.
    pub(super) oldest: Option<BarTime>,
    /// What the ring tells of up to this number was read from the journal.
    pub(super) caught_up_to: i64,
    pub(super) first: VecDeque<Arc<Published>>,
    /// What of `first` may still come from the ring, which hears of a prediction a little after the table.
    pub(super) sent: HashSet<Key>,
    /// The newest bar of `first`: once the ring has gone past it, nothing of `first` comes any more.
    pub(super) newest: Option<BarTime>,
    pub(super) pulse: Pulse,
    /// The right to be told more.
    pub(super) lease: Lease,
}

/// What has come in.
enum Input {
    Published(Heard),
    Nowcast(Heard),
    Draining,
    Silence,
    Gone,
}

impl Subscription {
    /// The same, for as long as this right holds.
    #[must_use]
    pub fn by(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    /// Waits for what comes next; `None` when the server stops. Safe to cancel: nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        let before = self.position;
        let event = self.next_event().await?;
        if let Err(refusal) = self.lease.check() {
            self.position = before;
            return Some(self.event(Announcement::Ended(refusal)));
        }
        Some(event)
    }

    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(published) = self.first.pop_front() {
                if self.wants(published.prediction()) {
                    return Some(self.tell(published));
                }
                continue;
            }
            if let Some(after) = self.after {
                if let Err(refusal) = self.read_on(after).await {
                    return Some(self.event(Announcement::Ended(refusal)));
                }
                continue;
            }
            let told = match self.hear().await {
                Input::Published(Heard::Prediction(published)) => self.take(published),
                Input::Published(Heard::Lagged(count)) => self.lag(count),
                Input::Nowcast(Heard::Prediction(published)) => {
                    self.wants(published.prediction()).then(|| self.tell(published))
                }
                // Of a nowcast only the latest says anything.
                Input::Nowcast(Heard::Lagged(_)) => None,
                Input::Silence => Some(self.heartbeat()),
                Input::Draining | Input::Gone => return None,
            };
            if told.is_some() {
                return told;
            }
        }
    }

    async fn hear(&mut self) -> Input {
        let Self { listener, nowcasts, shared, pulse, .. } = self;
        let nowcast = async {
            match nowcasts {
                Some(listener) => listener.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            heard = listener.next() => heard.map_or(Input::Gone, Input::Published),
            heard = nowcast => heard.map_or(Input::Gone, Input::Nowcast),
            () = shared.draining.cancelled() => Input::Draining,
            () = pulse.wait() => Input::Silence,
        }
    }

    /// Reads the next page of the journal.
    async fn read_on(&mut self, after: i64) -> Result<(), Refusal> {
        let stopping = |_| Refusal::new(Reason::Draining, "the server is stopping");
        let turn = self.turns.clone().acquire_owned().await.map_err(stopping)?;
        let stores = self.stores.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            stores.predictions_after(after, PAGE)
        })
        .await;
        let page = read.unwrap_or_else(|error| {
            Err(Refusal::new(Reason::Internal, format!("a store's task failed: {error}")))
        })?;
        let is_last = page.len() < PAGE as usize;
        let end = page.last().map_or(after, |placed| placed.place.number);
        let interval = self.interval;
        let late = page.into_iter().filter(|placed| Some(placed.prediction.bar_time) >= self.oldest);
        self.first.extend(late.map(|placed| {
            let encoded = Arc::new(Encoded::new(placed.prediction, interval));
            Arc::new(Published::journalled(encoded, placed.place))
        }));
        self.caught_up_to = end;
        self.after = (!is_last).then_some(end);
        self.oldest = self.oldest.filter(|_| !is_last);
        Ok(())
    }

    /// A prediction from the ring.
    fn take(&mut self, published: Arc<Published>) -> Option<Event> {
        if published.place.is_some_and(|place| place.number <= self.caught_up_to) {
            return None;
        }
        if self.delivery == Delivery::Conflating && self.listener.waiting() > 0 {
            return self.conflate(Some(published), 0);
        }
        if self.is_repeated(published.prediction()) || !self.wants(published.prediction()) {
            self.pass(&published);
            return None;
        }
        Some(self.tell(published))
    }

    /// The reader was too slow, and so many are gone from the ring.
    fn lag(&mut self, count: u64) -> Option<Event> {
        match (self.delivery, self.position) {
            (Delivery::Conflating, _) => self.conflate(None, count),
            (Delivery::Lossless, position) => {
                // Without a position nothing was in the journal when it began: all that is in it was missed.
                let told = position.map_or(0, |position| position.number);
                self.after = Some(told.max(self.caught_up_to));
                None
            }
            (Delivery::Bounded, _) => Some(self.event(Announcement::Lagged(count))),
        }
    }

    /// Takes all that waits and keeps the latest of each symbol; tells how many that leaves out.
    fn conflate(&mut self, heard: Option<Arc<Published>>, lost: u64) -> Option<Event> {
        let before = self.token();
        let (mut latest, mut left_out) = (BTreeMap::new(), lost);
        let mut next = heard.map(Heard::Prediction).or_else(|| self.listener.try_next());
        while let Some(heard) = next {
            match heard {
                Heard::Prediction(published) => {
                    self.pass(&published);
                    if !self.is_repeated(published.prediction()) && self.wants(published.prediction()) {
                        left_out +=
                            u64::from(latest.insert(published.prediction().symbol, published).is_some());
                    }
                }
                Heard::Lagged(count) => left_out += count,
            }
            next = self.listener.try_next();
        }
        if left_out > 0 {
            // What was lost may have been the only word about a symbol.
            let table = self.shared.latest.load();
            let token = self.token();
            for symbol in table.symbols().iter().filter(|symbol| !latest.contains_key(*symbol)) {
                let stands = table.get(*symbol).and_then(|stands| stands.as_ref().cloned());
                if let Some(encoded) = stands.filter(|encoded| self.wants(&encoded.prediction)) {
                    self.sent.insert(key(&encoded.prediction));
                    self.newest = self.newest.max(Some(encoded.prediction.bar_time));
                    self.first.push_back(Arc::new(Published { encoded, place: None, token: token.clone() }));
                }
            }
        }
        // In the order of the journal, so that the last token covers all.
        let mut latest: Vec<_> = latest.into_values().collect();
        latest.sort_by_key(|published| published.sequence());
        self.first.extend(latest);
        (left_out > 0).then(|| Event { announcement: Announcement::Lagged(left_out), token: before })
    }

    /// Notes that everything up to a prediction was told or is not wanted.
    fn pass(&mut self, published: &Published) {
        if let Some(place) = published.place {
            self.position = Some(ResumeToken::of(place, published.prediction().bar_time.milliseconds()));
        }
    }

    fn tell(&mut self, published: Arc<Published>) -> Event {
        self.pass(&published);
        self.pulse.beat();
        let staleness = self.shared.staleness(published.prediction().bar_time);
        let token = published.token.clone();
        Event { announcement: Announcement::Prediction(published, staleness), token }
    }

    fn event(&mut self, announcement: Announcement) -> Event {
        self.pulse.beat();
        Event { announcement, token: self.token() }
    }

    /// The token that goes on after everything that was told; empty if there is none yet.
    #[must_use]
    pub fn token(&self) -> Arc<str> {
        self.position.map_or_else(|| "".into(), |position| position.to_string().into())
    }

    fn heartbeat(&mut self) -> Event {
        let latest = self.shared.latest.load();
        if let Some(wanted) = &self.wanted
            && !wanted.iter().any(|symbol| latest.has(*symbol))
        {
            let names = wanted.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("{names}: not followed any more");
            let refusal = Refusal::new(Reason::UnknownSymbol, message).with("symbol", names);
            return self.event(Announcement::Ended(refusal));
        }
        let watermark = self.shared.engine.load().watermark;
        if let (Some(position), Some(watermark)) = (&mut self.position, watermark) {
            position.bar_time_ms = position.bar_time_ms.max(watermark.milliseconds());
        }
        self.event(Announcement::Heartbeat(watermark))
    }

    fn wants(&self, prediction: &Prediction) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&prediction.symbol).is_ok())
    }

    /// Whether a prediction from the ring was among the first ones.
    fn is_repeated(&mut self, prediction: &Prediction) -> bool {
        if self.sent.is_empty() {
            return false;
        }
        if self.newest < Some(prediction.bar_time) {
            self.sent = HashSet::new();
            return false;
        }
        self.sent.remove(&key(prediction))
    }
}

/// Fires when nothing was told for a while. One timer for the whole life of a subscription, which is set anew only when it
/// fires: telling costs no timer.
#[derive(Debug)]
pub(super) struct Pulse {
    every: Duration,
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Pulse {
    pub(super) fn new(every: Duration) -> Self {
        let now = Instant::now();
        Self { every, last: now, timer: Box::pin(tokio::time::sleep_until(now + every)) }
    }

    /// Something was told now.
    fn beat(&mut self) {
        self.last = Instant::now();
    }

    /// Waits until nothing was told for the whole time.
    async fn wait(&mut self) {
        loop {
            self.timer.as_mut().await;
            let due = self.last + self.every;
            let now = Instant::now();
            if due > now {
                self.timer.as_mut().reset(due);
            } else {
                self.timer.as_mut().reset(now + self.every);
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "subscription_tests.rs"]
mod tests;
