//! Seeded trees, and boosters of them as the libraries write them.

use std::fmt::Write as _;

use features::Catalogue;
use serde_json::{Value, json};

use super::{Random, Size};
use crate::{Task, TaskKind};

/// A tree as LightGBM numbers it: a child of 0 or more is a split, any other is the leaf `!child`.
struct Tree {
    /// Each split's feature and threshold.
    splits: Vec<(usize, f64)>,
    /// Each split's left and right child.
    children: Vec<[i32; 2]>,
    leaves: Vec<f64>,
}

/// Grows a tree: every leaf is as likely to be split next as any other.
fn grow(task: Task, rounds: usize, leaves: usize, random: &mut Random) -> Tree {
    let centre = if task == Task::Volatility4Step { -5.0 / rounds as f64 } else { 0.0 };
    let (mut splits, mut children) = (Vec::new(), Vec::<[i32; 2]>::new());
    // Where each leaf hangs.
    let mut places: Vec<Option<(usize, usize)>> = vec![None];
    for split in 0..leaves.max(2) - 1 {
        let leaf = if split == 0 { 0 } else { random.below(places.len()) };
        if let Some((parent, side)) = places[leaf] {
            children[parent][side] = number(split);
        }
        children.push([!number(leaf), !number(places.len())]);
        places[leaf] = Some((split, 0));
        places.push(Some((split, 1)));
        splits.push((random.below(Catalogue::standard().len()), random.between(-0.5, 0.5)));
    }
    let leaves = places.iter().map(|_| centre + random.between(-0.2, 0.2)).collect();
    Tree { splits, children, leaves }
}

fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

impl Tree {
    /// How many leaves are below each split, a row of training each.
    fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.splits.len()];
        // A child is split after its parent.
        for split in (0..self.splits.len()).rev() {
            counts[split] = self.children[split]
                .iter()
                .map(|&child| usize::try_from(child).map_or(1, |child| counts[child]))
                .sum();
        }
        counts
    }
}

fn outputs(task: Task) -> usize {
    task.class_count().saturating_sub(usize::from(task.kind() == TaskKind::Binary)).max(1)
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// A model in LightGBM's text format, version 4.
pub(super) fn lightgbm(task: Task, size: Size, random: &mut Random) -> String {
    let catalogue = Catalogue::standard();
    let outputs = outputs(task);
    let objective = match task.kind() {
        TaskKind::Regression => "regression".to_owned(),
        TaskKind::Binary => "binary sigmoid:1".to_owned(),
        TaskKind::Classes(count) => format!("multiclass num_class:{count}"),
    };
    let names: Vec<&str> = catalogue.names().collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class={outputs}\nnum_tree_per_iteration={outputs}\nlabel_index=0\n\
         max_feature_idx={}\nobjective={objective}\nfeature_names={}\nfeature_infos={}\n\n",
        names.len() - 1,
        names.join(" "),
        list(vec!["[-10:10]"; names.len()]),
    );
    for tree in 0..outputs * size.rounds {
        let grown = grow(task, size.rounds, size.leaves, random);
        let counts = grown.counts();
        let _ = write!(
            text,
            "Tree={tree}\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nsplit_gain={}\nthreshold={}\n\
             decision_type={}\nleft_child={}\nright_child={}\nleaf_value={}\nleaf_weight={}\nleaf_count={}\n\
             internal_value={}\ninternal_weight={}\ninternal_count={}\nis_linear=0\nshrinkage=1\n\n\n",
            grown.leaves.len(),
            list(grown.splits.iter().map(|split| split.0)),
            list(vec![1; grown.splits.len()]),
            list(grown.splits.iter().map(|split| split.1)),
            list(vec![8; grown.splits.len()]),
            list(grown.children.iter().map(|children| children[0])),
            list(grown.children.iter().map(|children| children[1])),
            list(&grown.leaves),
            list(vec![10; grown.leaves.len()]),
            list(vec![10; grown.leaves.len()]),
            list(vec![0; grown.splits.len()]),
            list(counts.iter().map(|count| 10 * count)),
            list(counts.iter().map(|count| 10 * count)),
        );
    }
    text.push_str("end of trees\n");
    text
}

