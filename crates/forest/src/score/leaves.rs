//! The values of a model's leaves, as all fast forms keep them.

use crate::Model;
use crate::tree::{Node, Tree};

/// Values that may be read from any tree's first on: a fold numbers the leaves of a tree by seven bits.
pub(crate) const ROOM: usize = 128;

/// The leaves' values from left to right, tree by tree.
#[derive(Debug, Clone)]
pub(crate) struct Leaves {
    /// With some of no leaf after them, so that every tree has [`ROOM`].
    values: Vec<f64>,
    /// Where each tree's begin.
    first: Vec<u32>,
}

impl Leaves {
    /// All leaves of a model; `None` if they are more than 2^31.
    pub(crate) fn new(model: &Model) -> Option<Leaves> {
        let mut leaves = Leaves { values: Vec::new(), first: Vec::with_capacity(model.trees.len()) };
        for tree in &model.trees {
            leaves.first.push(u32::try_from(leaves.values.len()).ok()?);
            leaves.values.extend(left_to_right(tree).into_iter().map(|at| match tree.nodes[at] {
                Node::Leaf { value, .. } => value,
                Node::Split { .. } => 0.0,
            }));
        }
        i32::try_from(leaves.values.len()).ok()?;
        let last = leaves.first.last().map_or(0, |first| *first as usize);
        leaves.values.resize(leaves.values.len().max(last + ROOM), 0.0);
        leaves.values.shrink_to_fit();
        Some(leaves)
    }

    /// Where a tree's values begin.
    pub(super) fn first_of(&self, tree: usize) -> Option<u32> {
        self.first.get(tree).copied()
    }

    /// All values.
    #[inline(always)]
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The bytes of the values.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.values[..]) + size_of_val(&self.first[..])
    }
}

/// A tree's leaves by node, from left to right.
pub(super) fn left_to_right(tree: &Tree) -> Vec<usize> {
    let (mut leaves, mut open) = (Vec::new(), vec![0]);
    while let Some(at) = open.pop() {
        match &tree.nodes[at] {
            Node::Leaf { .. } => leaves.push(at),
            Node::Split { left, right, .. } => open.extend([*right as usize, *left as usize]),
        }
    }
    leaves
}
