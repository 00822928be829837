//! One tree's arrays to nodes.

use super::document::Item;
use crate::error::{LoadError, Place};
use crate::limits::Limits;
use crate::tree::{Categories, Listed, Node, Rule};

/// XGBoost takes no category from 2^24 on.
const CATEGORY_END: i64 = 1 << 24;

/// Reads the nodes of a tree, with the file's indices.
///
/// Leaves have no left child, and their value where splits have their threshold. Nodes that were pruned stand
/// among the others and are reached by none.
pub(super) fn read_nodes<'a>(
    item: &Item<'a>,
    number: usize,
    nodes_before: usize,
    limits: &Limits,
) -> Result<Listed, LoadError> {
    let item = item.in_tree(number);
    let parameters = item.get("tree_param")?;
    let leaf_size: usize = match parameters.find("size_leaf_vector") {
        Some(size) => size.parse()?,
        None => 1,
    };
    if leaf_size > 1 {
        return Err(LoadError::unsupported("XGBoost's multi-output trees (`multi_output_tree`)"));
    }
    let left = item.get("left_children")?.integers()?;
    let count = left.len();
    LoadError::within("nodes", count.saturating_add(nodes_before), limits.nodes_max, "nodes_max")?;
    let integers = |key: &'a str| -> Result<&'a [i64], LoadError> {
        let values = item.get(key)?.integers()?;
        check_length(&item, key, values.len(), count)?;
        Ok(values)
    };
    let right = integers("right_children")?;
    let feature = integers("split_indices")?;
    let default_left = integers("default_left")?;
    let condition = item.get("split_conditions")?.floats()?;
    check_length(&item, "split_conditions", condition.len(), count)?;
    let mut categories = read_categories(&item, count)?;
    let mut nodes = Vec::with_capacity(count);
    for index in 0..count {
        if left[index] == -1 {
            nodes.push(Node::Leaf { value: f64::from(condition[index]), index: index as u32 });
            continue;
        }
        let natural = |value: i64, what: &str| {
            u32::try_from(value)
                .map_err(|_| Place::node(number, index).contradictory(format!("its {what} is {value}")))
        };
        let default_left = default_left[index] != 0;
        let rule = match categories.get_mut(index).and_then(Option::take) {
            Some(categories) => Rule::AmongRight { categories, default_left },
            None => Rule::Below { threshold: condition[index], default_left },
        };
        nodes.push(Node::Split {
            feature: natural(feature[index], "feature")?,
            rule,
            left: natural(left[index], "left child")?,
            right: natural(right[index], "right child")?,
        });
    }
    Ok(Listed { nodes, covers: read_covers(&item, count)? })
}

/// The sum of hessians over the training data at each node; empty if the file doesn't say.
fn read_covers(item: &Item<'_>, count: usize) -> Result<Vec<f64>, LoadError> {
    let Some(sums) = item.find("sum_hessian") else { return Ok(Vec::new()) };
    let sums = sums.floats()?;
    check_length(item, "sum_hessian", sums.len(), count)?;
    Ok(sums.iter().map(|sum| f64::from(*sum)).collect())
}

fn check_length(item: &Item<'_>, key: &str, found: usize, count: usize) -> Result<(), LoadError> {
    if found == count {
        Ok(())
    } else {
        let problem = format!("it has {found} values for {count} nodes");
        Err(item.place(key).contradictory(problem))
    }
}

/// The category set of each node that has one; the list is empty if none has.
///
/// `split_type` is 1 at a categorical split. `categories_nodes` names those nodes in order, and
/// `categories_segments` and `categories_sizes` say which of `categories` are whose.
fn read_categories(item: &Item<'_>, count: usize) -> Result<Vec<Option<Categories>>, LoadError> {
    let Some(types) = item.find("split_type") else { return Ok(Vec::new()) };
    let types = types.integers()?;
    check_length(item, "split_type", types.len(), count)?;
    if types.iter().all(|kind| *kind == 0) {
        return Ok(Vec::new());
    }
    let mut sets: Vec<Option<Categories>> = vec![None; count];
    let empty = Categories::from_members(Vec::new());
    for (set, kind) in sets.iter_mut().zip(types) {
        *set = (*kind == 1).then(|| empty.clone());
    }
    let nodes = item.get("categories_nodes")?.integers()?;
    let starts = item.get("categories_segments")?.integers()?;
    let sizes = item.get("categories_sizes")?.integers()?;
    let categories = item.get("categories")?.integers()?;
    check_length(item, "categories_segments", starts.len(), nodes.len())?;
    check_length(item, "categories_sizes", sizes.len(), nodes.len())?;
    let mut used = 0_usize;
    for (position, node) in nodes.iter().enumerate() {
        let part = || -> Option<&[i64]> {
            let start = usize::try_from(starts[position]).ok()?;
            let end = start.checked_add(usize::try_from(sizes[position]).ok()?)?;
            categories.get(start..end)
        };
        let part = part().ok_or_else(|| {
            item.place("categories_segments").contradictory(format!("segment {position} is out of range"))
        })?;
        used += part.len();
        let part = members(part).filter(|_| used <= categories.len()).ok_or_else(|| {
            item.place("categories").contradictory(format!("those of node {node} are out of range"))
        })?;
        let slot = usize::try_from(*node).ok().and_then(|node| sets.get_mut(node));
        let slot = slot.filter(|slot| slot.is_some()).ok_or_else(|| {
            item.place("categories_nodes").contradictory(format!("node {node} has no categorical split"))
        })?;
        *slot = Some(Categories::from_members(part));
    }
    Ok(sets)
}

/// The categories of one node, if all of them can occur.
fn members(categories: &[i64]) -> Option<Vec<u32>> {
    let member = |category: &i64| u32::try_from(*category).ok().filter(|_| *category < CATEGORY_END);
    categories.iter().map(member).collect()
}
