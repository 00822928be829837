//! What single trees say: added up they are the raw score, and each is what the file has at the leaf that is reached.

use std::fs;
use std::path::Path;

use forest::{Library, Limits, Model, RowError};
use proptest::prelude::*;

use crate::golden;
use crate::random::{model, value};
use crate::seeded::Random;
use crate::text::Tree;

/// The leaves and tree values of rows, asked one by one; the batch has to say the same.
fn ask(model: &Model, rows: &[f64]) -> (Vec<u32>, Vec<f64>) {
    let (width, trees) = (model.feature_count(), model.tree_count());
    let count = rows.len() / width;
    let (mut leaves, mut values) = (vec![u32::MAX; count * trees], vec![f64::NAN; count * trees]);
    let mut splits = 0;
    for (at, row) in rows.chunks(width).enumerate() {
        let of_row = at * trees..(at + 1) * trees;
        splits += model.leaves(row, &mut leaves[of_row.clone()]).unwrap();
        model.tree_values(row, &mut values[of_row]).unwrap();
    }
    let (mut leaves_of_batch, mut values_of_batch) = (vec![0; count * trees], vec![0.0; count * trees]);
    assert_eq!(model.leaves_batch(rows, &mut leaves_of_batch), Ok(splits));
    model.tree_values_batch(rows, &mut values_of_batch).unwrap();
    assert_eq!(leaves_of_batch, leaves);
    assert!(golden::is_same(&values_of_batch, &values));
    (leaves, values)
}

/// Adds tree values to the base as the original does: LightGBM in f64, XGBoost in f32.
fn fold(model: &Model, values: &[f64]) -> Vec<f64> {
    assert_eq!((model.tree_outputs().len(), model.base().len()), (values.len(), model.output_count()));
    let outputs = model.tree_outputs().zip(values);
    match model.library() {
        Library::LightGbm => {
            let mut scores = model.base().to_vec();
            outputs.for_each(|(output, value)| scores[output] += value);
            scores
        }
        Library::XgBoost => {
            let single = |value: &f64| {
                assert_eq!(f64::from(*value as f32).to_bits(), value.to_bits(), "not a widened f32");
                *value as f32
            };
            let mut scores: Vec<f32> = model.base().iter().map(single).collect();
            outputs.for_each(|(output, value)| scores[output] += single(value));
            scores.into_iter().map(f64::from).collect()
        }
    }
}

fn check_sums(name: &str, model: &Model, rows: &[f64]) {
    let (_, values) = ask(model, rows);
    let mut margin = vec![f64::NAN; model.output_count()];
    for (at, row) in rows.chunks(model.feature_count()).enumerate() {
        model.margin(row, &mut margin).unwrap();
        let sums = fold(model, &values[at * model.tree_count()..(at + 1) * model.tree_count()]);
        assert!(golden::is_same(&sums, &margin), "{name} row {at}: {sums:?}, raw score {margin:?}");
    }
}

fn golden_rows(path: &Path) -> Vec<f64> {
    golden::rows(path).into_iter().flat_map(|golden| golden.row).collect()
}

#[test]
fn tree_values_of_every_golden_model_add_up_to_the_raw_scores_bits() {
    for path in golden::models() {
        let model = golden::load(&path).unwrap();
        check_sums(&path.display().to_string(), &model, &golden_rows(&path));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn tree_values_of_random_models_add_up_to_the_raw_scores_bits(seed: u64, features in 1..9_usize, trees in 0..40_usize, outputs in 1..4_usize) {
        let mut random = Random(seed);
        let text = model(&mut random, features, trees, outputs);
        let model = Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
        let rows: Vec<f64> = (0..7 * features).map(|_| value(&mut random)).collect();
        check_sums(&format!("seed {seed}"), &model, &rows);
    }
}

#[test]
fn a_forests_prediction_is_the_sum_over_the_iterations() {
    let path = golden::folder().join("lightgbm-forest.txt");
    let model = golden::load(&path).unwrap();
    let iterations = model.tree_count() / model.output_count();
    assert!(iterations > 1);
    for golden in golden::rows(&path) {
        let (_, values) = ask(&model, &golden.row);
        let sum = fold(&model, &values)[0];
        assert!(golden::is_same(&[sum / iterations as f64], &golden.prediction), "{sum}");
    }
}

#[test]
fn tree_values_of_lightgbm_are_the_files_values_at_the_leaves() {
    let is_lightgbm = |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "txt");
    for path in golden::models().iter().filter(is_lightgbm) {
        let (model, trees) = (golden::load(path).unwrap(), Tree::all(&fs::read_to_string(path).unwrap()));
        assert_eq!(trees.len(), model.tree_count(), "{path:?}");
        let (leaves, values) = ask(&model, &golden_rows(path));
        for (at, (leaf, value)) in leaves.iter().zip(&values).enumerate() {
            let of_file = trees[at % trees.len()].get("leaf_value", *leaf as usize);
            assert_eq!(of_file.to_bits(), value.to_bits(), "{path:?} tree {}", at % trees.len());
        }
    }
}

