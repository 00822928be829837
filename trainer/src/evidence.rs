//! What speaks for a model: how it does on its own test window, beside its best baselines and beside the champion, by the
//! answers that it would serve.

use std::collections::BTreeMap;
use std::path::Path;

use forecast::score::{DAY_MS, PairedTest, expected_calibration_error, loss_of, paired_test};
use forecast::{Answer, BAND_LEVELS, BaselineName, Bundle, Task, TaskKind, renewal_block};
use kline::{BarTime, Interval, Kline, Symbol};
use serde::Serialize;

use crate::Result;
use crate::certificates::Certified;
use crate::dataset::Dataset;
use crate::evaluate::metrics::{CALIBRATION_BINS, stated};
use crate::ingest::{Disputes, Kept};
use crate::looks::Tried;
use crate::quality;
use crate::served::Served;
use crate::split::{LEAD_BARS, Split, Window};

/// Rows that are asked about at once.
const ROWS_AT_ONCE: usize = 4_096;

/// What was found about one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskEvidence {
    /// The task.
    pub task: Task,
    /// The baseline with the least loss on the walk.
    pub best_baseline: BaselineName,
    /// The ensemble against that baseline; `None` on too few days.
    pub baseline: Option<PairedTest>,
    /// The ensemble against the champion's; `None` without one, or on too few days.
    pub champion: Option<PairedTest>,
    /// How many models of the task were tried, this one included: what it is better by is deflated by it.
    pub trials: u32,
    /// Of classes.
    pub calibration_error: Option<f64>,
    /// Of tasks with bands: how far the share of outcomes inside is from the level, at the worst level.
    pub coverage_error: Option<f64>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The test window; `None` if training had none.
    pub window: Option<Window>,
    /// UTC days that have rows.
    pub days: usize,
    /// The first bar that the champion is compared on: it has learned from what was before.
    pub champion_from: Option<BarTime>,
    /// How much was tried before.
    pub tried: Tried,
    /// One entry a task, in the order of [`Task::ALL`].
    pub tasks: Vec<TaskEvidence>,
    /// The symbol whose klines are worst over the windows, and their score from 0 to 1.
    pub quality: Option<(Symbol, f64)>,
    /// What the audits certified.
    pub certificates: Vec<Certified>,
}

/// The test window of a bundle; `None` if its training had none.
#[must_use]
pub fn test_window(bundle: &Bundle) -> Option<Window> {
    let training = bundle.manifest().training;
    training.test_from.zip(training.test_until).map(|(from, until)| Window { from, until })
}

/// Gathers what speaks for a bundle and against it; the feature rows lie in `folder` meanwhile.
///
/// # Errors
/// When the feature rows can't be kept on the disk.
pub fn gather(
    bundle: &Bundle,
    champion: Option<&Bundle>,
    Kept { klines, disputes, .. }: &Kept,
    (tried, certificates): (Tried, Vec<Certified>),
    (threads, folder): (usize, &Path),
) -> Result<Evidence> {
    let manifest = bundle.manifest();
    let (interval, training) = (manifest.interval, manifest.training);
    let window = test_window(bundle);
    let learned =
        Window { from: training.train_from, until: training.test_until.unwrap_or(training.tune_until) };
    let quality = worst(klines, disputes, learned, interval);
    let unseen_from = |bundle: &Bundle| {
        let training = bundle.manifest().training;
        training.tune_until.plus(i64::from(training.embargo_bars) + 1, interval)
    };
    let champion_from = champion.map(unseen_from);
    let Some(test) = window else {
        let tasks = Vec::new();
        return Ok(Evidence { window, days: 0, champion_from, tried, tasks, quality, certificates });
    };
    let lead = Window { from: test.from.plus(-LEAD_BARS, interval), until: test.from.plus(-1, interval) };
    let split = Split { train: lead, tune: lead, test };
    let dataset = Dataset::build(klines, interval, split, (threads, folder), || ())?;
    let tested = dataset.keys(dataset.range(test)).iter();
    let days: Vec<i64> = tested.map(|key| key.bar.milliseconds().div_euclid(DAY_MS)).collect();
    let own = losses(bundle, &dataset, unseen_from(bundle));
    let theirs = champion.zip(champion_from).map(|(champion, from)| losses(champion, &dataset, from));
    let tasks = manifest.tasks.iter().enumerate().map(|(place, entry)| {
        let Losses { ensemble, baseline, stated, held } = &own[place];
        let theirs = theirs.as_ref().and_then(|theirs| theirs.get(place));
        TaskEvidence {
            task: entry.task,
            best_baseline: entry.best_baseline,
            baseline: paired_test(ensemble, baseline, &days),
            champion: theirs.and_then(|theirs| paired_test(ensemble, &theirs.ensemble, &days)),
            trials: tried.of(entry.task),
            calibration_error: (entry.task.kind() != TaskKind::Regression)
                .then(|| expected_calibration_error(stated.iter().copied(), CALIBRATION_BINS)),
            coverage_error: coverage_error(held),
        }
    });
    let tasks = tasks.collect();
    let mut distinct = days;
    distinct.dedup();
    Ok(Evidence { window, days: distinct.len(), champion_from, tried, tasks, quality, certificates })
}

