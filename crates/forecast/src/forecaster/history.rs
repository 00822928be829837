//! The sealed bars that can still change, and the states to go back to.

use std::collections::VecDeque;
use std::sync::Arc;

use kline::{BarTime, Interval};

use super::State;
use crate::{BaselineInputs, Bundle, BundleDigest, Change, Prediction, Received, Resolution, Task};

/// How many of the last bars can be replayed.
pub(super) const REPLAY_BARS: i64 = 512;

/// A state is kept every so many bars.
const CHECKPOINT_BARS: i64 = 64;

/// At most so many bars back there is a state to go back to.
pub(super) const KEPT_BARS: i64 = REPLAY_BARS + CHECKPOINT_BARS;

/// One sealed bar.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) bar: BarTime,
    /// By symbol index.
    pub(super) klines: Vec<Option<Received>>,
    /// The bundles that answer this bar, in the order in which they came.
    pub(super) answering: Vec<Arc<Bundle>>,
    /// By symbol index, one entry a bundle.
    pub(super) announced: Vec<Vec<Announced>>,
}

/// What a prediction was made from besides the row and the bundle.
#[derive(Debug, Clone, Copy)]
pub(super) struct MadeFrom {
    pub(super) inputs: BaselineInputs,
    /// Whether its block had been renewed; once they are, they stay.
    pub(super) renewed: bool,
}

/// A prediction as it was last journalled, and what came of it.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) prediction: Arc<Prediction>,
    /// What it was made from besides the row; `None` if an earlier process made it.
    pub(super) inputs: Option<MadeFrom>,
    /// The last resolution of each task.
    pub(super) resolutions: Vec<Resolution>,
}

impl Record {
    pub(super) fn new(bar: BarTime, klines: Vec<Option<Received>>) -> Self {
        let announced = klines.iter().map(|_| Vec::new()).collect();
        Self { bar, klines, answering: Vec::new(), announced }
    }

    /// A symbol's prediction by a bundle.
    pub(super) fn find(&self, symbol_index: usize, bundle: BundleDigest) -> Option<&Announced> {
        self.announced[symbol_index].iter().find(|kept| kept.prediction.bundle == bundle)
    }

    /// Notes what a prediction was made from, which came out again with the same bits.
    pub(super) fn confirm(&mut self, symbol_index: usize, bundle: BundleDigest, inputs: MadeFrom) {
        let mut kept = self.announced[symbol_index].iter_mut();
        if let Some(kept) = kept.find(|kept| kept.prediction.bundle == bundle) {
            kept.inputs = Some(inputs);
        }
    }

    /// Keeps a resolution that was journalled, unless a later one is known.
    pub(super) fn tell(&mut self, symbol_index: usize, resolution: Resolution) {
        let mut kept = self.announced[symbol_index].iter_mut();
        let Some(kept) = kept.find(|kept| kept.prediction.bundle == resolution.bundle) else { return };
        match kept.resolutions.iter_mut().find(|before| before.task == resolution.task) {
            Some(before) if before.revision < resolution.revision => *before = resolution,
            Some(_) => {}
            None => kept.resolutions.push(resolution),
        }
    }

    /// Keeps a prediction in place of the one before by the same bundle.
    pub(super) fn announce(
        &mut self,
        symbol_index: usize,
        prediction: Arc<Prediction>,
        inputs: Option<MadeFrom>,
    ) {
        let kept = &mut self.announced[symbol_index];
        match kept.iter_mut().find(|kept| kept.prediction.bundle == prediction.bundle) {
            Some(kept) => {
                kept.prediction = prediction;
                kept.inputs = inputs;
            }
            None => kept.push(Announced { prediction, inputs, resolutions: Vec::new() }),
        }
    }
}

#[derive(Debug)]
struct Checkpoint {
    /// The last bar that went in.
    after: Option<BarTime>,
    state: State,
}

/// Records in ascending order of bars, and checkpoints between them.
#[derive(Debug)]
pub(super) struct History {
    interval: Interval,
    records: VecDeque<Record>,
    checkpoints: VecDeque<Checkpoint>,
}

impl History {
    /// A history of nothing, to whose beginning one can go back.
    pub(super) fn new(interval: Interval, state: State) -> Self {
        let checkpoints = VecDeque::from([Checkpoint { after: None, state }]);
        Self { interval, records: VecDeque::new(), checkpoints }
    }

    /// Forgets all; from now on one can go back to a state whose last bar is `after`.
    pub(super) fn begin_after(&mut self, after: BarTime, state: State) {
        self.records.clear();
        self.checkpoints = VecDeque::from([Checkpoint { after: Some(after), state }]);
    }

    /// The oldest state that has seen a bar and can be gone back to, and its last bar.
    pub(super) fn oldest_state(&self) -> Option<(BarTime, &State)> {
        self.checkpoints.iter().find_map(|checkpoint| Some((checkpoint.after?, &checkpoint.state)))
    }

