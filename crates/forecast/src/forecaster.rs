//! The deterministic state machine: events in, effects out.
//!
//! Closed klines wait in the inbox until their bar is sealed: every active symbol's kline has arrived, or it has waited
//! long enough in event time. A sealed bar steps the panel, resolves outcomes and is answered by every bundle. A late
//! or corrected kline of a sealed bar takes the state back to a checkpoint before it, and the bars since are replayed;
//! whatever comes out with other bits is published again as the next revision. So the state is a function of the
//! klines by bar, whatever order they arrived in.

mod answering;

mod fingerprint;
mod history;
mod holes;
mod inbox;
mod readiness;
mod renewed;
mod resume;
mod roster;
mod scoring;
mod succession;

use std::collections::BTreeMap;
use std::sync::Arc;

use features::{CloseError, PeekScratch, Row};
use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

pub use readiness::SymbolReadiness;
pub use resume::ResumeError;
pub use scoring::TaskSkill;

use crate::merge::Merge;
use crate::panel::Panel;
use crate::{Alarm, Bundle, Change, Effect, Event, Journalled, Outcome, Prediction, Received, Role, Source};
use fingerprint::Fingerprint;
use history::{History, Record};
use inbox::Inbox;
use renewed::RenewedByBundle;
use roster::Roster;
use scoring::Totals;

/// What a Forecaster follows, and how patiently.
#[derive(Debug, Clone)]
pub struct ForecasterSettings {
    /// The markets; sorted and deduplicated inside.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// How long a bar waits for klines that have not arrived: in event time, from the bar's end or its first kline's
    /// arrival, whichever is later. 30,000 is a good value.
    pub max_lateness_ms: Milliseconds,
}

/// Everything that is a function of the klines of the sealed bars, and of the bundles that answered them.
#[derive(Debug, Clone)]
struct State {
    panel: Panel,
    totals: Totals,
    /// By symbol: what the panel was made of.
    fingerprints: Vec<Fingerprint>,
}

/// The state machine.
#[derive(Debug)]
pub struct Forecaster {
    symbols: Vec<Symbol>,
    interval: Interval,
    inbox: Inbox,
    history: History,
    roster: Roster,
    /// What was renewed for the bundles that answer.
    renewed: RenewedByBundle,
    state: State,
    /// The champion's last prediction about each symbol.
    latest: Vec<Option<Arc<Prediction>>>,
    /// The last forming kline of each symbol.
    forming: Vec<Option<Kline>>,
    /// What an earlier process has journalled about bars that are not sealed yet.
    told: BTreeMap<BarTime, Journalled>,
    /// Whether a block of bars has ended with the last sealed one, so that the state is kept before anything else happens.
    checkpoint_due: bool,
    /// The earliest change to a sealed bar that has not been replayed yet.
    changed: Option<(BarTime, Symbol, Change)>,
    work: Work,
}

/// Working memory, kept from bar to bar.
#[derive(Debug, Default)]
struct Work {
    outcomes: Vec<(usize, Outcome)>,
    refused: Vec<(usize, CloseError)>,
    /// Rows that are asked about together, and what the boosters said.
    rows: Vec<f64>,
    outputs: Vec<f64>,
    peek: PeekScratch,
    /// By symbol: whether a bundle's market has it.
    members: Vec<bool>,
}

impl Forecaster {
    /// So many bars of history make every answer independent of where the history began.
    pub const HISTORY_BARS: usize = 4_000;

    /// A late or corrected kline of so many last bars is replayed; an older one only raises an alarm.
    pub const REPLAY_BARS: usize = history::REPLAY_BARS as usize;

    /// A Forecaster that has seen nothing.
    #[must_use]
    pub fn new(settings: ForecasterSettings) -> Self {
        let ForecasterSettings { symbols, interval, max_lateness_ms } = settings;
        let panel = Panel::new(&symbols, interval);
        let symbols = panel.engine().symbols().to_vec();
        let count = symbols.len();
        let fingerprints = vec![Fingerprint::default(); count];
        let state = State { panel, totals: Totals::default(), fingerprints };
        Self {
            inbox: Inbox::new(count, interval, max_lateness_ms),
            history: History::new(interval, state.clone()),
            roster: Roster::default(),
            renewed: RenewedByBundle::new(interval),
            latest: vec![None; count],
            forming: vec![None; count],
            told: BTreeMap::new(),
            checkpoint_due: false,
            changed: None,
            work: Work::default(),
            symbols,
            interval,
            state,
        }
    }

    /// Takes one event and appends what is to be done.
    pub fn apply(&mut self, event: Event, effects: &mut Vec<Effect>) {
        self.apply_all([event], effects);
    }

