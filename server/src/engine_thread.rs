//! The thread that owns the Forecaster: events in, effects out. Everyone else sees snapshots.

mod nowcast;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use forecast::{
    Alarm, Bundle, BundleDigest, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Journalled,
    Prediction, Renewed, Role, Source,
};
use kline::{BarTime, Kline, Milliseconds, Symbol};
use market::live::Missing;
use market::{KlineSource, MarketKline};
use tokio::sync::{mpsc, oneshot};

use self::nowcast::Nowcasts;
use crate::encoded::Encoded;
use crate::gauges;
use crate::journaling::Journaling;
use crate::latest::LatestTable;
use crate::state::{EngineView, FeatureRow, Shared};
use crate::telemetry::metrics as names;

/// How many commands may wait. At the bound the sender waits: the exchange's socket is then not read.
pub const QUEUE_COMMANDS: usize = 8_192;

/// How many commands are taken before the snapshot is renewed.
const BATCH_COMMANDS: usize = 256;

/// How many ranges of klines may wait to be fetched. At the bound a range is dropped and counted as an alarm.
const QUEUE_FETCHES: usize = 1_024;

/// What the thread is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Take in history and predictions that were journalled before; answers when that is done.
    WarmUp {
        /// The klines of each symbol, in order.
        history: BTreeMap<Symbol, Vec<Kline>>,
        /// The state that an earlier process has saved.
        snapshot: Option<Vec<u8>>,
        /// Predictions whose outcomes are still open.
        journalled: Journalled,
        /// Told when it is done.
        done: oneshot::Sender<()>,
    },
    /// Take in one kline as it arrived.
    Kline(MarketKline),
    /// Take in closed klines that come late, together.
    Late(Vec<MarketKline>),
    /// Compare closed klines that the exchange was asked for again, and take in what differs.
    Audited {
        /// The market.
        symbol: Symbol,
        /// The klines, in order.
        klines: Vec<Kline>,
    },
    /// The exchange's clock has passed this point.
    Time(Milliseconds),
    /// Say what a kline that is still forming says; `None` if there is none that follows the symbol's last bar.
    Nowcast {
        /// The market.
        symbol: Symbol,
        /// Told the answer.
        reply: oneshot::Sender<Option<Arc<Encoded>>>,
    },
    /// Let a verified bundle answer; says why not if it cannot.
    TakeUp {
        /// The bundle.
        bundle: Arc<Bundle>,
        /// What was renewed for it.
        renewed: Renewed,
        /// Told the outcome.
        done: oneshot::Sender<Result<(), String>>,
    },
    /// Answer the blocks to come with what was renewed.
    Renew {
        /// The bundle.
        bundle: BundleDigest,
        /// Its answers' bands and confidence; blocks that are known stay as they are.
        renewed: Renewed,
    },
    /// Let a Forecaster of other symbols, warmed up with their history, take over; answers when it has.
    Succeed {
        /// The Forecaster.
        forecaster: Box<Forecaster>,
        /// Told when it is done.
        done: oneshot::Sender<()>,
    },
    /// Stop after what was sent before.
    Stop,
}

/// The running thread.
#[derive(Debug)]
pub struct EngineThread {
    /// Its queue.
    pub commands: mpsc::Sender<Command>,
    handle: JoinHandle<()>,
}

impl EngineThread {
    /// Starts the thread; missing ranges come out of the returned queue.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(
        settings: ForecasterSettings,
        shared: Arc<Shared>,
        journaling: Journaling,
    ) -> std::io::Result<(Self, mpsc::Receiver<Missing>)> {
        let (commands, queue) = mpsc::channel(QUEUE_COMMANDS);
        let (fetches, ranges) = mpsc::channel(QUEUE_FETCHES);
        let engine = Engine {
            forecaster: Forecaster::new(settings),
            shared,
            journaling,
            fetches,
            effects: Vec::new(),
            ready: Vec::new(),
            saved: None,
            nowcasts: Nowcasts::default(),
        };
        let handle =
            std::thread::Builder::new().name("engine".to_owned()).spawn(move || engine.run(queue))?;
        Ok((Self { commands, handle }, ranges))
    }

    /// Lets the thread finish what was sent and waits for its end. Blocks.
    pub fn join(self) {
        drop(self.commands);
        if self.handle.join().is_err() {
            tracing::error!("the engine's thread ended by a panic");
        }
    }
}

struct Engine {
    forecaster: Forecaster,
    shared: Arc<Shared>,
    journaling: Journaling,
    fetches: mpsc::Sender<Missing>,
    effects: Vec<Effect>,
    ready: Vec<bool>,
    /// The bar of the state that was saved last.
    saved: Option<BarTime>,
    nowcasts: Nowcasts,
}

const fn provenance(source: KlineSource) -> Source {
    match source {
        KlineSource::Socket => Source::Socket,
        KlineSource::Rest => Source::Rest,
        KlineSource::Archive => Source::Archive,
        KlineSource::Replay => Source::Replay,
        KlineSource::Trades => Source::Trades,
    }
}

