//! A model's splits one by one: where each divides its feature's values, and how a row gets there. What an audit
//! needs that wants to stand on every one of them.

use crate::score::reference::{as_read, goes_left};
use crate::tree::{Missing, Node, Rule, Tree};
use crate::{Library, Model};

/// One split of a model.
#[derive(Debug, Clone, Copy)]
pub struct Split<'a> {
    library: Library,
    tree: &'a Tree,
    node: usize,
    feature: usize,
    rule: &'a Rule,
}

impl Model {
    /// Every split, tree after tree, parents before children.
    pub fn splits(&self) -> impl Iterator<Item = Split<'_>> {
        let library = self.head.library;
        self.trees.iter().flat_map(move |tree| {
            tree.nodes.iter().enumerate().filter_map(move |(node, content)| match content {
                Node::Split { feature, rule, .. } => {
                    Some(Split { library, tree, node, feature: *feature as usize, rule })
                }
                Node::Leaf { .. } => None,
            })
        })
    }
}

impl Split<'_> {
    /// The feature's place in a row.
    pub fn feature(&self) -> usize {
        self.feature
    }

    /// The threshold; XGBoost's f32 is widened. A split on categories has none.
    pub fn threshold(&self) -> Option<f64> {
        match self.rule {
            Rule::AtMost { threshold, .. } => Some(*threshold),
            Rule::Below { threshold, .. } => Some(f64::from(*threshold)),
            Rule::AmongLeft { .. } | Rule::AmongRight { .. } => None,
        }
    }

    /// The values that tell this split from any other: the threshold, one step of the library's own width to each
    /// side (for XGBoost, whose rows are rounded to f32, also one step of f64, which rounds back), NaN, and 0 where
    /// it counts as missing; for categories NaN, each of the set, and the first beyond each end.
    pub fn stands(&self) -> Vec<f64> {
        stands(self.rule)
    }

    /// Sets the split's feature to `value` and changes, where it must, other values of the row, so that the row comes to
    /// this split. Answers whether it does; with some values no row can.
    ///
    /// XGBoost's rows stay free of values that are infinite in f32, which its matrices refuse. A row of another
    /// width than the model's comes nowhere.
    pub fn reach(&self, value: f64, row: &mut [f64]) -> bool {
        let path = self.path();
        if path.iter().any(|step| step.feature >= row.len()) || self.feature >= row.len() {
            return false;
        }
        if self.library == Library::XgBoost && as_read(self.library, value).is_infinite() {
            return false;
        }
        row[self.feature] = value;
        path.iter().all(|step| self.satisfy(step.feature, &path, row))
    }

    /// Gives a feature a value with which all of the path's splits on it send a row the right way.
    fn satisfy(&self, feature: usize, path: &[Step<'_>], row: &mut [f64]) -> bool {
        let of_feature = || path.iter().filter(|step| step.feature == feature);
        let suits = |value: f64| {
            let value = as_read(self.library, value);
            !value.is_infinite() && of_feature().all(|step| goes_left(step.rule, value) == step.left)
        };
        let read = as_read(self.library, row[feature]);
        if of_feature().all(|step| goes_left(step.rule, read) == step.left) {
            return true;
        }
        if feature == self.feature {
            return false;
        }
        let found =
            of_feature().flat_map(|step| stands(step.rule)).chain([f64::NAN, 0.0]).find(|v| suits(*v));
        found.inspect(|value| row[feature] = *value).is_some()
    }

    /// The splits from the root to this one. Nodes are numbered left before right, so whatever is numbered from the
    /// right child on lies on its side.
    fn path(&self) -> Vec<Step<'_>> {
        let mut path = Vec::new();
        let mut at = 0;
        while at < self.node {
            let Node::Split { feature, rule, left, right } = &self.tree.nodes[at] else { break };
            let to_left = self.node < *right as usize;
            path.push(Step { feature: *feature as usize, rule, left: to_left });
            at = if to_left { *left as usize } else { *right as usize };
        }
        path
    }
}

/// One split on the way to another.
#[derive(Debug)]
struct Step<'a> {
    feature: usize,
    rule: &'a Rule,
    /// Whether the way goes on at the left.
    left: bool,
}

fn stands(rule: &Rule) -> Vec<f64> {
    match rule {
        Rule::AtMost { threshold, missing, .. } => {
            let zero = (*missing == Missing::Zero).then_some(0.0);
            let steps = [*threshold, threshold.next_down(), threshold.next_up(), f64::NAN];
            steps.into_iter().chain(zero).collect()
        }
        Rule::Below { threshold, .. } => {
            let wide = f64::from(*threshold);
            let [below, above] = [threshold.next_down(), threshold.next_up()].map(f64::from);
            vec![wide, below, above, wide.next_down(), wide.next_up(), f64::NAN]
        }
        Rule::AmongLeft { categories } | Rule::AmongRight { categories, .. } => {
            let members: Vec<f64> = categories.members().iter().map(|member| f64::from(*member)).collect();
            let ends = members.first().map(|first| first - 1.0).into_iter();
            let ends = ends.chain(members.last().map(|last| last + 1.0));
            members.iter().copied().chain(ends).chain([f64::NAN]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn model(name: &str) -> Model {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
        let bytes = std::fs::read(path).expect("a golden model");
        match name.ends_with(".txt") {
            true => Model::from_lightgbm_text(&bytes, &Limits::default()).expect("readable"),
            false => Model::from_xgboost_ubjson(&bytes, &Limits::default()).expect("readable"),
        }
    }

    /// Whether a row passes a split.
    fn passes(split: &Split<'_>, row: &[f64]) -> bool {
        let mut at = 0;
        while at != split.node {
            let Node::Split { feature, rule, left, right } = &split.tree.nodes[at] else { return false };
            let value = as_read(split.library, row[*feature as usize]);
            at = if goes_left(rule, value) { *left as usize } else { *right as usize };
        }
        true
    }

    #[test]
    fn every_split_of_the_goldens_is_reached_and_left_on_both_sides() {
        let names = ["lightgbm-binary.txt", "lightgbm-categorical.txt", "xgboost-binary.ubj"];
        for name in names {
            let model = model(name);
            let mut count = 0;
            for split in model.splits() {
                count += 1;
                let mut sides = [0, 0];
                for value in split.stands() {
                    let mut row = vec![0.25; model.feature_count()];
                    if split.reach(value, &mut row) {
                        assert!(passes(&split, &row), "{name}: {split:?} {row:?}");
                        assert_eq!(row[split.feature].to_bits(), value.to_bits());
                        let left = goes_left(split.rule, as_read(split.library, value));
                        sides[usize::from(left)] += 1;
                    }
                }
                assert!(sides[0] > 0 && sides[1] > 0, "{name}: {split:?} {sides:?}");
            }
            // A binary tree has one leaf more than splits.
            assert_eq!(2 * count + model.tree_count(), model.node_count(), "{name}");
        }
    }

    #[test]
    fn a_row_of_another_width_comes_nowhere() {
        let model = model("xgboost-binary.ubj");
        let split = model.splits().next().expect("a split");
        assert!(!split.reach(0.0, &mut []));
    }
}
