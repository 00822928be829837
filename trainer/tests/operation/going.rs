//! A dataset that is pruned while it is restored: all of it comes, or a sentence that says that it is gone, and never half a home.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use store::testkit::TestS3;

use crate::program::{files, line, lines, program, told};

const ROUNDS: u64 = 6;

type Variables = [(&'static str, String)];

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Restores into new homes while the home that the dataset is of prunes it, at another moment each time.
fn comes_whole_or_is_gone(folder: &Path, home: &Path, variables: &Variables) {
    let at = |home: &Path, words: &[&str]| {
        let mut command = program(home, words);
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        command
    };
    for round in 0..ROUNDS {
        let kept = told(&at(home, &["version", "--json"]).output().expect("the program starts"));
        assert_eq!(line(&kept, "dataset")["new"], true, "it was pruned before");
        let version = line(&kept, "version")["version"].as_str().expect("a version").to_owned();
        let other = folder.join(format!("other {} {round}", variables.len()));
        let restoring = start(&mut at(&other, &["restore", &version]));
        std::thread::sleep(Duration::from_millis(7 * round));
        let pruning = start(&mut at(home, &["prune", "--keep", "0", "--days", "0", "--json"]));
        let pruned = told(&pruning.wait_with_output().expect("an end"));
        assert_eq!(line(&pruned, "prune")["datasets"].as_array().map(Vec::len), Some(1));

        let restored = restoring.wait_with_output().expect("an end");
        let text = String::from_utf8_lossy(&restored.stderr).into_owned();
        let found =
            at(&other, &["version", "--json", "--datasets", ""]).output().expect("the program starts");
        if restored.status.success() {
            assert_eq!(line(&told(&found), "version")["version"], version.as_str(), "{text}");
        } else {
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
            assert!(restored.status.code() == Some(1) && errors.len() == 1, "{text}");
            assert!(errors[0].contains("is not in ") || errors[0].contains("is not there"), "{text}");
            let empty = String::from_utf8_lossy(&found.stderr);
            assert!(!found.status.success() && empty.contains("there are no 15m klines"), "{empty}");
        }
    }
}

#[test]
fn a_dataset_that_is_pruned_while_it_is_restored() {
    let server = TestS3::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home) = (files(folder.path()), folder.path().join("home"));
    lines(&home, &["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let kept = folder.path().join("datasets").to_string_lossy().into_owned();
    comes_whole_or_is_gone(folder.path(), &home, &[("KLINECAST_DATASETS", kept)]);
    let mut variables = server.settings().to_vec();
    variables.push(("KLINECAST_DATASETS", "s3://klinecast/going".to_owned()));
    comes_whole_or_is_gone(folder.path(), &home, &variables);
}
