//! Trees that are asked by ranks: a few rows by bit vectors, many by folding.

use super::leaves::Leaves;
use super::machine::Machine;
use super::ranking::{Columns, Place, Ranks};
use super::scores::Scores;
use super::{bits, folds};
use crate::Model;

/// The trees of one model in both forms, and the leaves that they share.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    leaves: Leaves,
    few: bits::Trees,
    many: folds::Trees,
}

impl Ranked {
    /// A model's trees, whose splits have places by tree and node; `None` if a tree has more leaves than bit vectors have
    /// room for.
    pub(crate) fn new(model: &Model, places: &[Vec<Place>], machine: Machine) -> Option<Ranked> {
        let leaves = Leaves::new(model)?;
        let few = bits::Trees::new(model, places, &leaves, machine)?;
        let many = folds::Trees::new(model, places, &leaves, machine)?;
        Some(Ranked { leaves, few, many })
    }

    /// Adds the leaves of a few rows, given by their ranks.
    pub(crate) fn add(&self, ranks: &[Ranks], scores: Scores<'_>) {
        self.few.add(ranks, &self.leaves, scores);
    }

    /// Adds the leaves of many rows, given by their ranks.
    pub(crate) fn fold<const LANES: usize>(&self, columns: &Columns<LANES>, scores: Scores<'_>) {
        self.many.add(columns, &self.leaves, scores);
    }

    pub(super) fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    pub(super) fn many(&self) -> &folds::Trees {
        &self.many
    }

    /// The bytes of both forms.
    pub(crate) fn bytes(&self) -> usize {
        self.leaves.bytes() + self.few.bytes() + self.many.bytes()
    }
}
