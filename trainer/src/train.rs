//! Trains every task's two boosters with the original libraries, and fits the baselines.

pub mod recipe;
mod stack;

use std::ops::Range;
use std::time::Instant;

use forecast::{BaselineName, Baselines, TargetTransform, Task, score};

use crate::Result;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::fit::{LightGbm, Matrix, XgBoost, lightgbm_path, xgboost_path};
use crate::trained::{Member, Plan, Trained, TrainedTask};
use recipe::Effort;

/// Trains all tasks: first with LightGBM, then with XGBoost, for they bring two OpenMP runtimes that must not
/// work at the same time. Afterwards the training window has no features any more, but those of its golden rows.
///
/// # Errors
/// When a library is missing or refuses, or a baseline can't be fitted.
pub fn train(
    dataset: &mut Dataset,
    data_version: String,
    effort: Effort,
    console: &Console,
) -> Result<Trained> {
    let (train, tune) = (dataset.range(dataset.split.train), dataset.range(dataset.split.tune));
    let baselines = Baselines::fit(dataset.samples(train.clone()))?;
    let targets: Vec<Targets> =
        Task::ALL.map(|task| Targets::of(dataset, task, train.clone(), tune.clone())).into();
    let lightgbm = train_lightgbm(dataset, &targets, effort, console)?;
    let xgboost = train_xgboost(dataset, &targets, effort, console)?;
    let tasks: Vec<TrainedTask> = targets
        .iter()
        .zip(lightgbm.into_iter().zip(xgboost))
        .map(|(targets, (lightgbm, xgboost))| TrainedTask {
            task: targets.task,
            transform: targets.transform,
            best_baseline: best_baseline(dataset, &baselines, targets.task, tune.clone()),
            lightgbm,
            xgboost,
        })
        .collect();
    let bar = console.spinner("stacking volatility and classes");
    let stacking = stack::fit(dataset, &tasks, tune)?;
    bar.finish_and_clear();
    let plan = Plan { split: dataset.split, data_version, seed: effort.seed, rounds_max: effort.rounds_max };
    Ok(Trained { plan, baselines, stacking, tasks })
}

/// The labels and weights of one task's training and tuning rows. A row without an outcome has weight 0, so all
/// tasks share one matrix.
struct Targets {
    task: Task,
    transform: TargetTransform,
    train: (Vec<f32>, Vec<f32>),
    tune: (Vec<f32>, Vec<f32>),
}

impl Targets {
    fn of(dataset: &Dataset, task: Task, train: Range<usize>, tune: Range<usize>) -> Self {
        let transform = TargetTransform::standard(task);
        let labels = |range: Range<usize>| {
            let outcomes = dataset.outcomes(range.clone()).iter();
            outcomes
                .zip(dataset.inputs(range))
                .map(|(outcomes, inputs)| {
                    let target = transform.apply(task, outcomes[task.index()], &inputs.context) as f32;
                    if target.is_finite() { (target, 1.0) } else { (0.0, 0.0) }
                })
                .unzip()
        };
        Self { task, transform, train: labels(train), tune: labels(tune) }
    }
}

