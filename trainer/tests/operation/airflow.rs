//! The DAG of `deploy/airflow`, run by a real Airflow.

use std::path::{Path, PathBuf};
use std::process::Command;

use forecast::Task;
use klinecast_trainer::fit::{lightgbm_path, xgboost_path};
use store::Home;

use crate::program::{RUN, files, line, lines};

/// A program of an environment that the set-up made.
pub(crate) fn tool(path: &str) -> PathBuf {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path);
    assert!(found.is_file(), "{} is missing; run scripts/setup tests", found.display());
    found
}

#[test]
fn airflow_runs_the_stages_and_the_bundle_is_that_of_a_local_run() {
    let program = tool("airflow/bin/airflow");
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let files = files.to_string_lossy();
    let (local, home) = (folder.path().join("local"), folder.path().join("home"));
    let expected = lines(&local, &[&RUN[..], &["--klines", &files]].concat());

    let dags = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/airflow");
    let source = std::fs::read_to_string(dags.join("klinecast.py")).expect("the DAG");
    for task in Task::ALL {
        assert!(source.contains(&format!("\"{task}\"")), "{task} is not in the DAG");
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_klinecast-trainer")).parent().expect("a folder");
    let path = format!("{}:/usr/bin:/bin", programs.display());
    // Airflow runs each task in a folder of its own, from where they are not found.
    let lightgbm = lightgbm_path().expect("LightGBM");
    let xgboost = xgboost_path().expect("XGBoost");
    let airflow = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().args(words).current_dir(env!("CARGO_MANIFEST_DIR")).envs([
            ("PATH", path.as_str()),
            ("HOME", &folder.path().to_string_lossy()),
            ("AIRFLOW_HOME", &folder.path().join("airflow").to_string_lossy()),
            ("AIRFLOW__CORE__DAGS_FOLDER", &dags.to_string_lossy()),
            ("AIRFLOW__CORE__LOAD_EXAMPLES", "False"),
            ("AIRFLOW__USAGE_DATA_COLLECTION__ENABLED", "False"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("KLINECAST_LIGHTGBM", &lightgbm.to_string_lossy()),
            ("KLINECAST_XGBOOST", &xgboost.to_string_lossy()),
            ("KLINECAST_HOME", &home.to_string_lossy()),
            ("KLINECAST_INGEST", &format!("--klines {files}")),
            ("KLINECAST_TRAIN", "--rounds 4 --folds 2"),
            ("KLINECAST_EVALUATE", "--resamples 20"),
            ("KLINECAST_PROMOTE", "--force"),
        ]);
        let output = command.output().expect("Airflow starts");
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?}: {text}");
        text
    };
    airflow(&["db", "migrate"]);
    let told = airflow(&["dags", "test", "klinecast_training", "2026-11-01"]);

    let home = Home::open(&home).expect("a home");
    let champion = home.registry().champion().expect("a registry");
    let champion = champion.unwrap_or_else(|| panic!("no champion: {told}"));
    assert_eq!(champion.bundle.to_string(), line(&expected, "publish")["bundle"].as_str().expect("a digest"));
    // The training found all that the tasks beside it had fitted.
    assert!(told.contains("\"taken_up\":42,\"fitted\":0"), "{told}");
    let lineage = lines(home.folder(), &["lineage", "--json"]);
    let stages = lineage[0]["origin"]["stages"].as_array().expect("stages");
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(names, ["quality", "validate", "audit causality", "train", "evaluate", "audit parity"]);
}
