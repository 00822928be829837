//! Why this model, and what may go of the old ones: with PostgreSQL, whose password nobody may read anywhere.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use store::testkit::TestPostgres;

use crate::program::{files, line, program, told};

/// Every file of the artefacts, and what is kept beside the bundles.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

#[test]
fn a_model_says_where_it_comes_from_and_no_secret_and_old_ones_go() {
    let Some(postgres) = TestPostgres::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let home = folder.path().join("home");
    let address = postgres.address();
    let escaped = address.split(['@', ':']).nth(2).expect("a password").to_owned();
    let is_secret = |text: &str| text.contains(postgres.password()) || text.contains(&escaped);
    let output = |words: &[&str]| -> Output {
        let output = program(&home, words).env("DB_URL", &address).env("USER", "ada").output();
        let output = output.expect("the program starts");
        let both = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(!both.iter().any(|text| is_secret(text)), "{words:?}");
        output
    };
    let lines = |words: &[&str]| told(&output(&[words, &["--json"]].concat()));
    lines(&["ingest", "--klines", &files.to_string_lossy()]);
    let run = |seed: &str| {
        let effort = ["--rounds", "1", "--folds", "1", "--resamples", "20", "--force", "--seed", seed];
        let found = lines(&[&["run"], &effort[..]].concat());
        assert_eq!(line(&found, "promote")["to"], "production");
        line(&found, "publish")["bundle"].as_str().expect("a digest").to_owned()
    };
    let [first, second, third] = ["1", "2", "3"].map(run);

    let of = |model: &str| lines(&["lineage", model])[0].clone();
    let found = of("2");
    assert_eq!((&found["bundle"], &found["seed"]), (&second.as_str().into(), &2.into()));
    assert_eq!(of(&second[..10])["bundle"], found["bundle"], "by the digest's beginning");
    assert_eq!(found["data_version"], line(&lines(&["version"]), "version")["version"]);
    let origin = &found["origin"];
    assert_eq!(origin["parent"]["bundle"], first.as_str(), "the champion before");
    assert_eq!(of("1")["origin"]["parent"], Value::Null);
    let stages: Vec<&str> = origin["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter_map(|stage| stage["stage"].as_str())
        .collect();
    let expected = ["quality", "validate", "audit causality", "train", "evaluate", "audit parity", "publish"];
    assert_eq!(stages, expected);
    let program = &origin["program"];
    assert!(
        program["version"].as_str().is_some_and(|version| version.starts_with(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(program["program"].as_str().map(str::len), Some(64));
    let history = found["history"].to_string();
    assert!(history.contains("by force past: ") && history.contains("(by ada@"), "{history}");
    assert_eq!((&found["outcome"], found["boosters"].as_array().map(Vec::len)), (&"done".into(), Some(14)));
    let table = String::from_utf8_lossy(&output(&["lineage"]).stdout).into_owned();
    assert!(
        table.contains(&third) && table.contains("champion before") && table.contains("stage production"),
        "{table}"
    );
    for (path, text) in texts(&home) {
        assert!(!is_secret(&text), "{path} has the password");
    }

    // The champion and the one before it stay, however old they are.
    let bundle = |digest: &str| home.join("bundles").join(digest);
    let prune = ["prune", "--keep", "0", "--days", "0"];
    let would = lines(&[&prune[..], &["--dry-run"]].concat());
    let removed: Value = serde_json::json!([[first, 1]]);
    assert_eq!((&would[0]["bundles"], would[0]["runs"].as_array().map(Vec::len)), (&removed, Some(3)));
    assert!(would[1]["warning"].as_str().is_some_and(|text| text.contains("version 1 was served")));
    assert!(bundle(&first).is_dir());
    assert_eq!(lines(&prune)[0]["bundles"], removed);
    assert!(!bundle(&first).exists() && bundle(&second).is_dir() && bundle(&third).is_dir());
    assert_eq!(lines(&prune)[0]["bundles"], serde_json::json!([]));
    assert_eq!(of("3")["outcome"], Value::Null, "its run's record went");
}
