//! LightGBM's text format, versions v3 and v4.
//!
//! A header of `key=value` lines, an empty line, one section for each tree (`Tree=0` and again `key=value`
//! lines, ended by an empty line), `end of trees`, and then importances and parameters that scoring doesn't
//! need. The original is `GBDT::LoadModelFromString` and the constructor of `Tree`.

mod fields;
mod header;
mod tree;

use self::fields::{Fields, Lines};
use self::header::Header;
use crate::error::{LoadError, Place};
use crate::limits::Limits;
use crate::model::Head;
use crate::tree::Tree;
use crate::{Library, Model};

/// Reads a model file.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
    LoadError::within("bytes", bytes.len(), limits.bytes_max, "bytes_max")?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Place { byte: Some(error.valid_up_to()), ..Place::default() }.malformed("it is not UTF-8")
    })?;
    let mut lines = Lines::new(text);
    let header = Header::read(&mut lines, limits)?;
    let trees = read_trees(&mut lines, &header, limits)?;
    let iterations = trees.len() / header.output_count;
    if !trees.len().is_multiple_of(header.output_count) {
        let per_iteration = header.output_count;
        return Err(Place::key("num_tree_per_iteration")
            .contradictory(format!("{} trees are not a multiple of {per_iteration}", trees.len())));
    }
    let head = Head {
        library: Library::LightGbm,
        base: vec![0.0; header.output_count],
        average_over: header.is_average.then_some(iterations as f64),
        objective: header.objective,
        feature_names: header.feature_names,
        link: header.link,
    };
    Ok(Model { head, trees })
}

fn read_trees(lines: &mut Lines<'_>, header: &Header, limits: &Limits) -> Result<Vec<Tree>, LoadError> {
    let mut trees = Vec::new();
    let mut node_count = 0;
    loop {
        let Some(line) = lines.next_filled() else {
            return Err(lines.place().malformed("the line `end of trees` is missing: the file was cut off"));
        };
        if line == "end of trees" {
            break;
        }
        let number = trees.len();
        if line.strip_prefix("Tree=").and_then(|text| text.parse().ok()) != Some(number) {
            return Err(lines.place().malformed(format!("expected `Tree={number}` or `end of trees`")));
        }
        LoadError::within("trees", number + 1, limits.trees_max, "trees_max")?;
        let fields = Fields::read(lines)?;
        let listed = tree::read_nodes(&fields, number, node_count, limits)?;
        node_count += listed.nodes.len();
        let output = number % header.output_count;
        trees.push(Tree::from_nodes(listed, output, number, header.feature_names.len(), limits)?);
    }
    match header.tree_count {
        Some(expected) if expected != trees.len() => Err(Place::key("tree_sizes")
            .contradictory(format!("it announces {expected} trees, but there are {}", trees.len()))),
        _ => Ok(trees),
    }
}
