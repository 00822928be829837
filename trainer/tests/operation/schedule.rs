//! The built-in scheduler: every second, one after the other, until it is told to stop.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Running, lines, program};
use crate::support::{market, write_files};

fn status(home: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(home.join("schedule.json")).ok()?).ok()
}

fn number(home: &Path, name: &str) -> u64 {
    status(home).and_then(|status| status[name].as_u64()).unwrap_or(0)
}

fn terminate(running: &mut Running) {
    let told = Command::new("kill").arg(running.0.id().to_string()).status().expect("kill runs");
    assert!(told.success());
    assert_eq!(running.0.wait().expect("an end").code(), Some(0), "a stop is no failure");
}

/// One status file has one keeper; another file is another schedule.
fn a_second_one_is_refused(home: &Path, words: &[&str]) {
    let second = program(home, words).output().expect("the program starts");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(4), "{text}");
    assert!(text.contains("schedule.json is kept by process") && text.contains("--status FILE"), "{text}");
    let beside = home.join("nightly.json");
    let beside_it =
        ["schedule", "--cron", "0 0 1 1 *", "--status", &beside.to_string_lossy(), "--", "quality"];
    let mut nightly = Running::start(home, &beside_it);
    assert!(nightly.runs_until(|| beside.exists()));
    terminate(&mut nightly);
}

#[test]
fn it_runs_waits_backs_off_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home) = (folder.path().join("files"), folder.path().join("home"));
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(2));
    let files = files.to_string_lossy();

    let every_second = ["schedule", "--cron", "* * * * * *", "--", "ingest", "--klines", &files];
    let mut running = Running::start(&home, &every_second);
    assert!(running.runs_until(|| number(&home, "runs") >= 3));
    a_second_one_is_refused(&home, &every_second);
    terminate(&mut running);
    let told = status(&home).expect("a status");
    assert_eq!((&told["last"]["status"], &told["failures"]), (&0.into(), &0.into()), "{told}");
    assert_eq!(
        (&told["command"], &told["running"], &told["next"]),
        (&"ingest".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(lines(&home, &["quality", "--json"]).len(), 1, "the klines are in the home");

    // What fails waits a minute, though each second would be a time; until then nothing else is begun.
    let failing = ["schedule", "--cron", "* * * * * *", "--", "promote"];
    let mut running = Running::start(&home, &failing);
    assert!(running.runs_until(|| number(&home, "failures") >= 1));
    terminate(&mut running);
    assert_eq!(status(&home).map(|status| status["last"]["status"].clone()), Some(1.into()));

    for (words, told) in [
        (&["--cron", "every day", "--", "run"][..], "2 fields"),
        (&["--cron", "0 3 * * *", "--", "rum"], "unrecognized subcommand"),
        (&["--cron", "0 3 * * *", "--", "schedule", "--", "run"], "can't be scheduled"),
    ] {
        let output = program(&home, &[&["schedule"], words].concat()).output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains(told), "{text}");
    }
}
