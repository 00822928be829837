//! Small trees as bit vectors: all splits of a tree are decided at once, and the leaf is found with logic alone.
//!
//! A row is first translated into one *rank* for each source (a feature and the way in which it is read): how many of the
//! source's thresholds its value passes. A split then asks only whether a rank is above its own, a comparison of two bytes,
//! and 64 such comparisons, the splits of one to four trees, are one instruction on machines with byte permutations
//! (AVX-512 VBMI). Which leaf those 64 answers lead to follows QuickScorer (Lucchese et al., "QuickScorer: a Fast Algorithm to
//! Rank Documents with Additive Ensembles of Regression Trees", 2015): leaves are numbered from left to right; a split that
//! sends the row right rules out the leaves of its left subtree; the first leaf that nothing rules out is the one.
//!
//! No step depends on the one before, so nothing waits for a load, and no branch can be mispredicted. Leaves are added in
//! the original's order and width afterwards.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod lower;
mod portable;

use super::leaves::Leaves;
use super::machine::Machine;
use super::ranking::{MISSING, Ranks};
use super::scores::Scores;
use crate::Library;

/// Splits that are decided by one comparison.
const SPLITS: usize = 64;

/// Trees whose leaves are gathered before they are added.
const BLOCK: usize = 64;

/// The trees of one model.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    library: Library,
    machine: Machine,
    chunks: Vec<Chunk>,
    blocks: Vec<Block>,
    /// The output of each tree, in the order of summation; empty if they take turns.
    outputs: Vec<u32>,
}

/// Up to [`BLOCK`] consecutive trees.
#[derive(Debug, Clone)]
struct Block {
    tree_count: usize,
    chunks: std::ops::Range<usize>,
}

/// One to four trees with [`SPLITS`] splits together. A place without a split has a rank that no row is above.
#[derive(Debug, Clone)]
struct Chunk {
    sources: [u8; SPLITS],
    /// A row goes right if its rank is above.
    ranks: [u8; SPLITS],
    /// A bit for each split where what is missing goes left.
    left_if_missing: u64,
    masks: Masks,
    /// Of each tree: where its leaves begin, and its place in the block.
    trees: [(u32, u8); 4],
}

/// By split: the leaves that it rules out if the row goes right there.
#[derive(Debug, Clone)]
enum Masks {
    /// Four trees of up to 16 leaves.
    Four(Box<[u16; SPLITS]>),
    /// Two trees of up to 32 leaves.
    Two(Box<[u32; SPLITS]>),
    /// One tree of up to 64 leaves.
    One(Box<[u64; SPLITS]>),
}

impl Trees {
    /// Adds the leaves of rows, given by their ranks.
    pub(super) fn add(&self, ranks: &[Ranks], leaves: &Leaves, scores: Scores<'_>) {
        #[cfg(target_arch = "x86_64")]
        if self.machine.permutes_bytes() {
            return avx512::add(self, ranks, leaves, scores);
        }
        portable::add(self, ranks, leaves, scores);
    }

    /// Adds the leaves of one block of one row, in the original's order and width.
    #[inline(always)]
    fn sum(&self, leaves: &[f64], first_tree: usize, scores: &mut [f64]) {
        let outputs = scores.len();
        if !self.outputs.is_empty() {
            for (value, output) in leaves.iter().zip(&self.outputs[first_tree..]) {
                scores[*output as usize] = self.sum_of(scores[*output as usize], std::iter::once(value));
            }
            return;
        }
        // Each output takes every so-manieth tree: a sum that stays in a register.
        for offset in 0..outputs.min(leaves.len()) {
            let score = &mut scores[(first_tree + offset) % outputs];
            *score = self.sum_of(*score, leaves[offset..].iter().step_by(outputs));
        }
    }

    #[inline(always)]
    fn sum_of<'a>(&self, score: f64, leaves: impl Iterator<Item = &'a f64>) -> f64 {
        match self.library {
            Library::LightGbm => leaves.fold(score, |sum, value| sum + value),
            Library::XgBoost => f64::from(leaves.fold(score as f32, |sum, value| sum + *value as f32)),
        }
    }

    /// The bytes of the nodes and leaves.
    pub(crate) fn bytes(&self) -> usize {
        let masks = |chunk: &Chunk| match &chunk.masks {
            Masks::Four(masks) => size_of_val(&**masks),
            Masks::Two(masks) => size_of_val(&**masks),
            Masks::One(masks) => size_of_val(&**masks),
        };
        let chunks: usize = self.chunks.iter().map(|chunk| size_of::<Chunk>() + masks(chunk)).sum();
        chunks + size_of_val(&self.outputs[..])
    }
}
