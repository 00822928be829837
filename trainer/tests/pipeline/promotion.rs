//! Who becomes the champion: who shows enough, or whoever is named by force, which is written down.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use klinecast_trainer::models::models;
use sha2::{Digest, Sha256};
use store::{Alias, Home, Stage};

use crate::support::execute;

/// Gates that a model of six rounds and six days passes.
pub(crate) const LENIENT: &str = "
level = 0.05
days_min = 5
quality_min = 0.9
[baseline]
[champion]
[calibration_error_max]
[coverage_error_max]
";

/// What the registry says of how a version came to be the champion.
fn how(home: &Home, version: u32) -> Vec<String> {
    let history = home.registry().history().expect("a history");
    let of = history.into_iter().filter(|change| change.version == version);
    of.map(|change| change.change)
        .filter(|change| change.contains("gates") || change.contains("force"))
        .collect()
}

fn champion(home: &Home) -> u32 {
    home.registry().champion().expect("a registry").expect("a champion").version
}

/// `one` was run with `--force`, `two` promoted by lenient gates.
pub(crate) fn is_by_evidence_or_recorded_force(one: &Home, two: &Home, at_two: &[&str]) {
    let forced = how(one, 1);
    assert!(matches!(&forced[..], [told] if told.contains("by force past: days: 6 UTC days")), "{forced:?}");
    let passed = how(two, 1);
    assert!(matches!(&passed[..], [told] if told.starts_with("passed 4 gates (by ")), "{passed:?}");

    let stage = |words: &[&str]| execute(&[at_two, words].concat());
    let file = |name: &str, text: &str| {
        let path = two.folder().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };
    let lenient = file("lenient.toml", LENIENT);
    for words in [
        &["train", "--rounds", "3", "--threads", "1", "--seed", "8"][..],
        &["evaluate", "--resamples", "50"],
        &["audit", "parity", "--trained"],
        &["publish"],
        &["promote", "--dry-run", "--gates", &lenient],
    ] {
        stage(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
    assert_eq!((champion(two), how(two, 2)), (1, Vec::new()), "a dry run changes nothing");

    looks_are_counted(one, two);

    let told = stage(&["promote"]).expect_err("six days are too few");
    assert!(
        told.contains("version 2 does not pass: days: 6 UTC days on the test window, 14 are the least"),
        "{told}"
    );
    let told_dry = stage(&["promote", "--dry-run"]).expect_err("the same, asked beforehand");
    assert_eq!(told, told_dry);
    let demanding =
        file("demanding.toml", &LENIENT.replace("[champion]", "[champion]\nvolatility_4step = \"better\""));
    let told = stage(&["promote", "--gates", &demanding]).expect_err("too few days to compare");
    assert!(told.contains("champion volatility_4step: too few days"), "{told}");
    assert!(!told.contains("days: 6"), "five days are enough there: {told}");
    assert_eq!((champion(two), how(two, 2)), (1, Vec::new()), "the champion goes on");

    staging_takes_the_gates_that_need_no_champion(two, &stage, (&demanding, &lenient));
    stage(&["promote", "--force"]).expect("by force");
    assert_eq!(champion(two), 2);
    let forced = how(two, 2);
    assert!(
        matches!(&forced[..], [staged, told] if staged.starts_with("passed 4") && told.contains("by force past: days: 6")),
        "{forced:?}"
    );

    assert_eq!(walked(two, 2).0, [Stage::None, Stage::Staging, Stage::Production]);
    assert_eq!(
        walked(two, 1),
        (vec![Stage::None, Stage::Production, Stage::Archived], "version 2 took its place".to_owned(),)
    );

    a_champion_that_cannot_be_asked_is_not_passed_by(two, at_two, &lenient);
    leaks_are_a_gate_of_who_demands_it(two, at_two);
    a_bundle_without_its_certificate_is_no_champion_even_by_force(two, at_two);
}

/// The stages of a version in their order, and what is said of the last one.
fn walked(home: &Home, version: u32) -> (Vec<Stage>, String) {
    let found = models(home.registry()).expect("models");
    let model = found.into_iter().find(|model| model.version == version).expect("the version");
    assert_eq!(model.steps.last().map(|step| (step.stage, step.at)), Some((model.stage, model.since)));
    let how = model.steps.last().and_then(|step| step.how.clone()).unwrap_or_default();
    (model.steps.iter().map(|step| step.stage).collect(), how)
}

fn staging_takes_the_gates_that_need_no_champion(
    home: &Home,
    stage: &impl Fn(&[&str]) -> Result<(), String>,
    (demanding, lenient): (&str, &str),
) {
    let told = stage(&["promote", "--to", "staging"]).expect_err("six days are too few there, too");
    assert!(told.contains("version 2 does not pass: days: 6"), "{told}");
    stage(&["promote", "--to", "staging", "--gates", demanding, "--dry-run"]).expect("no champion is asked");
    assert_eq!(walked(home, 2), (vec![Stage::None], String::new()), "a dry run changes nothing");
    stage(&["promote", "--to", "staging", "--gates", demanding]).expect("what only a champion would hinder");
    let (stages, how) = walked(home, 2);
    assert_eq!(stages, [Stage::None, Stage::Staging]);
    assert!(how.starts_with("passed 4 gates (by "), "{how}");
    let challenger = home.registry().by_alias(Alias::Challenger).expect("a registry");
    assert_eq!((challenger.map(|model| model.version), champion(home)), (Some(2), 1));
    let told =
        stage(&["promote", "--to", "staging", "--version", "1", "--gates", lenient]).expect_err("served");
    assert!(told.contains("version 1 is the champion, in production"), "{told}");
    stage(&["models"]).expect("a table");
}

/// Both versions were published before anybody listened to canaries.
fn leaks_are_a_gate_of_who_demands_it(home: &Home, at: &[&str]) {
    let gates = home.folder().join("leaks.toml");
    std::fs::write(&gates, format!("certificates = [\"leaks\"]{LENIENT}")).expect("written");
    let gates = gates.to_string_lossy();
    let judge = [at, &["promote", "--dry-run", "--gates", &gates]].concat();
    let told = execute(&judge).expect_err("none yet");
    let expected = "leaks: the certificate is neither in the bundle nor in this home; run `klinecast-trainer audit leaks`";
    assert!(told.contains(expected), "{told}");
    execute(&[at, &["audit", "leaks", "--rounds", "20"]].concat()).expect("canaries as they have to be");
    execute(&judge).expect("canaries of these klines");
    let file = home.folder().join("training/leaks.json");
    let valid = std::fs::read_to_string(&file).expect("a report");
    std::fs::write(&file, valid.replace("sha256:", "sha256:00")).expect("written");
    let told = execute(&judge).expect_err("of other klines");
    assert!(told.contains("leaks: the certificate is of data version sha256:00"), "{told}");
}

fn a_bundle_without_its_certificate_is_no_champion_even_by_force(home: &Home, at: &[&str]) {
    let champion = home.registry().champion().expect("a registry").expect("a champion");
    let mut files = home.objects().get(champion.bundle).expect("files");
    let certificate = String::from_utf8(files["causality.json"].clone()).expect("text");
    let failed = certificate.replacen("\"passed\": true", "\"passed\": false", 1);
    assert_ne!(failed, certificate);
    let mut manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    manifest["files"]["causality.json"]["sha256"] = hex::encode(Sha256::digest(&failed)).into();
    manifest["files"]["causality.json"]["size_bytes"] = failed.len().into();
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    let bundle = BundleDigest::of(&manifest);
    files.insert("causality.json".to_owned(), failed.into_bytes());
    files.insert("manifest.json".to_owned(), manifest);
    let folder = home.folder().join("bundles").join(bundle.to_string());
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }
    let made = home.registry().register(bundle, &BTreeMap::new(), 1).expect("registered");
    for words in [&["promote"][..], &["promote", "--force"]] {
        let told = execute(&[at, words].concat()).expect_err("no certificate");
        let expected = format!(
            "version {} does not pass: causality: the causality certificate did not pass",
            made.version
        );
        assert!(told.contains(&expected) && told.contains("--force does not help"), "{told}");
    }
    assert_eq!(
        home.registry().champion().expect("a registry").map(|model| model.bundle),
        Some(champion.bundle)
    );
}

/// A run looks once, however often its model is scored; who comes after another on the same window is deflated by it.
fn looks_are_counted(one: &Home, two: &Home) {
    let training = |home: &Home, file: &str| {
        std::fs::read_to_string(home.folder().join("training").join(file)).expect("a file")
    };
    let looks = |home: &Home| training(home, "looks.jsonl").lines().filter(|line| !line.is_empty()).count();
    assert_eq!(looks(one), 1, "trained, published and judged it is one model");
    assert_eq!(looks(two), 2, "two models, the first twice on the same days");
    let other_models = |home: &Home| {
        let found: serde_json::Value =
            serde_json::from_str(&training(home, "evaluation.json")).expect("JSON");
        (found["tried"]["other_models"].as_u64(), found["net_values"][0]["deflated"]["trials"].as_u64())
    };
    assert_eq!((other_models(one), other_models(two)), ((Some(0), Some(2)), (Some(1), Some(4))));
    let page = training(two, "evaluation.html");
    assert!(page.contains("scored on bars of this test window in this home: 1;"), "{page}");
}

fn a_champion_that_cannot_be_asked_is_not_passed_by(home: &Home, at: &[&str], lenient: &str) {
    let champion = home.registry().champion().expect("a registry").expect("a champion");
    let files = home.folder().join("bundles").join(champion.bundle.to_string());
    let away = home.folder().join("away");
    std::fs::rename(&files, &away).expect("the champion's files");
    let promote = [at, &["promote", "--version", "1", "--gates", lenient]].concat();
    let told = execute(&promote).expect_err("nobody to compare");
    assert!(told.contains("champion: version 2 can't be asked"), "{told}");
    std::fs::rename(&away, &files).expect("put back");
}
