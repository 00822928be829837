//! The fast scorer: every decision that can be made once is made when the model is loaded.
//!
//! Each feature's thresholds are sorted, and a split asks only whether the *rank* of the row's value among
//! them is above the split's own: one comparison of whole numbers, the same for both libraries, `<` and `<=`,
//! every missing kind and categorical sets. What differs goes into the [`Column`](column::Column): there is one for each way
//! in which a feature is read (default left or right, zero as missing or not, this or that set), and a row is
//! translated into ranks once. A missing value has rank 0, below every split, or the largest, above every one.
//!
//! A node is 8 bytes (12 with the leaves' values) and its children are neighbours, so a step is: load the node, load the rank, compare,
//! add. Leaves lead to themselves, so that eight trees can walk side by side a fixed number of steps without a
//! branch; the trees of one block are ordered by depth, and their leaves are added in the original's order.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod column;
mod columns;
mod lower;
#[cfg(target_arch = "x86_64")]
mod search;

use self::columns::Columns;
use super::leaves::Leaves;
use super::machine::Machine;
use super::scores::Scores;
use crate::Library;

/// Trees that walk side by side: enough to hide the latency of two dependent loads.
pub(super) const LANES: usize = 8;
/// Trees whose leaves are gathered before they are added; their nodes stay in the first-level cache while the
/// rows of a batch pass.
pub(super) const BLOCK: usize = 64;
/// Rows that pass a block together.
const ROWS: usize = 8;
/// The most columns that are packed: their ranks stand on the stack.
pub(super) const COLUMNS_MAX: usize = 2_048;

/// A model in the packed form.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    library: Library,
    machine: Machine,
    columns: Columns,
    nodes: Vec<Node>,
    leaves: Leaves,
    /// Where the leaves of each tree begin.
    first_leaves: Vec<u32>,
    blocks: Vec<Block>,
    /// The output of each tree, in the order of summation; empty if there is one output.
    outputs: Vec<u32>,
    feature_count: usize,
}

/// The ranks of one row, and room for four bytes to be read from each of them on.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct RankTable<const N: usize> {
    ranks: [u16; N],
    room: [u16; 2],
}

/// A split, or a leaf, which leads to itself.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Node {
    /// A split's column. A leaf's number in its tree: no rank is above a leaf's, so that any column will do.
    column: u16,
    /// The row goes right, to `left + 1`, if its rank is above this one.
    rank: u16,
    left: u32,
}

/// Up to [`BLOCK`] consecutive trees.
#[derive(Debug, Clone)]
struct Block {
    tree_count: usize,
    groups: Vec<Group>,
}

/// Up to [`LANES`] trees of one block, of about the same depth.
#[derive(Debug, Clone)]
struct Group {
    roots: [u32; LANES],
    /// The tree's place in its block; [`BLOCK`], which is read by no one, for a lane without a tree.
    slots: [u8; LANES],
    steps: u32,
}

impl Packed {
    pub(super) fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    /// The bytes of the nodes, leaf values and thresholds.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..])
            + self.leaves.bytes()
            + size_of_val(&self.outputs[..])
            + size_of_val(&self.columns.cuts[..])
    }

    /// Adds the leaves of rows that lie one after another.
    pub(super) fn add(&self, rows: &[f64], mut scores: Scores<'_>) {
        for rows in rows.chunks(ROWS * self.feature_count) {
            let (now, then) = scores.split_at(rows.len() / self.feature_count);
            scores = then;
            match self.columns.len() {
                0..=128 => self.add_within::<128>(rows, now),
                129..=512 => self.add_within::<512>(rows, now),
                _ => self.add_within::<COLUMNS_MAX>(rows, now),
            }
        }
    }

    /// As [`Packed::add`], for up to [`ROWS`] rows and `N` columns, a power of two.
    fn add_within<const N: usize>(&self, rows: &[f64], mut scores: Scores<'_>) {
        let mut ranks = [RankTable { ranks: [0; N], room: [0; 2] }; ROWS];
        let row_count = rows.len() / self.feature_count;
        for (row, ranks) in rows.chunks_exact(self.feature_count).zip(&mut ranks) {
            self.columns.rank(self.machine, row, &mut ranks.ranks);
        }
        let mut first_tree = 0;
        for block in &self.blocks {
            for (ranks, scores) in ranks[..row_count].iter().zip(scores.rows()) {
                let mut leaves = [0_u32; BLOCK + 1];
                self.walk_block(block, ranks, &mut leaves);
                self.sum(&leaves[..block.tree_count], first_tree, scores);
            }
            first_tree += block.tree_count;
        }
    }

    /// Walks the trees of one block.
    fn walk_block<const N: usize>(&self, block: &Block, ranks: &RankTable<N>, leaves: &mut [u32; BLOCK + 1]) {
        #[cfg(target_arch = "x86_64")]
        if self.machine.gathers()
            && let Ok(groups) = block.groups[..].try_into()
        {
            return avx2::walk(self.machine, &self.nodes, groups, ranks, leaves);
        }
        for group in &block.groups {
            self.walk(group, &ranks.ranks, leaves);
        }
    }

    /// Walks the trees of one group side by side.
    fn walk<const N: usize>(&self, group: &Group, ranks: &[u16; N], leaves: &mut [u32; BLOCK + 1]) {
        let nodes = &self.nodes[..];
        let mut at = group.roots;
        for _ in 0..group.steps {
            for at in &mut at {
                let node = nodes[*at as usize];
                // N is a power of two and above every split's column; at a leaf any rank will do.
                let rank = ranks[usize::from(node.column) & (N - 1)];
                *at = node.left.wrapping_add(u32::from(rank > node.rank));
            }
        }
        for (slot, at) in group.slots.iter().zip(at) {
            leaves[usize::from(*slot)] = at;
        }
    }

    /// Adds the leaves of one block in the original's order and width.
    fn sum(&self, leaves: &[u32], first_tree: usize, scores: &mut [f64]) {
        let all = self.leaves.values();
        let values = leaves.iter().zip(&self.first_leaves[first_tree..]).map(|(leaf, first)| {
            let number = self.nodes[*leaf as usize].column;
            all[*first as usize + usize::from(number)]
        });
        match (self.library, scores) {
            (Library::LightGbm, [score]) => *score = values.fold(*score, |sum, value| sum + value),
            (Library::XgBoost, [score]) => {
                *score = f64::from(values.fold(*score as f32, |sum, value| sum + value as f32));
            }
            (Library::LightGbm, scores) => {
                for (value, output) in values.zip(&self.outputs[first_tree..]) {
                    scores[*output as usize] += value;
                }
            }
            (Library::XgBoost, scores) => {
                for (value, output) in values.zip(&self.outputs[first_tree..]) {
                    let score = &mut scores[*output as usize];
                    *score = f64::from(*score as f32 + value as f32);
                }
            }
        }
    }
}
