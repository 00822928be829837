//! The search for a booster's shape: by the loss on the folds of the walk, with LightGBM, whose shapes hold for XGBoost too.

pub mod space;
pub mod tpe;
pub mod trials;

use std::path::Path;
use std::sync::Arc;

use forecast::Task;
use serde::{Deserialize, Serialize};

use super::bins::Bins;
use super::folds::folds;
use super::lesson::{labels, learned_labels};
use super::recipe::{self, Effort, FoundShape, Shape, Shapes};
use crate::Result;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::fit::{Binned, LightGbm, LightGbmRows, Taught, Threads, lightgbm_path};
use space::Point;
use tpe::{is_hopeless, next_point};
use trials::{Trial, Trials};

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The task.
    pub task: Task,
    /// Trials that were begun, finished and given up.
    pub trials: [usize; 3],
    /// The mean loss over the folds of the shape that the search began with.
    pub standard_loss: f64,
    /// The least one.
    pub loss: f64,
    /// Its shape.
    pub shape: Shape,
}

/// One fold with its rows binned, and their labels and weights.
struct Fold {
    learned: LightGbmRows,
    answered: Arc<Binned>,
    labels: [(Vec<f32>, Vec<f32>); 2],
    rows: usize,
}

/// Tries shapes until `most` trials were begun, by this process and others that share the file.
///
/// # Errors
/// When LightGBM is missing or refuses, or the file can't be read or written.
pub fn search(
    dataset: &Dataset,
    task: Task,
    effort: Effort,
    most: usize,
    file: &Path,
    console: &Console,
) -> Result<Option<Found>> {
    let library = LightGbm::load(&lightgbm_path()?)?;
    let mut walked = Vec::new();
    for fold in folds(&dataset.split, effort.folds, dataset.interval) {
        let [learned, answered] = [fold.learned, fold.answered].map(|window| dataset.range(window));
        let bins = Bins::of(dataset, (learned.clone(), Some(answered.clone())), effort.threads)?;
        let Some(binned) = bins.followed else { continue };
        let rows = learned.len();
        let labels = [learned_labels(dataset, task, learned, effort), labels(dataset, task, answered)];
        let learned = library.rows(&bins.learned, effort.threads)?;
        walked.push(Fold { learned, answered: binned, labels, rows });
    }
    let standard = effort.shapes.of(task);
    let trials = Trials::at(file.to_owned());
    let bar = console.bar(most, &format!("searching {task}"));
    let choose = |number: usize, known: &[Trial]| {
        let tried: Vec<(Point, f64)> = known
            .iter()
            .filter(|trial| !trial.losses.is_empty())
            .map(|trial| (trial.point, trial.losses.iter().sum::<f64>() / trial.losses.len() as f64))
            .collect();
        next_point(effort.seed, number, &tried, Point::of(&standard))
    };
    while let Some((number, point)) = trials.begin(most, choose)? {
        let shape = if number == 0 { standard } else { point.shape(&standard) };
        let mut trial = Trial { number, point, losses: Vec::new(), finished: false };
        let others: Vec<Vec<f64>> = trials.read()?.into_iter().map(|other| other.losses).collect();
        for fold in &walked {
            trial.losses.push(loss(&library, fold, (task, shape), effort)?);
            if is_hopeless(&trial.losses, &others) {
                break;
            }
        }
        trial.finished = trial.losses.len() == walked.len();
        trials.end(&trial)?;
        bar.advance(trial.loss());
    }
    Ok(best(&trials.read()?, task, &standard))
}

/// The best loss on a fold of a booster of a shape.
fn loss(library: &LightGbm, fold: &Fold, (task, shape): (Task, Shape), effort: Effort) -> Result<f64> {
    let effort = Effort { shapes: Shapes::default().with(task, FoundShape { shape, tried: 1 }), ..effort };
    let parameters = recipe::lightgbm(task, effort, fold.rows);
    let [learned, answered] = &fold.labels;
    let fit = library.train(
        &Taught { rows: &fold.learned, labels: &learned.0, weights: &learned.1 },
        Some(&Taught { rows: &*fold.answered, labels: &answered.0, weights: &answered.1 }),
        (recipe::loss(task), &parameters),
        (recipe::schedule(task, effort), Threads { most: effort.threads, now: &|| effort.threads }),
        &mut |_, _| (),
    )?;
    Ok(fit.tune_loss)
}

fn best(known: &[Trial], task: Task, standard: &Shape) -> Option<Found> {
    let best = known.iter().min_by(|a, b| a.loss().total_cmp(&b.loss()))?;
    let first = known.iter().find(|trial| trial.number == 0)?;
    let finished = known.iter().filter(|trial| trial.finished).count();
    let given_up = known.iter().filter(|trial| !trial.finished && !trial.losses.is_empty()).count();
    Some(Found {
        task,
        trials: [known.len(), finished, given_up],
        standard_loss: first.loss(),
        loss: best.loss(),
        shape: if best.number == 0 { *standard } else { best.point.shape(standard) },
    })
}
