//! Trees as they grow, followed through bins.

mod walk;

use crate::fit::bins::Tile;
use walk::{Split, Splits};

/// A tree over the numbers of bins.
#[derive(Debug)]
pub(in crate::fit) struct Grown {
    splits: Splits,
    /// What each node adds, of which only the leaves' counts.
    values: Vec<f32>,
    /// To which output it is added.
    output: usize,
}

/// A node as a library tells it.
#[derive(Debug, Clone, Copy)]
pub(in crate::fit) enum Told {
    /// To the first node if the bin of the column is one of so many below, else to the second; both come after this one.
    Split { column: usize, below: u8, next: [usize; 2] },
    /// What it adds.
    Leaf(f32),
}

impl Grown {
    /// A tree of nodes, the first of which is its root, over so many columns; nothing if a way leads nowhere or round.
    pub(in crate::fit) fn new(nodes: &[Told], columns: usize, output: usize) -> Option<Self> {
        let mut splits = Vec::with_capacity(nodes.len() / 2);
        for (at, node) in nodes.iter().enumerate() {
            let own = u16::try_from(at).ok()?;
            if let Told::Split { column, below, next } = *node {
                let child = |child: usize| {
                    (child > at && child < nodes.len()).then(|| u16::try_from(child).ok()).flatten()
                };
                let column = (column < columns).then(|| u16::try_from(column).ok()).flatten()?;
                splits.push(Split { own, column, below, next: [child(next[0])?, child(next[1])?] });
            }
        }
        let value = |node: &Told| if let Told::Leaf(value) = node { *value } else { 0.0 };
        let values: Vec<f32> = nodes.iter().map(value).collect();
        (!values.is_empty()).then(|| Self { splits: Splits::new(splits, nodes.len()), values, output })
    }

    /// Adds what it says of the rows of a tile to their output's values, of which there may be fewer than rows.
    pub(in crate::fit) fn add(&self, tile: Tile<'_>, outputs: usize, values: &mut [f32]) {
        let leaves = self.splits.leaves(tile);
        for (values, leaf) in values.chunks_exact_mut(outputs).zip(leaves) {
            values[self.output] += self.values[usize::from(leaf)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::bins::TILE_ROWS;

    #[test]
    fn rows_reach_their_leaf_whatever_their_number() {
        // Column 1 in the first two bins: column 0 in its first: 10, else 20; else 30.
        let split = |column, below, next| Told::Split { column, below, next };
        let leaf = Told::Leaf;
        let nodes = [split(1, 2, [1, 2]), split(0, 1, [3, 4]), leaf(30.0), leaf(10.0), leaf(20.0)];
        let tree = Grown::new(&nodes, 2, 1).expect("a tree");
        let rows: [([u8; 2], f32); 4] = [([0, 1], 10.0), ([1, 0], 20.0), ([0, 2], 30.0), ([1, 2], 30.0)];
        let tile = [0, 1].map(|column| std::array::from_fn(|row| rows[row % 4].0[column]));
        for count in 0..=TILE_ROWS {
            let mut values = vec![0.5; 2 * count];
            tree.add(Tile::of(&tile), 2, &mut values);
            let expected: Vec<f32> = (0..count).flat_map(|row| [0.5, 0.5 + rows[row % 4].1]).collect();
            assert_eq!(values, expected, "{count} rows");
        }
    }

    #[test]
    fn a_tree_that_leads_nowhere_or_round_is_none() {
        let tree = |column, next| {
            let nodes = [Told::Split { column, below: 1, next }, Told::Leaf(1.0), Told::Leaf(2.0)];
            Grown::new(&nodes, 1, 0)
        };
        assert!(tree(0, [1, 2]).is_some());
        assert!(tree(1, [1, 2]).is_none() && tree(0, [0, 2]).is_none() && tree(0, [1, 3]).is_none());
        assert!(Grown::new(&[], 1, 0).is_none());
        let many = vec![Told::Leaf(0.0); usize::from(u16::MAX) + 2];
        assert!(Grown::new(&many, 1, 0).is_none());
    }
}
