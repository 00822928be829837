//! Runs that are killed, run out of disk, are done in parts or twice at once: the same bundle, and the champion untouched.

use std::path::Path;
use std::process::Command;

use store::Home;

use crate::program::{RUN, Running, boosters, copy, files, has_done, line, lines, program, told};
use crate::support::execute;

/// Two folds and the final fit, seven tasks, two libraries.
const BOOSTERS: usize = 3 * 7 * 2;

fn bundle(lines: &[serde_json::Value]) -> String {
    line(lines, "publish")["bundle"].as_str().expect("a digest").to_owned()
}

#[test]
fn what_was_interrupted_goes_on_and_gives_the_same_bundle() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let files = files(folder.path());
    let files = files.to_string_lossy();
    let empty = at("empty");
    execute(&["--home", &empty.to_string_lossy(), "ingest", "--klines", &files]).expect("klines");

    let whole = at("whole");
    let with_files = [&RUN[..], &["--klines", &files]].concat();
    let first = lines(&whole, &with_files);
    let expected = bundle(&first);
    assert_eq!(line(&first, "boosters")["fitted"], BOOSTERS);
    assert!(lines(&whole, &["lineage", &expected[..12], "--json"])[0]["origin"]["run"].is_string());

    is_killed_and_goes_on(&at("killed"), &with_files, &expected);
    runs_out_of_disk(&empty, &at("full"), &expected);
    is_done_in_parts(&empty, &at("parts"), &expected);
    what_changed_is_done_anew(&whole, &with_files, &expected);
    is_held_by_one(&whole, &with_files);
}

