//! The raw scores of rows while a model grows, kept up to date by its new trees.

use super::grown::Grown;
use crate::fit::bins::{Cells, TILE_ROWS};
use crate::fit::threads::by_units;

/// Raw scores, row after row, one an output.
#[derive(Debug)]
pub(in crate::fit) struct Scores {
    values: Vec<f32>,
    outputs: usize,
    /// How many trees are in them.
    trees: usize,
}

impl Scores {
    /// Of so many rows, before any tree; `base` has one raw score an output.
    pub(in crate::fit) fn new(rows: usize, base: &[f32]) -> Self {
        Self { values: base.repeat(rows), outputs: base.len(), trees: 0 }
    }

    /// With all trees, in the order in which the library adds them.
    pub(in crate::fit) fn up_to(&mut self, grown: &[Grown], cells: &Cells, threads: usize) -> &[f32] {
        let (outputs, new) = (self.outputs, &grown[self.trees..]);
        by_units(&mut self.values, outputs * TILE_ROWS, threads, |first, values| {
            // A tile stays at hand while one tree after another passes.
            for (number, values) in values.chunks_mut(outputs * TILE_ROWS).enumerate() {
                let tile = cells.tile(first + number);
                for tree in new {
                    tree.add(tile, outputs, values);
                }
            }
        });
        self.trees = grown.len();
        &self.values
    }
}
