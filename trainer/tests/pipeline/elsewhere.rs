//! Bundles in a real S3 server, runs and registry in a real MLflow: what is published is what MLflow's stock client loads and
//! what a home elsewhere finds; what is broken off is completed by the same command.

use std::path::Path;
use std::time::{Duration, Instant};

use forecast::Bundle;
use store::testkit::{TestMlflow, TestS3};
use store::{Alias, Home, Mlflow, MlflowRegistry, Places, Registry, Stage};

use crate::support::{execute, market, write_files};

const MODEL: &str = "klinecast";
/// The booster that is registered first, and one of the last.
const FIRST: &str = "return_1step-lightgbm";
const LAST: &str = "vol_regime_4step-xgboost";
const BOOSTERS: usize = 2 * forecast::Task::COUNT;

struct Elsewhere {
    s3: TestS3,
    mlflow: TestMlflow,
    home: tempfile::TempDir,
}

impl Elsewhere {
    /// A stage, with everything named on the command line.
    fn stage(&self, words: &[&str]) -> Result<(), String> {
        let [endpoint, access_key, secret_key] = self.s3.settings().map(|(_, value)| value);
        let (home, mlflow) = (self.home.path().to_string_lossy(), self.mlflow.address());
        let places =
            ["--bundles", "s3://klinecast/trained", "--minio-endpoint", &endpoint, "--mlflow", &mlflow];
        let key = ["--minio-access-key", &access_key, "--minio-secret-key", &secret_key];
        execute(&[&["--home", &*home][..], &places, &key, words].concat())
    }

    /// What another machine finds, which has nothing of its own.
    fn other_home(&self, folder: &Path) -> Home {
        let (bundles, registry) = (Some(self.s3.place("trained")), Some(self.mlflow.place(MODEL)));
        Home::open_with(folder, &Places { bundles, registry, database: None }).expect("it opens")
    }

    fn registry(&self, booster: &str) -> MlflowRegistry {
        MlflowRegistry::new(Mlflow::new(self.mlflow.place(&format!("{MODEL}-{booster}"))))
    }

    /// MLflow's stock client looks at the champion.
    fn stock_client_loads(&self, version: u32) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipeline/mlflow_client.py");
        let output =
            self.mlflow.client(&script).args([MODEL, &version.to_string()]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(&format!("{BOOSTERS} models")), "{said}{problem}");
    }

    /// Gives a command in another thread, kills MLflow as soon as `when` says so, and starts it again. Whether the command
    /// was broken off.
    fn killed_amid(&self, words: &[&str], when: impl Fn() -> bool) -> Option<String> {
        std::thread::scope(|scope| {
            let command = scope.spawn(|| self.stage(words));
            let began = Instant::now();
            while !when() && !command.is_finished() {
                assert!(began.elapsed() < Duration::from_secs(120), "{words:?} does nothing");
                std::thread::sleep(Duration::from_millis(5));
            }
            self.mlflow.kill();
            let outcome = command.join().expect("no panic");
            self.mlflow.start_again();
            outcome.err()
        })
    }
}

#[test]
fn what_is_trained_is_published_to_s3_and_mlflow_and_what_is_broken_off_is_completed() {
    let elsewhere = Elsewhere {
        s3: TestS3::alone(),
        mlflow: TestMlflow::alone(),
        home: tempfile::tempdir().expect("a folder"),
    };
    let files = tempfile::tempdir().expect("a folder");
    write_files(files.path(), &market(72));
    let files = files.path().to_string_lossy();
    elsewhere
        .stage(&["run", "--klines", &files, "--rounds", "6", "--resamples", "20", "--force"])
        .expect("a run");
    elsewhere.stock_client_loads(1);

    let folder = tempfile::tempdir().expect("a folder");
    let other = elsewhere.other_home(folder.path());
    let champion = other.registry().champion().expect("a registry").expect("a champion");
    assert_eq!((champion.version, champion.stage), (1, Stage::Production));
    assert!(champion.metrics.contains_key("volatility_4step.skill"), "{:?}", champion.metrics);
    Bundle::from_files(other.objects().get(champion.bundle).expect("files")).expect("a valid bundle");
    let history = other.registry().history().expect("a history");
    assert!(history.iter().any(|change| change.change.contains("by force past: days: 6")), "{history:?}");

    an_mlflow_that_is_away_is_told_before_the_training(&elsewhere);
    publishing_is_completed(&elsewhere, &other);
    promoting_is_completed(&elsewhere, &other);
    elsewhere.stock_client_loads(2);
    a_run_that_takes_its_publication_up_is_ended(&elsewhere, &other);
    elsewhere.stock_client_loads(3);
    the_key_is_nowhere(&elsewhere);
}

