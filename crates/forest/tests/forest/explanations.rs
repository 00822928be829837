//! Explanations against the original libraries', and what is refused.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use forest::{ExplainError, Library, Limits, Model, RowError};

use crate::golden;

fn contributions(model: &Model, row: &[f64]) -> Vec<f64> {
    let mut explainer = model.explainer().unwrap();
    let mut out = vec![f64::NAN; explainer.contribution_count()];
    explainer.contributions(row, &mut out).unwrap();
    out
}

/// The explained rows of a golden model: their numbers and the original's contributions.
fn explained(path: &Path) -> Vec<(usize, Vec<f64>)> {
    let text = fs::read_to_string(path.with_extension("contributions")).unwrap();
    let line = |line: &str| {
        let (number, values) = line.split_once(';').unwrap();
        (number.parse().unwrap(), golden::numbers(values))
    };
    text.lines().map(line).collect()
}

/// The greatest difference of an output's contributions, in parts of the sum of their magnitudes.
fn difference(ours: &[f64], theirs: &[f64]) -> f64 {
    let scale: f64 = theirs.iter().map(|value| value.abs()).sum();
    let pairs = ours.iter().zip(theirs);
    pairs.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max) / scale.max(f64::MIN_POSITIVE)
}

#[test]
fn every_golden_explanation_is_given_within_the_originals_rounding() {
    let mut row_count = 0;
    for path in golden::models() {
        let model = golden::load(&path).unwrap();
        // LightGBM computes in f64. XGBoost rounds to f32 (half a unit is 2^-24) some hundred times in each
        // tree, in both directions; eight units of the sum of magnitudes hold all of its golden rows.
        let tolerance = match model.library() {
            Library::LightGbm => 1e-13,
            Library::XgBoost => 8.0 * f64::from(f32::EPSILON),
        };
        let rows = golden::rows(&path);
        for (number, theirs) in explained(&path) {
            row_count += 1;
            let ours = contributions(&model, &rows[number].row);
            assert_eq!(ours.len(), theirs.len());
            let width = model.feature_count() + 1;
            for (ours, theirs) in ours.chunks(width).zip(theirs.chunks(width)) {
                let difference = difference(ours, theirs);
                assert!(difference < tolerance, "{path:?} row {number}: {difference}: {ours:?}, {theirs:?}");
            }
        }
    }
    assert!(row_count >= 300, "only {row_count} explained rows: run make.py --contributions");
}

#[test]
fn contributions_add_up_to_the_raw_score() {
    for path in golden::models() {
        let model = golden::load(&path).unwrap();
        let tolerance = match model.library() {
            Library::LightGbm => 1e-13,
            Library::XgBoost => f64::from(f32::EPSILON) * (1 + model.tree_count()) as f64,
        };
        let mut margin = vec![0.0; model.output_count()];
        // Golden rows stand on thresholds, and have NaN and infinities.
        for golden in golden::rows(&path) {
            model.margin(&golden.row, &mut margin).unwrap();
            let values = contributions(&model, &golden.row);
            for (values, margin) in values.chunks(model.feature_count() + 1).zip(&margin) {
                let sum: f64 = values.iter().sum();
                let scale: f64 = values.iter().map(|value| value.abs()).sum();
                assert!((sum - margin).abs() <= tolerance * scale, "{path:?}: {sum}, {margin}");
            }
        }
    }
}

#[test]
fn a_batch_answers_what_its_rows_answer() {
    for name in ["lightgbm-categorical-multiclass.txt", "xgboost-softprob.ubj", "lightgbm-constant.txt"] {
        let path = golden::folder().join(name);
        let model = golden::load(&path).unwrap();
        let mut explainer = model.explainer().unwrap();
        let rows = golden::rows(&path);
        let flat: Vec<f64> = rows.iter().flat_map(|golden| golden.row.clone()).collect();
        let width = explainer.contribution_count();
        let mut batch = vec![f64::NAN; rows.len() * width];
        explainer.contributions_batch(&flat, &mut batch).unwrap();
        for (golden, batch) in rows.iter().zip(batch.chunks(width)) {
            assert!(golden::is_same(&contributions(&model, &golden.row), batch), "{name}");
        }
        assert_eq!(explainer.clone().contributions_batch(&[], &mut []), Ok(()));
    }
}

