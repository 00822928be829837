//! A server on an exchange that misbehaves, and on one whose symbols come and go.

use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, FaultKind, FaultPlan, Listing};
use serde_json::json;

use crate::harness::{PATIENCE, Server, publish_champion, symbols};

/// One bar of 15 minutes in a second and a half of the wall.
const SPEED: f64 = 600.0;

/// Exchange, klines and answers are looked at again as often as a short test allows.
const WATCHFUL: &[&str] = &[
    "--audit-seconds",
    "1",
    "--parity-audit-seconds",
    "2",
    "--hold-seconds",
    "2",
    "--listings-seconds",
    "0.5",
    "--silent-socket-seconds",
    "5",
    "--backoff-longest-seconds",
    "1",
];

/// Waits until a metric has reached a value.
async fn reaches(server: &Server, line: &str, least: f64) {
    let began = Instant::now();
    while server.metric(line).await.unwrap_or_default() < least {
        assert!(began.elapsed() < PATIENCE, "{line} stays below {least}: {}", server.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_exchange_leave_no_wrong_bit_in_live_answers() {
    // What takes hours of the exchange to pass, or is answered in seconds of the wall, is the simulation's matter.
    let kinds = vec![
        FaultKind::LateFinal,
        FaultKind::MissingFinal,
        FaultKind::DuplicateFinal,
        FaultKind::ReorderedFinals,
        FaultKind::CorrectedFinal,
        FaultKind::PartialAsClosed,
        FaultKind::Reset,
        FaultKind::TornFrames,
        FaultKind::ServerErrors,
        FaultKind::HtmlAnswers,
        FaultKind::MicrosecondStamps,
    ];
    let start = ExchangeConfig::DEFAULT_START;
    // Twelve hours of faults, then calm.
    let until = Some(start + 12 * 3_600_000);
    let faults = FaultPlan { seed: 11, kinds, per_day: 40.0, until };
    let config = ExchangeConfig { speed: SPEED, faults: Some(faults), ..ExchangeConfig::synthetic(7) };
    let exchange = Exchange::start(config).await.expect("the exchange starts");
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 5);
    let server = Server::start_watchful(&exchange, home.path(), WATCHFUL).await;
    server.serves().await;
    // Beyond the faults, so that what they did is compared when it has been mended.
    let calm = (start + 13 * 3_600_000) as f64 / 1e3;
    reaches(&server, "klinecast_watermark_timestamp_seconds", calm).await;
    let audited = server.metric(r#"klinecast_parity_audits_total{result="same"}"#).await.unwrap_or_default();
    reaches(&server, r#"klinecast_parity_audits_total{result="same"}"#, audited + 2.0).await;
    assert_eq!(server.metric("feature_parity_mismatches_total").await, Some(0.0));
    assert!(
        server.metric(r#"klinecast_predictions_total{revision="amended"}"#).await.unwrap_or_default() > 0.0,
        "nothing happened"
    );
    assert!(server.metric("klinecast_exchange_lines").await.unwrap_or_default() >= 1.0);
    let (status, gaps) = server.get("/gaps").await;
    assert_eq!(status, 200);
    let filled =
        gaps["gaps"].as_array().expect("a list").iter().filter(|gap| gap["state"] == "filled").count();
    let open = server.get("/gaps?unfilled=true").await.1;
    assert_eq!(open["gaps"], json!([]), "{filled} gaps were filled");
    exchange.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bars_that_only_trades_tell_are_answered_from_trades_with_the_klines_bits() {
    let start = ExchangeConfig::DEFAULT_START;
    let until = Some(start + 5 * 3_600_000);
    let faults = FaultPlan { seed: 4, kinds: vec![FaultKind::KlinesSilent], per_day: 12.0, until };
    let config = ExchangeConfig { speed: SPEED, faults: Some(faults), ..ExchangeConfig::synthetic(7) };
    let exchange = Exchange::start(config).await.expect("the exchange starts");
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 5);
    let arguments = [WATCHFUL, &["--overdue-close-seconds", "0.2"]].concat();
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    reaches(&server, r#"klinecast_klines_total{source="trades",state="closed"}"#, 3.0).await;
    // What was made of trades is compared with what the exchange says later, and the answers with a batch run.
    reaches(&server, "klinecast_watermark_timestamp_seconds", (start + 6 * 3_600_000) as f64 / 1e3).await;
    let audited = server.metric(r#"klinecast_parity_audits_total{result="same"}"#).await.unwrap_or_default();
    reaches(&server, r#"klinecast_parity_audits_total{result="same"}"#, audited + 2.0).await;
    assert_eq!(server.metric("feature_parity_mismatches_total").await, Some(0.0));
    exchange.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_symbol_that_is_not_traded_any_more_names_its_successor_and_holds_nobody_up() {
    let [stopped, successor, other] = symbols()[..] else { panic!("three symbols") };
    let listing = Listing {
        symbol: stopped,
        from: None,
        until: Some(ExchangeConfig::DEFAULT_START + 4 * 900_000),
        successor: None,
    };
    let config = ExchangeConfig { speed: SPEED, listings: vec![listing], ..ExchangeConfig::synthetic(7) };
    let exchange = Exchange::start(config).await.expect("the exchange starts");
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 5);
    let renamed = format!("{stopped}={successor},OLDUSDT={other}");
    let arguments = [WATCHFUL, &["--successors", &renamed]].concat();
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    let began = Instant::now();
    let refused = loop {
        let (status, body) = server.post(&format!("/predict/{stopped}"), "").await;
        if status == 409 {
            break body;
        }
        assert!(began.elapsed() < PATIENCE, "it is still answered: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(refused["reason"], "NOT_TRADED");
    assert_eq!(refused["facts"]["successor"], successor.as_str());
    let (status, unknown) = server.post("/predict/OLDUSDT", "").await;
    assert_eq!((status, &unknown["facts"]["successor"]), (404, &json!(other)));
    // The others are answered, bar after bar.
    let bar = |body: &serde_json::Value| body["bar_time"].as_i64().expect("a time");
    let (_, now) = server.post(&format!("/predict/{other}"), "").await;
    let began = Instant::now();
    while bar(&server.post(&format!("/predict/{other}"), "").await.1) < bar(&now) + 2 * 900_000 {
        assert!(began.elapsed() < PATIENCE, "the others wait");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(server.get("/health").await.0, 200);
    exchange.shutdown().await;
}