fn an_mlflow_that_is_away_is_told_before_the_training(elsewhere: &Elsewhere) {
    elsewhere.mlflow.kill();
    let began = Instant::now();
    let told = elsewhere.stage(&["train", "--rounds", "3"]).expect_err("MLflow is away");
    assert!(told.contains("MLFLOW_TRACKING_URI") && told.contains("beginning a run"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    elsewhere.mlflow.start_again();
}

fn publishing_is_completed(elsewhere: &Elsewhere, other: &Home) {
    for words in [
        &["train", "--rounds", "3", "--threads", "1", "--seed", "8"][..],
        &["evaluate", "--resamples", "20"],
        &["audit", "parity", "--trained"],
    ] {
        elsewhere.stage(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
    let first = elsewhere.registry(FIRST);
    let begun = || first.versions().is_ok_and(|versions| versions.len() == 2);
    let told = elsewhere.killed_amid(&["publish"], begun).expect("it was broken off");
    assert!(told.contains("MLFLOW_TRACKING_URI"), "{told}");
    let versions = |registry: &dyn Registry| registry.versions().expect("a registry").len();
    assert_eq!(versions(other.registry()), 1, "a bundle is registered after its boosters");
    for _ in 0..2 {
        elsewhere.stage(&["publish"]).expect("the same again");
        assert_eq!(versions(other.registry()), 2);
        for booster in [FIRST, LAST] {
            assert_eq!(versions(&elsewhere.registry(booster)), 2, "{booster}");
        }
    }
    let champion = other.registry().champion().expect("a registry").expect("a champion");
    assert_eq!(champion.version, 1, "nothing is promoted yet");
}

fn promoting_is_completed(elsewhere: &Elsewhere, other: &Home) {
    let first = elsewhere.registry(FIRST);
    let champion =
        |registry: &dyn Registry| registry.by_alias(Alias::Champion).ok().flatten().map(|it| it.version);
    let promote = ["promote", "--version", "2", "--force"];
    let told = elsewhere.killed_amid(&promote, || champion(&first) == Some(2));
    // The bundle's alias comes last, so that a booster's may be further, never behind.
    let now = champion(other.registry());
    assert!(now == Some(1) && told.is_some() || now == Some(2), "{now:?} {told:?}");
    elsewhere.stage(&promote).expect("the same again");
    assert_eq!(champion(other.registry()), Some(2));
    for booster in [FIRST, LAST] {
        assert_eq!(champion(&elsewhere.registry(booster)), Some(2), "{booster}");
    }
    let stages = other.registry().versions().expect("a registry");
    let stages: Vec<_> = stages.iter().map(|model| (model.version, model.stage)).collect();
    assert_eq!(stages, [(2, Stage::Production), (1, Stage::Archived)]);
}

/// MLflow goes after a run has published and before it has promoted: the same again takes the publication up.
fn a_run_that_takes_its_publication_up_is_ended(elsewhere: &Elsewhere, other: &Home) {
    let run = ["run", "--rounds", "2", "--folds", "1", "--resamples", "20", "--force", "--seed", "9"];
    let records = || {
        let runs =
            std::fs::read_dir(elsewhere.home.path().join("training/runs")).into_iter().flatten().flatten();
        let states = runs.filter_map(|run| std::fs::read_to_string(run.path().join("state.json")).ok());
        states.filter(|text| text.contains("\"stage\": \"publish\"")).count()
    };
    let before = records();
    elsewhere.killed_amid(&run, || records() > before).expect("it was broken off before it had promoted");
    let champion = || other.registry().champion().expect("a registry").map(|model| model.version);
    assert_eq!(champion(), Some(2));
    elsewhere.stage(&run).expect("the same again");
    assert_eq!(champion(), Some(3));
    assert_eq!(other.registry().versions().expect("a registry").len(), 3, "it was published once");
}

/// Neither the home nor what MLflow was told has the key in it.
fn the_key_is_nowhere(elsewhere: &Elsewhere) {
    let grep = |folder: &Path| {
        let found = std::process::Command::new("grep")
            .args(["-rlF", elsewhere.s3.secret()])
            .arg(folder)
            .output()
            .expect("grep runs");
        String::from_utf8_lossy(&found.stdout).into_owned()
    };
    assert_eq!(grep(elsewhere.home.path()), "");
    assert_eq!(grep(elsewhere.mlflow.folder()), "");
}
