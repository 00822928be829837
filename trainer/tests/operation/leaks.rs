//! Canaries as a stage of a run: before the training, kept, and demanded of who becomes the champion.

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

    // Canaries of other klines speak for none.
    let path = home.join("training/leaks.json");
    let other = std::fs::read_to_string(&path).expect("a report").replace("sha256:", "sha256:00");
    std::fs::write(&path, other).expect("written");
    let demanding = folder.path().join("demanding.toml");
    std::fs::write(&demanding, format!("certificates = ['leaks']\n{GATES}")).expect("written");
    let words = ["promote", "--dry-run", "--gates", &demanding.to_string_lossy()];
    let output = program(&home, &words).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && text.contains("klinecast-trainer audit leaks"), "{text}");
}
