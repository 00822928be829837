//! Old days leave the journal once they are exported; those who ask for them are told so.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange_sim::ExchangeConfig;
use features::{Quality, RowHash};
use forecast::{BundleDigest, JournalRecord, Prediction, Resolution, Source, Task};
use kline::{BarTime, Interval};
use serde_json::{Value, json};
use store::Home;

use crate::binaries;
use crate::harness::{PATIENCE, Server, exchange, publish_champion};

const DAY_MS: i64 = 86_400_000;

/// The last bar of a day so many days before the exchange starts, with one prediction and its outcome.
fn day(days_before: i64) -> [JournalRecord; 2] {
    let start = ExchangeConfig::DEFAULT_START - (days_before - 1) * DAY_MS;
    let bar_time = BarTime::last_closed(start, Interval::M15);
    let symbol = "BTCUSDT".parse().expect("a name");
    let (bundle, row) = (BundleDigest([7; 32]), [0.5]);
    let made = Prediction {
        symbol,
        bar_time,
        bundle,
        revision: 1,
        provisional: false,
        row_hash: RowHash::of(&row),
        quality: Quality::default(),
        close: 1.0,
        source: Source::Socket,
        late_ms: None,
        tasks: Vec::new(),
        row: Arc::from(row),
    };
    let came = Resolution {
        symbol,
        bar_time,
        bundle,
        revision: 1,
        prediction_revision: 1,
        task: Task::Return1Step,
        outcome: 0.0,
        loss: 0.0,
        baseline: forecast::BaselineName::Zero,
        baseline_loss: 0.0,
    };
    [JournalRecord::Prediction(Arc::new(made)), JournalRecord::Resolution(came)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_days_leave_once_they_are_exported_and_who_asks_is_told() {
    let exchange = exchange().await;
    let folder = tempfile::tempdir().expect("a folder");
    publish_champion(folder.path(), 1);
    let home = Home::open(folder.path()).expect("opens");
    let records: Vec<JournalRecord> = (8..30).rev().flat_map(day).collect();
    home.journal().append(&records).expect("kept");
    let files = folder.path().join("files");
    let said = Command::new(binaries::binary("klinecast-trainer", "klinecast-trainer"))
        .env_clear()
        .args(["journal", "export", "--json", "--home"])
        .arg(folder.path())
        .arg("--to")
        .arg(&files)
        .output()
        .expect("the trainer runs");
    assert!(said.status.success(), "{said:?}");
    let said: Value = serde_json::from_slice(&said.stdout).expect("a line of JSON");
    assert_eq!((&said["exported_number"], &said["behind"]), (&json!(44), &json!(0)), "{said}");

    let server = Server::start_watchful(&exchange, folder.path(), &["--journal-keep-days", "8"]).await;
    server.serves().await;
    let began = Instant::now();
    while server.metric("klinecast_journal_dropped_records_total").await.unwrap_or_default() < 2.0 {
        assert!(began.elapsed() < PATIENCE, "nothing is dropped: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let oldest = ExchangeConfig::DEFAULT_START - 28 * DAY_MS;
    let bar = oldest - DAY_MS - 1;
    let (status, problem) = server.get(&format!("/journal/BTCUSDT:{bar}:0707/replay")).await;
    assert_eq!((status, &problem["reason"]), (410, &json!("DROPPED")), "{problem}");
    let told = problem["detail"].as_str().expect("a text");
    assert!(told.contains("dropped by retention") && told.contains("exported to /"), "{told}");
    let (status, problem) = server.get(&format!("/scorecard?until={bar}")).await;
    assert_eq!((status, &problem["reason"]), (410, &json!("DROPPED")), "{problem}");

    let (status, found) = server.get("/journal/verify").await;
    assert!(status == 200 && found["holds"] == true, "{found}");
    assert!(found["dropped"]["record_count"].as_u64() > Some(1), "{found}");
    let said = Command::new(binaries::binary("klinecast", "klinecast"))
        .args(["--server", &server.grpc, "journal", "verify"])
        .output()
        .expect("the client runs");
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success() && told.contains("starts after the anchor"), "{told}");
    // What is kept goes on: new records are written behind the anchor.
    let dropped = server.metric("klinecast_journal_dropped_records_total").await.unwrap_or_default();
    assert!(
        dropped < 44.0
            && server.metric("klinecast_journal_oldest_bar_timestamp_seconds").await.unwrap_or_default()
                > 0.0
    );
    let began = Instant::now();
    while home.retention().place(None).expect("readable").expect("records").number <= 44 {
        assert!(began.elapsed() < PATIENCE, "nothing is written: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(home.journal().verify(&mut |_, _| {}).expect("readable").fault_count, 0);
    exchange.shutdown().await;
}
