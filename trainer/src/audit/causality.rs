//! The audit of causality: cuts through history, changed copies, one certificate.

use std::collections::BTreeSet;
use std::{panic, thread};

use features::Catalogue;
use forecast::{CausalityCertificate, Comparison};
use kline::Interval;

use super::ahead::Cutting;
use super::change::{Future, Past};
use super::cuts::{self, BARS_AFTER, Cut};
use super::findings::Findings;
use super::inputs::{self, Shown, Trials};
use super::record::Record;
use super::{Klines, RowMaker, fill, judge};
use crate::Result;
use crate::console::Console;

/// Bars at which history is cut, unless told otherwise.
pub const DEFAULT_BARS: u16 = 24;

/// The seed, unless told otherwise.
pub const DEFAULT_SEED: u64 = 7;

/// At most so many of the cuts have each input changed on its own.
const INPUT_BARS_MOST: usize = 4;

/// One cut in so many has its past changed as well: outcomes hang on few lines of code, the same at every bar.
const BACK_EVERY: usize = 4;

/// So many futures a cut has.
const FUTURES: usize = 2;

/// Each cut has this one, and the others in turn.
const FIRST: Future = Future::Otherwise;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct CausalityRequest {
    /// Bars at which history is cut.
    pub bars: usize,
    /// The seed of cut bars and changes.
    pub seed: u64,
    /// The content hash of the klines.
    pub data_version: String,
}

/// Cuts history, changes what lies on one side of the cut or one input alone, and compares the rows.
///
/// # Errors
/// [`crate::TrainerError::TooLittle`] when the history is too short for every feature to be warm.
pub fn audit_causality(
    maker: &dyn RowMaker,
    klines: &Klines,
    interval: Interval,
    request: &CausalityRequest,
    console: Console,
) -> Result<CausalityCertificate> {
    let seed = request.seed;
    let cuts = cuts::choose(maker, klines, interval, request.bars, seed)?;
    let input_cuts = cuts::fullest(&cuts, INPUT_BARS_MOST, seed);
    let with_back = |place: usize| place % BACK_EVERY == BACK_EVERY - 1 || cuts.len() < BACK_EVERY;
    let backs = (0..cuts.len()).filter(|place| with_back(*place)).count() * Past::ALL.len();
    let runs = cuts.len() * (1 + FUTURES) + backs + input_cuts.len() * inputs::RUNS;
    let bar = console.bar(runs, "auditing causality");
    let progress = || bar.advance(f64::NAN);

    let definitions = maker.definitions();
    let mut sides = Sides { maker, interval, seed, progress: &progress, seen: Seen::default() };
    let shown = Shown::nothing(definitions.len());
    let mut trials = Trials { maker, interval, seed, progress: &progress, shown };
    thread::scope(|scope| {
        let trying = scope.spawn(|| input_cuts.iter().for_each(|cut| trials.at(klines, *cut)));
        for (place, cut) in cuts.iter().enumerate() {
            sides.change(klines, *cut, place, with_back(place));
        }
        trying.join().unwrap_or_else(|fault| panic::resume_unwind(fault));
    });
    let Seen { mut findings, mut filled, ahead, back } = sides.seen;
    let Shown { effects, filled: others, stand_ins } = trials.shown;
    filled.extend(others);
    let verdict = judge::judge(definitions, &effects, &mut findings);
    let offences = findings.into_offences();
    Ok(CausalityCertificate {
        passed: offences.is_empty(),
        catalogue_hash: Catalogue::standard().hash().to_string(),
        data_version: request.data_version.clone(),
        interval,
        symbols: klines.keys().copied().collect(),
        seed,
        cut_bars: cuts.iter().map(|cut| cut.bar).collect(),
        input_bars: input_cuts.iter().map(|cut| cut.bar).collect(),
        ahead,
        back,
        inputs: effects.compared,
        features: definitions.len() as u64,
        features_alive: verdict.alive,
        inputs_declared: verdict.declared,
        inputs_proven: verdict.proven,
        filled_columns: filled.into_iter().map(str::to_owned).collect(),
        stand_ins: stand_ins.into_iter().collect(),
        offences,
    })
}

/// One side of a cut changed, cut after cut.
struct Sides<'a> {
    maker: &'a dyn RowMaker,
    interval: Interval,
    seed: u64,
    /// Called after each run of the machine.
    progress: &'a (dyn Fn() + Sync),
    seen: Seen,
}

/// What the cuts showed.
#[derive(Default)]
struct Seen {
    findings: Findings,
    filled: BTreeSet<&'static str>,
    ahead: Comparison,
    back: Comparison,
}

impl Sides<'_> {
    fn change(&mut self, klines: &Klines, cut: Cut, place: usize, with_back: bool) {
        let Self { maker, interval, seed, progress, ref mut seen } = *self;
        let mut klines = cuts::slice(klines, interval, cut.bar, cut.reach, BARS_AFTER);
        fill::columns(&mut klines, interval, seed, &mut seen.filled);
        // Every changed copy is compared with the same rows, so the unchanged klines are run once.
        let record = Record::of(maker, &klines, interval);
        progress();
        let cutting = Cutting { maker, interval, seed, cut, klines: &klines, record: &record };
        let others = Future::ALL.into_iter().filter(|future| *future != FIRST);
        for future in [FIRST].into_iter().chain(others.cycle().skip(place).take(FUTURES - 1)) {
            cutting.look_ahead(future, &mut seen.ahead, &mut seen.findings);
            progress();
        }
        if with_back {
            for past in Past::ALL {
                cutting.look_back(past, &mut seen.back, &mut seen.findings);
                progress();
            }
        }
    }
}
