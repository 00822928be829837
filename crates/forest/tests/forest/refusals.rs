//! What is refused at load, and how it is said.

use std::fs;

use forest::{Booster, FeatureError, Limits, LoadError, Model};

use crate::golden;

fn text(name: &str) -> String {
    fs::read_to_string(golden::folder().join(name)).unwrap()
}

fn lightgbm_error(text: &str) -> String {
    Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap_err().to_string()
}

fn xgboost_error(text: &str) -> String {
    Model::from_xgboost_json(text.as_bytes(), &Limits::default()).unwrap_err().to_string()
}

/// Replaces the first number of a key of the first tree.
fn with_first(text: &str, key: &str, number: &str) -> String {
    let start = text.find(&format!("\n{key}=")).unwrap() + key.len() + 2;
    let end = start + text[start..].find([' ', '\n']).unwrap();
    format!("{}{number}{}", &text[..start], &text[end..])
}

#[test]
fn what_is_not_supported_is_named() {
    let message = lightgbm_error(&text("lightgbm-linear-tree.txt"));
    assert_eq!(message, "LightGBM's linear trees (`linear_tree=true`) is not supported");
    let model = text("lightgbm-binary.txt");
    let message = lightgbm_error(&model.replace("objective=binary", "objective=cross_entropy_lambda"));
    assert_eq!(message, "LightGBM's objective `cross_entropy_lambda` is not supported");
    let message = lightgbm_error(&model.replace("version=v4", "version=v2"));
    assert!(message.contains("`v2`"), "{message}");
    for (name, part) in [("xgboost-linear.ubj", "gblinear"), ("xgboost-vector-leaf.ubj", "multi-output")] {
        let message = golden::load(&golden::folder().join(name)).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    for objective in ["survival:aft", "reg:expectileerror"] {
        let message = xgboost_error(&text("xgboost-binary-text.json").replace("binary:logistic", objective));
        assert_eq!(message, format!("XGBoost's objective `{objective}` is not supported"));
    }
    let quantiles = text("xgboost-binary-text.json")
        .replace("binary:logistic", "reg:quantileerror")
        .replace(r#""num_target":"1""#, r#""num_target":"2""#);
    let of_version = |version| quantiles.replace(r#""version":[3,2,0]"#, version);
    let message = xgboost_error(&of_version(r#""version":[3,4,0]"#));
    assert!(message.contains("3.4 and later put in order"), "{message}");
    let earlier = of_version(r#""version":[3,3,1]"#);
    assert!(Model::from_xgboost_json(earlier.as_bytes(), &Limits::default()).is_ok());
}

#[test]
fn contradictions_in_lightgbm_models_name_tree_and_node() {
    let model = text("lightgbm-binary.txt");
    let cases = [
        ("left_child", "0", "tree 0, node 0"),
        ("left_child", "99", "tree 0, node 0"),
        ("right_child", "-99", "tree 0, node 0"),
        ("split_feature", "5", "tree 0, node 0"),
        ("threshold", "nan", "the threshold is NaN"),
        ("leaf_value", "inf", "the leaf's value is inf"),
        ("leaf_value", "x", "`leaf_value`"),
        ("decision_type", "14", "there is no decision type 14"),
        ("decision_type", "1", "category set"),
        ("num_leaves", "3", "`leaf_value`"),
        ("num_leaves", "0", "at least one leaf"),
        ("num_leaves", "99999999999", "`Limits::nodes_max`"),
        ("tree_sizes", "1 1", "it announces"),
        ("num_cat", "99", "there are 99 category sets for"),
        ("num_class", "2", "don't go together"),
        ("max_feature_idx", "7", "`feature_names`"),
        ("max_feature_idx", "77777777", "`Limits::features_max`"),
    ];
    for (key, number, part) in cases {
        let message = lightgbm_error(&with_first(&model, key, number));
        assert!(message.contains(part), "{key}={number}: {message}");
    }
    let message = lightgbm_error(model.split("end of trees").next().unwrap());
    assert!(message.contains("cut off"), "{message}");
}

#[test]
fn contradictions_in_xgboost_models_name_tree_and_node() {
    let model = text("xgboost-binary-text.json");
    let cases = [
        ("\"left_children\":[1", "\"left_children\":[0", "two splits lead to the same node"),
        ("\"left_children\":[1", "\"left_children\":[999", "a split leads to node 999"),
        ("\"left_children\":[1", "\"left_children\":[-7", "its left child is -7"),
        ("\"right_children\":[2", "\"right_children\":[1", "two splits lead to the same node"),
        ("\"split_indices\":[", "\"split_indices\":[7", "it splits on feature"),
        ("\"default_left\":[", "\"default_left\":[1,", "`default_left`, tree 0"),
        ("\"split_conditions\":[", "\"split_conditions\":[NaN,", "`split_conditions`, tree 0"),
        ("\"tree_info\":[0", "\"tree_info\":[9", "adds to output 9 of 1"),
        ("\"num_class\":\"0\"", "\"num_class\":\"999999\"", "`Limits::outputs_max`"),
        ("\"base_score\":\"", "\"base_score\":\"7", "`base_score`"),
        ("\"base_score\":\"", "\"base_score\":\"[0.5,0.5],", "it has 3 numbers for 1 outputs"),
        ("\"left_children\":[", "\"left_children\":[\"x\",", "numbers and other things stand in one array"),
        (
            "\"num_class\":\"0\"",
            "\"num_class\":\"0\",\"num_class\":\"0\"",
            "the key `num_class` stands twice",
        ),
        ("\"learner\"", "\"learned\"", "`learner` is malformed: the key is missing"),
    ];
    for (old, new, part) in cases {
        assert!(model.contains(old), "{old}");
        let message = xgboost_error(&model.replacen(old, new, 1));
        assert!(message.contains(part), "{new}: {message}");
    }
}

#[test]
fn limits_are_kept() {
    let model = text("lightgbm-binary.txt");
    let all = Limits::default();
    let cases = [
        Limits { bytes_max: 100, ..all },
        Limits { trees_max: 1, ..all },
        Limits { nodes_max: 20, ..all },
        Limits { depth_max: 1, ..all },
        Limits { features_max: 4, ..all },
        Limits { outputs_max: 0, ..all },
    ];
    for limits in cases {
        let error = Model::from_lightgbm_text(model.as_bytes(), &limits).unwrap_err();
        assert!(matches!(error, LoadError::TooLarge { .. }), "{limits:?}: {error}");
    }
}

#[test]
fn a_dart_tree_without_its_weight_does_not_count_in_full() {
    let message = xgboost_error(&text("xgboost-dart-text.json").replacen(
        "\"weight_drop\":[",
        "\"weight_drop\":[1.5E0,",
        1,
    ));
    assert!(message.starts_with("`weight_drop` contradicts"), "{message}");
}

#[test]
fn messages_do_not_repeat_a_long_file() {
    let long = "x".repeat(100_000);
    let lightgbm = text("lightgbm-binary.txt");
    let xgboost = text("xgboost-binary-text.json");
    for message in [
        lightgbm_error(&lightgbm.replacen("\nversion=v4", &format!("\n{long}=\n{long}=\nversion=v4"), 1)),
        lightgbm_error(&lightgbm.replacen("objective=", &format!("objective={long}"), 1)),
        // 5e-324 has 325 digits when it is written out.
        lightgbm_error(&with_first(&with_first(&lightgbm, "decision_type", "1"), "threshold", "5e-324")),
        xgboost_error(&xgboost.replacen("binary:logistic", &long, 2)),
        xgboost_error(&xgboost.replacen("gbtree", &long, 2)),
        xgboost_error(&xgboost.replacen("{", &format!("{{\"{long}\":1,\"{long}\":1,"), 1)),
    ] {
        assert!(message.len() < 200, "{} bytes: {message:.200}", message.len());
    }
}

#[test]
fn features_in_another_order_are_named() {
    let model = golden::load(&golden::folder().join("xgboost-binary.ubj")).unwrap();
    let booster = Booster::new(&model);
    let name = |index: usize| format!("f{index}");
    let cases: [(&[&str], _); 5] = [
        (&["f0", "f1", "f2", "f3", "f4"], Ok(())),
        (
            &["f0", "f2", "f1", "f3", "f4"],
            Err(FeatureError::Elsewhere { name: name(1), expected: 1, found: 2 }),
        ),
        (&["f0", "f1", "f2", "f3"], Err(FeatureError::Missing { name: name(4), index: 4 })),
        (&["f0", "f1", "x", "f3", "f4"], Err(FeatureError::Missing { name: name(2), index: 2 })),
        (&["f0", "f1", "f2", "f3", "f4", "f5"], Err(FeatureError::Surplus { name: name(5), index: 5 })),
    ];
    for (names, expected) in cases {
        assert_eq!(model.check_features(names), expected, "{names:?}");
        assert_eq!(booster.check_features(names), expected, "{names:?}");
    }
    let message = model.check_features(&["f1", "f0"]).unwrap_err().to_string();
    assert!(message.starts_with("the model reads `f0` as value 0 of a row, but it is value 1"), "{message}");
}