impl Engine {
    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        self.show();
        let mut batch = Vec::with_capacity(BATCH_COMMANDS);
        while queue.blocking_recv_many(&mut batch, BATCH_COMMANDS) > 0 {
            let mut stop = false;
            let mut changed = false;
            for command in batch.drain(..) {
                stop |= matches!(command, Command::Stop);
                changed |= self.take(command);
            }
            if changed {
                self.show();
                self.save();
            }
            if stop {
                return;
            }
        }
    }

    /// Does one command and its effects; whether the snapshot may have changed.
    fn take(&mut self, command: Command) -> bool {
        let began = Instant::now();
        let changed = match command {
            Command::WarmUp { history, snapshot, journalled, done } => {
                if let Some(snapshot) = snapshot {
                    self.resume(&snapshot, &history);
                }
                self.forecaster.remember(journalled);
                self.forecaster.warm_up(&history, &mut self.effects);
                self.perform();
                self.show();
                self.shared.warmed.cancel();
                // The one who asked may have gone; the history is in all the same.
                let _ = done.send(());
                true
            }
            Command::Kline(received) => {
                let heard = received.event_time.filter(|_| received.source == KlineSource::Socket);
                let (symbol, closed) = (received.symbol, received.closed);
                let event = self.hear(received);
                self.forecaster.apply(event, &mut self.effects);
                let changed = closed || !self.effects.is_empty();
                // Answers are out before time passes: what is not urgent is done then.
                self.perform();
                self.nowcasts.note(symbol, &mut self.forecaster, &self.shared);
                if let Some(time) = heard {
                    self.pass_time(time);
                }
                changed || !self.effects.is_empty()
            }
            Command::Late(klines) => {
                let events: Vec<Event> = klines.into_iter().map(|kline| self.hear(kline)).collect();
                self.forecaster.apply_all(events, &mut self.effects);
                true
            }
            Command::Audited { symbol, klines } => self.audit(symbol, klines),
            Command::Time(time) => {
                self.pass_time(time);
                !self.effects.is_empty()
            }
            Command::Nowcast { symbol, reply } => {
                // The one who asked may have gone.
                let _ = reply.send(nowcast::answer(symbol, &mut self.forecaster, &self.shared));
                false
            }
            Command::TakeUp { bundle, renewed, done } => {
                self.renew(bundle.digest(), renewed);
                let outcome = self.take_up(bundle);
                // The one who asked may have gone; the bundle answers all the same.
                let _ = done.send(outcome);
                true
            }
            Command::Renew { bundle, renewed } => self.renew(bundle, renewed),
            Command::Succeed { forecaster, done } => {
                self.succeed(*forecaster);
                // The one who asked may have gone; what is followed has changed all the same.
                let _ = done.send(());
                true
            }
            Command::Stop => false,
        };
        self.perform();
        if self.shared.gaps.has_news() {
            self.journaling.note_gaps();
        }
        names::record_engine_time(began.elapsed());
        changed
    }

    /// Lets a Forecaster of other symbols go on where this one stands.
    fn succeed(&mut self, mut next: Forecaster) {
        next.take_over(&self.forecaster, &mut self.effects);
        let was_ready = |symbol: &Symbol| {
            let place = self.forecaster.symbols().binary_search(symbol).ok();
            place.and_then(|place| self.ready.get(place)).copied().unwrap_or_default()
        };
        self.ready = next.symbols().iter().map(was_ready).collect();
        for gone in self.forecaster.symbols().iter().filter(|symbol| !next.symbols().contains(symbol)) {
            gauges::hide_symbol(*gone);
        }
        self.shared.latest.store(Arc::new(self.shared.latest.load().with_symbols(next.symbols())));
        self.shared.nowcasts.store(Arc::new(LatestTable::new(next.symbols())));
        self.forecaster = next;
        self.saved = None;
        self.perform();
        self.show();
    }

    /// Takes up a saved state, or goes on without it.
    fn resume(&mut self, snapshot: &[u8], history: &BTreeMap<Symbol, Vec<Kline>>) {
        match self.forecaster.resume(snapshot, history) {
            Ok(bar) => {
                names::count_snapshot("resumed");
                tracing::info!(%bar, bytes = snapshot.len(), "saved state taken up");
                self.saved = Some(bar);
            }
            Err(problem) => {
                names::count_snapshot("refused");
                tracing::info!(%problem, "saved state not taken up, the history is replayed");
            }
        }
    }

    /// Saves the state that a restart resumes, whenever another one has become the oldest that can be gone back to.
    fn save(&mut self) {
        let bar = self.forecaster.snapshot_bar();
        if bar == self.saved {
            return;
        }
        self.saved = bar;
        if let Some(snapshot) = self.forecaster.snapshot() {
            names::count_snapshot("saved");
            self.journaling.snapshot(snapshot);
        }
    }

    /// A kline as an event; a hole that it fills is noted.
    fn hear(&self, received: MarketKline) -> Event {
        let MarketKline { symbol, kline, closed, event_time: heard, source, .. } = received;
        names::count_kline(source, closed);
        if closed {
            let bar = kline.bar_time(self.forecaster.interval());
            self.shared.gaps.fill(symbol, bar, provenance(source), heard);
        }
        Event::Kline { symbol, kline, closed, source: provenance(source), heard }
    }

    /// Takes in what the exchange says now of bars that were taken in before; whether anything was different.
    fn audit(&mut self, symbol: Symbol, klines: Vec<Kline>) -> bool {
        names::count_audited(klines.len());
        for kline in &klines {
            let bar = kline.bar_time(self.forecaster.interval());
            self.shared.gaps.fill(symbol, bar, Source::Rest, None);
        }
        let event = |kline| Event::Kline { symbol, kline, closed: true, source: Source::Rest, heard: None };
        self.forecaster.apply_all(klines.into_iter().map(event), &mut self.effects);
        let differing =
            self.effects.iter().filter(|effect| matches!(effect, Effect::StoreKline { .. })).count();
        if differing > 0 {
            names::count_audit_differing(differing);
            tracing::warn!(%symbol, differing, "the exchange has other klines now than those that were used");
        }
        !self.effects.is_empty()
    }

    fn pass_time(&mut self, time: Milliseconds) {
        self.shared.hear_exchange_time(time);
        self.forecaster.apply(Event::Time(time), &mut self.effects);
    }

    /// Takes what was renewed, if anything was; the snapshot does not hold them.
    fn renew(&mut self, bundle: BundleDigest, renewed: Renewed) -> bool {
        if renewed.blocks().is_some() {
            self.forecaster.apply(Event::Renew { bundle, renewed }, &mut self.effects);
        }
        false
    }

    fn take_up(&mut self, bundle: Arc<Bundle>) -> Result<(), String> {
        let digest = bundle.digest();
        self.forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut self.effects);
        let refused = self.effects.iter().find_map(|effect| match effect {
            Effect::Alarm(Alarm::BundleRefused { digest: refused, reason }) if *refused == digest => {
                Some(reason.to_string())
            }
            _ => None,
        });
        self.perform();
        self.show();
        // What the bundle before said of the forming klines is said no more.
        self.shared.nowcasts.store(Arc::new(LatestTable::new(self.forecaster.symbols())));
        refused.map_or(Ok(()), Err)
    }

    /// Carries out the effects in their order.
    fn perform(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Publish(prediction) => self.publish(prediction),
                Effect::Journal(record) => {
                    if let JournalRecord::Resolution(resolution) = &record {
                        names::count_resolution(resolution.task);
                    }
                    self.journaling.record(record);
                }
                Effect::StoreKline { symbol, kline } => self.journaling.kline(symbol, kline),
                Effect::Fetch { symbol, from, to } => self.fetch(Missing { symbol, from, to }),
                Effect::Alarm(alarm) => {
                    names::count_alarm(alarm.name());
                    tracing::warn!(alarm = alarm.name(), "{alarm}");
                }
            }
        }
        self.effects = effects;
    }

    fn publish(&self, prediction: Arc<Prediction>) {
        names::count_prediction(prediction.revision);
        let encoded = Arc::new(Encoded::new(prediction, self.forecaster.interval()));
        self.shared.latest.load().put(encoded.clone());
        self.shared.note_answers();
        // Subscribers hear it once its record is durable.
        self.journaling.publish(encoded);
    }

    fn fetch(&self, range: Missing) {
        let interval = self.forecaster.interval();
        self.shared.gaps.notice(range, interval, self.shared.exchange_time());
        if self.fetches.try_send(range).is_err() {
            names::count_alarm("fetch_dropped");
            tracing::warn!(symbol = %range.symbol, from = %range.from, to = %range.to, "a missing range was not fetched, too many wait");
        }
    }

    /// Renews the snapshot.
    fn show(&mut self) {
        let readiness = self.forecaster.readiness();
        self.ready.resize(readiness.len(), false);
        for (ready, symbol) in self.ready.iter_mut().zip(&readiness) {
            *ready |= symbol.ready;
        }
        let rows = self.forecaster.symbols().iter().map(|&symbol| {
            let row = self.forecaster.row(symbol)?;
            let regime_cuts = self.forecaster.regime_cuts(symbol);
            Some(FeatureRow { bar: row.bar, values: row.values.into(), quality: row.quality, regime_cuts })
        });
        let view = EngineView {
            rows: rows.collect(),
            ready: self.ready.clone(),
            readiness,
            skill: self.forecaster.skill(),
            watermark: self.forecaster.watermark(),
        };
        gauges::show_engine(&view);
        self.shared.engine.store(Arc::new(view));
        self.shared.refresh_serving();
    }
}