    /// Takes several events at once: all are taken in before bars are sealed or replayed. Cheaper than one by one when
    /// many late klines come together, and gives the same last revisions.
    pub fn apply_all(&mut self, events: impl IntoIterator<Item = Event>, effects: &mut Vec<Effect>) {
        self.keep_checkpoint();
        for event in events {
            match event {
                Event::Kline { symbol, kline, closed, source, heard } => {
                    let late_ms = heard.map(|heard| heard.saturating_sub(kline.close_time + 1).max(0));
                    self.take(symbol, Received { kline, source, late_ms }, closed, effects);
                }
                Event::Time(time) => self.inbox.advance(time),
                Event::TakeUp { role, bundle } => {
                    // The last sealed bar must be as it is known now before it is answered.
                    self.settle(effects);
                    self.take_up(role, bundle, effects);
                }
                Event::Renew { bundle, renewed } => {
                    self.renewed.renew(bundle, renewed, self.history.last_bar());
                }
                Event::Drop { role } => {
                    self.roster.remove(role);
                    self.look_at_champions_market();
                }
            }
        }
        self.settle(effects);
    }

    /// Takes history in event-time order over all symbols: nothing is published or journalled but the last bar's
    /// predictions and the outcomes of those that [`Forecaster::remember`] was told of, and nothing is stored. Symbols that are not followed are left out. On a Forecaster that has sealed
    /// bars already, the history's klines are taken as events; after [`Forecaster::resume`] those that the snapshot was
    /// made of are passed over.
    pub fn warm_up(&mut self, history: &BTreeMap<Symbol, Vec<Kline>>, effects: &mut Vec<Effect>) {
        if self.watermark().is_some() {
            let events = history.iter().flat_map(|(&symbol, klines)| {
                klines.iter().map(move |&kline| Event::Kline {
                    symbol,
                    kline,
                    closed: true,
                    source: Source::Store,
                    heard: None,
                })
            });
            self.apply_all(events, effects);
            return;
        }
        let series: Vec<&[Kline]> = self
            .symbols
            .iter()
            .map(|symbol| history.get(symbol).map(Vec::as_slice).unwrap_or_default())
            .collect();
        let ends = series.iter().flat_map(|klines| klines.iter()).map(|kline| kline.bar_time(self.interval));
        let Some(end) = ends.max() else { return };
        let resumed = self.history.oldest_state().map(|(bar, _)| bar);
        let mut merge = Merge::new(series, self.interval);
        while let Some((bar, klines)) = merge.next_bar() {
            let mut received = vec![None; self.symbols.len()];
            for &(index, kline) in klines {
                received[index] = Some(Received { kline: *kline, source: Source::Store, late_ms: None });
                self.inbox.note_arrival(index, bar);
            }
            if resumed.is_some_and(|resumed| bar <= resumed) {
                continue;
            }
            let kept = self.history.is_within_replay(bar, end);
            let mut record = Record::new(bar, received);
            if bar == end {
                record.answering = self.roster.bundles();
            }
            self.seal(record, kept, effects);
        }
        // What was told of a bar that the history has not is of no use any more.
        self.told = self.told.split_off(&end.plus(1, self.interval));
        self.settle(effects);
    }

    /// The markets, sorted.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The step.
    #[must_use]
    pub const fn interval(&self) -> Interval {
        self.interval
    }

    /// The last sealed bar.
    #[must_use]
    pub fn watermark(&self) -> Option<BarTime> {
        self.history.last_bar()
    }

    /// The latest event time that was seen.
    #[must_use]
    pub const fn event_time(&self) -> Option<Milliseconds> {
        self.inbox.clock()
    }