#[test]
fn tree_values_of_xgboost_are_the_files_values_at_the_leaves_by_darts_weights() {
    for name in ["xgboost-binary-text.json", "xgboost-categorical-text.json", "xgboost-dart-text.json"] {
        let path = golden::folder().join(name);
        let document: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let booster = &document["learner"]["gradient_booster"];
        let weights = booster["weight_drop"].as_array();
        let trees = booster.get("gbtree").unwrap_or(booster)["model"]["trees"].as_array().unwrap();
        let model = golden::load(&path).unwrap();
        assert_eq!(trees.len(), model.tree_count(), "{name}");
        let (leaves, values) = ask(&model, &golden_rows(&path));
        for (at, (leaf, value)) in leaves.iter().zip(&values).enumerate() {
            let tree = at % trees.len();
            let single = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
            let of_file = single(&trees[tree]["split_conditions"][*leaf as usize]);
            let weight = weights.map_or(1.0, |weights| single(&weights[tree]));
            assert_eq!((of_file * weight).to_bits(), (*value as f32).to_bits(), "{name} tree {tree}");
        }
    }
}

#[test]
fn leaves_are_counted_as_the_original_counts_them() {
    for name in ["lightgbm-binary.txt", "lightgbm-categorical.txt", "xgboost-pruned.ubj", "xgboost-dart.ubj"]
    {
        let path = golden::folder().join(name);
        let model = golden::load(&path).unwrap();
        let originals = fs::read_to_string(path.with_extension("leaves")).unwrap();
        let mut leaves = vec![u32::MAX; model.tree_count()];
        for (golden, original) in golden::rows(&path).iter().zip(originals.lines()) {
            let splits = model.leaves(&golden.row, &mut leaves).unwrap();
            let ours: Vec<String> = leaves.iter().map(u32::to_string).collect();
            assert_eq!(ours.join(" "), original, "{name}");
            assert!(splits > 0);
        }
    }
}

#[test]
fn wrong_widths_are_errors_that_say_both_numbers() {
    let model = golden::load(&golden::folder().join("lightgbm-multiclass.txt")).unwrap();
    let trees = model.tree_count();
    let (mut leaves, mut values) = (vec![0; 2 * trees], vec![0.0; 2 * trees]);
    let row = Err(RowError::RowWidth { expected: 5, found: 4 });
    assert_eq!(model.leaves(&[0.0; 4], &mut leaves[..trees]).map(drop), row);
    assert_eq!(model.tree_values(&[0.0; 4], &mut values[..trees]), row);
    let room = Err(RowError::OutputWidth { expected: trees, found: 2 * trees });
    assert_eq!(model.leaves(&[0.0; 5], &mut leaves).map(drop), room);
    assert_eq!(model.tree_values(&[0.0; 5], &mut values), room);
    let batch = Err(RowError::BatchWidth { expected: 5, found: 11 });
    assert_eq!(model.leaves_batch(&[0.0; 11], &mut leaves).map(drop), batch);
    assert_eq!(model.tree_values_batch(&[0.0; 11], &mut values), batch);
    let room = Err(RowError::OutputWidth { expected: 3 * trees, found: 2 * trees });
    assert_eq!(model.leaves_batch(&[0.0; 15], &mut leaves).map(drop), room);
    assert_eq!(model.tree_values_batch(&[0.0; 15], &mut values), room);
    assert_eq!(model.tree_values_batch(&[], &mut []), Ok(()));
}
