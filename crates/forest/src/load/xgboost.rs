//! XGBoost's models, UBJSON and JSON, as versions 1.6 to 3.2 write them. (3.4 moved DART's weights into the
//! model; that is read too, but no golden shows it.)
//!
//! Both formats hold the same document. The original is `LearnerIO::LoadModel`, `GBTreeModel::LoadModel` and
//! `RegTree::LoadModel`.

mod document;
mod json;
mod objective;
mod tree;
mod ubjson;

use self::document::{ElementLimit, Item, Value};
use self::objective::Objective;
use crate::error::{LoadError, Place, start};
use crate::limits::Limits;
use crate::model::Head;
use crate::tree::{Node, Tree};
use crate::{Library, Model};

/// Reads a model in UBJSON.
pub(crate) fn read_ubjson(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
    LoadError::within("bytes", bytes.len(), limits.bytes_max, "bytes_max")?;
    read(&ubjson::parse(bytes, ElementLimit::of(limits))?, limits)
}

/// Reads a model in JSON.
pub(crate) fn read_json(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
    LoadError::within("bytes", bytes.len(), limits.bytes_max, "bytes_max")?;
    read(&json::parse(bytes, ElementLimit::of(limits))?, limits)
}

fn read(document: &Value, limits: &Limits) -> Result<Model, LoadError> {
    let learner = Item::root(document).get("learner")?;
    let parameters = learner.get("learner_model_param")?;
    let feature_count: usize = parameters.get("num_feature")?.parse()?;
    LoadError::within("features", feature_count, limits.features_max, "features_max")?;
    let class_count: usize = parameters.get("num_class")?.parse()?;
    let target_count: usize = match parameters.find("num_target") {
        Some(item) => item.parse()?,
        None => 1,
    };
    if class_count > 1 && target_count > 1 {
        return Err(LoadError::unsupported("XGBoost models of several targets with classes"));
    }
    let output_count = class_count.max(target_count).max(1);
    LoadError::within("outputs", output_count, limits.outputs_max, "outputs_max")?;
    if feature_count == 0 {
        return Err(parameters.place("num_feature").contradictory("a model has at least one feature"));
    }
    let objective = Objective::read(&learner.get("objective")?, output_count)?;
    if objective.name == "reg:quantileerror" && output_count > 1 && is_of_3_4_or_later(document)? {
        return Err(LoadError::unsupported(
            "XGBoost's `reg:quantileerror` of several quantiles, which 3.4 and later put in order,",
        ));
    }
    let base = read_base(&parameters.get("base_score")?, &objective, output_count)?;
    let head = Head {
        library: Library::XgBoost,
        feature_names: read_feature_names(&learner, feature_count)?,
        base,
        average_over: None,
        link: objective.link,
        objective: objective.name,
    };
    let trees = read_trees(&learner.get("gradient_booster")?, feature_count, output_count, limits)?;
    Ok(Model { head, trees })
}

/// Whether the version that wrote the file, if it says one, answers as 3.4 does.
fn is_of_3_4_or_later(document: &Value) -> Result<bool, LoadError> {
    let Some(version) = Item::root(document).find("version") else { return Ok(false) };
    Ok(version.integers()? >= &[3, 4])
}

/// Reads the base score, a number until version 3.0 and a list from 3.1 on, and moves it to the side of the
/// raw scores.
fn read_base(item: &Item<'_>, objective: &Objective, output_count: usize) -> Result<Vec<f64>, LoadError> {
    let text = item.text()?.trim();
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = list.split(',').count();
    if found != 1 && found != output_count {
        let problem = format!("it has {found} numbers for {output_count} outputs");
        return Err(item.here().contradictory(problem));
    }
    let mut base = Vec::with_capacity(output_count);
    for word in list.split(',') {
        let score: f32 = word.trim().parse().map_err(|_| item.here().malformed("it is not a number"))?;
        let margin = objective.margin_of_base(score);
        if !margin.is_finite() {
            let name = &objective.name;
            return Err(item.here().contradictory(format!("{score} can't be a base score of `{name}`")));
        }
        base.push(f64::from(margin));
    }
    if found == 1 {
        base.resize(output_count, base[0]);
    }
    Ok(base)
}

