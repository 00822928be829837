//! Two canaries: models that must know nothing, and one that must be caught knowing too much.
//!
//! Outcomes that were dealt out anew say nothing about their rows: who finds skill in them has let the rows that are learned
//! from and those that are answered touch. And a feature that knows the future must lift the figures beyond the levels at
//! which `evaluate` raises its alarm: else that alarm would not be heard either.

use std::ops::Range;
use std::sync::Arc;

use forecast::score::{Figure, Resampling, auc_interval};
use forecast::{Canary, LeaksCertificate, Metric, TargetTransform, Task};

use crate::Result;
use crate::answers::{Answers, lightgbm_answers};
use crate::console::{Console, table};
use crate::dataset::Dataset;
use crate::evaluate::alarms::alarms;
use crate::evaluate::metrics::{Truth, figures, losses};
use crate::fit::{Binned, Binning, LightGbm, Matrix, Schedule, Taught, Threads, lightgbm_path};
use crate::random::Random;
use crate::train::folds;
use crate::train::recipe::{self, Effort};
use crate::walk_report::Fold;

/// Rows of either part at most.
const ROWS_MOST: usize = 60_000;

/// So many standard errors above even an AUC of outcomes that say nothing is no chance any more.
const ERRORS_MOST: f64 = 4.0;

/// An R² of outcomes that say nothing that is still none.
const R2_MOST: f64 = 0.01;

/// How often days are drawn again for the interval of the canaries.
const RESAMPLES: usize = 400;

/// The tasks whose outcomes are dealt out anew.
const SHUFFLED: [Task; 3] = [Task::Return4Step, Task::Direction4Step, Task::Volatility4Step];

/// Lets both canaries sing on the last fold of the walk.
///
/// # Errors
/// When LightGBM is missing or refuses.
pub fn audit_leaks(
    dataset: &Dataset,
    data_version: String,
    effort: Effort,
    console: Console,
) -> Result<LeaksCertificate> {
    let library = LightGbm::load(&lightgbm_path()?)?;
    let plan = folds(&dataset.split, effort.folds, dataset.interval);
    let whole = dataset.range(dataset.split.tune);
    let [learned, answered] = plan.last().map_or([whole.clone(), whole], |fold: &Fold| {
        [fold.learned, fold.answered].map(|window| dataset.range(window))
    });
    let cage = Cage { dataset, library, effort, learned: thin(learned), answered: thin(answered) };
    let bar = console.bar(SHUFFLED.len() + 1, "listening to canaries");
    let mut canaries = Vec::new();
    for task in SHUFFLED {
        canaries.push(cage.shuffled(task)?);
        bar.advance(f64::NAN);
    }
    canaries.push(cage.planted(Task::Direction4Step)?);
    bar.advance(f64::NAN);
    let passed = canaries.iter().all(|canary| canary.passed);
    let catalogue_hash = features::Catalogue::standard().hash().to_string();
    let rows = [cage.learned.len(), cage.answered.len()].map(|rows| rows as u64);
    Ok(LeaksCertificate { catalogue_hash, data_version, rows, canaries, passed })
}

/// At most [`ROWS_MOST`] rows, evenly.
fn thin(rows: Range<usize>) -> Vec<usize> {
    let step = rows.len().div_ceil(ROWS_MOST).max(1);
    rows.step_by(step).collect()
}

struct Cage<'a> {
    dataset: &'a Dataset,
    library: LightGbm,
    effort: Effort,
    learned: Vec<usize>,
    answered: Vec<usize>,
}

