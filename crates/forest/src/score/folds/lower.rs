//! From the model to folds.

use super::{LEAVES_MAX, Split, Tree, Trees};
use crate::Model;
use crate::score::leaves::{Leaves, left_to_right};
use crate::score::machine::Machine;
use crate::score::ranking::Place;
use crate::tree::{self, Node};

impl Trees {
    /// A model's trees, whose splits have places by tree and node; `None` if a tree has too many leaves.
    pub(crate) fn new(
        model: &Model,
        places: &[Vec<Place>],
        leaves: &Leaves,
        machine: Machine,
    ) -> Option<Trees> {
        let mut trees = Trees {
            library: model.head.library,
            machine,
            trees: Vec::with_capacity(model.trees.len()),
            splits: Vec::new(),
            left_if_missing: Vec::new(),
        };
        for (number, (tree, places)) in model.trees.iter().zip(places).enumerate() {
            let first_split = u32::try_from(trees.splits.len()).ok()?;
            trees.push(tree, places)?;
            let split_count = u8::try_from(trees.splits.len() - first_split as usize).ok()?;
            let output = u32::try_from(tree.output).ok()?;
            let first_leaf = leaves.first_of(number)?;
            trees.trees.push(Tree { first_split, split_count, first_leaf, output });
        }
        trees.trees.sort_by_key(|tree| tree.output);
        trees.splits.shrink_to_fit();
        Some(trees)
    }

    /// Appends the splits of a tree, each after those below it.
    fn push(&mut self, tree: &tree::Tree, places: &[Place]) -> Option<()> {
        let leaves = left_to_right(tree);
        if leaves.len() > LEAVES_MAX {
            return None;
        }
        let mut operands = vec![0_u8; tree.nodes.len()];
        for (number, at) in leaves.into_iter().enumerate() {
            operands[at] = number as u8;
        }
        let mut splits_of_tree = 0;
        for at in lowest_first(tree) {
            let Node::Split { left, right, .. } = &tree.nodes[at] else { continue };
            let place = places[at];
            let (word, bit) = (self.splits.len() / 64, self.splits.len() % 64);
            if word == self.left_if_missing.len() {
                self.left_if_missing.push(0);
            }
            self.left_if_missing[word] |= u64::from(place.left_if_missing) << bit;
            let (left, right) = (operands[*left as usize], operands[*right as usize]);
            self.splits.push(Split { source: place.source, rank: place.rank, left, right });
            operands[at] = (LEAVES_MAX + splits_of_tree) as u8;
            splits_of_tree += 1;
        }
        Some(())
    }
}

/// A tree's nodes, those with the fewest levels below them first: splits that wait for one another stand far apart.
fn lowest_first(tree: &tree::Tree) -> Vec<usize> {
    let mut levels_below = vec![0_usize; tree.nodes.len()];
    // Every child comes after its parent.
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        if let Node::Split { left, right, .. } = node {
            levels_below[at] = 1 + levels_below[*left as usize].max(levels_below[*right as usize]);
        }
    }
    // Counted, not compared: most of the time of a load would be sorting.
    let mut first_of_level = vec![0; tree.depth + 2];
    for level in &levels_below {
        first_of_level[level + 1] += 1;
    }
    for level in 1..first_of_level.len() {
        first_of_level[level] += first_of_level[level - 1];
    }
    let mut order = vec![0; tree.nodes.len()];
    for (at, level) in levels_below.into_iter().enumerate() {
        let place: &mut usize = &mut first_of_level[level];
        order[*place] = at;
        *place += 1;
    }
    order
}
