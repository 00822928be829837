//! How each task is trained by each library.
//!
//! Returns and directions have next to no signal: few shallow trees with large leaves, half of the rows and of
//! the columns a tree. Volatility has much: deeper trees, more of them. Shapes were
//! tried with an eye on the folds and on minutes; the walk sets the number of rounds.
//!
//! All symbols are learned together. The symbol as a category of LightGBM's was tried on ten pairs (to 2023-09, judged to 2024-09, two
//! seeds): 0.2 % less loss of the volatility, 0.1 % of the regime, 0.03 % of the direction, nothing sure of the returns. It would ask for a
//! column that no catalogue has, and know no symbol that joins later.

mod shape;

use std::collections::BTreeMap;
use std::path::Path;

use forecast::{Task, TaskKind};
use serde_json::{Map, Value};

use super::library::Library;
use crate::fit::{Loss, Parameters, Schedule};
use crate::half_life::HalfLife;
use crate::{Result, TrainerError};

pub use shape::{COUNT_MOST, FoundShape, Shape};

/// How many bins a column is cut into.
pub const BINS: usize = 64;

/// What a person may change about a run.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// The seed of everything random.
    pub seed: u64,
    /// Threads that each library may use; the models don't depend on it.
    pub threads: usize,
    /// The most rounds of any booster, below the recipe's own bound.
    pub rounds_max: Option<usize>,
    /// How many folds are walked over at most.
    pub folds: usize,
    /// Shapes in place of the standard ones.
    pub shapes: Shapes,
    /// After how many days a row counts half; without it all count the same.
    pub half_life: Option<HalfLife>,
}

/// Shapes that take the place of the standard ones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shapes([Option<FoundShape>; Task::COUNT]);

impl Shapes {
    /// The shape of a task.
    #[must_use]
    pub fn of(&self, task: Task) -> Shape {
        self.0[task.index()].map_or_else(|| standard(task), |found| found.shape)
    }

    /// The same with another shape of a task.
    #[must_use]
    pub fn with(mut self, task: Task, found: FoundShape) -> Self {
        self.0[task.index()] = Some(found);
        self
    }

    /// How many shapes were tried before each that takes the place of a standard one.
    #[must_use]
    pub fn tried(&self) -> BTreeMap<Task, u32> {
        let found = |task: Task| Some((task, self.0[task.index()]?.tried));
        Task::ALL.into_iter().filter_map(found).collect()
    }

