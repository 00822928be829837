//! From the model to bit vectors.

use super::{BLOCK, Block, Chunk, Masks, SPLITS, Trees};
use crate::Model;
use crate::score::leaves::Leaves;
use crate::score::ranking::{Place, Ranking};
use crate::tree::{Node, Tree};

/// The most leaves of one tree.
const LEAVES_MAX: usize = 64;

/// One tree, its splits in any order with the leaves that each rules out.
struct Flat {
    splits: Vec<(Place, u64)>,
    leaf_count: usize,
}

impl Trees {
    /// A model's trees; `None` if a tree has too many leaves, or the ranking is not of this model.
    pub(crate) fn new(model: &Model, ranking: &Ranking, leaves: &Leaves) -> Option<Trees> {
        let mut trees = Trees {
            library: model.head.library,
            machine: ranking.machine(),
            chunks: Vec::new(),
            blocks: Vec::new(),
            outputs: Vec::new(),
        };
        for (block, first_tree) in model.trees.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
            trees.push_block(block, first_tree, ranking, leaves)?;
        }
        let outputs = model.head.base.len();
        if model.trees.iter().enumerate().any(|(number, tree)| tree.output != number % outputs) {
            trees.outputs = model.trees.iter().map(|tree| tree.output as u32).collect();
        }
        Some(trees)
    }

    fn push_block(
        &mut self,
        block: &[Tree],
        first_tree: usize,
        ranking: &Ranking,
        leaves: &Leaves,
    ) -> Option<()> {
        let flat: Option<Vec<Flat>> = block.iter().map(|tree| Flat::new(tree, ranking)).collect();
        let flat = flat?;
        let first_chunk = self.chunks.len();
        // Trees of one size share chunks, whatever their order; the leaves are added by slot.
        for (most, per_chunk) in [(16, 4), (32, 2), (LEAVES_MAX, 1)] {
            let least = if most == 16 { 0 } else { most / 2 };
            let slots: Vec<usize> =
                (0..flat.len()).filter(|slot| (least + 1..=most).contains(&flat[*slot].leaf_count)).collect();
            for slots in slots.chunks(per_chunk) {
                let first: Option<Vec<u32>> =
                    slots.iter().map(|slot| leaves.first_of(first_tree + slot)).collect();
                self.push_chunk(&flat, slots, &first?, per_chunk);
            }
        }
        self.blocks.push(Block { tree_count: block.len(), chunks: first_chunk..self.chunks.len() });
        Some(())
    }

    fn push_chunk(&mut self, flat: &[Flat], slots: &[usize], first: &[u32], per_chunk: usize) {
        let room = SPLITS / per_chunk;
        let (mut sources, mut ranks) = ([0; SPLITS], [u8::MAX; SPLITS]);
        let (mut left_if_missing, mut masks) = (0, [0; SPLITS]);
        let mut trees = [(0, BLOCK as u8); 4];
        for (tree, slot) in slots.iter().enumerate() {
            for (at, (place, mask)) in flat[*slot].splits.iter().enumerate() {
                let at = tree * room + at;
                (sources[at], ranks[at], masks[at]) = (place.source, place.rank, *mask);
                left_if_missing |= u64::from(place.left_if_missing) << at;
            }
            trees[tree] = (first[tree], *slot as u8);
        }
        let masks = match per_chunk {
            4 => Masks::Four(Box::new(masks.map(|mask| mask as u16))),
            2 => Masks::Two(Box::new(masks.map(|mask| mask as u32))),
            _ => Masks::One(Box::new(masks)),
        };
        self.chunks.push(Chunk { sources, ranks, left_if_missing, masks, trees });
    }
}

impl Flat {
    fn new(tree: &Tree, ranking: &Ranking) -> Option<Flat> {
        if tree.nodes.len() > 2 * LEAVES_MAX - 1 {
            return None;
        }
        let mut flat = Flat { splits: Vec::new(), leaf_count: 0 };
        flat.push(tree, 0, ranking)?;
        Some(flat)
    }

    /// Appends a subtree, at most [`LEAVES_MAX`] levels deep.
    fn push(&mut self, tree: &Tree, at: usize, ranking: &Ranking) -> Option<()> {
        match &tree.nodes[at] {
            Node::Leaf { .. } => self.leaf_count += 1,
            Node::Split { feature, rule, left, right } => {
                let first = self.leaf_count;
                self.push(tree, *left as usize, ranking)?;
                let end = self.leaf_count;
                // Going right rules out the leaves of the left subtree; 64 of them leave no right one.
                let ruled_out = ((1_u64 << (end - first)) - 1) << first;
                self.splits.push((ranking.place(*feature, rule)?, ruled_out));
                self.push(tree, *right as usize, ranking)?;
            }
        }
        Some(())
    }
}