    pub(super) const fn records(&self) -> &VecDeque<Record> {
        &self.records
    }

    pub(super) fn record_mut(&mut self, at: usize) -> &mut Record {
        &mut self.records[at]
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn last_bar(&self) -> Option<BarTime> {
        self.records.back().map(|record| record.bar)
    }

    /// The earliest bar that a bundle has answered in an earlier process and that can be replayed.
    pub(super) fn first_told(&self, bundle: BundleDigest) -> Option<BarTime> {
        let told = |kept: &Announced| kept.prediction.bundle == bundle && kept.inputs.is_none();
        let first = self.records.iter().find(|record| record.announced.iter().flatten().any(told))?.bar;
        let records = self.records.iter().map(|record| record.bar);
        records.skip_while(|bar| *bar < first).find(|bar| self.can_replay(*bar))
    }

    /// The place of a bar's record.
    pub(super) fn find(&self, bar: BarTime) -> Option<usize> {
        self.records.binary_search_by_key(&bar, |record| record.bar).ok()
    }

    /// Whether a bar will still be replayable when `end` is the last one.
    pub(super) fn is_within_replay(&self, bar: BarTime, end: BarTime) -> bool {
        end.steps_since(bar, self.interval) <= KEPT_BARS
    }

    /// Whether there is a state to go back to from before a bar.
    pub(super) fn can_replay(&self, bar: BarTime) -> bool {
        self.checkpoints.front().is_some_and(|first| first.after.is_none_or(|after| after < bar))
    }

    /// Keeps the state from before `next`, if a block of bars begins with it, and lets go of what is too old.
    pub(super) fn checkpoint(&mut self, next: BarTime, state: &State) {
        let block = |bar: BarTime| bar.index(self.interval).div_euclid(CHECKPOINT_BARS);
        let before = self.records.partition_point(|record| record.bar < next).checked_sub(1);
        let Some(after) = before.map(|at| self.records[at].bar) else { return };
        let kept = self.checkpoints.back().is_some_and(|last| last.after >= Some(after));
        let needed = block(after) < block(next) || self.checkpoints.is_empty();
        if needed && !kept {
            self.checkpoints.push_back(Checkpoint { after: Some(after), state: state.clone() });
        }
        self.prune(next);
    }

    fn prune(&mut self, next: BarTime) {
        let oldest = next.plus(-REPLAY_BARS, self.interval);
        while self.checkpoints.get(1).is_some_and(|second| second.after < Some(oldest)) {
            self.checkpoints.pop_front();
        }
        // Replays from the first checkpoint resolve predictions up to the longest horizon before it.
        let Some(after) = self.checkpoints.front().and_then(|first| first.after) else { return };
        self.let_go_before(after);
    }

    /// Lets go of all checkpoints and of the records that nothing is resolved at any more: history that is too old to be
    /// replayed when `next` comes.
    pub(super) fn forget(&mut self, next: BarTime) {
        self.checkpoints.clear();
        self.let_go_before(next);
    }

    /// Lets go of the records whose last outcome comes true before a bar.
    fn let_go_before(&mut self, bar: BarTime) {
        let needed = bar.plus(-2 * i64::from(Task::LONGEST_HORIZON_STEPS), self.interval);
        while self.records.front().is_some_and(|record| record.bar < needed) {
            self.records.pop_front();
        }
    }

    pub(super) fn push(&mut self, record: Record) {
        self.records.push_back(record);
    }

    /// Puts a late or corrected kline into its bar's record; `None` if it was there with the same bits.
    pub(super) fn put(
        &mut self,
        index: usize,
        bar: BarTime,
        received: Received,
        symbols: usize,
    ) -> Option<Change> {
        let at = match self.records.binary_search_by_key(&bar, |record| record.bar) {
            Ok(at) => at,
            Err(at) => {
                let mut record = Record::new(bar, vec![None; symbols]);
                let neighbour = at.checked_sub(1).or(Some(at)).and_then(|at| self.records.get(at));
                record.answering = neighbour.map(|record| record.answering.clone()).unwrap_or_default();
                self.records.insert(at, record);
                at
            }
        };
        let slot = &mut self.records[at].klines[index];
        let change = match slot {
            Some(kept) if kept.kline.same_bits(&received.kline) => return None,
            Some(_) => Change::Corrected,
            None => Change::Late,
        };
        *slot = Some(received);
        Some(change)
    }

    /// The last state from before `bar`, and the place of the first record after it. Later checkpoints are let go.
    pub(super) fn go_back(&mut self, bar: BarTime) -> (State, usize) {
        while self.checkpoints.len() > 1
            && self.checkpoints.back().is_some_and(|last| last.after >= Some(bar))
        {
            self.checkpoints.pop_back();
        }
        let last = &self.checkpoints[self.checkpoints.len() - 1];
        let first = match last.after {
            Some(after) => self.records.partition_point(|record| record.bar <= after),
            None => 0,
        };
        (last.state.clone(), first)
    }
}
