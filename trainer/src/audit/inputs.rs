//! Every input on its own: the trials that tell which features read it.

use std::collections::BTreeSet;

use features::{BLOCK, bitcoin_of};
use forecast::DatasetRow;
use kline::{Interval, Symbol};

use super::cuts::{self, Cut};
use super::effects::{Cause, Effects};
use super::fill;
use super::lever::{Lever, at_another_time};
use super::record::Record;
use super::{Klines, RowMaker};
use crate::random::{Random, purpose_of};

/// So many symbols are looked at, Bitcoin among them: each trial costs a run of the machine over all of them.
const SYMBOLS_MOST: usize = 4;

/// So many bars are looked at when every feature is warm.
const BARS_WARM: usize = 256;

/// On a longer step some features of the time of day stand still by nature; they are judged on this one.
const CALENDAR_STEP: Interval = Interval::M15;

/// The time is moved by more than two days, so that the day of the week moves with it.
const SHIFT_LEAST: i64 = 5 * 43_200_000;

/// Runs of the machine that one cut's trials take.
pub(super) const RUNS: usize = 1 + 2 * Lever::ALL.len() + 3;

/// What the trials have in common.
pub(super) struct Trials<'a> {
    pub(super) maker: &'a dyn RowMaker,
    pub(super) interval: Interval,
    pub(super) seed: u64,
    /// Called after each run of the machine.
    pub(super) progress: &'a (dyn Fn() + Sync),
    pub(super) shown: Shown,
}

/// What the trials showed.
pub(super) struct Shown {
    pub(super) effects: Effects,
    pub(super) filled: BTreeSet<&'static str>,
    pub(super) stand_ins: BTreeSet<Symbol>,
}

impl Shown {
    /// Nothing yet, of so many features.
    pub(super) fn nothing(features: usize) -> Self {
        Self { effects: Effects::new(features), filled: BTreeSet::new(), stand_ins: BTreeSet::new() }
    }
}

impl Trials<'_> {
    /// Changes each column up to the cut, of Bitcoin and of one other symbol, and then the time.
    pub(super) fn at(&mut self, klines: &Klines, cut: Cut) {
        let (interval, seed) = (self.interval, self.seed);
        let reach = (cuts::warm_up(self.maker) + BARS_WARM) as i64;
        let mut klines = cuts::slice(klines, interval, cut.bar, reach, 0);
        let moment = cut.bar.milliseconds().cast_unsigned();
        keep_few(&mut klines, seed ^ moment);
        fill::bars(&mut klines, interval);
        fill::columns(&mut klines, interval, seed, &mut self.shown.filled);
        self.shown.stand_ins.extend(fill::stand_ins(&mut klines, interval, seed));
        let record = Record::of(self.maker, &klines, interval);
        (self.progress)();
        let bitcoin = bitcoin_of(klines.keys().copied());
        let others = klines.keys().copied().filter(|symbol| Some(*symbol) != bitcoin);
        let other = others.max_by_key(|symbol| klines[symbol].len());
        for symbol in bitcoin.into_iter().chain(other) {
            for lever in Lever::ALL {
                let changed = lever.pull(&klines, symbol, interval, seed ^ moment);
                let seen = (&record, &changed, interval);
                let cause = |row: &DatasetRow<'_>| {
                    Effects::cause(lever, symbol == row.symbol, Some(symbol) == bitcoin)
                };
                self.shown.effects.observe(self.maker, seen, cause);
                (self.progress)();
            }
        }
        self.time(&klines, moment);
    }

    fn time(&mut self, klines: &Klines, moment: u64) {
        let step = self.interval.min(CALENDAR_STEP);
        let length = BLOCK * step.milliseconds();
        let blocks = SHIFT_LEAST / length + 1 + Random::of(self.seed, &[0x71e3, moment]).below(4) as i64;
        let interval = self.interval;
        let moved = |steps| at_another_time(klines, interval, step, steps);
        let record = Record::of(self.maker, &moved(0), step);
        (self.progress)();
        for (steps, cause) in [(blocks * BLOCK, Cause::TimeByBlocks), (blocks * BLOCK + 1, Cause::Time)] {
            self.shown.effects.observe(self.maker, (&record, &moved(steps), step), |_| cause);
            (self.progress)();
        }
    }
}

/// Keeps Bitcoin and a few others: those with the most klines, by lot among equals.
fn keep_few(klines: &mut Klines, seed: u64) {
    let bitcoin = bitcoin_of(klines.keys().copied());
    let rank = |symbol: &Symbol| {
        let lot = Random::of(seed, &[0x9a4e1, purpose_of(*symbol)]).below(1 << 20);
        (Some(*symbol) == bitcoin, klines[symbol].len(), lot)
    };
    let mut ranked: Vec<_> = klines.keys().map(|symbol| (rank(symbol), *symbol)).collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    for (_, symbol) in ranked.into_iter().skip(SYMBOLS_MOST) {
        klines.remove(&symbol);
    }
}
