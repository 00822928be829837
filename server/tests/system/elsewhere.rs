//! A server that has nothing of its own: bundles from a real S3 server, the registry in a real MLflow. Either may go away.

use std::path::Path;
use std::process::Command;

use exchange_sim::{Exchange, synthetic};
use forecast::BundleDigest;
use kline::Interval;
use serde_json::json;
use store::testkit::{TestMlflow, TestS3};
use store::{Alias, Home, Places, Stage};

use crate::binaries;
use crate::harness::{SYMBOLS, Server, exchange, publish_champion_into};

const MODEL: &str = "klinecast";

/// 2025-01-01 00:00 UTC, and 72 days of 15 minutes: enough for the trainer's windows.
const START: i64 = 1_735_689_600_000;
const BARS: usize = 72 * 96;

struct Elsewhere {
    s3: TestS3,
    mlflow: TestMlflow,
}

impl Elsewhere {
    fn start() -> Self {
        Self { s3: TestS3::alone(), mlflow: TestMlflow::alone() }
    }

    /// What both programs are told, by their environment.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.s3.settings().to_vec();
        settings.push(("MLFLOW_TRACKING_URI", self.mlflow.address()));
        settings
    }

    /// Another machine's home.
    fn home(&self, folder: &Path) -> Home {
        let (bundles, registry) = (Some(self.s3.place("bundles")), Some(self.mlflow.place(MODEL)));
        Home::open_with(folder, &Places { bundles, registry, database: None }).expect("it opens")
    }

    async fn server(&self, exchange: &Exchange, home: &Path) -> Server {
        Server::start_told(exchange, home, &self.settings()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_of_a_bucket_are_served_as_mlflow_names_them_and_either_may_go_away() {
    let elsewhere = Elsewhere::start();
    let (machine, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let publisher = elsewhere.home(machine.path());
    let exchange = exchange().await;
    let (_, first) = publish_champion_into(&publisher, 1);
    let server = elsewhere.server(&exchange, home.path()).await;
    server.answers_by(first).await;
    let (_, second) = publish_champion_into(&publisher, 2);
    server.answers_by(second).await;

    // Promoted over the server, and read by everyone else.
    let body = json!({ "version": 1, "stage": "production" }).to_string();
    let (status, model) = server.post("/models/promote", &body).await;
    assert_eq!((status, &model["stage"]), (200, &json!("production")), "{model}");
    let champion = publisher.registry().champion().expect("readable").expect("a champion");
    assert_eq!((champion.version, champion.bundle), (1, first));
    let (status, models) = server.get("/models").await;
    assert_eq!((status, models["models"].as_array().map(Vec::len)), (200, Some(2)), "{models}");

    // A bundle that is not in the bucket leaves the one that is served.
    let absent =
        publisher.registry().register(BundleDigest([9; 32]), &Default::default(), 0).expect("registered");
    publisher.registry().set_alias(Alias::Champion, absent.version, 0).expect("set");
    let (status, problem) = server.post("/models/reload", "").await;
    assert_eq!((status, &problem["reason"]), (409, &json!("BUNDLE_REFUSED")), "{problem}");
    server.answers_by(first).await;
    store::promote(publisher.registry(), 2, Stage::Production, 0).expect("promoted");
    server.answers_by(second).await;

    elsewhere.mlflow.kill();
    let (status, problem) = server.post("/models/reload", "").await;
    assert_eq!((status, &problem["reason"]), (503, &json!("STORE_FAILED")), "{problem}");
    server.answers_by(second).await;
    assert_eq!(server.get("/health").await.0, 200);
    elsewhere.mlflow.start_again();
    store::promote(publisher.registry(), 1, Stage::Production, 0).expect("promoted");
    server.answers_by(first).await;

    // Started anew without either it serves its own copy of what was the champion, and follows when MLflow is back.
    elsewhere.s3.kill();
    elsewhere.mlflow.kill();
    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");
    let server = elsewhere.server(&exchange, home.path()).await;
    server.answers_by(first).await;
    elsewhere.mlflow.start_again();
    store::promote(publisher.registry(), 2, Stage::Production, 0).expect("promoted");
    server.answers_by(second).await;
    assert!(!log.contains(elsewhere.s3.secret()) && !server.log().contains(elsewhere.s3.secret()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_trainer_publishes_a_server_with_another_home_serves() {
    let elsewhere = Elsewhere::start();
    let (trained, served) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let klines = trained.path().join("klines");
    std::fs::create_dir(&klines).expect("a folder");
    for (symbol, history) in synthetic::generate(7, Interval::M15, START, BARS).expect("a market") {
        if SYMBOLS.contains(&symbol.as_str()) {
            let path = klines.join(format!("{symbol}-15m.csv"));
            std::fs::write(path, market::files::to_csv(&history)).expect("a file");
        }
    }
    let output = Command::new(binaries::binary("klinecast-trainer", "klinecast-trainer"))
        // So few rounds and days prove nothing, which is not what is tested here.
        .args(["run", "--force", "--rounds", "4", "--json", "--resamples", "20", "--klines"])
        .arg(&klines)
        .arg("--home")
        .arg(trained.path())
        .envs(elsewhere.settings())
        .output()
        .expect("the trainer runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the trainer failed: {said}");
    let champion =
        elsewhere.home(trained.path()).registry().champion().expect("readable").expect("a champion");

    let exchange = exchange().await;
    let server = elsewhere.server(&exchange, served.path()).await;
    server.answers_by(champion.bundle).await;
    assert_eq!(std::fs::read_dir(served.path().join("bundles")).expect("copies").count(), 1);
}
