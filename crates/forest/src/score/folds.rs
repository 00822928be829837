//! Many rows side by side: a tree is folded up from its leaves.
//!
//! Every split holds, for each row, the number of the leaf that the row would reach from there: its left child's or its
//! right one's, whichever the comparison of the row's rank says. With ranks and leaf numbers of one byte that is one
//! comparison and one choice for 16 to 64 rows at once, and the root's numbers are the answer. All splits are decided, not
//! only those on a row's way, but a tree of 63 splits costs 64 rows less than a walk costs two.
//!
//! The code is plain; it is compiled once for each kind of vectors ([`Machine`]), and answers the same bits with all.
#![allow(unsafe_code)]

mod lower;

use super::leaves::{Leaves, ROOM};
use super::machine::Machine;
use super::ranking::{Columns, MISSING};
use super::scores::Scores;
use crate::Library;

/// The most leaves of one tree: as many operands are leaves, the others are splits.
const LEAVES_MAX: usize = ROOM;

/// The trees of one model.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    library: Library,
    machine: Machine,
    /// Ordered by output, those of one output in the order of summation.
    trees: Vec<Tree>,
    splits: Vec<Split>,
    /// A bit for each split where what is missing goes left.
    left_if_missing: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Tree {
    first_split: u32,
    split_count: u8,
    first_leaf: u32,
    output: u32,
}

/// A split, after those below it.
#[derive(Debug, Clone, Copy)]
struct Split {
    source: u8,
    /// A row goes right if its rank is above.
    rank: u8,
    /// A leaf's number, or [`LEAVES_MAX`] and the number of a split of this tree.
    left: u8,
    right: u8,
}

/// What splits choose from: the leaves' numbers, then what was found at the splits of one tree. Where lines of the cache
/// begin, as [`Columns`].
#[repr(align(64))]
struct Operands<const LANES: usize> {
    rows: [[u8; LANES]; 2 * LEAVES_MAX],
}

impl Trees {
    /// Adds the leaves of up to `LANES` rows, given by their ranks.
    pub(super) fn add<const LANES: usize>(
        &self,
        columns: &Columns<LANES>,
        leaves: &Leaves,
        scores: Scores<'_>,
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            if self.machine.compares_64_bytes() {
                // SAFETY: the machine was found to have what the function is compiled for.
                return unsafe { wide::<LANES>(self, columns, leaves, scores) };
            }
            if self.machine.compares_32_bytes() {
                // SAFETY: as above.
                return unsafe { middle::<LANES>(self, columns, leaves, scores) };
            }
        }
        self.add_with::<LANES>(columns, leaves, scores);
    }

    #[inline(always)]
    fn add_with<const LANES: usize>(&self, columns: &Columns<LANES>, leaves: &Leaves, scores: Scores<'_>) {
        match (self.library, columns.any_missing) {
            (Library::LightGbm, false) => self.add_as::<LANES, true, false>(columns, leaves, scores),
            (Library::LightGbm, true) => self.add_as::<LANES, true, true>(columns, leaves, scores),
            (Library::XgBoost, false) => self.add_as::<LANES, false, false>(columns, leaves, scores),
            (Library::XgBoost, true) => self.add_as::<LANES, false, true>(columns, leaves, scores),
        }
    }

    #[inline(always)]
    fn add_as<const LANES: usize, const LIGHTGBM: bool, const ANY_MISSING: bool>(
        &self,
        columns: &Columns<LANES>,
        leaves: &Leaves,
        mut scores: Scores<'_>,
    ) {
        let mut operands = Operands { rows: [[0; LANES]; 2 * LEAVES_MAX] };
        for (number, leaf) in operands.rows.iter_mut().enumerate().take(LEAVES_MAX) {
            *leaf = [number as u8; LANES];
        }
        for trees in self.trees.chunk_by(|a, b| a.output == b.output) {
            let output = trees[0].output as usize;
            let (mut sums, mut narrow_sums) = ([0.0; LANES], [0.0; LANES]);
            for ((sum, narrow), score) in sums.iter_mut().zip(&mut narrow_sums).zip(scores.of_output(output))
            {
                (*sum, *narrow) = (*score, *score as f32);
            }
            for tree in trees {
                let reached = self.fold::<LANES, ANY_MISSING>(tree, columns, &mut operands.rows);
                let Some(values) = leaves.values()[tree.first_leaf as usize..].first_chunk::<ROOM>() else {
                    continue;
                };
                if LIGHTGBM {
                    for (sum, leaf) in sums.iter_mut().zip(reached) {
                        *sum += values[usize::from(leaf) % ROOM];
                    }
                } else {
                    for (sum, leaf) in narrow_sums.iter_mut().zip(reached) {
                        *sum += values[usize::from(leaf) % ROOM] as f32;
                    }
                }
            }
            for ((sum, narrow), score) in sums.into_iter().zip(narrow_sums).zip(scores.of_output(output)) {
                *score = if LIGHTGBM { sum } else { f64::from(narrow) };
            }
        }
    }

    /// The leaves that rows reach in one tree.
    #[inline(always)]
    fn fold<const LANES: usize, const ANY_MISSING: bool>(
        &self,
        tree: &Tree,
        columns: &Columns<LANES>,
        found: &mut [[u8; LANES]; 2 * LEAVES_MAX],
    ) -> [u8; LANES] {
        let first = tree.first_split as usize;
        // A tree without a split has one leaf.
        let mut root = 0;
        for (at, split) in self.splits[first..][..usize::from(tree.split_count)].iter().enumerate() {
            // Right are the ranks above, without the highest one if what is missing goes left.
            let lowest = split.rank.wrapping_add(1);
            let mut count = MISSING.wrapping_sub(lowest);
            if ANY_MISSING {
                let place = first + at;
                count = count.wrapping_sub(((self.left_if_missing[place / 64] >> (place % 64)) & 1) as u8);
            }
            let ranks = columns.ranks[usize::from(split.source)];
            let (left, right) = (found[usize::from(split.left)], found[usize::from(split.right)]);
            root = (LEAVES_MAX + at) % (2 * LEAVES_MAX);
            // Without a branch, by masks: compilers make one comparison and one choice of it.
            found[root] = std::array::from_fn(|lane| {
                let is_right = if ANY_MISSING {
                    ranks[lane].wrapping_sub(lowest) <= count
                } else {
                    ranks[lane] > split.rank
                };
                let mask = u8::from(is_right).wrapping_neg();
                (right[lane] & mask) | (left[lane] & !mask)
            });
        }
        found[root]
    }

    /// The bytes of the splits.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.trees[..]) + size_of_val(&self.splits[..]) + size_of_val(&self.left_if_missing[..])
    }
}

/// [`Trees::add_with`], compiled for vectors of 64 bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn wide<const LANES: usize>(trees: &Trees, columns: &Columns<LANES>, leaves: &Leaves, scores: Scores<'_>) {
    trees.add_with(columns, leaves, scores);
}

/// [`Trees::add_with`], compiled for vectors of 32 bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn middle<const LANES: usize>(trees: &Trees, columns: &Columns<LANES>, leaves: &Leaves, scores: Scores<'_>) {
    trees.add_with(columns, leaves, scores);
}
