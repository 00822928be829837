//! Datasets in a real S3 server: a data version is brought back by its name, and what nothing refers to any more goes from the bucket.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use store::testkit::TestS3;
use store::{DatasetStore, Home, Places, S3Datasets};

use crate::program::{files, line, program, told};

/// A home whose bundles and datasets are in a bucket.
fn at(home: &Path, server: &TestS3, words: &[&str]) -> Command {
    let mut command = program(home, words);
    command.envs(server.settings());
    command.env("KLINECAST_BUNDLES", "s3://klinecast/kept/bundles");
    command.env("KLINECAST_DATASETS", "s3://klinecast/kept/datasets");
    command
}

#[test]
fn a_data_version_is_restored_from_the_bucket_and_what_nothing_refers_to_goes_from_it() {
    let server = TestS3::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let (home, other) = (folder.path().join("home"), folder.path().join("other"));
    let lines = |home: &Path, words: &[&str]| {
        told(&at(home, &server, &[words, &["--json"]].concat()).output().expect("the program starts"))
    };
    let datasets = S3Datasets::new(server.place("kept/datasets"));
    let kept = || datasets.list().expect("a list").into_iter().map(|(digest, _)| digest).collect::<Vec<_>>();

    lines(&home, &["ingest", "--klines", &files.to_string_lossy()]);
    let first = lines(&home, &["version"]);
    let version = line(&first, "version")["version"].as_str().expect("a version").to_owned();
    let dataset = line(&first, "dataset");
    assert_eq!((&dataset["new"], &dataset["files"]), (&true.into(), &3.into()));
    assert_eq!(line(&lines(&home, &["version"]), "dataset")["new"], false, "the same is kept once");

    // Another machine has nothing of its own.
    let restored = lines(&other, &["restore", &version[..24]]);
    assert_eq!(line(&restored, "restore")["data_version"], version.as_str());
    assert_eq!(line(&lines(&other, &["version"]), "version")["version"], version.as_str());
    let unknown = at(&other, &server, &["restore", &"0".repeat(64)]).output().expect("the program starts");
    let text = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(1) && text.contains("kept/datasets at http://"), "{text}");

    let run = |seed: &str| {
        let effort = ["run", "--rounds", "1", "--folds", "1", "--resamples", "20", "--force", "--seed", seed];
        line(&lines(&home, &effort), "publish")["bundle"].as_str().expect("a digest").to_owned()
    };
    let [oldest, before, champion] = ["1", "2", "3"].map(run);
    let unused = line(&lines(&home, &["version", "--symbols", "BTCUSDT"]), "version")["version"].clone();
    assert_eq!(kept().len(), 2);

    let prune = ["prune", "--keep", "0", "--days", "0"];
    let expected = |found: &Value| {
        let digits = unused.as_str().and_then(|name| name.strip_prefix("sha256:"));
        assert_eq!((&found["bundles"], &found["datasets"]), (&json!([[oldest, 1]]), &json!([digits])));
    };
    let at_bucket = || {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places { bundles: Some(server.place("kept/bundles")), ..Places::default() };
        let home = Home::open_with(folder.path(), &places).expect("a home");
        home.objects().list().expect("a list").iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    expected(line(&lines(&home, &[&prune[..], &["--dry-run"]].concat()), "prune"));
    assert_eq!((at_bucket().len(), kept().len()), (3, 2), "a dry run removes nothing");
    expected(line(&lines(&home, &prune), "prune"));
    let mut left = [before, champion];
    left.sort_unstable();
    assert_eq!(at_bucket(), left, "the champion and the one before it stay");
    assert_eq!(kept().iter().map(|digest| format!("sha256:{digest}")).collect::<Vec<_>>(), [version]);
    assert!(!home.join("bundles").join(&oldest).exists(), "nor is a copy left");
    let again = lines(&home, &prune);
    assert_eq!(
        (&line(&again, "prune")["bundles"], &line(&again, "prune")["datasets"]),
        (&json!([]), &json!([]))
    );
}
