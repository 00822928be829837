//! The machine under test: the feed and the Forecaster, wired as the server wires them.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::{Bundle, Effect, Event, Forecaster, ForecasterSettings, Role, Source};
use kline::{BarTime, Kline, Milliseconds, Symbol};
use market::live::{Action, Feed, Input, Missing, Repair};
use market::{ExchangeSettings, KlineSource, MarketEvent, MarketKline};
use tokio::time::Instant;

use crate::past::INTERVAL;
use crate::record::Record;

/// Feed and Forecaster; what is durable is outside.
#[derive(Debug)]
pub(crate) struct Node {
    forecaster: Forecaster,
    feed: Feed,
    effects: Vec<Effect>,
    wanted: Vec<Missing>,
    saved: Option<BarTime>,
}

/// What every process is started with.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The exchange, with its limits.
    pub(crate) exchange: ExchangeSettings,
    /// What answers.
    pub(crate) bundle: Arc<Bundle>,
}

impl Setting {
    /// A Forecaster that has seen nothing.
    pub(crate) fn forecaster(&self) -> Forecaster {
        let symbols = self.exchange.symbols.clone();
        Forecaster::new(ForecasterSettings { symbols, interval: INTERVAL, max_lateness_ms: 30_000 })
    }
}

impl Node {
    /// Starts as the server starts: stored klines, the journal, the saved state, the champion; then the feed.
    pub(crate) fn start(
        setting: &Setting,
        record: &mut Record,
        at: Milliseconds,
        now: Instant,
        seed: u64,
    ) -> Self {
        let mut forecaster = setting.forecaster();
        let bars = |bars: usize| i64::try_from(bars).unwrap_or(i64::MAX);
        let until = BarTime::last_closed(at, INTERVAL);
        let from = until.plus(1 - bars(Forecaster::HISTORY_BARS), INTERVAL);
        let symbols = &setting.exchange.symbols;
        let history: BTreeMap<Symbol, Vec<Kline>> =
            symbols.iter().map(|symbol| (*symbol, record.klines_from(*symbol, from))).collect();
        if let Some(snapshot) = &record.snapshot {
            // A state that does not fit is made from the history.
            let _ = forecaster.resume(snapshot, &history);
        }
        let since = until.plus(-bars(Forecaster::REPLAY_BARS), INTERVAL);
        forecaster.remember(record.journalled_from(since));
        let last: BTreeMap<Symbol, BarTime> = history
            .iter()
            .filter_map(|(symbol, klines)| Some((*symbol, klines.last()?.bar_time(INTERVAL))))
            .collect();
        let repair = Repair::new(INTERVAL, symbols, &last);
        let feed = Feed::new(&setting.exchange, repair, now, seed);
        let saved = forecaster.snapshot_bar();
        let mut node = Self { forecaster, feed, effects: Vec::new(), wanted: Vec::new(), saved };
        node.forecaster.warm_up(&history, &mut node.effects);
        node.perform(record, at);
        let bundle = Arc::clone(&setting.bundle);
        node.apply(vec![Event::TakeUp { role: Role::Champion, bundle }], record, at);
        node
    }

    /// When the feed wants to be woken.
    pub(crate) fn wake_at(&self) -> Instant {
        self.feed.wake_at()
    }

    /// Takes one input; what the feed wants done and is not the Forecaster's matter.
    pub(crate) fn take(
        &mut self,
        input: Input<'_>,
        record: &mut Record,
        (at, now): (Milliseconds, Instant),
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        self.feed.take(now, input, &mut actions);
        let mut rest = Vec::new();
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Tell(event) => self.hear(event, record, at),
                    other => rest.push(other),
                }
            }
            for missing in std::mem::take(&mut self.wanted) {
                self.feed.take(now, Input::Wanted(missing), &mut actions);
            }
        }
        rest
    }

    fn hear(&mut self, event: MarketEvent, record: &mut Record, at: Milliseconds) {
        let events = match event {
            MarketEvent::Kline(received) => {
                record.from_trades += u64::from(received.source == KlineSource::Trades);
                let heard = received.event_time.filter(|_| received.source == KlineSource::Socket);
                // As in the server: the kline first, then the time by which it was sent.
                self.apply(vec![kline(received)], record, at);
                heard.map(Event::Time).into_iter().collect()
            }
            MarketEvent::Late(klines) => {
                let made = klines.iter().filter(|one| one.source == KlineSource::Trades);
                record.from_trades += made.count() as u64;
                klines.into_iter().map(kline).collect()
            }
            MarketEvent::Audited { symbol, klines } => {
                let event =
                    |kline| Event::Kline { symbol, kline, closed: true, source: Source::Rest, heard: None };
                klines.into_iter().map(event).collect()
            }
            MarketEvent::Time(time) => vec![Event::Time(time)],
            _ => Vec::new(),
        };
        self.apply(events, record, at);
    }

    fn apply(&mut self, events: Vec<Event>, record: &mut Record, at: Milliseconds) {
        if events.is_empty() {
            return;
        }
        self.forecaster.apply_all(events, &mut self.effects);
        self.perform(record, at);
    }

    fn perform(&mut self, record: &mut Record, at: Milliseconds) {
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Journal(entry) => record.journal(entry),
                Effect::StoreKline { symbol, kline } => {
                    record.store(symbol, kline.bar_time(INTERVAL), kline, at);
                }
                Effect::Fetch { symbol, from, to } => self.wanted.push(Missing { symbol, from, to }),
                Effect::Publish(_) | Effect::Alarm(_) => {}
            }
        }
        let bar = self.forecaster.snapshot_bar();
        if bar != self.saved {
            self.saved = bar;
            record.snapshot = self.forecaster.snapshot();
        }
    }
}

fn kline(received: MarketKline) -> Event {
    let MarketKline { symbol, kline, closed, event_time: heard, source, .. } = received;
    let source = match source {
        KlineSource::Socket => Source::Socket,
        KlineSource::Rest => Source::Rest,
        KlineSource::Archive => Source::Archive,
        KlineSource::Replay => Source::Replay,
        KlineSource::Trades => Source::Trades,
    };
    Event::Kline { symbol, kline, closed, source, heard }
}