    /// The feature row of a symbol at the last sealed bar; `None` if its kline of that bar is missing.
    #[must_use]
    pub fn row(&self, symbol: Symbol) -> Option<Row<'_>> {
        self.state.panel.row(self.index_of(symbol)?).map(|(row, _)| row)
    }

    /// The lower and upper trailing tercile of the 4-step volatility of a symbol, known at the bar of [`Forecaster::row`].
    #[must_use]
    pub fn regime_cuts(&self, symbol: Symbol) -> Option<[f64; 2]> {
        self.state.panel.row(self.index_of(symbol)?)?.1.context.regime_cuts
    }

    /// The champion's last prediction about a symbol.
    #[must_use]
    pub fn latest(&self, symbol: Symbol) -> Option<&Arc<Prediction>> {
        self.latest.get(self.index_of(symbol)?)?.as_ref()
    }

    /// The bundle whose predictions are published.
    #[must_use]
    pub fn champion(&self) -> Option<&Arc<Bundle>> {
        self.roster.champion()
    }

    /// The bundles in a role.
    pub fn bundles(&self, role: Role) -> impl Iterator<Item = &Arc<Bundle>> {
        self.roster.in_role(role)
    }

    fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.symbols.binary_search(&symbol).ok()
    }

    /// Takes one kline in; bars are sealed and replayed later, by [`Forecaster::settle`].
    fn take(&mut self, symbol: Symbol, received: Received, closed: bool, effects: &mut Vec<Effect>) {
        let bar = received.kline.bar_time(self.interval);
        let Some(index) = self.index_of(symbol) else {
            effects.push(Effect::Alarm(Alarm::UnknownSymbol { symbol, bar }));
            return;
        };
        if self.inbox.is_implausible(received.kline.close_time) {
            effects.push(Effect::Alarm(Alarm::FromTheFuture { symbol, bar }));
            return;
        }
        if received.source == Source::Socket {
            self.inbox.advance(if closed { received.kline.close_time } else { received.kline.open_time });
        }
        if !closed {
            let newer = |kept: &Kline| kept.open_time <= received.kline.open_time;
            if self.inbox.is_after_last(index, bar) && self.forming[index].as_ref().is_none_or(newer) {
                self.forming[index] = Some(received.kline);
            }
            return;
        }
        if self.forming[index].is_some_and(|forming| forming.open_time <= received.kline.open_time) {
            self.forming[index] = None;
        }
        self.ask_for_gap(index, bar, effects);
        self.inbox.note_arrival(index, bar);
        let changed = if self.watermark().is_some_and(|sealed| bar <= sealed) {
            self.correct(index, bar, received, effects)
        } else {
            self.inbox.put(index, bar, received)
        };
        if changed {
            effects.push(Effect::StoreKline { symbol, kline: received.kline });
        }
    }

    /// Puts a kline into a bar that was sealed before; says whether that changed anything.
    fn correct(&mut self, index: usize, bar: BarTime, received: Received, effects: &mut Vec<Effect>) -> bool {
        let symbol = self.symbols[index];
        if !self.history.can_replay(bar) {
            let horizon = Self::REPLAY_BARS;
            effects.push(Effect::Alarm(Alarm::TooOld { symbol, bar, horizon }));
            return true;
        }
        let Some(change) = self.history.put(index, bar, received, self.symbols.len()) else {
            return false;
        };
        if self.changed.is_none_or(|(earliest, ..)| bar < earliest) {
            self.changed = Some((bar, symbol, change));
        }
        true
    }

    /// Replays what has changed, then seals every bar that need not wait.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if let Some((bar, symbol, change)) = self.changed.take() {
            let (replayed, amended) = self.replay(bar, effects);
            let alarm = Alarm::Replayed { symbol, bar, what: change, replayed, amended };
            effects.push(Effect::Alarm(alarm));
        }
        while let Some(ready) = self.inbox.next_ready() {
            if !ready.missing.is_empty() {
                self.ask_for(&ready.missing, ready.bar, effects);
                effects.push(Effect::Alarm(Alarm::SealedIncomplete {
                    bar: ready.bar,
                    waited_ms: ready.waited_ms,
                    missing: ready.missing.iter().map(|&index| self.symbols[index]).collect(),
                }));
            }
            let mut record = Record::new(ready.bar, ready.klines);
            record.answering = self.roster.bundles();
            self.seal(record, true, effects);
            self.ask_again(effects);
        }
    }

    /// Makes a bar the last sealed one.
    fn seal(&mut self, record: Record, kept: bool, effects: &mut Vec<Effect>) {
        if kept {
            self.history.checkpoint(record.bar, &self.state);
        } else {
            self.history.forget(record.bar);
        }
        let told = self.told.remove(&record.bar).unwrap_or_default();
        self.history.push(record);
        self.attach(told);
        let last = self.history.len() - 1;
        self.step(last, effects);
        self.answer(last, effects);
        self.checkpoint_due = kept;
    }

    /// Keeps the state if a block of bars has ended with the last sealed one. Copying it takes longer than answering a bar: so it is
    /// done when the answers are out, at the next event, and not before the first bar of the next block is answered.
    fn keep_checkpoint(&mut self) {
        if std::mem::take(&mut self.checkpoint_due)
            && let Some(last) = self.watermark()
        {
            self.history.checkpoint(last.plus(1, self.interval), &self.state);
        }
    }

    /// Goes back to before `bar` and runs every bar since; says how many from `bar` on, and how many predictions came
    /// out anew.
    fn replay(&mut self, bar: BarTime, effects: &mut Vec<Effect>) -> (usize, usize) {
        let (state, first) = self.history.go_back(bar);
        self.state = state;
        let (mut replayed, mut amended) = (0, 0);
        for at in first..self.history.len() {
            let at_bar = self.history.records()[at].bar;
            self.history.checkpoint(at_bar, &self.state);
            self.step(at, effects);
            if at_bar >= bar {
                replayed += 1;
                amended += self.answer(at, effects);
            }
        }
        (replayed, amended)
    }

    /// Steps the panel over one bar and resolves what has come true.
    fn step(&mut self, at: usize, effects: &mut Vec<Effect>) {
        self.look_at_champions_market();
        let record = &self.history.records()[at];
        let bar = record.bar;
        self.work.outcomes.clear();
        self.work.refused.clear();
        let klines = record
            .klines
            .iter()
            .enumerate()
            .filter_map(|(index, received)| Some((index, &received.as_ref()?.kline)));
        for (index, kline) in klines.clone() {
            self.state.fingerprints[index].push(bar, kline, self.interval);
        }
        self.state.panel.step(bar, klines, &mut self.work.outcomes, &mut self.work.refused);
        for (index, error) in self.work.refused.drain(..) {
            let symbol = self.symbols[index];
            effects.push(Effect::Alarm(Alarm::EngineRefused { symbol, bar, problem: error.to_string() }));
        }
        self.resolve(effects);
    }
}