fn read_feature_names(learner: &Item<'_>, feature_count: usize) -> Result<Vec<String>, LoadError> {
    let names = learner.find("feature_names").map(|item| item.items()).transpose()?;
    match names {
        Some(names) if names.len() == feature_count => {
            names.map(|item| item.text().map(str::to_owned)).collect()
        }
        Some(names) if names.len() > 0 => Err(learner
            .place("feature_names")
            .contradictory(format!("it has {} names for {feature_count} features", names.len()))),
        _ => Ok((0..feature_count).map(|index| format!("f{index}")).collect()),
    }
}

fn read_trees(
    booster: &Item<'_>,
    feature_count: usize,
    output_count: usize,
    limits: &Limits,
) -> Result<Vec<Tree>, LoadError> {
    let (booster, weights) = match booster.get("name")?.text()? {
        "gbtree" => (*booster, booster.get("model")?.find("weight_drop")),
        "dart" => {
            let inner = booster.get("gbtree")?;
            (inner, Some(booster.get("weight_drop")?))
        }
        other => return Err(LoadError::unsupported(format!("XGBoost's booster `{}`", start(other)))),
    };
    let model = booster.get("model")?;
    let items = model.get("trees")?.items()?;
    LoadError::within("trees", items.len(), limits.trees_max, "trees_max")?;
    let weights = weights.map(|item| item.floats()).transpose()?.unwrap_or_default();
    // A gbtree of 3.4 has no weights in its list; a tree without its weight among others would count in full.
    if !weights.is_empty() && weights.len() != items.len() {
        let problem = format!("it has {} numbers for {} trees", weights.len(), items.len());
        return Err(Place::key("weight_drop").contradictory(problem));
    }
    let outputs = model.get("tree_info")?.integers()?;
    if outputs.len() != items.len() {
        let problem = format!("it has {} numbers for {} trees", outputs.len(), items.len());
        return Err(model.place("tree_info").contradictory(problem));
    }
    // Grows with the trees that are there, and not with the file's claims.
    let mut trees: Vec<(usize, Tree)> = Vec::new();
    let mut is_taken = vec![false; items.len()];
    let mut node_count = 0;
    for (index, item) in items.enumerate() {
        let number = match item.find("id") {
            Some(id) => id.index()?,
            None => index,
        };
        let place = || Place::key("id").in_tree(index);
        match is_taken.get_mut(number) {
            Some(is_taken) if !*is_taken => *is_taken = true,
            _ => return Err(place().contradictory(format!("{number} is taken or too large"))),
        }
        let output = usize::try_from(outputs[number]).ok().filter(|output| *output < output_count);
        let output = output.ok_or_else(|| {
            let problem = format!("tree {number} adds to output {} of {output_count}", outputs[number]);
            model.place("tree_info").contradictory(problem)
        })?;
        let mut listed = tree::read_nodes(&item, number, node_count, limits)?;
        node_count += listed.nodes.len();
        if let Some(weight) = weights.get(number) {
            weigh(&mut listed.nodes, *weight);
        }
        trees.push((number, Tree::from_nodes(listed, output, number, feature_count, limits)?));
    }
    trees.sort_unstable_by_key(|(number, _)| *number);
    Ok(trees.into_iter().map(|(_, tree)| tree).collect())
}

/// Multiplies a DART tree's leaves by its weight, in f32, as `PredictBatch` does before it adds them.
fn weigh(nodes: &mut [Node], weight: f32) {
    for node in nodes {
        if let Node::Leaf { value, .. } = node {
            *value = f64::from((0.0 + *value as f32) * weight);
        }
    }
}
