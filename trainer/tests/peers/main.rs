//! What the trainer writes for Feast and Evidently, read by the real ones: `scripts/test-peers`.

mod evidently;
mod feast;
#[path = "../pipeline/support.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of an environment under `.tools`.
fn python(tool: &str) -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(tool).join("bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup peers", python.display());
    python
}

/// Runs a script of this folder in that environment; answers what it printed.
fn run(tool: &str, script: &str, arguments: &[&Path]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let mut command = Command::new(python(tool));
    command.arg(script).args(arguments).env("FEAST_USAGE", "False").env("DO_NOT_TRACK", "1");
    let output = command.output().expect("Python starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

/// A home with klines; the folder is gone with the value.
fn home(
    klines: &std::collections::BTreeMap<kline::Symbol, Vec<kline::Kline>>,
) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, files) = (folder.path().join("home"), folder.path().join("files"));
    std::fs::create_dir(&files).expect("a folder");
    support::write_files(&files, klines);
    let home = home.to_string_lossy().into_owned();
    support::execute(&["--home", &home, "ingest", "--klines", &files.to_string_lossy()]).expect("klines");
    (folder, home)
}
