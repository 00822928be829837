//! The thread that keeps the live score: sums by day, made of the journal, shown as an immutable ledger.
//!
//! The journal's thread names the bars whose outcomes have become durable; everything about those bars is then read from the journal and
//! replaces what stood for them. So the ledger is a function of the journal, whatever came in which order, and a restart makes
//! the same one: newest days first, beside everything else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use forecast::score::{DAY_MS, DayOutcomes, ScoredOutcome, day_of, scored};
use kline::{BarTime, Interval};
use store::{Journal, JournalQuery, StoreError};

use crate::score_view::{ScoreView, WAITING_BARS_MAX};
use crate::state::Shared;
use crate::telemetry::metrics as names;

/// How many days are kept bar by bar, those that were touched last; of all others only the sums are kept.
const OPEN_DAYS_MAX: usize = 3;

/// How many bars are read from the journal at once: a prediction is some kilobytes.
const BARS_AT_ONCE: i64 = 8;

/// How long the start has the machine for itself before the journal is read all the same: an exchange may be down for long.
const START_WAIT: Duration = Duration::from_secs(30);

/// How often the thread looks whether the start is over.
const START_LOOK: Duration = Duration::from_millis(50);

/// How long after a failure the journal is asked again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// The running thread.
#[derive(Debug)]
pub struct ScoreThread {
    handle: JoinHandle<()>,
    shared: Arc<Shared>,
}

impl ScoreThread {
    /// Starts the thread, which has the journal `open` for itself.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn<J>(journal: J, interval: Interval, shared: Arc<Shared>) -> std::io::Result<Self>
    where
        J: AsJournal + Send + 'static,
    {
        let of_thread = Arc::clone(&shared);
        let handle = std::thread::Builder::new().name("scores".to_owned()).spawn(move || {
            let mut scores = Scores::new(journal.as_journal(), interval);
            scores.run(&of_thread);
        })?;
        Ok(Self { handle, shared })
    }

    /// Ends the thread and waits for its end. Blocks.
    pub fn join(self) {
        self.shared.touched_bars.stop();
        if self.handle.join().is_err() {
            tracing::error!("the live score's thread ended by a panic");
        }
    }
}

/// What has a journal.
pub trait AsJournal {
    /// The journal.
    fn as_journal(&self) -> &dyn Journal;
}

impl AsJournal for store::Home {
    fn as_journal(&self) -> &dyn Journal {
        self.journal()
    }
}

/// The thread's state.
pub(crate) struct Scores<'a> {
    journal: &'a dyn Journal,
    interval: Interval,
    pub(crate) view: ScoreView,
    /// The days that were touched last, the latest at the end.
    open: Vec<(i64, DayOutcomes)>,
    /// Days that are still to be read whole.
    unread: BTreeSet<i64>,
    /// Bars that are still to be read.
    touched: BTreeSet<BarTime>,
    begun: bool,
    /// The oldest day that there is room for, once there is not room for all.
    cut: Option<i64>,
    /// The first day that retention has left.
    kept_from: i64,
}

impl<'a> Scores<'a> {
    pub(crate) fn new(journal: &'a dyn Journal, interval: Interval) -> Self {
        Self {
            journal,
            interval,
            view: ScoreView::default(),
            open: Vec::new(),
            unread: BTreeSet::new(),
            touched: BTreeSet::new(),
            begun: false,
            cut: None,
            kept_from: i64::MIN,
        }
    }

    fn run(&mut self, shared: &Shared) {
        // Reading a long journal keeps a core busy for a while, and the first answers come first.
        let mut waited = Duration::ZERO;
        while !shared.champion_looked_for.is_cancelled() && waited < START_WAIT {
            if shared.touched_bars.is_stopped_within(START_LOOK) {
                return;
            }
            waited += START_LOOK;
        }
        let mut patience = Some(Duration::ZERO);
        while let Some(waiting) = shared.touched_bars.take(patience) {
            if let Some(dropped) = shared.dropped.load_full() {
                self.forget_before(dropped.first_day());
            }
            let done = self.look(waiting.bars, waiting.overflowed);
            patience = match &done {
                Err(error) => {
                    tracing::error!(%error, "the live score cannot read the journal, trying again");
                    Some(RETRY_WAIT)
                }
                Ok(()) if self.is_done() => None,
                Ok(()) => Some(Duration::ZERO),
            };
            shared.scores.store(Arc::new(self.view.clone()));
            if self.is_done() {
                names::show_scores(&self.view.ledger);
            }
        }
    }

    /// The days before one are dropped from the journal: the score is a function of what it has.
    pub(crate) fn forget_before(&mut self, day: i64) {
        if day <= self.kept_from {
            return;
        }
        self.kept_from = day;
        self.view.ledger.forget_before(day);
        self.view.dropped_before = Some(day);
        self.view.damaged.retain(|damaged| *damaged >= day);
        self.unread.retain(|unread| *unread >= day);
        self.open.retain(|(open, _)| *open >= day);
    }

