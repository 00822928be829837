//! Rows on their way down a tree, a tile of them at a time, without a branch: at every split all rows of the tile are looked at, and
//! those that have come to it go on. By vectors of bytes that takes fewer instructions than to go down row by row, which waits at every
//! step for the one before it.

use crate::fit::bins::{TILE_ROWS, Tile};

/// A tree's splits, in an order in which nodes come before those that they lead to.
#[derive(Debug)]
pub(super) enum Splits {
    /// Of a tree whose nodes have numbers of a byte.
    Narrow(Vec<Split<u8>>),
    /// Of one that has more.
    Wide(Vec<Split<u16>>),
}

/// A row at it goes to the first of `next` if its bin of the column is one of so many below, else to the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split<N> {
    pub(super) own: N,
    pub(super) below: u8,
    pub(super) next: [N; 2],
    pub(super) column: u16,
}

impl Splits {
    /// Those of a tree of so many nodes.
    pub(super) fn new(splits: Vec<Split<u16>>, nodes: usize) -> Self {
        if nodes > usize::from(u8::MAX) + 1 {
            return Self::Wide(splits);
        }
        let narrow = |Split { own, below, next, column }: Split<u16>| Split {
            own: own as u8,
            below,
            next: next.map(|next| next as u8),
            column,
        };
        Self::Narrow(splits.into_iter().map(narrow).collect())
    }

    /// The leaves that the rows of a tile come to, which has all columns that are asked for.
    pub(super) fn leaves(&self, tile: Tile<'_>) -> [u16; TILE_ROWS] {
        match self {
            Self::Narrow(splits) => narrow(splits, tile).map(u16::from),
            Self::Wide(splits) => walk(splits, tile),
        }
    }
}

fn narrow(splits: &[Split<u8>], tile: Tile<'_>) -> [u8; TILE_ROWS] {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { by_avx512(splits, tile) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { by_avx2(splits, tile) };
        }
    }
    walk(splits, tile)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn by_avx512(splits: &[Split<u8>], tile: Tile<'_>) -> [u8; TILE_ROWS] {
    walk(splits, tile)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn by_avx2(splits: &[Split<u8>], tile: Tile<'_>) -> [u8; TILE_ROWS] {
    walk(splits, tile)
}

#[inline(always)]
fn walk<N: Copy + Default + PartialEq>(splits: &[Split<N>], tile: Tile<'_>) -> [N; TILE_ROWS] {
    let mut at = [N::default(); TILE_ROWS];
    for split in splits {
        // Copied, not looked at: else a vector of addresses is made to choose from.
        let Split { own, below, next: [left, right], column } = *split;
        let cells = tile.column(usize::from(column));
        for (at, cell) in at.iter_mut().zip(cells) {
            let next = if *cell < below { left } else { right };
            *at = if *at == own { next } else { *at };
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tree that grows by splitting one of its leaves after another: which, by what, below how many bins.
    fn grown(choices: &[(u16, u8, u8)], columns: u8) -> (Vec<Split<u16>>, usize) {
        let (mut leaves, mut nodes, mut splits) = (vec![0_u16], 1_u16, Vec::new());
        for (leaf, column, below) in choices {
            let own = leaves.remove(usize::from(*leaf) % leaves.len());
            let next = [nodes, nodes + 1];
            nodes += 2;
            leaves.extend(next);
            splits.push(Split { own, column: u16::from(column % columns), below: *below, next });
        }
        splits.sort_by_key(|split| split.own);
        (splits, usize::from(nodes))
    }

    /// Row by row.
    fn leaf(splits: &[Split<u16>], cells: &[u8]) -> u16 {
        let mut at = 0;
        while let Some(split) = splits.iter().find(|split| split.own == at) {
            at = split.next[usize::from(cells[usize::from(split.column)] >= split.below)];
        }
        at
    }

    proptest! {
        #[test]
        fn every_way_of_walking_leads_a_row_to_the_leaf_that_it_comes_to_alone(
            choices in prop::collection::vec((any::<u16>(), any::<u8>(), 1_u8..=255), 0..200),
            cells in prop::collection::vec(prop::array::uniform3(any::<u8>()), TILE_ROWS),
        ) {
            let (splits, nodes) = grown(&choices, 3);
            let tile: Vec<[u8; TILE_ROWS]> =
                (0..3).map(|column| std::array::from_fn(|row| cells[row][column])).collect();
            let tile = Tile::of(&tile);
            let expected: Vec<u16> = cells.iter().map(|cells| leaf(&splits, cells)).collect();
            prop_assert_eq!(walk(&splits, tile).to_vec(), expected.clone());
            let splits = Splits::new(splits, nodes);
            prop_assert_eq!(splits.leaves(tile).to_vec(), expected.clone());
            if let Splits::Narrow(splits) = splits {
                prop_assert_eq!(walk(&splits, tile).map(u16::from).to_vec(), expected);
            }
        }
    }
}
