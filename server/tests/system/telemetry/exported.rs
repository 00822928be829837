//! The documented metrics and those that a server exports are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use klinecast_server::telemetry::catalogue::{Kind, METRICS};
use proto::v1;
use tonic_health::pb::HealthCheckRequest;

use super::receivers::Rotel;
use crate::harness::{PATIENCE, Server, exchange, publish_champion};

/// Metrics of things that need not happen in this test, each with what has to happen.
const ABSENT: [(&str, &str); 10] = [
    ("klinecast_access_refused_total", "a caller without the right, as `access` has them"),
    ("klinecast_access_reloads_total", "a changed file of keys, as `access` has them"),
    ("klinecast_alarms_total", "a late kline or another thing that a person should know"),
    ("klinecast_connections_refused_total", "more connections than allowed, as `connections` has them"),
    ("klinecast_error_reports_total", "an error, and an address for reports"),
    ("klinecast_filled_bars_total", "a gap that is filled"),
    ("klinecast_gap_bars", "a gap"),
    ("klinecast_journal_oldest_bar_timestamp_seconds", "the daily look at a journal that has records"),
    ("klinecast_limits_shared", "a Redis, as `access` has it"),
    ("klinecast_lost_items_total", "a store that takes nothing"),
];

/// The names of a page's metrics with their kinds, and the labels of each.
fn read(page: &str) -> (BTreeMap<String, String>, BTreeMap<String, BTreeSet<String>>) {
    let (mut kinds, mut labels) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for line in page.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect("a kind");
            kinds.insert(name.to_owned(), kind.to_owned());
        } else if !line.starts_with('#') {
            let (series, _) = line.rsplit_once(' ').expect("a value");
            let (name, inside) = series.split_once('{').unwrap_or((series, ""));
            let names =
                inside.trim_end_matches('}').split("\",").filter_map(|pair| Some(pair.split_once('=')?.0));
            labels.entry(name.to_owned()).or_default().extend(names.map(str::to_owned));
        }
    }
    (kinds, labels)
}

/// Asks for everything once, so that everything is counted.
async fn ask_for_everything(server: &Server) {
    let predict =
        |symbol: &str| v1::PredictRequest { symbol: symbol.to_owned(), explain_top: 1, ..Default::default() };
    let _ = server.predictions().predict(predict("BTCUSDT")).await.expect("an answer");
    let _ = server.predictions().predict(predict("NOPEUSDT")).await.expect_err("not followed");
    let _ = server.predictions().predict_batch(v1::PredictBatchRequest::default()).await.expect("an answer");
    let _ = server.models().list_models(v1::ListModelsRequest::default()).await.expect("an answer");
    let _ = server.models().reload_models(v1::ReloadModelsRequest::default()).await.expect("an answer");
    let _ = server.statuses().get_status(v1::GetStatusRequest::default()).await.expect("an answer");
    let _ = server.health().check(HealthCheckRequest::default()).await.expect("an answer");
    let stream = server.predictions().subscribe(v1::SubscribeRequest::default()).await.expect("a stream");
    assert!(stream.into_inner().message().await.expect("an event").is_some());
    for path in [
        "/health",
        "/tasks",
        "/models",
        "/features/BTCUSDT",
        "/predictions",
        "/gaps",
        "/scorecard",
        "/nowhere",
    ] {
        let _ = server.get(path).await;
    }
    let (status, _) = server.post("/predict/BTCUSDT", "{}").await;
    assert_eq!(status, 200);
    let _ = server.post("/predict/NOPEUSDT", "{}").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_documented_is_exported_and_what_is_exported_is_documented() {
    let rotel = Rotel::start().await;
    let endpoint = rotel.as_ref().map_or("http://127.0.0.1:1", |rotel| rotel.endpoint.as_str()).to_owned();
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let arguments = ["--otlp-endpoint", &endpoint, "--trace-sample-ratio", "1", "--log-slow-ms", "1"];
    let arguments = [&arguments[..], &["--audit-seconds", "1", "--parity-audit-seconds", "2"]].concat();
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    ask_for_everything(&server).await;
    let expected: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let absent: BTreeSet<&str> = ABSENT.iter().map(|(name, _)| *name).collect();
    assert!(absent.is_subset(&expected), "what may be absent is documented");
    let missing = |page: &str| -> Vec<&str> {
        let (kinds, _) = read(page);
        expected
            .iter()
            .filter(|name| !absent.contains(*name) && !kinds.contains_key(**name))
            .copied()
            .collect()
    };
    // Scores over days and audits come last, after dozens of bars.
    let began = Instant::now();
    let page = loop {
        let page = server.metrics_page().await;
        let missing = missing(&page);
        if missing.is_empty() {
            break page;
        }
        assert!(began.elapsed() < 3 * PATIENCE, "never exported: {missing:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };

    let (kinds, labels) = read(&page);
    let strangers: Vec<_> = kinds.keys().filter(|name| !expected.contains(name.as_str())).collect();
    assert!(strangers.is_empty(), "not documented: {strangers:?}");
    for metric in METRICS.iter().filter(|metric| kinds.contains_key(metric.name)) {
        let (kind, series) = match metric.kind {
            Kind::Counter => ("counter", metric.name.to_owned()),
            Kind::Gauge => ("gauge", metric.name.to_owned()),
            Kind::Histogram => ("histogram", format!("{}_count", metric.name)),
        };
        assert_eq!(kinds[metric.name], kind, "{}", metric.name);
        let documented: BTreeSet<String> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(labels.get(&series), Some(&documented), "{}", metric.name);
        if metric.kind == Kind::Histogram {
            let bucket = format!("{}_bucket{{", metric.name);
            assert!(
                page.lines().any(|line| line.starts_with(&bucket) && line.contains("le=\"0.00001\"")),
                "{bucket}"
            );
        }
    }
}
