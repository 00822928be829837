//! One ensemble type for both libraries. What the libraries do differently at a split is in [`Rule`].

use std::sync::Arc;

use crate::error::{LoadError, Place};
use crate::limits::Limits;

/// One tree; node 0 is its root.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The output to which the tree's leaves are added.
    pub(crate) output: usize,
    pub(crate) nodes: Vec<Node>,
    /// How much of the training data passed each node, as the original counts it (LightGBM: rows, XGBoost: sums
    /// of hessians); empty if the file doesn't say. Only explanations need them.
    pub(crate) covers: Vec<f64>,
    /// The longest path from the root to a leaf, in splits.
    pub(crate) depth: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Leaf {
        value: f64,
        /// The leaf's index in the original library: the leaf's number in LightGBM, the node's in XGBoost.
        index: u32,
    },
    Split {
        feature: u32,
        rule: Rule,
        left: u32,
        right: u32,
    },
}

/// Which way a row goes at a split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    /// LightGBM, numerical: left if the value is at most the threshold.
    AtMost { threshold: f64, missing: Missing, default_left: bool },
    /// LightGBM, categorical: left if the category is in the set.
    AmongLeft { categories: Categories },
    /// XGBoost, numerical: left if the value is below the threshold.
    Below { threshold: f32, default_left: bool },
    /// XGBoost, categorical: right if the category is in the set.
    AmongRight { categories: Categories, default_left: bool },
}

/// What LightGBM takes as missing at a numerical split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// Nothing: NaN counts as 0.
    Never,
    /// Zero and NaN go the default way.
    Zero,
    /// NaN goes the default way.
    NotANumber,
}

/// A set of categories, in order. A list, because a file's one large category must not cost megabytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Categories(Arc<[u32]>);

impl Categories {
    /// The set whose members are the bits that are set, the lowest of the first word being 0.
    pub(crate) fn from_words(words: &[u32]) -> Categories {
        // Sized first: one set can be nearly the whole of a file.
        let mut members = Vec::with_capacity(words.iter().map(|word| word.count_ones() as usize).sum());
        for (index, word) in (0_u32..).zip(words) {
            members.extend((0..32).filter(|bit| (word >> bit) & 1 == 1).map(|bit| index * 32 + bit));
        }
        Categories(members.into())
    }

    pub(crate) fn from_members(mut members: Vec<u32>) -> Categories {
        members.sort_unstable();
        members.dedup();
        Categories(members.into())
    }

    /// The categories, ascending.
    pub(crate) fn members(&self) -> &[u32] {
        &self.0
    }

    pub(crate) fn contains(&self, category: u32) -> bool {
        self.0.binary_search(&category).is_ok()
    }
}

/// The nodes of a tree as a file lists them, and their covers: one for each node, or none.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) nodes: Vec<Node>,
    pub(crate) covers: Vec<f64>,
}

impl Tree {
    /// Checks the nodes that can be reached from node 0 and numbers them anew, parents before children, left
    /// before right; the others are dropped.
    ///
    /// Refuses a child or feature that doesn't exist, a node with two parents (and with that any cycle), a
    /// path longer than the limit, a threshold that is NaN and a leaf value that is not finite.
    pub(crate) fn from_nodes(
        listed: Listed,
        output: usize,
        number: usize,
        feature_count: usize,
        limits: &Limits,
    ) -> Result<Tree, LoadError> {
        let mut source: Vec<Option<Node>> = listed.nodes.into_iter().map(Some).collect();
        let mut tree = Tree {
            output,
            nodes: Vec::with_capacity(source.len()),
            covers: Vec::with_capacity(listed.covers.len()),
            depth: 0,
        };
        // (index in the source, depth, the new parent and whether it is its right child)
        let mut open = vec![(0_usize, 0_usize, None::<(usize, bool)>)];
        while let Some((index, depth, parent)) = open.pop() {
            let place = || Place::node(number, index);
            let count = source.len();
            let slot = source.get_mut(index).ok_or_else(|| {
                let parent_place = Place { tree: Some(number), ..Place::default() };
                parent_place.contradictory(format!("a split leads to node {index} of {count}"))
            })?;
            let node = slot
                .take()
                .ok_or_else(|| place().contradictory("two splits lead to the same node".to_owned()))?;
            check_node(&node, feature_count, place)?;
            if depth > limits.depth_max {
                return Err(LoadError::too_large("levels in one tree", depth, limits.depth_max, "depth_max"));
            }
            tree.depth = tree.depth.max(depth);
            let new_index = tree.nodes.len();
            if let Some((parent, is_right)) = parent {
                tree.link(parent, is_right, new_index as u32);
            }
            if let Node::Split { left, right, .. } = &node {
                open.push((*right as usize, depth + 1, Some((new_index, true))));
                open.push((*left as usize, depth + 1, Some((new_index, false))));
            }
            tree.nodes.push(node);
            tree.covers.extend(listed.covers.get(index));
        }
        Ok(tree)
    }

    fn link(&mut self, parent: usize, is_right: bool, child: u32) {
        if let Some(Node::Split { left, right, .. }) = self.nodes.get_mut(parent) {
            *(if is_right { right } else { left }) = child;
        }
    }
}

fn check_node(node: &Node, feature_count: usize, place: impl Fn() -> Place) -> Result<(), LoadError> {
    match node {
        Node::Leaf { value, .. } if !value.is_finite() => {
            Err(place().contradictory(format!("the leaf's value is {value}")))
        }
        Node::Leaf { .. } => Ok(()),
        Node::Split { feature, .. } if *feature as usize >= feature_count => {
            Err(place().contradictory(format!("it splits on feature {feature} of {feature_count}")))
        }
        Node::Split { rule: Rule::AtMost { threshold, .. }, .. } if threshold.is_nan() => {
            Err(place().contradictory("the threshold is NaN".to_owned()))
        }
        Node::Split { rule: Rule::Below { threshold, .. }, .. } if threshold.is_nan() => {
            Err(place().contradictory("the threshold is NaN".to_owned()))
        }
        Node::Split { .. } => Ok(()),
    }
}
