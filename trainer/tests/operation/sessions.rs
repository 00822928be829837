//! A key that expires: a run that outlasts it says by which setting a new one comes, goes on with that, and the champion is who it
//! was.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use store::testkit::TestS3;

use crate::program::{Running, boosters, files, line, program, told};

type Settings = [(&'static str, String); 4];

/// As long as a test may take.
const LONG: Duration = Duration::from_secs(1_800);

fn with_key(home: &Path, key: &Settings, words: &[&str]) -> Command {
    let mut command = program(home, words);
    command.envs(key.iter().map(|(name, value)| (*name, value)));
    command.env("KLINECAST_BUNDLES", "s3://klinecast/sessions");
    command
}

fn output(home: &Path, key: &Settings, words: &[&str]) -> Output {
    with_key(home, key, words).output().expect("the program starts")
}

/// What it says about its failure: one line that names the place and the setting, and neither key nor token.
fn is_refused(output: &Output, key: &Settings) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("s3://klinecast/sessions at http://"), "{text}");
    assert!(lines[0].contains("MINIO_SESSION_TOKEN"), "{text}");
    for (name, secret) in &key[1..] {
        assert!(!text.contains(secret.as_str()) || secret.is_empty(), "{name} is shown: {text}");
    }
}

/// Begins with a key that is good and is held up, once it trains, until that key is over.
fn outlasts_its_key(server: &TestS3, home: &Path, run: &[&str]) {
    let short = server.session(Duration::from_secs(20));
    let beside = home.with_file_name("beside");
    let asks = || output(&beside, &short, &["prune", "--dry-run", "--json"]);
    told(&asks());
    let before = boosters(home);
    let mut command = with_key(home, &short, run);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().expect("the program starts"));
    assert!(running.runs_until(|| boosters(home) > before), "it has begun to train");
    let signal = |name: &str| {
        let sent =
            Command::new("kill").args([name, &running.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    };
    signal("-STOP");
    let began = Instant::now();
    while asks().status.success() {
        assert!(began.elapsed() < Duration::from_secs(120), "the key does not expire");
    }
    signal("-CONT");
    let mut stderr = Vec::new();
    running.0.stderr.take().expect("piped").read_to_end(&mut stderr).expect("text");
    let status = running.0.wait().expect("an end");
    is_refused(&Output { status, stdout: Vec::new(), stderr }, &short);
}

#[test]
fn a_run_whose_token_expires_or_is_wrong_goes_on_with_a_new_one() {
    let server = TestS3::with_sessions();
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home) = (files(folder.path()), folder.path().join("home"));
    let long = server.session(LONG);
    let champion = || -> Value {
        told(&output(&home, &long, &["lineage", "--json"]))[0]["registered"]["version"].clone()
    };
    let run = |seed: &'static str| {
        ["run", "--rounds", "2", "--folds", "1", "--resamples", "20", "--force", "--json", "--seed", seed]
    };
    told(&output(&home, &long, &["ingest", "--klines", &files.to_string_lossy(), "--json"]));
    told(&output(&home, &long, &run("1")));
    assert_eq!(champion(), 1);

    outlasts_its_key(&server, &home, &run("2"));
    assert_eq!(champion(), 1);

    // One that was cut off on its way, one of another key, none at all.
    let [.., (token, whole)] = &long;
    let with = |text: &str| -> Settings {
        let [endpoint, name, secret, _] = long.clone();
        [endpoint, name, secret, (*token, text.to_owned())]
    };
    let [.., (_, of_another)] = server.session(LONG);
    for wrong in [&whole[..whole.len() - 8], of_another.as_str(), ""] {
        let key = with(wrong);
        is_refused(&output(&home, &key, &run("2")), &key);
    }
    assert_eq!(champion(), 1);

    let last = told(&output(&home, &server.session(LONG), &run("2")));
    for stage in ["resume", "quality", "validate", "audit causality", "train", "evaluate", "audit parity"] {
        let line = line(&last, stage);
        assert!(stage == "resume" || line["taken_up"] == true, "{line}");
    }
    assert_eq!((champion(), &line(&last, "publish")["version"]), (2.into(), &2.into()));
}
