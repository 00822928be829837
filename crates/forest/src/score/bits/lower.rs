//! From the model to bit vectors.

use super::{BLOCK, Block, Chunk, Masks, Ranking, SPLITS, Trees};
use crate::Model;
use crate::score::bits::ranking::Place;
use crate::tree::{Node, Tree};

/// The most leaves of one tree.
const LEAVES_MAX: usize = 64;

/// One tree, its splits in any order, its leaves from left to right.
struct Flat {
    splits: Vec<(Place, u64)>,
    values: Vec<f64>,
}

impl Trees {
    /// A model's trees; `None` if a tree has too many leaves, or the ranking is not of this model.
    pub(crate) fn new(model: &Model, ranking: &Ranking) -> Option<Trees> {
        let mut trees = Trees {
            library: model.head.library,
            machine: ranking.machine(),
            chunks: Vec::new(),
            blocks: Vec::new(),
            values: Vec::new(),
            outputs: Vec::new(),
        };
        for block in model.trees.chunks(BLOCK) {
            trees.push_block(block, ranking)?;
        }
        if model.head.base.len() > 1 {
            trees.outputs = model.trees.iter().map(|tree| tree.output as u32).collect();
        }
        Some(trees)
    }

    fn push_block(&mut self, block: &[Tree], ranking: &Ranking) -> Option<()> {
        let flat: Option<Vec<Flat>> = block.iter().map(|tree| Flat::new(tree, ranking)).collect();
        let flat = flat?;
        let first_chunk = self.chunks.len();
        // Trees of one size share chunks, whatever their order; the leaves are added by slot.
        for (most, per_chunk) in [(16, 4), (32, 2), (LEAVES_MAX, 1)] {
            let least = if most == 16 { 0 } else { most / 2 };
            let slots: Vec<usize> = (0..flat.len())
                .filter(|slot| (least + 1..=most).contains(&flat[*slot].values.len()))
                .collect();
            for slots in slots.chunks(per_chunk) {
                self.push_chunk(&flat, slots, per_chunk)?;
            }
        }
        self.blocks.push(Block { tree_count: block.len(), chunks: first_chunk..self.chunks.len() });
        Some(())
    }

    fn push_chunk(&mut self, flat: &[Flat], slots: &[usize], per_chunk: usize) -> Option<()> {
        let room = SPLITS / per_chunk;
        let (mut sources, mut ranks) = ([0; SPLITS], [u8::MAX; SPLITS]);
        let (mut left_if_missing, mut masks) = (0, [u64::MAX; SPLITS]);
        let mut trees = [(0, BLOCK as u8); 4];
        for (tree, slot) in slots.iter().enumerate() {
            let Flat { splits, values } = &flat[*slot];
            for (at, (place, mask)) in splits.iter().enumerate() {
                let at = tree * room + at;
                (sources[at], ranks[at], masks[at]) = (place.source, place.rank, *mask);
                left_if_missing |= u64::from(place.left_if_missing) << at;
            }
            trees[tree] = (u32::try_from(self.values.len()).ok()?, *slot as u8);
            self.values.extend_from_slice(values);
        }
        let masks = match per_chunk {
            4 => Masks::Four(Box::new(masks.map(|mask| mask as u16))),
            2 => Masks::Two(Box::new(masks.map(|mask| mask as u32))),
            _ => Masks::One(Box::new(masks)),
        };
        self.chunks.push(Chunk { sources, ranks, left_if_missing, masks, trees });
        Some(())
    }
}

impl Flat {
    fn new(tree: &Tree, ranking: &Ranking) -> Option<Flat> {
        if tree.nodes.len() > 2 * LEAVES_MAX - 1 {
            return None;
        }
        let mut flat = Flat { splits: Vec::new(), values: Vec::new() };
        flat.push(tree, 0, ranking)?;
        Some(flat)
    }

    /// Appends a subtree, at most [`LEAVES_MAX`] levels deep.
    fn push(&mut self, tree: &Tree, at: usize, ranking: &Ranking) -> Option<()> {
        match &tree.nodes[at] {
            Node::Leaf { value, .. } => self.values.push(*value),
            Node::Split { feature, rule, left, right } => {
                let first = self.values.len();
                self.push(tree, *left as usize, ranking)?;
                let end = self.values.len();
                // Going right rules out the leaves of the left subtree; 64 of them leave no right one.
                let ruled_out = ((1_u64 << (end - first)) - 1) << first;
                self.splits.push((ranking.place(*feature, rule)?, !ruled_out));
                self.push(tree, *right as usize, ranking)?;
            }
        }
        Some(())
    }
}
