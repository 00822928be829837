//! Tells the program which commit it was built from, where there is one.

use std::process::Command;

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=KLINECAST_COMMIT");
    // Images may be built without the repository's history; they are told. Programs of development are not: each commit would
    // build the trainer anew.
    let released = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if std::env::var_os("KLINECAST_COMMIT").is_some() || !released {
        return;
    }
    let Some(commit) = git(&["describe", "--always", "--dirty", "--abbrev=12"]) else { return };
    // Of a moved head, and of a commit on the same branch.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && std::path::Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=KLINECAST_COMMIT={version} ({commit})");
}
