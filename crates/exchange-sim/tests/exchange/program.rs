//! The program: its ready file, its stop, its errors.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klinecast-exchange"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn it_tells_where_it_listens_and_stops_at_sigterm() {
    let folder = tempfile::tempdir().expect("a folder");
    let ready = folder.path().join("ready.json");
    let mut child = program()
        .args([
            "--synthetic",
            "--history-days",
            "2",
            "--start",
            "2025-01-01",
            "--speed",
            "900",
            "--bind",
            "127.0.0.1:0",
            "--ready-file",
        ])
        .arg(&ready)
        .spawn()
        .expect("started");
    let start = Instant::now();
    while !ready.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "not ready in a minute");
        assert!(child.try_wait().expect("a status").is_none(), "ended before it was ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    let addresses: Value = serde_json::from_slice(&std::fs::read(&ready).expect("readable")).expect("JSON");
    assert!(
        addresses["websocket_url"].as_str().is_some_and(|url| url.starts_with("ws://127.0.0.1:")),
        "{addresses}"
    );
    let killed = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(printed, addresses);
}

#[test]
fn it_misbehaves_on_demand_and_writes_down_how() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("faults.jsonl");
    let mut child = program()
        .args(["--history-days", "2", "--start", "2025-01-01", "--speed", "100000", "--bind", "127.0.0.1:0"])
        .args(["--faults", "symbol-halt,corrected-final", "--faults-per-day", "20", "--fault-log"])
        .arg(&log)
        .spawn()
        .expect("started");
    let start = Instant::now();
    let whole_lines = |text: &str| text.lines().filter(|line| line.ends_with('}')).count();
    while std::fs::read_to_string(&log).map_or(0, |text| whole_lines(&text)) < 40 {
        assert!(start.elapsed() < Duration::from_secs(60), "no faults in a minute");
        assert!(child.try_wait().expect("a status").is_none(), "ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ended");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("injected"), "{text}");
    let written = std::fs::read_to_string(&log).expect("a log");
    let kinds: std::collections::BTreeSet<String> = written
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            assert!(entry["symbol"].is_string() && entry["start"].as_i64() < entry["end"].as_i64(), "{line}");
            entry["kind"].as_str().expect("a kind").to_owned()
        })
        .collect();
    assert_eq!(kinds, ["corrected-final", "symbol-halt"].map(str::to_owned).into());
}

#[test]
fn what_is_wrong_is_one_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_str().expect("a path");
    for (arguments, expected) in [
        (vec!["--klines", folder, "--start", "2025-01-01"], "SYMBOL-15m.csv"),
        (vec!["--klines", folder], "--start"),
        (vec!["--start", "soon"], "2025-01-01T08:30:00Z"),
        (vec!["--start", "2019-01-01"], "2020-01-01"),
        (vec!["--interval", "5m", "--start", "2025-01-01"], "15m or a longer interval"),
        (vec!["--interval", "7m"], "15m"),
        (vec!["--faults", "earthquake"], "late-final"),
        (vec!["--faults", "all", "--faults-per-day", "-1", "--start", "2025-01-01"], "--faults-per-day"),
    ] {
        let output = program().args(["--bind", "127.0.0.1:0"]).args(&arguments).output().expect("ran");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }
}