    /// The shapes of a file, by task.
    ///
    /// # Errors
    /// A file that can't be read, or says what can't be trained with.
    pub fn read(path: &Path) -> Result<Self> {
        let io = |source| TrainerError::Io { path: path.to_owned(), act: "read", source };
        let refuse = |problem: String| TrainerError::ShapesFile { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(io)?;
        let read: BTreeMap<Task, Map<String, Value>> =
            serde_json::from_slice(&bytes).map_err(|error| refuse(shape::no_json(&bytes, &error)))?;
        let mut shapes = Self::default();
        for (task, fields) in read {
            let found = FoundShape::of(fields).map_err(|problem| refuse(format!("{task}: {problem}")))?;
            shapes = shapes.with(task, found);
        }
        Ok(shapes)
    }
}

const fn standard(task: Task) -> Shape {
    match task {
        Task::Return1Step | Task::Return4Step => Shape {
            rounds_max: 300,
            patience: 40,
            rate: 0.04,
            leaves: 24,
            leaf_rows: 2_000,
            rows_share: 0.5,
            columns_share: 0.3,
            ridge: 10.0,
        },
        Task::Return16Step => Shape {
            rounds_max: 150,
            patience: 30,
            rate: 0.04,
            leaves: 16,
            leaf_rows: 2_000,
            rows_share: 0.5,
            columns_share: 0.25,
            ridge: 10.0,
        },
        Task::Direction4Step => Shape {
            rounds_max: 300,
            patience: 40,
            rate: 0.05,
            leaves: 16,
            leaf_rows: 2_000,
            rows_share: 0.5,
            columns_share: 0.25,
            ridge: 10.0,
        },
        Task::DirectionMulti4Step => Shape {
            rounds_max: 90,
            patience: 10,
            rate: 0.15,
            leaves: 16,
            leaf_rows: 1_000,
            rows_share: 0.5,
            columns_share: 0.25,
            ridge: 10.0,
        },
        Task::Volatility4Step => Shape {
            rounds_max: 600,
            patience: 30,
            rate: 0.05,
            leaves: 64,
            leaf_rows: 300,
            rows_share: 0.5,
            columns_share: 0.3,
            ridge: 5.0,
        },
        Task::VolRegime4Step => Shape {
            rounds_max: 100,
            patience: 10,
            rate: 0.15,
            leaves: 32,
            leaf_rows: 500,
            rows_share: 0.5,
            columns_share: 0.3,
            ridge: 5.0,
        },
    }
}

/// What a task's boosters minimise.
#[must_use]
pub const fn loss(task: Task) -> Loss {
    match task.kind() {
        TaskKind::Regression => Loss::SquaredError,
        TaskKind::Binary => Loss::BinaryLogLoss,
        TaskKind::Classes(count) => Loss::ClassesLogLoss(count),
    }
}

/// How long a task is trained.
#[must_use]
pub fn schedule(task: Task, effort: Effort) -> Schedule {
    let shape = effort.shapes.of(task);
    let rounds_max = effort.rounds_max.map_or(shape.rounds_max, |most| most.min(shape.rounds_max)).max(1);
    Schedule { rounds_max, patience: shape.patience }
}

/// A leaf's least number of rows: the recipe's, or less when there are few rows.
fn leaf_rows(shape: Shape, rows: usize) -> usize {
    shape.leaf_rows.min(rows / 100).max(5)
}

/// What LightGBM is told for a task: everything that shapes the model, nothing about the machine.
#[must_use]
pub fn lightgbm(task: Task, effort: Effort, rows: usize) -> Parameters {
    let shape = effort.shapes.of(task);
    Parameters::default()
        .with("learning_rate", shape.rate)
        .with("num_leaves", shape.leaves)
        .with("min_data_in_leaf", leaf_rows(shape, rows))
        .with("bagging_fraction", of_half(task) * (2.0 * shape.rows_share).min(1.0))
        .with("bagging_freq", 1)
        .with("feature_fraction", shape.columns_share)
        .with("lambda_l2", shape.ridge)
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("seed", effort.seed)
        .with("verbosity", -1)
}

/// How much of the half of the rows that a round learns from (`bins.rs`) its tree sees. Where there is little to
/// learn, trees have to differ more than by their halves. Chosen for XGBoost on the year to 2024-09, learned from the years to 2023-09: volatility .4863 and .4867 (two
/// seeds) with all of a half, .4869 and .4872 with 0.7; four steps' return 15 and 21e-4 of R2, 20 and 19e-4 with 0.7.
const fn of_half(task: Task) -> f64 {
    match task {
        Task::Volatility4Step | Task::VolRegime4Step | Task::DirectionMulti4Step => 1.0,
        Task::Return1Step | Task::Return4Step | Task::Return16Step | Task::Direction4Step => 0.7,
    }
}

/// What XGBoost is told for a task.
#[must_use]
pub fn xgboost(task: Task, effort: Effort, rows: usize) -> Parameters {
    let shape = effort.shapes.of(task);
    // A row weighs its second derivative: 1 for squared error, about p(1-p) for classes.
    let weight = match task.kind() {
        TaskKind::Regression => 1.0,
        TaskKind::Binary => 0.25,
        TaskKind::Classes(count) => 2.0 * (count as f64 - 1.0) / (count * count) as f64,
    };
    Parameters::default()
        .with("tree_method", "hist")
        .with("grow_policy", "lossguide")
        .with("max_bin", BINS)
        .with("max_depth", 0)
        .with("max_leaves", shape.leaves)
        .with("eta", shape.rate)
        .with("min_child_weight", weight * leaf_rows(shape, rows) as f64)
        .with("subsample", of_half(task) * (2.0 * shape.rows_share).min(1.0))
        .with("colsample_bytree", shape.columns_share)
        .with("lambda", shape.ridge)
        .with("seed", effort.seed)
        .with("verbosity", 0)
}

/// Whether a library is told a parameter of this name, for any task.
#[must_use]
pub fn tells(library: Library, name: &str) -> bool {
    let effort = Effort {
        seed: 0,
        threads: 1,
        rounds_max: None,
        folds: 1,
        shapes: Shapes::default(),
        half_life: None,
    };
    Task::ALL.into_iter().any(|task| {
        let told = match library {
            Library::Lightgbm => lightgbm(task, effort, 1),
            Library::Xgboost => xgboost(task, effort, 1),
        };
        told.get(name).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_shapes_says_how_many_were_tried_and_one_that_does_not_is_of_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shapes.json");
        let shape = standard(Task::Return1Step);
        let found = |tried| serde_json::to_value(FoundShape { shape, tried }).expect("JSON");
        let mut without = found(9);
        without.as_object_mut().expect("fields").remove("tried").expect("the number");
        let both = serde_json::json!({ "return_1step": found(40), "return_4step": without });
        std::fs::write(&path, both.to_string()).expect("written");
        let read = Shapes::read(&path).expect("shapes");
        assert_eq!(read.tried(), BTreeMap::from([(Task::Return1Step, 40), (Task::Return4Step, 1)]));
        assert_eq!(read.of(Task::Return1Step), shape);
        assert_eq!(Shapes::default().tried(), BTreeMap::new());
        let mut other = found(3);
        other["depth"] = 7.into();
        std::fs::write(&path, serde_json::json!({ "return_1step": other }).to_string()).expect("written");
        let told = Shapes::read(&path).expect_err("an unknown field").to_string();
        assert!(told.contains("depth"), "{told}");
    }
}