    /// Whether all that the journal is known to have is in the ledger.
    pub(crate) fn is_done(&self) -> bool {
        self.begun && self.unread.is_empty() && self.touched.is_empty()
    }

    /// One step: the bars that were touched, and one of the days that are still to be read. After an error nothing is forgotten.
    pub(crate) fn look(&mut self, bars: BTreeSet<BarTime>, again: bool) -> Result<(), StoreError> {
        self.begun &= !again;
        let kept_from = self.kept_from;
        self.touched.extend(bars.into_iter().filter(|bar| day_of(*bar) >= kept_from));
        if self.touched.len() > WAITING_BARS_MAX {
            // They could not be read for long.
            self.touched.clear();
            self.begun = false;
        }
        if !self.begun {
            self.begin()?;
        }
        while let Some(day) = self.touched.first().map(|bar| day_of(*bar)) {
            // A day that will be read whole needs no bars.
            if !self.unread.contains(&day) {
                let bars: Vec<BarTime> =
                    self.touched.iter().copied().take_while(|bar| day_of(*bar) == day).collect();
                self.refresh(day, &bars)?;
            }
            self.touched.retain(|bar| day_of(*bar) != day);
        }
        if let Some(day) = self.unread.last().copied() {
            if let Some(outcomes) = self.read_day(day)? {
                self.enter(day, &outcomes);
            }
            self.unread.remove(&day);
        }
        let read_from = self.unread.last().map(|day| day + 1);
        self.view.known_from = read_from.max(self.cut);
        Ok(())
    }

    /// Every day that the journal may have outcomes of is to be read.
    fn begin(&mut self) -> Result<(), StoreError> {
        let first = self.journal.resolutions(&JournalQuery { limit: Some(1), ..JournalQuery::default() })?;
        let last = self.journal.last_predicted_bar(self.interval)?;
        if let (Some(first), Some(last)) = (first.first(), last) {
            self.unread.extend(day_of(first.bar_time).max(self.kept_from)..=day_of(last));
        }
        self.begun = true;
        Ok(())
    }

    /// Reads bars anew, or the whole day if it is not open, and keeps the day open.
    fn refresh(&mut self, day: i64, bars: &[BarTime]) -> Result<(), StoreError> {
        let outcomes = match self.open.iter().position(|(open, _)| *open == day) {
            Some(place) => {
                let mut fresh = Vec::new();
                for bar in bars {
                    fresh.extend(self.outcomes(*bar, *bar)?);
                }
                let (_, mut outcomes) = self.open.remove(place);
                outcomes.put(fresh);
                Some(outcomes)
            }
            None => self.read_day(day)?,
        };
        let Some(outcomes) = outcomes else { return Ok(()) };
        self.enter(day, &outcomes);
        self.open.push((day, outcomes));
        if self.open.len() > OPEN_DAYS_MAX {
            self.open.remove(0);
        }
        Ok(())
    }

    /// A day's outcomes; `None` if its records are damaged, which another try cannot mend.
    fn read_day(&mut self, day: i64) -> Result<Option<DayOutcomes>, StoreError> {
        let first = BarTime::last_closed(day * DAY_MS, self.interval).plus(1, self.interval);
        let last = BarTime::last_closed((day + 1) * DAY_MS, self.interval);
        let mut outcomes = DayOutcomes::default();
        let mut from = first;
        while from <= last {
            let until = from.plus(BARS_AT_ONCE - 1, self.interval).min(last);
            match self.outcomes(from, until) {
                Ok(found) => outcomes.put(found),
                Err(error @ (StoreError::StoredRecord { .. } | StoreError::StoredText { .. })) => {
                    tracing::error!(%error, day, "a day's outcomes are not scored");
                    self.view.damaged.insert(day);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            from = until.plus(1, self.interval);
        }
        self.view.damaged.remove(&day);
        Ok(Some(outcomes))
    }

    fn enter(&mut self, day: i64, outcomes: &DayOutcomes) {
        if !self.view.ledger.put(day, outcomes.sums()) {
            // What is still unread is older than what there was no room for.
            self.unread.clear();
            self.cut = self.view.ledger.oldest_day();
        }
    }

    /// What the journal says about the bars from `from` to `until`, both included.
    fn outcomes(&self, from: BarTime, until: BarTime) -> Result<Vec<ScoredOutcome>, StoreError> {
        let query = JournalQuery { from: Some(from), until: Some(until), ..JournalQuery::default() };
        let resolutions = self.journal.resolutions(&query)?;
        if resolutions.is_empty() {
            return Ok(Vec::new());
        }
        Ok(scored(&resolutions, &self.journal.forecasts(&query)?))
    }
}

#[cfg(test)]
#[path = "scores_tests.rs"]
mod tests;
