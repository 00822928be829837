//! What the vector instructions do, one split after another: the reference that they are compared with.

use super::{BLOCK, Chunk, Leaves, MISSING, Masks, Ranks, Scores, Trees};

pub(super) fn add(trees: &Trees, ranks: &[Ranks], all: &Leaves, mut scores: Scores<'_>) {
    let mut first_tree = 0;
    for block in &trees.blocks {
        for (ranks, scores) in ranks.iter().zip(scores.rows()) {
            let mut leaves = [0.0; BLOCK];
            for chunk in &trees.chunks[block.chunks.clone()] {
                let right = right(chunk, ranks);
                let tree_count = match chunk.masks {
                    Masks::Four(_) => 4,
                    Masks::Two(_) => 2,
                    Masks::One(_) => 1,
                };
                for (tree, (first, slot)) in chunk.trees.iter().enumerate().take(tree_count) {
                    let leaf = leaf(&chunk.masks, tree, right);
                    if usize::from(*slot) < BLOCK {
                        leaves[usize::from(*slot)] = all.values()[*first as usize + leaf];
                    }
                }
            }
            trees.sum(&leaves[..block.tree_count], first_tree, scores);
        }
        first_tree += block.tree_count;
    }
}

/// A bit for each split that sends the row right.
fn right(chunk: &Chunk, ranks: &Ranks) -> u64 {
    let mut right = 0;
    for (split, (source, rank)) in chunk.sources.iter().zip(&chunk.ranks).enumerate() {
        let found = ranks[usize::from(*source)];
        let is_left = found == MISSING && (chunk.left_if_missing >> split) & 1 == 1;
        right |= u64::from(found > *rank && !is_left) << split;
    }
    right
}

/// The first leaf of a tree that no split rules out.
fn leaf(masks: &Masks, tree: usize, right: u64) -> usize {
    let decided =
        |first: usize, count: usize| (first..first + count).filter(move |split| (right >> split) & 1 == 1);
    let ruled_out = match masks {
        Masks::Four(masks) => decided(tree * 16, 16).fold(0, |out, split| out | u64::from(masks[split])),
        Masks::Two(masks) => decided(tree * 32, 32).fold(0, |out, split| out | u64::from(masks[split])),
        Masks::One(masks) => decided(0, 64).fold(0, |out, split| out | masks[split]),
    };
    ruled_out.trailing_ones() as usize
}
