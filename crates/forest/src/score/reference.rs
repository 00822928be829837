use crate::tree::{Categories, Missing, Node, Rule, Tree};
use crate::{Library, Model};

/// 1e-35 as f32: LightGBM takes everything up to it as zero, when it reads a row and at a split.
pub(crate) const ZERO_BAND: f64 = 1e-35_f32 as f64;

/// The first f32 that XGBoost doesn't take as a category, 2^24.
const CATEGORY_END: f32 = 16_777_216.0;

/// Writes the raw scores of one row: the specification of scoring, one tree after the other, one node after
/// the other, as the original libraries' readers of single rows do it.
///
/// `row` has the model's width, `scores` one value for each output.
pub(crate) fn margin(model: &Model, row: &[f64], scores: &mut [f64]) {
    scores.copy_from_slice(&model.head.base);
    for tree in &model.trees {
        let value = leaf(model.head.library, tree, row).value;
        let score = &mut scores[tree.output];
        match model.head.library {
            Library::LightGbm => *score += value,
            Library::XgBoost => *score = f64::from(*score as f32 + value as f32),
        }
    }
}

/// The leaf that a row reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) value: f64,
    /// The leaf's index in the original library.
    pub(crate) index: u32,
    /// How many splits were passed.
    pub(crate) splits: usize,
}

/// Walks one tree from its root to a leaf.
pub(crate) fn leaf(library: Library, tree: &Tree, row: &[f64]) -> Reached {
    let mut at = 0;
    let mut splits = 0;
    loop {
        match &tree.nodes[at] {
            Node::Leaf { value, index } => return Reached { value: *value, index: *index, splits },
            Node::Split { feature, rule, left, right } => {
                splits += 1;
                let value = as_read(library, row[*feature as usize]);
                at = if goes_left(rule, value) { *left as usize } else { *right as usize };
            }
        }
    }
}

/// A row's value as the original library's reader of rows hands it to the trees.
pub(crate) fn as_read(library: Library, value: f64) -> f64 {
    match library {
        Library::LightGbm if value.abs() <= ZERO_BAND => 0.0,
        Library::LightGbm => value,
        Library::XgBoost => f64::from(value as f32),
    }
}

/// Which way a value that was read goes at a split.
pub(crate) fn goes_left(rule: &Rule, value: f64) -> bool {
    match rule {
        Rule::AtMost { threshold, missing, default_left } => {
            at_most(value, *threshold, *missing, *default_left)
        }
        Rule::AmongLeft { categories } => among(categories, value, 2_147_483_648.0),
        Rule::Below { default_left, .. } if value.is_nan() => *default_left,
        Rule::Below { threshold, .. } => value < f64::from(*threshold),
        Rule::AmongRight { default_left, .. } if value.is_nan() => *default_left,
        Rule::AmongRight { categories, .. } => {
            value < 0.0 || !among(categories, value, f64::from(CATEGORY_END))
        }
    }
}

/// LightGBM's `NumericalDecision`.
fn at_most(value: f64, threshold: f64, missing: Missing, default_left: bool) -> bool {
    if value.is_nan() && missing == Missing::NotANumber {
        return default_left;
    }
    let value = if value.is_nan() { 0.0 } else { value };
    if missing == Missing::Zero && value.abs() <= ZERO_BAND {
        return default_left;
    }
    value <= threshold
}

/// Whether the whole part of a value is a category of the set; a value below 0 (after truncation), from `end`
/// on, or NaN is in none.
fn among(categories: &Categories, value: f64, end: f64) -> bool {
    value > -1.0 && value < end && categories.contains(value as u32)
}