impl Cage<'_> {
    /// Outcomes that belong to other rows.
    fn shuffled(&self, task: Task) -> Result<Canary> {
        let deal = |rows: &[usize], salt: u64| {
            let mut places: Vec<usize> = (0..rows.len()).collect();
            let mut random = Random::of(self.effort.seed, &[salt]);
            for at in (1..places.len()).rev() {
                places.swap(at, random.below(at + 1));
            }
            places.into_iter().map(|place| self.outcome(rows[place], task)).collect::<Vec<f64>>()
        };
        let (learned, answered) = (deal(&self.learned, 1), deal(&self.answered, 2));
        let answers = self.answers(task, &learned, |row| self.dataset.row(row).to_vec())?;
        let (figure, found) = self.figure(task, &answers, &answered);
        let most = if figure == "auc" { 0.5 + ERRORS_MOST * error_of_auc(&answered) } else { R2_MOST };
        let passed = found.value <= most;
        Ok(canary("shuffled outcomes", task, figure, found, passed))
    }

    /// The first feature is what comes.
    fn planted(&self, task: Task) -> Result<Canary> {
        let outcomes = |rows: &[usize]| rows.iter().map(|row| self.outcome(*row, task)).collect::<Vec<f64>>();
        let (learned, answered) = (outcomes(&self.learned), outcomes(&self.answered));
        let future = |row: usize| {
            let mut values = self.dataset.row(row).to_vec();
            values[0] = self.outcome(row, Task::Return4Step);
            values
        };
        let answers = self.answers(task, &learned, future)?;
        let truth = self.truth(task, &answered);
        let told = alarms(task, &figures(truth.borrow(), &answers, &losses(truth.borrow(), &answers)));
        let (figure, found) = self.figure(task, &answers, &answered);
        Ok(canary("planted future", task, figure, found, !told.is_empty()))
    }

    fn outcome(&self, row: usize, task: Task) -> f64 {
        self.dataset.outcomes(row..row + 1)[0][task.index()]
    }

    /// What LightGBM answers to the answered rows after it has learned these outcomes.
    fn answers(&self, task: Task, outcomes: &[f64], values: impl Fn(usize) -> Vec<f64>) -> Result<Answers> {
        let transform = TargetTransform::standard(task);
        let (labels, weights): (Vec<f32>, Vec<f32>) = self
            .learned
            .iter()
            .zip(outcomes)
            .map(|(row, outcome)| {
                let context = &self.dataset.inputs(*row..row + 1)[0].context;
                let target = transform.apply(task, *outcome, context) as f32;
                if target.is_finite() { (target, 1.0) } else { (0.0, 0.0) }
            })
            .unzip();
        let names: Vec<&str> = features::Catalogue::standard().names().collect();
        let rows = |rows: &[usize]| rows.iter().flat_map(|row| values(*row)).collect::<Vec<f64>>();
        let (learned, width) = (rows(&self.learned), self.dataset.width());
        let threads = self.effort.threads;
        let binning = Binning { names: &names, bins: recipe::BINS, threads, part_of: None };
        let binned = Arc::new(Binned::new(Matrix::new(&learned, width)?, binning)?);
        let taught =
            Taught { rows: &self.library.rows(&binned, threads)?, labels: &labels, weights: &weights };
        let schedule = Schedule { rounds_max: self.effort.rounds_max.unwrap_or(40), patience: 1 };
        let parameters = recipe::lightgbm(task, self.effort, self.learned.len());
        let told = (recipe::loss(task), &parameters);
        let fit = self.library.train(
            &taught,
            None,
            told,
            (schedule, Threads { most: threads, now: &|| threads }),
            &mut |_, _| (),
        )?;
        let inputs: Vec<_> = self.answered.iter().map(|row| self.dataset.inputs(*row..row + 1)[0]).collect();
        lightgbm_answers(task, transform, &fit.file, &rows(&self.answered), &inputs)
    }

    fn truth(&self, task: Task, outcomes: &[f64]) -> OwnedTruth {
        let day = |row: &usize| self.dataset.key(*row).bar.milliseconds().div_euclid(forecast::score::DAY_MS);
        OwnedTruth {
            task,
            outcomes: outcomes.to_vec(),
            days: self.answered.iter().map(day).collect(),
            resampling: Resampling { times: RESAMPLES, seed: self.effort.seed },
        }
    }

    fn figure(&self, task: Task, answers: &Answers, outcomes: &[f64]) -> (&'static str, Figure) {
        let truth = self.truth(task, outcomes);
        if task == Task::Direction4Step {
            let up: Vec<f64> = answers.rows().map(|row| row.get(1).copied().unwrap_or(f64::NAN)).collect();
            let known = |place: &usize| !truth.outcomes[*place].is_nan();
            let places: Vec<usize> = (0..up.len()).filter(known).collect();
            let of = |values: &[f64]| places.iter().map(|place| values[*place]).collect::<Vec<f64>>();
            let days: Vec<i64> = places.iter().map(|place| truth.days[*place]).collect();
            let came: Vec<bool> = of(&truth.outcomes).iter().map(|outcome| *outcome == 1.0).collect();
            return ("auc", auc_interval(&of(&up), &came, &days, truth.resampling));
        }
        let name = if task == Task::Volatility4Step { "r2_log" } else { "r2" };
        let found = figures(truth.borrow(), answers, &losses(truth.borrow(), answers));
        (name, found.get(name).copied().unwrap_or(Figure::plain(f64::NAN)))
    }
}

/// The standard error of the AUC of scores that say nothing about independent outcomes (Mann and Whitney 1947).
fn error_of_auc(outcomes: &[f64]) -> f64 {
    let of = |class: f64| outcomes.iter().filter(|outcome| **outcome == class).count() as f64;
    let (down, up) = (of(0.0), of(1.0));
    ((down + up + 1.0) / (12.0 * down * up)).sqrt()
}

struct OwnedTruth {
    task: Task,
    outcomes: Vec<f64>,
    days: Vec<i64>,
    resampling: Resampling,
}

impl OwnedTruth {
    fn borrow(&self) -> Truth<'_> {
        Truth { task: self.task, outcomes: &self.outcomes, days: &self.days, resampling: self.resampling }
    }
}

fn canary(canary: &str, task: Task, figure: &str, found: Figure, passed: bool) -> Canary {
    let (canary, figure) = (canary.to_owned(), figure.to_owned());
    let [value, low, high] = [found.value, found.low, found.high].map(Metric);
    Canary { canary, task, figure, value, interval: [low, high], passed }
}

/// The canaries for people.
#[must_use]
pub(crate) fn leaks_table(found: &LeaksCertificate) -> String {
    let rows = found.canaries.iter().map(|canary| {
        vec![
            canary.canary.clone(),
            canary.task.to_string(),
            canary.figure.clone(),
            format!("{:.4} [{:.4}, {:.4}]", canary.value.0, canary.interval[0].0, canary.interval[1].0),
            (if canary.passed { "as it has to be" } else { "a leak" }).to_owned(),
        ]
    });
    table(&["canary", "task", "figure", "found", ""], rows)
}
