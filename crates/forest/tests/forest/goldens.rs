//! Every golden model and row: raw scores and predictions equal the original's, bit for bit.

use forest::{Booster, Library, Model};

use crate::golden;

#[test]
fn every_golden_answer_is_given_to_the_last_bit() {
    let models = golden::models();
    assert!(models.len() >= 50, "only {} golden models: run make.py", models.len());
    let mut wrong = Vec::new();
    let mut row_count = 0;
    for path in &models {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let booster = golden::load(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (number, golden) in golden::rows(path).iter().enumerate() {
            row_count += 1;
            let ours = answers(&booster, &golden.row);
            let theirs = [&golden.margin, &golden.margin, &golden.prediction];
            for ((what, ours), theirs) in ours.iter().zip(theirs) {
                if !golden::is_same(ours, theirs) {
                    wrong.push(format!("{name} row {number}: {what} {ours:?}, original {theirs:?}"));
                }
            }
        }
    }
    let first: Vec<&String> = wrong.iter().take(20).collect();
    assert!(wrong.is_empty(), "{} of {row_count} rows differ: {first:#?}", wrong.len());
}

fn answers(model: &Model, row: &[f64]) -> [(&'static str, Vec<f64>); 3] {
    let (booster, outputs) = (Booster::new(model), model.output_count());
    let mut answers = [
        ("reference margin", vec![0.0; outputs]),
        ("margin", vec![0.0; outputs]),
        ("prediction", vec![0.0; outputs]),
    ];
    model.margin(row, &mut answers[0].1).unwrap();
    booster.margin(row, &mut answers[1].1).unwrap();
    booster.predict(row, &mut answers[2].1).unwrap();
    answers
}

#[test]
fn both_xgboost_formats_are_the_same_model() {
    let folder = golden::folder();
    for name in ["xgboost-binary", "xgboost-categorical", "xgboost-dart"] {
        let binary = golden::load(&folder.join(format!("{name}.ubj"))).unwrap();
        let text = golden::load(&folder.join(format!("{name}-text.json"))).unwrap();
        assert_eq!(format!("{binary:?}"), format!("{text:?}"), "{name}");
    }
}

#[test]
fn models_say_what_they_are() {
    let folder = golden::folder();
    let booster = golden::load(&folder.join("lightgbm-multiclass.txt")).unwrap();
    assert_eq!(booster.library(), Library::LightGbm);
    assert_eq!((booster.feature_count(), booster.output_count()), (5, 3));
    assert_eq!(booster.tree_count() % 3, 0);
    assert_eq!(booster.objective(), "multiclass");
    assert_eq!(booster.feature_names()[4], "Column_4");
    let booster = golden::load(&folder.join("xgboost-binary.ubj")).unwrap();
    assert_eq!(booster.library(), Library::XgBoost);
    assert_eq!((booster.feature_count(), booster.output_count()), (5, 1));
    assert_eq!(booster.objective(), "binary:logistic");
    assert_eq!(booster.feature_names()[0], "f0");
}