fn train_lightgbm(
    dataset: &Dataset,
    targets: &[Targets],
    effort: Effort,
    console: &Console,
) -> Result<Vec<Member>> {
    let library = LightGbm::load(&lightgbm_path()?)?;
    let (train, tune) = (dataset.range(dataset.split.train), dataset.range(dataset.split.tune));
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let bins = recipe::lightgbm_bins(effort).with("num_threads", effort.threads);
    let bar = console.spinner("LightGBM: binning the rows");
    let train_rows = Matrix::new(dataset.values(train.clone()), dataset.width())?;
    let mut train_data = library.data(train_rows, &names, &bins, None)?;
    let tune_rows = Matrix::new(dataset.values(tune), dataset.width())?;
    let mut tune_data = library.data(tune_rows, &names, &bins, Some(&train_data))?;
    bar.finish_and_clear();
    let mut members = Vec::with_capacity(targets.len());
    for targets in targets {
        let started = Instant::now();
        train_data.set_labels(&targets.train.0)?;
        train_data.set_weights(&targets.train.1)?;
        tune_data.set_labels(&targets.tune.0)?;
        tune_data.set_weights(&targets.tune.1)?;
        let parameters = recipe::lightgbm(targets.task, effort, train.len());
        let schedule = recipe::schedule(targets.task, effort);
        let bar = console.bar(schedule.rounds_max, &format!("LightGBM {}", targets.task));
        let fit = library.train(
            (&train_data, &tune_data),
            recipe::loss(targets.task),
            &parameters.clone().with("num_threads", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        members.push(Member { fit, parameters, seconds: started.elapsed().as_secs_f64() });
    }
    Ok(members)
}

fn train_xgboost(
    dataset: &mut Dataset,
    targets: &[Targets],
    effort: Effort,
    console: &Console,
) -> Result<Vec<Member>> {
    let library = XgBoost::load(&xgboost_path()?)?;
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let bar = console.spinner("XGBoost: binning the rows");
    let train = dataset.range(dataset.split.train);
    let rows = train.len();
    // XGBoost's half-width copy takes the place of the features, so that both never lie beside its bins.
    let train_rows = single_precision(dataset.values(train));
    dataset.forget_training_values();
    let train_matrix = Matrix::new(&train_rows, dataset.width())?;
    let mut train_data = library.binned(train_matrix, recipe::XGBOOST_BINS, effort.threads, None)?;
    drop(train_rows);
    // Not binned: the loss is asked for after every round, and looking a row's bins up is slow where values are missing.
    // Every second bar: neighbours say nearly the same, and XGBoost keeps eight bytes a value.
    let tune = dataset.range(dataset.split.tune);
    let even = |index: &usize| dataset.key(*index).bar.index(dataset.interval).rem_euclid(2) == 0;
    let followed: Vec<usize> = tune.clone().filter(even).collect();
    let tune_start = tune.start;
    let chosen = |values: &[f32]| followed.iter().map(|index| values[index - tune_start]).collect::<Vec<_>>();
    let rows_of_values = followed.iter().map(|index| dataset.row(*index));
    let tune_rows: Vec<f32> = rows_of_values.flat_map(single_precision).collect();
    let mut tune_data = library.data(Matrix::new(&tune_rows, dataset.width())?, effort.threads)?;
    drop(tune_rows);
    bar.finish_and_clear();
    let mut members = Vec::with_capacity(targets.len());
    for targets in targets {
        let started = Instant::now();
        train_data.set_labels(&targets.train.0)?;
        train_data.set_weights(&targets.train.1)?;
        tune_data.set_labels(&chosen(&targets.tune.0))?;
        tune_data.set_weights(&chosen(&targets.tune.1))?;
        let parameters = recipe::xgboost(targets.task, effort, rows);
        let schedule = recipe::schedule(targets.task, effort);
        let bar = console.bar(schedule.rounds_max, &format!("XGBoost {}", targets.task));
        let fit = library.train(
            (&train_data, &tune_data),
            &names,
            recipe::loss(targets.task),
            &parameters.clone().with("nthread", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        members.push(Member { fit, parameters, seconds: started.elapsed().as_secs_f64() });
    }
    Ok(members)
}

/// The values as XGBoost sees them, in training and in scoring.
#[must_use]
pub fn single_precision(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// The baseline with the least loss over the rows for which all of the task's baselines have an answer.
fn best_baseline(dataset: &Dataset, baselines: &Baselines, task: Task, range: Range<usize>) -> BaselineName {
    let names = BaselineName::of(task);
    let mut sums = vec![0.0; names.len()];
    for sample in dataset.samples(range) {
        let outcome = sample.outcomes[task.index()];
        let losses: Vec<f64> = names
            .iter()
            .map(|name| match baselines.answer(*name, task, &sample.inputs) {
                Some(answer) => score::loss(task, &answer, outcome),
                None => f64::NAN,
            })
            .collect();
        if losses.iter().all(|loss| !loss.is_nan()) {
            for (sum, loss) in sums.iter_mut().zip(losses) {
                *sum += loss;
            }
        }
    }
    let best = sums.iter().zip(names).min_by(|a, b| a.0.total_cmp(b.0));
    best.map_or(BaselineName::Climatology, |(_, name)| *name)
}
