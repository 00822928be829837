//! From the model to the form that is walked: splits and leaves apart, children as slots, covers as fractions.

use super::quadrature::Quadrature;
use super::reading::Columns;
use crate::error::ExplainError;
use crate::tree::{Node, Tree};
use crate::{Library, Model};

/// A model in the form in which it is explained.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) feature_count: usize,
    pub(super) columns: Columns,
    /// The expected raw score of each output.
    pub(super) expected: Vec<f64>,
    /// The trees that have splits.
    pub(super) trees: Vec<PlannedTree>,
    /// The splits above other splits, tree by tree, parents before children.
    pub(super) branches: Vec<Branch>,
    /// The splits above two leaves, tree by tree.
    pub(super) twigs: Vec<Twig>,
    /// The values of the leaves below branches, tree by tree.
    pub(super) leaves: Vec<f64>,
    pub(super) repeats: Vec<Repeat>,
    pub(super) quadratures: Vec<Quadrature>,
}

#[derive(Debug, Clone)]
pub(super) struct PlannedTree {
    pub(super) output: usize,
    pub(super) branch_count: usize,
    pub(super) twig_count: usize,
    /// The leaves below branches.
    pub(super) leaf_count: usize,
    /// The tree's rule among the plan's.
    pub(super) quadrature: usize,
}

/// A split. Arrays of two are for the left and the right child.
#[derive(Debug, Clone)]
pub(super) struct Split {
    pub(super) threshold: f64,
    /// Which share of the split's cover each child has.
    pub(super) shares: [f64; 2],
    pub(super) column: u32,
    pub(super) feature: u32,
    /// Where in the plan's `repeats` it stands if the way to this split has asked its feature before.
    pub(super) repeat: u32,
}

/// A split of whose children one at least is a split.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) split: Split,
    /// The children's slots: a tree's branches come first, then its twigs, then the branches' leaves.
    pub(super) children: [u32; 2],
}

/// A split of whose children both are leaves.
#[derive(Debug, Clone)]
pub(super) struct Twig {
    pub(super) split: Split,
    pub(super) leaves: [f64; 2],
}

/// No repeat.
pub(super) const FIRST: u32 = u32::MAX;

/// The last edge on the way to a split that is of the same feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat {
    /// The slot of the branch from which the edge goes.
    pub(super) branch: u32,
    /// 0 if it goes left, 1 if right.
    pub(super) side: u8,
    /// The product of the shares of all edges of the feature down to this one.
    pub(super) share: f64,
}

impl Plan {
    pub(super) fn new(model: &Model) -> Result<Plan, ExplainError> {
        let mut plan = Plan {
            feature_count: model.head.feature_names.len(),
            columns: Columns::new(model.head.library),
            expected: model.head.base.clone(),
            trees: Vec::with_capacity(model.trees.len()),
            branches: Vec::new(),
            twigs: Vec::new(),
            leaves: Vec::new(),
            repeats: Vec::new(),
            quadratures: Vec::new(),
        };
        let mut last = vec![None; plan.feature_count];
        let mut by_features = Vec::new();
        for (number, tree) in model.trees.iter().enumerate() {
            if let [Node::Leaf { value, .. }] = &tree.nodes[..] {
                plan.expected[tree.output] += value;
                continue;
            }
            check_covers(model.head.library, number, tree)?;
            plan.expected[tree.output] += expected_value(model.head.library, tree);
            let before = (plan.branches.len(), plan.twigs.len(), plan.leaves.len());
            let features = plan.push_tree(tree, &mut last);
            let quadrature = plan.quadrature(features, &mut by_features);
            plan.trees.push(PlannedTree {
                output: tree.output,
                branch_count: plan.branches.len() - before.0,
                twig_count: plan.twigs.len() - before.1,
                leaf_count: plan.leaves.len() - before.2,
                quadrature,
            });
        }
        plan.columns.finish();
        Ok(plan)
    }

    pub(super) fn output_count(&self) -> usize {
        self.expected.len()
    }

    pub(super) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// The number of the rule for trees that ask so many features on one path.
    fn quadrature(&mut self, features: usize, by_features: &mut Vec<Option<usize>>) -> usize {
        if by_features.len() <= features {
            by_features.resize(features + 1, None);
        }
        *by_features[features].get_or_insert_with(|| {
            self.quadratures.push(Quadrature::for_features(features));
            self.quadratures.len() - 1
        })
    }

