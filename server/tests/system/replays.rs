//! Predictions of a real server made again: the same bits, after a restart too, and what differs is named.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use forecast::Prediction;
use kline::{BarTime, Interval, Kline, Symbol};
use proto::v1;
use proto::v1::journal_service_client::JournalServiceClient;
use serde_json::{Value, json};
use store::{Home, JournalQuery};
use tonic_types::StatusExt;

use crate::binaries;
use crate::harness::{PATIENCE, SYMBOLS, Server, exchange, publish_champion};

const STEP: Interval = Interval::M15;

async fn replay(server: &Server, id: &str) -> Result<v1::ReplayPredictionResponse, tonic::Status> {
    let request = v1::ReplayPredictionRequest { id: id.to_owned() };
    let answer = JournalServiceClient::new(server.channel()).replay_prediction(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn same(server: &Server, id: &str) -> v1::ReplayPredictionResponse {
    let found = replay(server, id).await.expect("an answer");
    assert_eq!(found.verdict(), v1::ReplayVerdict::Same, "{found:?}");
    assert!(found.differences.is_empty() && found.compared_count > 173, "{found:?}");
    found
}

/// The command line's words, and whether it was content.
fn klinecast(server: &Server, words: &[&str]) -> (bool, Value) {
    let output = Command::new(binaries::binary("klinecast", "klinecast"))
        .args(["--server", &server.grpc, "--json"])
        .args(words)
        .output()
        .expect("the client runs");
    let said = serde_json::from_slice(&output.stdout);
    (output.status.success(), said.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prediction_is_made_again_to_the_bit_and_a_changed_kline_is_found() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (_, digest) = publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;

    let (_, said) = klinecast(&server, &["predict", "BTCUSDT"]);
    let id = said["id"].as_str().expect("an id").to_owned();
    assert_eq!(said["predictions"]["vol_regime_4step"]["classes"], json!(["low", "normal", "high"]));
    let bar: i64 = said["bar_time"].as_i64().expect("a time");
    assert_eq!(id, format!("BTCUSDT:{bar}:{}:1", digest.short()));

    let found = same(&server, &id).await;
    assert_eq!((found.id.as_str(), found.bundle_digest.as_str()), (id.as_str(), digest.to_string().as_str()));
    assert_eq!(found.histories.iter().map(|history| history.symbol.as_str()).collect::<Vec<_>>(), SYMBOLS);
    assert!(found.histories.iter().all(|history| history.stored_bars == history.needed_bars), "{found:?}");
    same(&server, &format!("btcusdt:{bar}:{digest}")).await;
    let (status, rest) = server.get(&format!("/v1/journal/{id}/replay")).await;
    let (content, said) = klinecast(&server, &["replay", &id]);
    assert!(status == 200 && content && rest == said && rest["verdict"] == "same", "{rest} {said}");
    names_that_mean_nothing(&server, bar, &digest.short()).await;

    let (ended, _, log) = server.terminate().await;
    assert!(ended.success(), "{log}");
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    same(&server, &id).await;

    // Another pair's kline: it reaches this pair by the features across pairs alone.
    tamper(home.path(), "ETHUSDT", bar, 3);
    let (content, found) = klinecast(&server, &["replay", &id]);
    assert!(!content && found["verdict"] == "differs", "{found}");
    let differences = found["differences"].as_array().expect("a list");
    let features: Vec<&str> = differences
        .iter()
        .filter(|difference| difference["part"] == "feature")
        .map(|difference| difference["name"].as_str().expect("a name"))
        .collect();
    let catalogue = features::Catalogue::standard();
    let groups: Vec<&str> = features
        .iter()
        .map(|name| catalogue.definitions()[catalogue.index_of(name).expect("known")].group.as_str())
        .collect();
    assert!(!groups.is_empty() && groups.iter().all(|group| *group == groups[0]), "{features:?} {groups:?}");
    assert!(differences.iter().all(|d| d["journalled_bits"] != d["replayed_bits"]), "{found}");
    let other = format!("ETHUSDT:{bar}:{digest}");
    let found = replay(&server, &other).await.expect("an answer");
    assert_eq!(found.verdict(), v1::ReplayVerdict::Differs);
    assert!(found.differences.len() > features.len(), "its own features differ too: {found:?}");

    // A restart replays what is stored and amends what it said: the first revision is then of klines that are gone.
    drop(server);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let last = amended(home.path(), "ETHUSDT", bar, &server).await;
    assert_eq!(same(&server, &other).await.last_revision, last);
    let found = replay(&server, &format!("{other}:1")).await.expect("an answer");
    assert_eq!((found.verdict(), found.last_revision), (v1::ReplayVerdict::Superseded, last));
    assert!(
        !found.differences.is_empty() && found.explanation.contains("klines that were corrected"),
        "{found:?}"
    );
}

async fn names_that_mean_nothing(server: &Server, bar: i64, bundle: &str) {
    let reason = |status: &tonic::Status| {
        status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
    };
    for (id, code, expected) in [
        (format!("BTCUSDT:{bar}:{bundle}:9"), 404, "UNKNOWN_PREDICTION"),
        (format!("XRPUSDT:{bar}:{bundle}:1"), 404, "UNKNOWN_PREDICTION"),
        (format!("BTCUSDT:{}:{bundle}:1", bar + 1), 404, "UNKNOWN_PREDICTION"),
        (format!("BTCUSDT:{}:{bundle}:1", i64::MAX), 404, "UNKNOWN_PREDICTION"),
        ("BTCUSDT".to_owned(), 400, "MALFORMED_REQUEST"),
    ] {
        let refused = replay(server, &id).await.expect_err("refused");
        assert_eq!(reason(&refused), expected, "{id}");
        let (status, problem) = server.get(&format!("/journal/{id}/replay")).await;
        assert_eq!((status, &problem["reason"]), (code, &json!(expected)), "{id}");
    }
    let (status, found) = server.get("/journal/verify").await;
    assert!(status == 200 && found["holds"] == true && found["record_count"].as_u64() > Some(0), "{found}");
}

/// Changes a stored kline, so many bars before another.
fn tamper(home: &Path, symbol: &str, bar: i64, bars_before: i64) {
    let home = Home::open(home).expect("the home opens");
    let symbol: Symbol = symbol.parse().expect("a name");
    let at = BarTime::from_close(bar, STEP).expect("on the grid").plus(-bars_before, STEP);
    let stored = home.klines().range(symbol, STEP, Some(at), Some(at)).expect("readable");
    let mut fields = *stored[0];
    fields.close = (fields.close + fields.high) / 2.0 + (fields.high - fields.low) * 0.01;
    fields.high = fields.high.max(fields.close);
    let changed = Kline::new(STEP, fields).expect("valid");
    assert_eq!(home.klines().append(symbol, STEP, &[changed]).expect("kept"), 1);
}

/// Waits until the journal has a later revision; the last one.
async fn amended(home: &Path, symbol: &str, bar: i64, server: &Server) -> u32 {
    let home = Home::open(home).expect("the home opens");
    let at = BarTime::from_close(bar, STEP);
    let query = JournalQuery { symbol: symbol.parse().ok(), from: at, until: at, ..JournalQuery::default() };
    let began = Instant::now();
    loop {
        let made: Vec<std::sync::Arc<Prediction>> = home.journal().predictions(&query).expect("readable");
        if let Some(last) = made.last().filter(|last| last.revision > 1) {
            return last.revision;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is amended: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