/// A tree as XGBoost 3 writes it: a split's number is LightGBM's, the leaves come after all splits.
fn xgboost_tree(grown: &Tree, id: usize, width: usize) -> Value {
    let splits = grown.splits.len();
    let node =
        |child: i32| usize::try_from(child).unwrap_or_else(|_| splits + usize::try_from(!child).unwrap_or(0));
    let nodes = splits + grown.leaves.len();
    let mut parents = vec![i32::MAX; nodes];
    for (parent, children) in grown.children.iter().enumerate() {
        for &child in children {
            parents[node(child)] = number(parent);
        }
    }
    let side = |side: usize| -> Vec<i64> {
        let children = grown.children.iter().map(|children| node(children[side]) as i64);
        children.chain(grown.leaves.iter().map(|_| -1)).collect()
    };
    let of = |split: &dyn Fn(usize) -> f64, leaf: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..splits).map(split).chain(grown.leaves.iter().map(|&value| leaf(value))).collect()
    };
    let counts = grown.counts();
    let default_left: Vec<u8> = (0..nodes).map(|node| u8::from(node < splits)).collect();
    let features: Vec<usize> =
        grown.splits.iter().map(|split| split.0).chain(grown.leaves.iter().map(|_| 0)).collect();
    json!({
        "base_weights": of(&|_| 0.0, &|value| value), "categories": [], "categories_nodes": [],
        "categories_segments": [], "categories_sizes": [], "default_left": default_left, "id": id,
        "left_children": side(0), "loss_changes": of(&|_| 1.0, &|_| 0.0), "parents": parents,
        "right_children": side(1), "split_conditions": of(&|split| grown.splits[split].1, &|value| value),
        "split_indices": features, "split_type": vec![0; nodes],
        "sum_hessian": of(&|split| 10.0 * counts[split] as f64, &|_| 10.0),
        "tree_param": {"num_deleted": "0", "num_feature": width.to_string(), "num_nodes": nodes.to_string(),
            "size_leaf_vector": "1"},
    })
}

/// A model as XGBoost 3 writes it.
pub(super) fn xgboost(task: Task, size: Size, random: &mut Random) -> Value {
    let names: Vec<&str> = Catalogue::standard().names().collect();
    let outputs = outputs(task);
    let (objective, classes, parameters) = match task.kind() {
        TaskKind::Regression => ("reg:squarederror", 0, ("reg_loss_param", json!({"scale_pos_weight": "1"}))),
        TaskKind::Binary => ("binary:logistic", 0, ("reg_loss_param", json!({"scale_pos_weight": "1"}))),
        TaskKind::Classes(count) => {
            let number = json!({"num_class": count.to_string()});
            ("multi:softprob", count, ("softmax_multiclass_param", number))
        }
    };
    let trees: Vec<Value> = (0..outputs * size.rounds)
        .map(|id| xgboost_tree(&grow(task, size.rounds, size.leaves, random), id, names.len()))
        .collect();
    let base: Vec<&str> = vec!["5E-1"; outputs];
    let info: Vec<usize> = (0..trees.len()).map(|tree| tree % outputs).collect();
    json!({
        "learner": {
            "attributes": {}, "feature_names": names, "feature_types": vec!["float"; names.len()],
            "gradient_booster": {"model": {
                "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": trees.len().to_string()},
                "tree_info": info, "trees": trees,
            }, "name": "gbtree"},
            "learner_model_param": {"base_score": format!("[{}]", base.join(",")),
                "boost_from_average": "1", "num_class": classes.to_string(),
                "num_feature": names.len().to_string(), "num_target": "1"},
            "objective": {"name": objective, parameters.0: parameters.1},
        },
        "version": [3, 2, 0],
    })
}
