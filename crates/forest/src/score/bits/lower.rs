//! From the model to bit vectors.

use super::{BLOCK, Block, Chunk, Masks, SPLITS, Trees};
use crate::Model;
use crate::score::leaves::Leaves;
use crate::score::machine::Machine;
use crate::score::ranking::Place;
use crate::tree::{Node, Tree};

/// The most leaves of one tree.
const LEAVES_MAX: usize = 64;

/// One tree, its splits in any order with the leaves that each rules out.
struct Flat {
    splits: Vec<(Place, u64)>,
    leaf_count: usize,
    first_leaf: u32,
}

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
            chunks: Vec::new(),
            blocks: Vec::new(),
            outputs: Vec::new(),
        };
        let flat = model.trees.iter().zip(places).enumerate().map(|(number, (tree, places))| {
            let mut flat = Flat { splits: Vec::new(), leaf_count: 0, first_leaf: leaves.first_of(number)? };
            (tree.nodes.len() < 2 * LEAVES_MAX).then(|| flat.push(tree, 0, places))?;
            Some(flat)
        });
        let flat: Vec<Flat> = flat.collect::<Option<_>>()?;
        flat.chunks(BLOCK).for_each(|block| trees.push_block(block));
        let outputs = model.head.base.len();
        if model.trees.iter().enumerate().any(|(number, tree)| tree.output != number % outputs) {
            trees.outputs = model.trees.iter().map(|tree| tree.output as u32).collect();
        }
        Some(trees)
    }

    fn push_block(&mut self, block: &[Flat]) {
        let first_chunk = self.chunks.len();
        // Trees of one size share chunks, whatever their order; the leaves are added by slot.
        for (most, per_chunk) in [(16, 4), (32, 2), (LEAVES_MAX, 1)] {
            let least = if most == 16 { 0 } else { most / 2 };
            let of_size = block.iter().enumerate();
            let of_size: Vec<(usize, &Flat)> =
                of_size.filter(|(_, flat)| (least + 1..=most).contains(&flat.leaf_count)).collect();
            of_size.chunks(per_chunk).for_each(|trees| self.push_chunk(trees, per_chunk));
        }
        self.blocks.push(Block { tree_count: block.len(), chunks: first_chunk..self.chunks.len() });
    }

    /// Appends a chunk of trees, given with their slots.
    fn push_chunk(&mut self, chunk: &[(usize, &Flat)], per_chunk: usize) {
        let room = SPLITS / per_chunk;
        let (mut sources, mut ranks) = ([0; SPLITS], [u8::MAX; SPLITS]);
        let (mut left_if_missing, mut masks) = (0, [0; SPLITS]);
        let mut trees = [(0, BLOCK as u8); 4];
        for (tree, (slot, flat)) in chunk.iter().enumerate() {
            for (at, (place, mask)) in flat.splits.iter().enumerate() {
                let at = tree * room + at;
                (sources[at], ranks[at], masks[at]) = (place.source, place.rank, *mask);
                left_if_missing |= u64::from(place.left_if_missing) << at;
            }
            trees[tree] = (flat.first_leaf, *slot as u8);
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
    /// Appends a subtree, at most [`LEAVES_MAX`] levels deep.
    fn push(&mut self, tree: &Tree, at: usize, places: &[Place]) {
        match &tree.nodes[at] {
            Node::Leaf { .. } => self.leaf_count += 1,
            Node::Split { left, right, .. } => {
                let first = self.leaf_count;
                self.push(tree, *left as usize, places);
                let end = self.leaf_count;
                // Going right rules out the leaves of the left subtree; 64 of them leave no right one.
                let ruled_out = ((1_u64 << (end - first)) - 1) << first;
                self.splits.push((places[at], ruled_out));
                self.push(tree, *right as usize, places);
            }
        }
    }
}
