//! What every model answers to every test row, in the outcome's unit.

use std::ops::Range;
use std::{panic, thread};

use forecast::{
    Answer, BaselineInputs, BaselineName, Baselines, Calibration, Signals, Stacking, TargetTransform, Task,
    TaskKind, combined, member_answer,
};
use forest::{Booster, Limits};

use crate::dataset::Dataset;
use crate::trained::{Trained, TrainedTask, output_count};
use crate::{Result, TrainerError};

/// One model's answers: per row one value, or one probability per class.
#[derive(Debug, Clone)]
pub struct Answers {
    /// `ensemble`, `lightgbm`, `xgboost`, or a baseline's name.
    pub model: String,
    /// Row after row.
    pub values: Vec<f64>,
    /// Values per row.
    pub width: usize,
}

impl Answers {
    /// One row's answer.
    #[must_use]
    pub(crate) fn row(&self, task: Task, row: usize) -> Answer {
        to_answer(task, &self.values[row * self.width..][..self.width])
    }

    /// Puts another answer in the place of a row's.
    pub(crate) fn set_row(&mut self, row: usize, answer: &Answer) {
        self.values[row * self.width..][..self.width].copy_from_slice(answer.as_slice());
    }

    /// Forgets the first rows.
    pub(crate) fn forget_rows(&mut self, count: usize) {
        self.values.drain(..count * self.width);
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }
}

/// How many numbers an answer to a task has.
#[must_use]
pub const fn answer_width(task: Task) -> usize {
    match task.kind() {
        TaskKind::Regression => 1,
        TaskKind::Binary => 2,
        TaskKind::Classes(count) => count,
    }
}

/// Every task's answers to the rows of a range, ensembles as they are served.
///
/// # Errors
/// When a booster can't be read.
pub fn every_answer(dataset: &Dataset, trained: &Trained, range: Range<usize>) -> Result<Vec<[Answers; 3]>> {
    let inputs = dataset.inputs(range.clone());
    let answer = |one| member_answers(one, dataset, range.clone());
    let mut found: Vec<[Answers; 3]> = trained.tasks.iter().map(answer).collect::<Result<_>>()?;
    calibrate(&trained.tasks, &mut found, &trained.calibration, inputs);
    stack(&trained.tasks, &mut found, &trained.stacking, inputs);
    Ok(found)
}

/// Calibrates the means.
fn calibrate(
    tasks: &[TrainedTask],
    found: &mut [[Answers; 3]],
    calibration: &Calibration,
    inputs: &[BaselineInputs],
) {
    let means: Vec<Vec<Answer>> = tasks
        .iter()
        .zip(found.iter())
        .map(|(one, [ensemble, ..])| ensemble.rows().map(|row| to_answer(one.task, row)).collect())
        .collect();
    let place = |task: Task| tasks.iter().position(|one| one.task == task);
    let places = Task::ALL.map(place);
    for (row, inputs) in inputs.iter().enumerate() {
        let mean = |task: Task| Some(&means[places[task.index()]?][row]);
        let signals = Signals::of(mean, &inputs.context);
        for ((one, [ensemble, ..]), means) in tasks.iter().zip(found.iter_mut()).zip(&means) {
            let answer = calibration.answer(one.task, means[row].clone(), &signals, &inputs.context);
            ensemble.values[row * ensemble.width..][..ensemble.width].copy_from_slice(answer.as_slice());
        }
    }
}

/// Turns the means into what is served.
fn stack(tasks: &[TrainedTask], found: &mut [[Answers; 3]], stacking: &Stacking, inputs: &[BaselineInputs]) {
    let Some(volatility) = tasks.iter().position(|one| one.task == Task::Volatility4Step) else { return };
    let volatility = found[volatility][0].values.clone();
    for (one, [ensemble, ..]) in tasks.iter().zip(found) {
        if stacking.tasks().any(|task| task == one.task) {
            let rows = ensemble.rows().zip(&volatility).zip(inputs);
            let stacked = rows.flat_map(|((mean, volatility), inputs)| {
                let mean = to_answer(one.task, mean);
                stacking.answer(one.task, mean, *volatility, &inputs.context).as_slice().to_vec()
            });
            ensemble.values = stacked.collect();
        }
    }
}

