//! The DAG of `deploy/airflow`, run by a real Airflow.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use forecast::Task;
use klinecast_trainer::fit::{lightgbm_path, xgboost_path};
use serde_json::Value;
use store::testkit::{TestMlflow, TestPostgres, TestS3};
use store::{Home, ModelVersion, Places};

use crate::program::{RUN, files, line, lines, program, told};

/// A program of an environment that the set-up made.
pub(crate) fn tool(path: &str) -> PathBuf {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path);
    assert!(found.is_file(), "{} is missing; run scripts/setup tests", found.display());
    found
}

/// PostgreSQL, S3, MLflow and DVC: all that a pipeline of people has beside Airflow, empty.
struct Parts {
    postgres: TestPostgres,
    s3: TestS3,
    mlflow: TestMlflow,
    folder: tempfile::TempDir,
}

impl Parts {
    fn start() -> Option<Self> {
        let postgres = TestPostgres::alone()?;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { postgres, s3: TestS3::alone(), mlflow: TestMlflow::alone(), folder })
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// What the trainer is told of them, as the environment of a worker tells it.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("KLINECAST_HOME", self.at("home")),
            ("DB_URL", self.postgres.address()),
            ("KLINECAST_BUNDLES", "s3://klinecast/bundles".to_owned()),
            ("KLINECAST_DATASETS", "s3://klinecast/datasets".to_owned()),
            ("MLFLOW_TRACKING_URI", self.mlflow.address()),
            ("DVC_REPOSITORY", self.at("data")),
            ("DVC_REMOTE_URL", self.at("remote")),
        ];
        settings.extend(self.s3.settings());
        settings
    }

    /// What another program, with the same settings, says of them in a home of its own.
    fn lines(&self, home: &str, words: &[&str]) -> Vec<Value> {
        let mut command = program(&self.folder.path().join(home), words);
        let output = command.envs(self.settings()).output().expect("the program starts");
        told(&output)
    }

    fn champion(&self) -> ModelVersion {
        let places = Places {
            bundles: Some(self.s3.place("bundles")),
            registry: Some(self.mlflow.place("klinecast")),
            database: Some(self.postgres.url()),
        };
        let home = Home::open_with(self.at("elsewhere"), &places).expect("it opens");
        let champion = home.registry().champion().expect("a registry").expect("a champion");
        home.objects().get(champion.bundle).expect("the bundle lies in the bucket");
        champion
    }

    fn airflow(&self, words: &[&str]) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_klinecast-trainer")).parent().expect("a folder");
        // Airflow runs each task in a folder of its own, from where the libraries are not found.
        let libraries = [lightgbm_path(), xgboost_path()].map(|path| path.expect("scripts/setup fetched it"));
        let [lightgbm, xgboost] = libraries.map(|path| path.to_string_lossy().into_owned());
        let mut command = Command::new(tool("airflow/bin/airflow"));
        command.env_clear().args(words).current_dir(env!("CARGO_MANIFEST_DIR")).envs(self.settings()).envs([
            ("PATH", format!("{}:/usr/bin:/bin", programs.display())),
            ("HOME", self.at("")),
            ("AIRFLOW_HOME", self.at("airflow")),
            ("AIRFLOW__CORE__DAGS_FOLDER", dags().to_string_lossy().into_owned()),
            ("AIRFLOW__CORE__LOAD_EXAMPLES", "False".to_owned()),
            ("AIRFLOW__USAGE_DATA_COLLECTION__ENABLED", "False".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("KLINECAST_LIGHTGBM", lightgbm),
            ("KLINECAST_XGBOOST", xgboost),
            ("KLINECAST_INGEST", format!("--klines {}", self.at("files"))),
            ("KLINECAST_TRAIN", "--rounds 4 --folds 2".to_owned()),
            ("KLINECAST_EVALUATE", "--resamples 20".to_owned()),
            ("KLINECAST_PROMOTE", "--force".to_owned()),
        ]);
        let output = command.output().expect("Airflow starts");
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?}: {text}");
        text
    }
}

fn dags() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/airflow")
}

#[test]
fn airflow_runs_the_stages_over_real_parts_and_the_bundle_is_that_of_a_local_run() {
    let source = std::fs::read_to_string(dags().join("klinecast.py")).expect("the DAG");
    for task in Task::ALL {
        assert!(source.contains(&format!("\"{task}\"")), "{task} is not in the DAG");
    }
    let began = Instant::now();
    let Some(parts) = Parts::start() else { return };
    let files = files(parts.folder.path());
    parts.airflow(&["db", "migrate"]);
    let told = parts.airflow(&["dags", "test", "klinecast_training", "2026-11-01"]);
    let champion = parts.champion();
    println!("from empty parts to a champion: {:.0} s", began.elapsed().as_secs_f64());

    let local = parts.folder.path().join("local");
    let expected = lines(&local, &[&RUN[..], &["--klines", &files.to_string_lossy()]].concat());
    let digest = line(&expected, "publish")["bundle"].as_str().expect("a digest").to_owned();
    assert_eq!(champion.bundle.to_string(), digest);
    // The training found all that the tasks beside it had fitted.
    assert!(told.contains("\"taken_up\":42,\"fitted\":0"), "{told}");
    let lineage = parts.lines("home", &["lineage", "--json"]);
    let stages = lineage[0]["origin"]["stages"].as_array().expect("stages");
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(names, ["quality", "validate", "audit causality", "train", "evaluate", "audit parity"]);
    // Klines that the data version names lie in the bucket, and in a commit of DVC's.
    let version = lineage[0]["data_version"].as_str().expect("a data version");
    parts.lines("restored", &["restore", version, "--json"]);
    let log = Command::new("git").args(["-C", &parts.at("data"), "log", "--format=%B"]).output();
    let log = log.expect("git");
    assert!(String::from_utf8_lossy(&log.stdout).contains(version), "{log:?}");
}
