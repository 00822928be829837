//! A training, round after round: gradients are ours, trees a library's.

use std::sync::Arc;

use super::Taught;
use super::grown::Grown;
use super::objective::{Lessons, Objective};
use super::scores::Scores;
use crate::fit::bins::{Binned, Cells};
use crate::fit::{EarlyStop, Fit, FitError, Schedule, Threads};

/// A library that grows trees.
pub(in crate::fit) trait Grower {
    /// Its name.
    const LIBRARY: &'static str;

    /// Adds a round, whose trees lessen what gradients and hessians say of the rows of a part (row after row, one pair an output);
    /// without one there is nothing left to split.
    fn grow(&mut self, part: usize, pairs: &[[f32; 2]], threads: usize) -> Result<Vec<Grown>, FitError>;

    /// The model with all rounds.
    fn file(&mut self) -> Result<Vec<u8>, FitError>;
}

/// What is learned and followed, and how far the model has come on it.
#[derive(Debug)]
pub(in crate::fit) struct Training<'a> {
    objective: Objective,
    base: Vec<f32>,
    learned: Vec<Running<'a>>,
    followed: Option<Running<'a>>,
}

/// The rows of a part.
#[derive(Debug)]
struct Running<'a> {
    cells: &'a Cells,
    labels: Vec<f32>,
    weights: Vec<f32>,
    scores: Scores,
}

impl<'a> Training<'a> {
    /// One that has not begun.
    ///
    /// # Errors
    /// When what is followed is in several parts or not binned like what is learned, a row has no label or weight, or a label can't
    /// be learned.
    pub(in crate::fit) fn new(
        objective: Objective,
        learned: &Taught<'a, Binned>,
        followed: Option<&Taught<'a, Binned>>,
    ) -> Result<Self, FitError> {
        if let Some(Taught { rows, .. }) = followed {
            if rows.parts.len() > 1 {
                let (found, expected) = (rows.parts.len(), 1);
                return Err(FitError::Shape { what: "what is followed", found, expected });
            }
            // Trees are followed by the numbers of bins, which others' bins would give another meaning.
            if !Arc::ptr_eq(&rows.columns, &learned.rows.columns) {
                return Err(FitError::Unlike);
            }
        }
        for taught in [Some(learned), followed].into_iter().flatten() {
            taught.check()?;
            objective.loss.check(taught.labels)?;
        }
        let base = objective.loss.base(learned.labels, learned.weights);
        let raw: Vec<f32> = base.iter().map(|base| objective.loss.raw(*base)).collect();
        let parts = |taught: &Taught<'a, Binned>| -> Vec<Running<'a>> {
            let parts = taught.rows.parts.iter().enumerate();
            parts.map(|(number, cells)| Running::new(cells, taught, number, &raw)).collect()
        };
        let (learned, followed) = (parts(learned), followed.and_then(|taught| parts(taught).pop()));
        Ok(Self { objective, base, learned, followed })
    }

    /// What the model answers before its first round, one number an output.
    pub(in crate::fit) fn base(&self) -> &[f32] {
        &self.base
    }

    /// Trains: follows the loss on what is followed and stops early, without it takes all rounds of the schedule. `threads` tells,
    /// before each round, how many it may take. `progress` hears of each round: its number and its loss.
    ///
    /// # Errors
    /// When the library refuses, or not one round was better than none.
    pub(in crate::fit) fn run<G: Grower>(
        mut self,
        grower: &mut G,
        (schedule, threads): (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit, FitError> {
        let mut grown: Vec<Grown> = Vec::new();
        let mut pairs = Vec::new();
        let parts = self.learned.len();
        let mut stop = EarlyStop::new(schedule.patience.max(1));
        while stop.seen() < schedule.rounds_max {
            let (part, free) = (stop.seen() % parts, threads.now());
            self.learned[part].gradients(self.objective, &grown, &mut pairs, free);
            let new = grower.grow(part, &pairs, free)?;
            if new.is_empty() {
                break;
            }
            grown.extend(new);
            let objective = self.objective;
            let value = self.followed.as_mut().map_or(f64::NAN, |rows| rows.loss(objective, &grown, free));
            progress(stop.seen() + 1, value);
            if stop.push(value) && self.followed.is_some() {
                break;
            }
        }
        stop.finish(G::LIBRARY, grower.file()?, self.followed.is_some())
    }
}

impl<'a> Running<'a> {
    fn new(cells: &'a Cells, taught: &Taught<'a, Binned>, part: usize, base: &[f32]) -> Self {
        let of = |values| taught.rows.of_part(part, values);
        let scores = Scores::new(cells.rows(), base);
        Self { cells, labels: of(taught.labels), weights: of(taught.weights), scores }
    }

    fn gradients(
        &mut self,
        objective: Objective,
        grown: &[Grown],
        pairs: &mut Vec<[f32; 2]>,
        threads: usize,
    ) {
        pairs.resize(self.labels.len() * objective.loss.outputs(), [0.0; 2]);
        let scores = self.scores.up_to(grown, self.cells, threads);
        let lessons = Lessons { labels: &self.labels, weights: &self.weights };
        objective.gradients(scores, lessons, pairs, threads);
    }

    fn loss(&mut self, objective: Objective, grown: &[Grown], threads: usize) -> f64 {
        let scores = self.scores.up_to(grown, self.cells, threads);
        let lessons = Lessons { labels: &self.labels, weights: &self.weights };
        objective.mean(scores, lessons, threads)
    }
}

impl Taught<'_, Binned> {
    fn check(&self) -> Result<(), FitError> {
        let expected = self.rows.rows();
        for (what, values) in [("the list of labels", self.labels), ("the list of weights", self.weights)] {
            if values.len() != expected {
                return Err(FitError::Shape { what, found: values.len(), expected });
            }
        }
        Ok(())
    }
}
