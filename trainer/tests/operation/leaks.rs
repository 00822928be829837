//! Canaries as a stage of a run: before the training, kept, and demanded of who becomes the champion.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{files, line, lines, program};

/// What a few days of a synthetic market can pass.
const GATES: &str = "
level = 0.05
days_min = 1
quality_min = 0.5
[baseline]
[champion]
[calibration_error_max]
[coverage_error_max]
";

#[test]
fn a_run_listens_to_canaries_and_is_judged_by_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home, gates) =
        (files(folder.path()), folder.path().join("home"), folder.path().join("gates.toml"));
    std::fs::write(&gates, GATES).expect("written");
    let (gates, files) = (gates.to_string_lossy(), files.to_string_lossy());
    let effort = ["--rounds", "20", "--folds", "1", "--resamples", "20", "--json"];
    let run = [&["run", "--klines", &files, "--gates", &gates][..], &effort].concat();
    let judged = |told: &[Value]| -> Vec<Value> {
        let all = line(told, "judge")["judgements"].as_array().expect("judgements").clone();
        all.into_iter().filter(|one| one["gate"] == "leaks").collect()
    };
    let without = lines(&home, &run);
    assert_eq!(judged(&without), [] as [Value; 0]);
    assert!(!home.join("training/leaks.json").exists());

    let told = lines(&home, &[&run[..], &["--audit-leaks", "--seed", "8"]].concat());
    let place = |stage: &str| told.iter().position(|line| line["stage"] == stage).expect("a stage");
    assert!(place("audit") < place("audit leaks") && place("audit leaks") < place("train"));
    let canaries = line(&told, "audit leaks");
    assert_eq!((&canaries["passed"], canaries["canaries"].as_array().map(Vec::len)), (&json!(true), Some(4)));
    let of_leaks = judged(&told);
    let [leaks] = &of_leaks[..] else { panic!("one gate: {told:#?}") };
    assert!(
        leaks["passed"] == true && leaks["told"].as_str().is_some_and(|told| told.contains("4 canaries")),
        "{leaks}"
    );
    // The lineage of the champion says that it was done, and what it left.
    let champion = &lines(&home, &["lineage", "--json"])[0];
    assert_eq!(champion["registered"]["version"], 2);
    let stages = champion["origin"]["stages"].as_array().expect("stages");
    let done = stages.iter().find(|one| one["stage"] == "audit leaks").expect("the stage");
    assert!(done["outputs"]["leaks.json"].is_string(), "{done}");

    the_bundle_carries_it(&home, &champion["bundle"]);
    what_is_heard_later_counts(&home, folder.path());
    publishing_alone_takes_it_along(&home, &champion["bundle"]);
}

/// As it carries the other certificates; the model card names them all.
fn the_bundle_carries_it(home: &Path, bundle: &Value) {
    let files = home.join("bundles").join(bundle.as_str().expect("a digest"));
    let read = |name: &str| std::fs::read_to_string(files.join(name)).expect("a file of the bundle");
    let carried: Value = serde_json::from_str(&read("leaks.json")).expect("JSON");
    let heard = std::fs::read_to_string(home.join("training/leaks.json")).expect("a report");
    assert_eq!(carried, serde_json::from_str::<Value>(&heard).expect("JSON"));
    let card = read("model-card.md");
    for certificate in ["| causality |", "| parity |", "| leaks | 4 canaries are as they have to be |"] {
        assert!(card.contains(certificate), "{certificate} in {card}");
    }
}

/// The bundle's certificate holds wherever the bundle is, but not against a leak that was heard on the same klines since.
fn what_is_heard_later_counts(home: &Path, folder: &Path) {
    let path = home.join("training/leaks.json");
    let heard = std::fs::read_to_string(&path).expect("a report");
    let demanding = folder.join("demanding.toml");
    std::fs::write(&demanding, format!("certificates = ['leaks']\n{GATES}")).expect("written");
    let judged = |version: &str| {
        let words = ["promote", "--dry-run", "--version", version, "--gates", &demanding.to_string_lossy()];
        let output = program(home, &words).output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let other = heard.replace("sha256:", "sha256:00");
    std::fs::write(&path, other).expect("written");
    assert_eq!(judged("2").0, Some(0), "canaries of other klines say nothing of it");
    let (code, told) = judged("1");
    assert!(code == Some(3) && told.contains("is of data version sha256:00"), "{told}");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(judged("2").0, Some(0), "the bundle has its own");
    let (code, told) = judged("1");
    assert!(code == Some(3) && told.contains("neither in the bundle nor in this home"), "{told}");
    let leak = heard.replacen("\"passed\": true", "\"passed\": false", 1);
    assert_ne!(leak, heard);
    std::fs::write(&path, leak).expect("written");
    let (code, told) = judged("2");
    assert!(code == Some(3) && told.contains("tells of a leak: shuffled outcomes of return_4step"), "{told}");
    std::fs::write(&path, heard).expect("written");
}

/// The same bundle as the run's; without canaries of these klines it goes without, and says so.
fn publishing_alone_takes_it_along(home: &Path, bundle: &Value) {
    let publish = || {
        let told = lines(home, &["publish", "--json"]);
        let warned = told.iter().filter_map(|line| line["warning"].as_str()).collect::<Vec<_>>().join("\n");
        (line(&told, "publish")["bundle"].clone(), warned)
    };
    assert_eq!(&publish().0, bundle);
    let path = home.join("training/leaks.json");
    let other = std::fs::read_to_string(&path).expect("a report").replace("sha256:", "sha256:00");
    std::fs::write(&path, other).expect("written");
    let (without, warned) = publish();
    assert!(&without != bundle && warned.contains("goes without a certificate of leaks"), "{warned}");
    let files = home.join("bundles").join(without.as_str().expect("a digest"));
    assert!(files.join("parity.json").exists() && !files.join("leaks.json").exists());
}
