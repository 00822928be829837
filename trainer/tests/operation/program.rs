//! The real program on a small market: started, killed, and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{market, write_files};

/// What every run of these tests is asked for, beside its home.
pub(crate) const RUN: [&str; 9] =
    ["run", "--rounds", "4", "--folds", "2", "--resamples", "20", "--no-promote", "--json"];

/// The least history that a run takes, as recorded files in a folder.
pub(crate) fn files(folder: &Path) -> PathBuf {
    let files = folder.join("files");
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(60));
    files
}

/// The program with a home.
pub(crate) fn program(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klinecast-trainer"));
    command.arg("--home").arg(home).args(words).stdin(Stdio::null());
    command
}

/// Lines of JSON by their stages; the program has to succeed.
pub(crate) fn lines(home: &Path, words: &[&str]) -> Vec<Value> {
    let output = program(home, words).output().expect("the program starts");
    told(&output)
}

/// What it told, a line a stage.
pub(crate) fn told(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The line of a stage.
pub(crate) fn line<'a>(lines: &'a [Value], stage: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["stage"] == stage);
    found.unwrap_or_else(|| panic!("no line of {stage} among {lines:#?}"))
}

/// A started program; killed with -9 when it is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(home: &Path, words: &[&str]) -> Self {
        let mut command = program(home, words);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }

    /// Waits until something holds. Answers whether it did before the program had ended.
    pub(crate) fn runs_until(&mut self, holds: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        while !holds() {
            if self.0.try_wait().expect("a child").is_some() {
                return holds();
            }
            assert!(began.elapsed() < Duration::from_secs(300), "it never comes to that");
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many boosters are kept.
pub(crate) fn boosters(home: &Path) -> usize {
    let entries = std::fs::read_dir(home.join("training/boosters")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "booster")).count()
}

/// Whether the record of a run has a stage.
pub(crate) fn has_done(home: &Path, stage: &str) -> bool {
    let runs = std::fs::read_dir(home.join("training/runs")).into_iter().flatten().flatten();
    let stage = format!("\"stage\": \"{stage}\"");
    runs.filter_map(|run| std::fs::read_to_string(run.path().join("state.json")).ok())
        .any(|text| text.contains(&stage))
}

/// A copy of a home.
pub(crate) fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(done.success());
}