/// A chain of splits, each on its own feature and halving the cover: 1 if all of them are passed.
fn conjunction(features: usize) -> String {
    let words = |word: &dyn Fn(usize) -> String, count: usize| -> String {
        (0..count).map(word).collect::<Vec<String>>().join(" ")
    };
    let cover = |split: usize| (1_u64 << (features - split)).to_string();
    let left = |split: usize| if split + 1 < features { (split + 1) as i64 } else { !(features as i64) };
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx={}\nfeature_names={}\n\n",
        features - 1,
        words(&|index| format!("c{index}"), features)
    );
    let _ = write!(
        text,
        "Tree=0\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nthreshold={}\nleft_child={}\nright_child={}\n\
         leaf_value={}\nleaf_count={}\ninternal_count={}\n\nend of trees\n",
        features + 1,
        words(&|split| split.to_string(), features),
        words(&|_| "0.5".to_owned(), features),
        words(&|split| left(split).to_string(), features),
        words(&|split| (!(split as i64)).to_string(), features),
        words(&|leaf| u8::from(leaf == features).to_string(), features + 1),
        words(&|leaf| if leaf == features { "1".to_owned() } else { cover(leaf + 1) }, features + 1),
        words(&cover, features),
    );
    text
}

#[test]
fn long_paths_share_equally_what_symmetry_says() {
    for features in [1, 2, 3, 12, 16, 17, 33, 60] {
        let text = conjunction(features);
        let model = Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
        let chance = 0.5_f64.powi(features as i32);
        let all = contributions(&model, &vec![0.0; features]);
        let none = contributions(&model, &vec![1.0; features]);
        assert!((all[features] / chance - 1.0).abs() < 1e-14);
        for feature in 0..features {
            let share = (1.0 - chance) / features as f64;
            assert!((all[feature] / share - 1.0).abs() < 1e-12, "{features}: {} {share}", all[feature]);
            let share = -chance / features as f64;
            assert!((none[feature] / share - 1.0).abs() < 1e-12, "{features}: {} {share}", none[feature]);
        }
    }
}

fn without(text: &str, key: &str) -> String {
    text.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn models_without_covers_are_scored_but_not_explained() {
    let text = fs::read_to_string(golden::folder().join("lightgbm-binary.txt")).unwrap();
    for key in ["internal_count", "leaf_count"] {
        let model = Model::from_lightgbm_text(without(&text, key).as_bytes(), &Limits::default()).unwrap();
        assert_eq!(model.margin(&[0.0; 5], &mut [0.0]), Ok(()));
        let error = model.explainer().unwrap_err();
        assert!(matches!(error, ExplainError::NoCovers { tree: 0, .. }), "{error}");
        assert!(error.to_string().contains("`internal_count`, `leaf_count`"), "{error}");
    }
    let json = fs::read_to_string(golden::folder().join("xgboost-binary-text.json")).unwrap();
    let model =
        Model::from_xgboost_json(json.replace("\"sum_hessian\"", "\"other\"").as_bytes(), &Limits::default())
            .unwrap();
    let error = model.explainer().unwrap_err().to_string();
    assert!(error.contains("tree 0 has no covers (`sum_hessian`)"), "{error}");
}

#[test]
fn covers_that_cannot_weigh_are_refused_by_name() {
    let text = fs::read_to_string(golden::folder().join("lightgbm-binary.txt")).unwrap();
    let cases = [
        ("internal_count=", "internal_count=0", "a split of tree 0 has the cover 0"),
        ("leaf_count=", "leaf_count=-", "a leaf of tree 0 has the cover -"),
    ];
    for (old, new, part) in cases {
        let start = text.find(old).unwrap();
        let end = start + old.len() + if new.ends_with('0') { digits(&text[start + old.len()..]) } else { 0 };
        let text = format!("{}{new}{}", &text[..start], &text[end..]);
        let model = Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
        let error = model.explainer().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[test]
fn wrong_widths_are_errors_that_say_both_numbers() {
    let model = golden::load(&golden::folder().join("lightgbm-multiclass.txt")).unwrap();
    let mut explainer = model.explainer().unwrap();
    assert_eq!(explainer.contribution_count(), 18);
    let mut out = [0.0; 18];
    let narrow = explainer.contributions(&[0.0; 4], &mut out);
    assert_eq!(narrow, Err(RowError::RowWidth { expected: 5, found: 4 }));
    let two = explainer.contributions(&[0.0; 10], &mut out);
    assert_eq!(two, Err(RowError::RowWidth { expected: 5, found: 10 }));
    let short = explainer.contributions(&[0.0; 5], &mut out[1..]);
    assert_eq!(short, Err(RowError::OutputWidth { expected: 18, found: 17 }));
    let ragged = explainer.contributions_batch(&[0.0; 7], &mut out);
    assert_eq!(ragged, Err(RowError::BatchWidth { expected: 5, found: 7 }));
}
