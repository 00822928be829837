//! Each fault is one line that names the thing and the remedy, and an exit code that is not 0.

use std::path::Path;
use std::process::Command;

use crate::support::{execute, market, write_files};

/// Runs the binary; answers what it said about its failure.
fn refused(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klinecast-trainer"));
    command.arg("--home").arg(home).args(words).envs(variables.iter().copied());
    let output = command.output().expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{words:?} succeeded: {text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

#[test]
fn sources_that_can_not_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, files) = (folder.path().join("home"), folder.path().join("files"));
    std::fs::create_dir(&files).expect("a folder");
    let files_text = files.to_string_lossy().into_owned();
    let ingest = ["ingest", "--klines", &files_text];

    assert!(refused(&home, &["ingest"], &[]).contains("--klines DIR"));
    assert!(refused(&home, &ingest, &[]).contains("holds no 15m klines"));
    std::fs::write(files.join("BTCUSDT-15m.csv"), "").expect("a file");
    assert!(refused(&home, &ingest, &[]).contains("BTCUSDT-15m.csv"));
    let text = format!("{}\n900000,1,2,0.5,oops,1,1799999,,,,\n", market::files::HEADER);
    std::fs::write(files.join("BTCUSDT-15m.csv"), text).expect("a file");
    let told = refused(&home, &ingest, &[]);
    assert!(told.contains("BTCUSDT-15m.csv") && told.contains("close"), "{told}");
    let told = refused(&home, &["ingest", "--rest-url", "http://127.0.0.1:9"], &[]);
    assert!(told.contains("http://127.0.0.1:9") && told.contains("cannot be reached"), "{told}");
    assert!(refused(&home, &["quality"], &[]).contains("klinecast-trainer ingest"));
    assert!(refused(&home, &["publish"], &[]).contains("klinecast-trainer evaluate"));
    assert!(refused(&home, &["promote"], &[]).contains("version 0"));
    assert!(refused(&home, &["run", "--gates", "none.toml"], &[]).contains("none.toml"));
}

#[test]
fn too_little_history_and_windows_out_of_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    let home = folder.path().join("home").to_string_lossy().into_owned();
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(12));
    let files = files.to_string_lossy().into_owned();
    execute(&["--home", &home, "ingest", "--klines", &files]).expect("klines");

    let told = execute(&["--home", &home, "train"]);
    assert!(told.is_err_and(|text| text.contains("rows") && text.contains("more history")));
    let words = ["--home", &home, "train", "--train-until", "2025-01-09", "--tune-until", "2025-01-08"];
    let told = execute(&words);
    assert!(told.is_err_and(|text| text.contains("--tune-until")));
}

#[test]
fn a_missing_library_says_run_setup() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    let home = folder.path().join("home");
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(72));
    let files = files.to_string_lossy().into_owned();
    let words = ["run", "--klines", &files, "--rounds", "1"];
    let told = refused(&home, &words, &[("KLINECAST_LIGHTGBM", "/absent/lib_lightgbm.so")]);
    assert!(told.contains("/absent/lib_lightgbm.so") && told.contains("scripts/setup"), "{told}");
}