/// Killed with -9 at six points of one run.
fn is_killed_and_goes_on(home: &Path, run: &[&str], expected: &str) {
    let mut before = 0;
    type Point = (&'static str, fn(&Path) -> bool);
    let points: [Point; 6] = [
        ("ingest", |home| has_done(home, "ingest")),
        ("validate", |home| has_done(home, "validate")),
        ("one booster", |home| boosters(home) >= 1),
        ("half of the boosters", |home| boosters(home) >= BOOSTERS / 2),
        ("train", |home| has_done(home, "train")),
        ("audit parity", |home| has_done(home, "audit parity")),
    ];
    for (name, reached) in points {
        let mut running = Running::start(home, run);
        assert!(running.runs_until(|| reached(home)), "it ended before {name}");
        drop(running);
        let kept = boosters(home);
        assert!(kept >= before, "{name}: {kept} boosters, before it {before}");
        before = kept;
    }
    let last = lines(home, run);
    assert_eq!(bundle(&last), expected);
    for stage in ["resume", "ingest", "validate", "audit causality", "train", "audit parity"] {
        let line = line(&last, stage);
        assert!(stage == "resume" || line["taken_up"] == true, "{line}");
    }
    let runs = std::fs::read_dir(home.join("training/runs")).expect("a folder").count();
    assert_eq!(runs, 1, "one record of one run");
    assert_eq!(boosters(home), BOOSTERS, "none was fitted twice under another name");
}

/// Files may grow to less than the feature rows: the program is told as by a full disk. Then boosters can't be kept either.
fn runs_out_of_disk(empty: &Path, home: &Path, expected: &str) {
    copy(empty, home);
    // A champion of before, which nothing may touch.
    let other =
        ["run", "--rounds", "1", "--folds", "1", "--resamples", "20", "--seed", "3", "--force", "--json"];
    let champion = bundle(&lines(home, &other));
    let of_home = |home: &Path| {
        let home = Home::open(home).expect("a home");
        home.registry().champion().expect("a registry").expect("a champion").bundle.to_string()
    };
    let fails = |limit: &str, told: &[&str]| {
        let mut command = Command::new("sh");
        // Ignored, so that writing answers an error in place of a signal.
        command.args(["-c", &format!("trap '' XFSZ; {limit} exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_klinecast-trainer")).arg("--home").arg(home).args(RUN);
        let output = command.output().expect("sh runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(told.iter().all(|words| text.contains(words)), "{text}");
        assert_eq!(of_home(home), champion);
    };
    fails("ulimit -f 16384;", &["the feature rows can't be written", "File too large", "--scratch"]);
    let (boosters, away) = (home.join("training/boosters"), home.join("away"));
    std::fs::rename(&boosters, &away).expect("moved");
    std::fs::write(&boosters, b"").expect("in the way");
    fails("", &[".booster", "can't be"]);
    std::fs::remove_file(&boosters).expect("out of the way");
    std::fs::rename(&away, &boosters).expect("moved");

    let then = lines(home, &RUN);
    assert_eq!(bundle(&then), expected);
    assert_eq!(line(&then, "audit causality")["taken_up"], true, "what was done before the disk was full");
    assert_eq!(of_home(home), champion);
}

/// Every part by itself, two at a time, one of them fold by fold; a training that takes all of them up.
fn is_done_in_parts(empty: &Path, home: &Path, expected: &str) {
    copy(empty, home);
    let scratch = home.join("scratch").to_string_lossy().into_owned();
    let effort = ["--rounds", "4", "--folds", "2", "--threads", "1", "--scratch", &scratch, "--json"];
    for stage in [&["quality"][..], &["validate"], &["audit", "causality"]] {
        lines(home, &[stage, &["--json"]].concat());
    }
    for fold in ["1", "2"] {
        let part = ["train", "--task", "return_1step", "--library", "lightgbm", "--fold", fold];
        let found = lines(home, &[&part[..], &effort].concat());
        assert_eq!(line(&found, "boosters")["fitted"], 1);
    }
    let numbers: Vec<String> = (0..14).map(|number| number.to_string()).collect();
    for pair in numbers.chunks(2) {
        let started: Vec<_> = pair
            .iter()
            .map(|number| {
                let words = [&["train", "--part", number], &effort[..]].concat();
                let mut command = program(home, &words);
                command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                command.spawn().expect("the program starts")
            })
            .collect();
        for child in started {
            told(&child.wait_with_output().expect("an end"));
        }
    }
    let collected = lines(home, &[&["train"], &effort[..]].concat());
    let counts = line(&collected, "boosters");
    assert_eq!((&counts["taken_up"], &counts["fitted"]), (&BOOSTERS.into(), &0.into()));
    lines(home, &["evaluate", "--resamples", "20", "--json"]);
    lines(home, &["audit", "parity", "--trained", "--json"]);
    assert_eq!(bundle(&lines(home, &["publish", "--json"])), expected, "the same bits as a run in one piece");
    let ninth = ["train", "--task", "return_1step", "--library", "xgboost", "--fold", "9"];
    let output = program(home, &[&ninth[..], &effort].concat()).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("there is no fold 9, only 1 to 2"), "{text}");
    let rests = std::fs::read_dir(&scratch).expect("made for the feature rows").count();
    assert_eq!(rests, 0);
}

/// A run that has ended is begun anew by the same command; what was fitted is taken up, unless it is asked for anew.
fn what_changed_is_done_anew(home: &Path, run: &[&str], expected: &str) {
    let again = lines(home, run);
    assert_eq!(bundle(&again), expected);
    assert_eq!(line(&again, "boosters")["taken_up"], BOOSTERS);
    assert_eq!(line(&again, "publish")["version"], 1, "no other version");
    let fresh = lines(home, &[run, &["--fresh"]].concat());
    assert_eq!((bundle(&fresh).as_str(), &line(&fresh, "boosters")["fitted"]), (expected, &BOOSTERS.into()));
    // Another seed trains and audits anew.
    let other = lines(home, &[run, &["--seed", "8"]].concat());
    assert_ne!(bundle(&other), expected);
    assert_eq!(line(&other, "boosters")["fitted"], BOOSTERS);
}

/// While one runs another is told by whom; one that was killed holds nobody up.
fn is_held_by_one(home: &Path, run: &[&str]) {
    let count = || std::fs::read_dir(home.join("training/runs")).map_or(0, Iterator::count);
    let before = count();
    let mut running = Running::start(home, &[run, &["--fresh"]].concat());
    assert!(running.runs_until(|| count() > before));
    for words in [&["quality"][..], &["promote"], &["train", "--part", "0"]] {
        let output = program(home, words).output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(&format!("process {} on ", running.0.id())), "{text}");
        assert!(text.contains("klinecast-trainer run") && text.contains("wait until"), "{text}");
    }
    drop(running);
    lines(home, &["quality", "--json"]);
    // Gates that the model can't pass have a status of their own.
    let refused = program(home, &["promote", "--json"]).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
}