/// The symbol with the worst klines of a window.
fn worst(
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    disputes: &Disputes,
    window: Window,
    interval: Interval,
) -> Option<(Symbol, f64)> {
    let within = |(symbol, klines): (&Symbol, &Vec<Kline>)| {
        let inside = klines.iter().filter(|kline| window.holds(kline.bar_time(interval)));
        (*symbol, inside.copied().collect())
    };
    let found = quality::assess(&klines.iter().map(within).collect(), &[], disputes, interval);
    let scores = found.into_iter().map(|found| (found.symbol, found.score));
    scores.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// One task's losses, row after row; NaN where there is none.
#[derive(Debug, Default)]
struct Losses {
    ensemble: Vec<f64>,
    baseline: Vec<f64>,
    /// Probabilities that were stated, and whether what they were stated for came true.
    stated: Vec<(f64, bool)>,
    /// By level: outcomes with a band, those that it held.
    held: [[u32; 2]; BAND_LEVELS.len()],
}

/// The largest distance from a level; `None` without bands.
fn coverage_error(held: &[[u32; 2]; BAND_LEVELS.len()]) -> Option<f64> {
    let levels = BAND_LEVELS.iter().zip(held).filter(|(_, [rows, _])| *rows > 0);
    let distance =
        |(level, [rows, held]): (&f64, &[u32; 2])| (f64::from(*held) / f64::from(*rows) - level).abs();
    levels.map(distance).max_by(f64::total_cmp)
}

/// A bundle's losses on the test window's rows, in the order of its tasks; those of its symbols from a bar on count, and what is
/// served is renewed from those before the window too.
fn losses(bundle: &Bundle, dataset: &Dataset, from: BarTime) -> Vec<Losses> {
    let tasks = &bundle.manifest().tasks;
    let mut found: Vec<Losses> = tasks.iter().map(|_| Losses::default()).collect();
    let mut outputs = Vec::new();
    let mut served = Served::new(bundle.bands());
    for begin in (0..dataset.len()).step_by(ROWS_AT_ONCE) {
        let rows = begin..dataset.len().min(begin + ROWS_AT_ONCE);
        let answers =
            bundle.answer_batch(dataset.values(rows.clone()), dataset.inputs(rows.clone()), &mut outputs);
        let truths = dataset.keys(rows.clone()).iter().zip(dataset.outcomes(rows));
        for (mut answers, (key, outcomes)) in answers.zip(truths) {
            let symbol = dataset.symbols[usize::from(key.symbol)];
            let is_tested = dataset.split.test.holds(key.bar);
            let counts = key.bar >= from && bundle.covers(symbol);
            if counts {
                let mut ensembles = Task::ALL.map(|_| Answer::Value(f64::NAN));
                for said in &mut answers {
                    ensembles[said.task.index()] = said.ensemble.clone();
                }
                let place = (symbol, renewal_block(key.bar, dataset.interval));
                served.take(place, &mut ensembles, outcomes, |task, band, held| {
                    let of_task = tasks.iter().position(|entry| entry.task == task);
                    let level = BAND_LEVELS.iter().position(|level| *level == band.level);
                    if let Some((task, level)) = of_task.zip(level).filter(|_| is_tested) {
                        let [rows, inside] = &mut found[task].held[level];
                        *rows += 1;
                        *inside += u32::from(held);
                    }
                });
                for said in &mut answers {
                    said.ensemble.clone_from(&ensembles[said.task.index()]);
                }
            }
            for (said, found) in answers.into_iter().zip(&mut found).filter(|_| is_tested) {
                let outcome = if counts { outcomes[said.task.index()] } else { f64::NAN };
                let loss = |answer: &[f64]| loss_of(said.task, answer, outcome);
                let baseline = said.baseline(said.compared_with);
                found.ensemble.push(loss(said.ensemble.as_slice()));
                found.baseline.push(baseline.map_or(f64::NAN, |answer| loss(answer.as_slice())));
                found.stated.extend(stated(said.task.kind(), said.ensemble.as_slice(), outcome));
            }
        }
    }
    found
}