/// By whatever stage is given the file, before it looks at a kline.
#[test]
fn shapes_that_can_not_be_trained_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, file) = (folder.path().join("home"), folder.path().join("shapes.json"));
    let shapes = file.to_string_lossy().into_owned();
    let sound = r#"{"rounds_max": 90, "patience": 10, "rate": 0.15, "leaves": 16, "leaf_rows": 1000, "rows_share": 0.5, "columns_share": 0.25, "ridge": 10.0}"#;
    let stages = [
        &["train", "--shapes", &shapes][..],
        &["run", "--klines", &shapes, "--shapes", &shapes],
        &["search", "--task", "return_1step", "--shapes", &shapes],
    ];
    for (at, (from, to, named)) in [
        ("\"leaves\": 16", "\"leaves\": 0", "leaves is 0"),
        ("\"leaves\": 16", "\"leaves\": 2000000000", "leaves is 2000000000"),
        ("\"leaf_rows\": 1000", "\"leaf_rows\": 0", "leaf_rows is 0"),
        ("\"rate\": 0.15", "\"rate\": -0.15", "rate is -0.15"),
        ("\"rate\": 0.15", "\"rate\": NaN", "after \"rate\""),
        ("\"rows_share\": 0.5", "\"rows_share\": 0", "rows_share is 0"),
        ("\"columns_share\": 0.25", "\"columns_share\": 1.5", "columns_share is 1.5"),
        ("\"rounds_max\": 90", "\"rounds_max\": 1000000000", "rounds_max is 1000000000"),
        ("\"rounds_max\": 90", "\"rounds_max\": -1", "rounds_max is -1"),
        ("\"patience\": 10, ", "", "patience is missing"),
        ("\"ridge\": 10.0", "\"ridge\": -1.0", "ridge is -1.0"),
        ("\"ridge\": 10.0", "\"ridge\": 10.0, \"depth\": 3", "\"depth\" is no field"),
    ]
    .into_iter()
    .enumerate()
    {
        let bent = sound.replace(from, to);
        assert_ne!(bent, sound);
        std::fs::write(&file, format!("{{\"vol_regime_4step\": {bent}}}")).expect("a file");
        let told = refused(&home, stages[at % stages.len()], &[]);
        assert!(told.contains("shapes.json") && told.contains(named), "{told}");
        assert!(named.starts_with("after") || told.contains("vol_regime_4step"), "{told}");
    }
    std::fs::write(&file, format!("{{\"volatility\": {sound}}}")).expect("a file");
    let told = refused(&home, stages[0], &[]);
    assert!(told.contains("shapes.json") && told.contains("volatility"), "{told}");
    for begun in ["training/runs", "training/boosters", "training/search"] {
        assert!(!home.join(begun).exists(), "{begun}: nothing is begun");
    }
}

/// A booster of XGBoost's that can't be read: what it and LightGBM have done until then stays, and the next run goes on from there.
#[test]
fn one_library_that_fails_ends_the_other_and_what_both_have_done_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home) = (folder.path().join("files"), folder.path().join("home"));
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(72));
    let (files, at) = (files.to_string_lossy(), home.to_string_lossy());
    execute(&["--home", &at, "ingest", "--klines", &files]).expect("klines");
    let train = || execute(&["--home", &at, "train", "--rounds", "6", "--folds", "1", "--threads", "2"]);
    train().expect("boosters");
    let kept = || -> Vec<(std::time::SystemTime, std::path::PathBuf)> {
        let entries = std::fs::read_dir(home.join("training/boosters")).expect("a folder").flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        files
            .map(|entry| (entry.metadata().and_then(|about| about.modified()).expect("a time"), entry.path()))
            .collect()
    };
    let all = kept().len();
    let is_xgboosts = |path: &Path| {
        let bytes = std::fs::read(path).expect("a booster");
        !bytes.windows(12).any(|some| some == b"\ntree_sizes=")
    };
    let mut of_xgboost: Vec<_> = kept().into_iter().filter(|(_, path)| is_xgboosts(path)).collect();
    of_xgboost.sort();
    // Seven of the fold, seven of the whole.
    assert_eq!((of_xgboost.len(), all), (14, 28));
    let unreadable = of_xgboost[4].1.clone();
    std::fs::remove_dir_all(home.join("training/boosters")).expect("removed");
    std::fs::create_dir_all(&unreadable).expect("a folder in a booster's place");

    let told = train().expect_err("a folder is no booster");
    assert!(told.contains(&unreadable.to_string_lossy().into_owned()), "{told}");
    let mut done = kept();
    done.sort();
    let both = [true, false].map(|of| done.iter().filter(|(_, path)| is_xgboosts(path) == of).count());
    assert!(both[0] == 4 && (1..=7).contains(&both[1]), "{both:?}: neither goes on after the fault");
    std::fs::remove_dir(&unreadable).expect("removed");
    train().expect("the same again");
    let mut after = kept();
    after.sort();
    assert_eq!((after.len(), &after[..done.len()]), (all, &done[..]), "what was done is taken up");
}