/// The answers of both boosters, by our own reader and scorer, and the two combined as the ensemble, in this order: ensemble,
/// LightGBM, XGBoost.
///
/// # Errors
/// When a booster can't be read.
pub fn member_answers(trained: &TrainedTask, dataset: &Dataset, rows: Range<usize>) -> Result<[Answers; 3]> {
    let task = trained.task;
    let [lightgbm, xgboost] = boosters(trained)?;
    let answer = |booster: &Booster, library: &'static str| -> Result<Answers> {
        let mut outputs = vec![0.0; rows.len() * output_count(task)];
        for (piece, values) in dataset.pieces(rows.clone()) {
            let place = |row: usize| (row - rows.start) * output_count(task);
            let out = &mut outputs[place(piece.start)..place(piece.end)];
            booster.predict_batch(values, out).map_err(|error| TrainerError::Booster {
                task,
                library,
                problem: error.to_string(),
            })?;
        }
        Ok(to_answers(library, task, trained.transform, &outputs, dataset.inputs(rows.clone())))
    };
    let (lightgbm, xgboost) = thread::scope(|scope| {
        let lightgbm = scope.spawn(|| answer(&lightgbm, "lightgbm"));
        let xgboost = answer(&xgboost, "xgboost");
        (lightgbm.join().unwrap_or_else(|fault| panic::resume_unwind(fault)), xgboost)
    });
    let (lightgbm, xgboost) = (lightgbm?, xgboost?);
    let ensemble = Answers {
        model: "ensemble".to_owned(),
        values: lightgbm
            .rows()
            .zip(xgboost.rows())
            .flat_map(|(a, b)| {
                combined(trained.lightgbm_share, &to_answer(task, a), &to_answer(task, b)).as_slice().to_vec()
            })
            .collect(),
        width: lightgbm.width,
    };
    Ok([ensemble, lightgbm, xgboost])
}

/// One LightGBM model's answers, by our own reader and scorer.
///
/// # Errors
/// When it can't be read.
pub fn lightgbm_answers(
    task: Task,
    transform: TargetTransform,
    file: &[u8],
    rows: &[f64],
    inputs: &[BaselineInputs],
) -> Result<Answers> {
    let library = "lightgbm";
    let wrap = |problem: String| TrainerError::Booster { task, library, problem };
    let booster =
        Booster::from_lightgbm_text(file, &Limits::default()).map_err(|error| wrap(error.to_string()))?;
    let mut outputs = vec![0.0; inputs.len() * output_count(task)];
    booster.predict_batch(rows, &mut outputs).map_err(|error| wrap(error.to_string()))?;
    Ok(to_answers(library, task, transform, &outputs, inputs))
}

/// Both boosters of a task as the server reads them.
///
/// # Errors
/// When one can't be read.
pub fn boosters(trained: &TrainedTask) -> Result<[Booster; 2]> {
    let task = trained.task;
    let wrap = |library: &'static str| {
        move |error: forest::LoadError| TrainerError::Booster { task, library, problem: error.to_string() }
    };
    Ok([
        Booster::from_lightgbm_text(&trained.lightgbm.fit.file, &Limits::default())
            .map_err(wrap("lightgbm"))?,
        Booster::from_xgboost_ubjson(&trained.xgboost.fit.file, &Limits::default())
            .map_err(wrap("xgboost"))?,
    ])
}

fn to_answers(
    model: &str,
    task: Task,
    transform: TargetTransform,
    outputs: &[f64],
    inputs: &[BaselineInputs],
) -> Answers {
    let values = outputs
        .chunks_exact(output_count(task))
        .zip(inputs)
        .flat_map(|(outputs, inputs)| {
            member_answer(task, transform, outputs, &inputs.context).as_slice().to_vec()
        })
        .collect();
    Answers { model: model.to_owned(), values, width: answer_width(task) }
}

/// The numbers of an answer to a task, as one.
pub(crate) fn to_answer(task: Task, values: &[f64]) -> Answer {
    match (task.kind(), values) {
        (TaskKind::Regression, [value]) => Answer::Value(*value),
        (_, values) => Answer::Probabilities(values.to_vec()),
    }
}

/// A baseline's answers; NaN where it can't know.
#[must_use]
pub fn baseline_answers(
    baselines: &Baselines,
    name: BaselineName,
    task: Task,
    inputs: &[BaselineInputs],
) -> Answers {
    let width = answer_width(task);
    let mut values = Vec::with_capacity(inputs.len() * width);
    for inputs in inputs {
        match baselines.answer(name, task, inputs) {
            Some(answer) => values.extend_from_slice(answer.as_slice()),
            None => values.resize(values.len() + width, f64::NAN),
        }
    }
    Answers { model: name.to_string(), values, width }
}