    /// Appends the branches, twigs and leaves of a tree and returns the most features that one of its paths asks.
    ///
    /// `last` has the last edge of each feature on the way to where the tree is entered: none.
    fn push_tree(&mut self, tree: &Tree, last: &mut [Option<Repeat>]) -> usize {
        let slots = slots(tree);
        let mut features_max = 0;
        let mut open = vec![Step::Enter { node: 0, features: 0 }];
        while let Some(step) = open.pop() {
            let (node, features) = match step {
                Step::Enter { node, features } => (node as usize, features),
                Step::Last { feature, edge } => {
                    last[feature as usize] = edge;
                    continue;
                }
            };
            let (feature, rule, children) = match &tree.nodes[node] {
                Node::Leaf { value, .. } => {
                    self.leaves.push(*value);
                    continue;
                }
                Node::Split { feature, rule, left, right } => (*feature, rule, [*left, *right]),
            };
            let before = last[feature as usize];
            let shares = children.map(|child| tree.covers[child as usize] / tree.covers[node]);
            let (column, threshold) = self.columns.place(feature, rule);
            let repeat = before.map_or(FIRST, |_| self.repeats.len() as u32);
            self.repeats.extend(before);
            let split = Split { threshold, shares, column, feature, repeat };
            let features = features + usize::from(before.is_none());
            features_max = features_max.max(features);
            if let Some(leaves) = twig_leaves(tree, children) {
                self.twigs.push(Twig { split, leaves });
                continue;
            }
            self.branches.push(Branch { split, children: children.map(|child| slots[child as usize]) });
            open.push(Step::Last { feature, edge: before });
            for side in [1, 0] {
                let share = shares[side] * before.map_or(1.0, |edge| edge.share);
                let edge = Repeat { branch: slots[node], side: side as u8, share };
                open.push(Step::Enter { node: children[side], features });
                open.push(Step::Last { feature, edge: Some(edge) });
            }
        }
        features_max
    }
}

/// What is still to be done on a way through a tree.
enum Step {
    Enter {
        node: u32,
        /// How many features have been asked on the way.
        features: usize,
    },
    /// Notes the last edge of a feature.
    Last { feature: u32, edge: Option<Repeat> },
}

/// The values of a split's children if both are leaves.
fn twig_leaves(tree: &Tree, children: [u32; 2]) -> Option<[f64; 2]> {
    match children.map(|child| &tree.nodes[child as usize]) {
        [Node::Leaf { value: left, .. }, Node::Leaf { value: right, .. }] => Some([*left, *right]),
        _ => None,
    }
}

/// The slot of each node: branches are counted first, then twigs, then the leaves of branches, each in the order
/// of nodes. A twig's leaves have none, which reads 0.
fn slots(tree: &Tree) -> Vec<u32> {
    let mut kinds = vec![Kind::Leaf; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate() {
        let Node::Split { left, right, .. } = node else { continue };
        kinds[index] = Kind::Branch;
        if twig_leaves(tree, [*left, *right]).is_some() {
            kinds[index] = Kind::Twig;
            kinds[*left as usize] = Kind::TwigLeaf;
            kinds[*right as usize] = Kind::TwigLeaf;
        }
    }
    let mut slots = vec![0; tree.nodes.len()];
    let mut next = 0;
    for kind in [Kind::Branch, Kind::Twig, Kind::Leaf] {
        for (slot, _) in slots.iter_mut().zip(&kinds).filter(|(_, own)| **own == kind) {
            *slot = next;
            next += 1;
        }
    }
    slots
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Branch,
    Twig,
    Leaf,
    TwigLeaf,
}

fn check_covers(library: Library, number: usize, tree: &Tree) -> Result<(), ExplainError> {
    let keys = match library {
        Library::LightGbm => "`internal_count`, `leaf_count`",
        Library::XgBoost => "`sum_hessian`",
    };
    if tree.covers.len() != tree.nodes.len() {
        return Err(ExplainError::NoCovers { tree: number, keys, library });
    }
    for (node, cover) in tree.nodes.iter().zip(&tree.covers) {
        let (what, is_good) = match node {
            Node::Split { .. } => ("split", *cover > 0.0 && cover.is_finite()),
            Node::Leaf { .. } => ("leaf", *cover >= 0.0 && cover.is_finite()),
        };
        if !is_good {
            return Err(ExplainError::BadCover { tree: number, what, cover: *cover, keys });
        }
    }
    Ok(())
}

/// The mean of the leaves by cover: LightGBM's `Tree::ExpectedValue`, XGBoost's `FillNodeMeanValues`.
///
/// They differ where the children's covers don't add up to their parent's.
fn expected_value(library: Library, tree: &Tree) -> f64 {
    if library == Library::LightGbm {
        let terms = tree.nodes.iter().zip(&tree.covers).map(|(node, cover)| match node {
            Node::Leaf { value, .. } => cover / tree.covers[0] * value,
            Node::Split { .. } => 0.0,
        });
        return terms.sum();
    }
    let mut means = vec![0.0; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate().rev() {
        means[index] = match node {
            Node::Leaf { value, .. } => *value,
            Node::Split { left, right, .. } => {
                let share = |child: &u32| means[*child as usize] * tree.covers[*child as usize];
                (share(left) + share(right)) / tree.covers[index]
            }
        };
    }
    means[0]
}
