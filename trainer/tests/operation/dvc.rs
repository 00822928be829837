//! A data version is a commit that stock DVC restores.

use std::path::Path;
use std::process::Command;

use crate::airflow::tool;
use crate::program::{files, line, lines, program};

fn run(folder: &Path, program: &Path, words: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder);
    command.env("DVC_NO_ANALYTICS", "1").env("HOME", folder).env_remove("GIT_DIR");
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_clone_and_dvc_pull_restore_the_same_data_version() {
    let dvc = tool("dvc/bin/dvc");
    let git = Path::new("git");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_string_lossy().into_owned();
    let files = files(folder.path());
    let (home, data) = (at("home"), at("data"));
    lines(&home, &["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let (place, remote) = (text("data"), text("remote"));
    let version = ["version", "--json", "--dvc", &place, "--dvc-remote-url", &remote];
    let first = lines(&home, &version);
    let named = line(&first, "version")["version"].as_str().expect("a version").to_owned();
    let commit = line(&first, "dvc");
    assert_eq!((&commit["new"], &commit["files"]), (&true.into(), &3.into()));
    // DVC takes it for its own: nothing changed, nothing missing in the remote.
    assert!(run(&data, &dvc, &["status"]).contains("up to date"), "the working tree");
    assert!(run(&data, &dvc, &["status", "--cloud"]).contains("in sync"), "the remote");
    assert_eq!(run(&data, git, &["status", "--porcelain"]), "");
    assert!(run(&data, git, &["log", "-1", "--format=%B"]).contains(&named));
    let again = lines(&home, &version);
    assert_eq!(
        (&line(&again, "dvc")["new"], &line(&again, "dvc")["commit"]),
        (&false.into(), &commit["commit"])
    );

    // Another version is another commit; the first one is restored by its tag.
    lines(&home, &["version", "--symbols", "BTCUSDT,ETHUSDT", "--json", "--dvc", &place]);
    run(folder.path(), git, &["clone", "--quiet", &place, "clone"]);
    let clone = at("clone");
    run(&clone, &dvc, &["pull", "--quiet"]);
    assert_eq!(std::fs::read_dir(clone.join("data")).expect("files").count(), 2);
    run(&clone, git, &["checkout", "--quiet", commit["tag"].as_str().expect("a tag")]);
    run(&clone, &dvc, &["pull", "--quiet"]);
    let restored = at("restored");
    lines(&restored, &["ingest", "--klines", &clone.join("data").to_string_lossy(), "--json"]);
    assert_eq!(line(&lines(&restored, &["version", "--json"]), "version")["version"], named.as_str());

    for (url, told) in [("here", "from the root on"), ("ssh://me:hidden@host/x", "user or a password")] {
        let output = program(&home, &["version", "--dvc", &place, "--dvc-remote-url", url]).output();
        let output = output.expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(told) && !text.contains("hidden"), "{text}");
    }
}
