//! One section of a tree to nodes.

use super::fields::Fields;
use crate::error::{LoadError, Place};
use crate::limits::Limits;
use crate::tree::{Categories, Listed, Missing, Node, Rule};

/// Bit 0 of a decision type: the split is categorical.
const CATEGORICAL: u8 = 1;
/// Bit 1 of a decision type: missing values go left.
const DEFAULT_LEFT: u8 = 2;

/// The arrays of one tree, one value for each split or each leaf.
struct Arrays {
    split_feature: Vec<u32>,
    threshold: Vec<f64>,
    decision_type: Vec<u8>,
    left_child: Vec<i32>,
    right_child: Vec<i32>,
    leaf_value: Vec<f64>,
    categories: Vec<Categories>,
}

/// Reads the nodes of a tree, splits first: leaf `i`, which the file calls `!i`, gets index `splits + i`.
pub(super) fn read_nodes(
    fields: &Fields<'_>,
    number: usize,
    nodes_before: usize,
    limits: &Limits,
) -> Result<Listed, LoadError> {
    let leaf_count: usize = fields.number("num_leaves")?;
    let node_count = leaf_count.saturating_mul(2).saturating_add(nodes_before);
    LoadError::within("nodes", node_count, limits.nodes_max, "nodes_max")?;
    if leaf_count == 0 {
        return Err(fields.place("num_leaves").in_tree(number).contradictory("a tree has at least one leaf"));
    }
    if fields.find("is_linear").is_some_and(|value| value.trim() != "0") {
        return Err(LoadError::unsupported("LightGBM's linear trees (`linear_tree=true`)"));
    }
    let arrays = Arrays::read(fields, leaf_count)?;
    let mut nodes = Vec::with_capacity(2 * leaf_count - 1);
    for split in 0..leaf_count - 1 {
        let place = || Place::node(number, split);
        let child =
            |child: i32| child_index(child, leaf_count).map_err(|problem| place().contradictory(problem));
        nodes.push(Node::Split {
            feature: arrays.split_feature[split],
            rule: arrays.rule(split, place)?,
            left: child(arrays.left_child[split])?,
            right: child(arrays.right_child[split])?,
        });
    }
    for (index, value) in arrays.leaf_value.iter().enumerate() {
        nodes.push(Node::Leaf { value: *value, index: index as u32 });
    }
    Ok(Listed { nodes, covers: read_covers(fields, leaf_count)? })
}

/// How many rows of the training data passed each split and each leaf; empty if the file doesn't say.
fn read_covers(fields: &Fields<'_>, leaf_count: usize) -> Result<Vec<f64>, LoadError> {
    let split_count = leaf_count - 1;
    if split_count == 0 || fields.find("internal_count").is_none() || fields.find("leaf_count").is_none() {
        return Ok(Vec::new());
    }
    let mut counts: Vec<i64> = fields.numbers("internal_count", split_count)?;
    counts.extend(fields.numbers::<i64>("leaf_count", leaf_count)?);
    Ok(counts.into_iter().map(|count| count as f64).collect())
}

/// A child's index among the nodes: splits are counted from 0 up, leaves from -1 down.
fn child_index(child: i32, leaf_count: usize) -> Result<u32, String> {
    let split_count = leaf_count - 1;
    if child >= 0 && (child as usize) < split_count {
        Ok(child as u32)
    } else if child < 0 && (!child as usize) < leaf_count {
        Ok((split_count + !child as usize) as u32)
    } else {
        Err(format!("the child {child} is not among {split_count} splits and {leaf_count} leaves"))
    }
}

impl Arrays {
    fn read(fields: &Fields<'_>, leaf_count: usize) -> Result<Arrays, LoadError> {
        let leaf_value = fields.numbers("leaf_value", leaf_count)?;
        let split_count = leaf_count - 1;
        let mut arrays = Arrays {
            split_feature: Vec::new(),
            threshold: Vec::new(),
            decision_type: vec![0; split_count.min(leaf_value.len())],
            left_child: Vec::new(),
            right_child: Vec::new(),
            leaf_value,
            categories: Vec::new(),
        };
        if split_count == 0 {
            return Ok(arrays);
        }
        arrays.split_feature = fields.numbers("split_feature", split_count)?;
        arrays.threshold = fields.numbers("threshold", split_count)?;
        arrays.left_child = fields.numbers("left_child", split_count)?;
        arrays.right_child = fields.numbers("right_child", split_count)?;
        if fields.find("decision_type").is_some() {
            arrays.decision_type = fields.numbers("decision_type", split_count)?;
        }
        arrays.categories = read_categories(fields, split_count)?;
        Ok(arrays)
    }

    fn rule(&self, split: usize, place: impl Fn() -> Place) -> Result<Rule, LoadError> {
        let decision_type = self.decision_type[split];
        let threshold = self.threshold[split];
        if decision_type & CATEGORICAL != 0 {
            let index = threshold as usize;
            let categories = self.categories.get(index).filter(|_| index as f64 == threshold);
            let categories = categories.ok_or_else(|| {
                let count = self.categories.len();
                place().contradictory(format!("its category set {threshold:?} is not among {count}"))
            })?;
            return Ok(Rule::AmongLeft { categories: categories.clone() });
        }
        let missing = match decision_type >> 2 {
            0 => Missing::Never,
            1 => Missing::Zero,
            2 => Missing::NotANumber,
            _ => return Err(place().malformed(format!("there is no decision type {decision_type}"))),
        };
        Ok(Rule::AtMost { threshold, missing, default_left: decision_type & DEFAULT_LEFT != 0 })
    }
}

/// The category sets of a tree: `cat_boundaries` says which words of `cat_threshold` are whose.
fn read_categories(fields: &Fields<'_>, split_count: usize) -> Result<Vec<Categories>, LoadError> {
    let set_count: usize = fields.number("num_cat")?;
    if set_count == 0 {
        return Ok(Vec::new());
    }
    if set_count > split_count {
        let problem = format!("there are {set_count} category sets for {split_count} splits");
        return Err(fields.place("num_cat").contradictory(problem));
    }
    let boundaries: Vec<usize> = fields.numbers("cat_boundaries", set_count + 1)?;
    let word_count = boundaries.last().copied().unwrap_or(0);
    let words: Vec<u32> = fields.numbers("cat_threshold", word_count)?;
    boundaries
        .windows(2)
        .map(|pair| words.get(pair[0]..pair[1]).map(Categories::from_words))
        .collect::<Option<Vec<Categories>>>()
        .ok_or_else(|| fields.place("cat_boundaries").contradictory("the boundaries are not in order"))
}
