//! Symbols are followed and let go of while the server answers.

use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, Listing};
use proto::v1;
use proto::v1::market_service_client::MarketServiceClient;
use proto::v1::subscribe_response::Event;
use serde_json::{Value, json};
use tonic::Code;

use crate::harness::{PATIENCE, SYMBOLS, Server, publish_champion, symbols};

/// One bar of 15 minutes in a second and a half of the wall.
const SPEED: f64 = 600.0;

const STOPPED: &str = "DOTUSDT";

async fn exchange() -> Exchange {
    let stopped = STOPPED.parse().expect("a name");
    let listing =
        Listing { symbol: stopped, from: None, until: Some(ExchangeConfig::DEFAULT_START), successor: None };
    let config = ExchangeConfig { speed: SPEED, listings: vec![listing], ..ExchangeConfig::synthetic(7) };
    Exchange::start(config).await.expect("the exchange starts")
}

/// Follows two of the champion's three symbols, and audits its answers every two seconds.
async fn start(exchange: &Exchange, home: &std::path::Path) -> Server {
    Server::start_watching(exchange, home, &SYMBOLS[..2], &["--parity-audit-seconds", "2"]).await
}

/// Asks until the answer is as wanted.
async fn answered(server: &Server, symbol: &str, is_wanted: impl Fn(u16, &Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let (status, body) = server.post(&format!("/predict/{symbol}"), "").await;
        if is_wanted(status, &body) {
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "{symbol}: {status} {body}: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits for so many more audits that found every bit the same; there is none that did not.
async fn audited(server: &Server, more: f64) {
    let line = r#"klinecast_parity_audits_total{result="same"}"#;
    let until = server.metric(line).await.unwrap_or_default() + more;
    let began = Instant::now();
    while server.metric(line).await.unwrap_or_default() < until {
        assert!(began.elapsed() < PATIENCE, "no audit: {}", server.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(server.metric("feature_parity_mismatches_total").await, Some(0.0), "{}", server.log());
}

fn change(add: &[&str], remove: &[&str]) -> String {
    json!({ "add": add, "remove": remove }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn symbols_come_and_go_while_the_others_are_answered_and_stay_so_after_a_restart() {
    let [first, second, third] = SYMBOLS;
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 3);
    let server = start(&exchange, home.path()).await;
    server.serves().await;
    assert_eq!(server.post(&format!("/predict/{third}"), "").await.1["reason"], "UNKNOWN_SYMBOL");
    audited(&server, 1.0).await;

    // One that the champion knows and one that it does not.
    let (status, followed) = server.post("/symbols", &change(&[third, "LINKUSDT"], &[])).await;
    assert_eq!(status, 200, "{followed}: {}", server.log());
    let mut expected = vec![first, second, third, "LINKUSDT"];
    expected.sort_unstable();
    assert_eq!(followed["symbols"], json!(expected));
    let made = answered(&server, third, |status, _| status == 200).await;
    answered(&server, third, |status, body| {
        status == 200 && body["bar_time"].as_i64() > made["bar_time"].as_i64()
    })
    .await;
    assert_eq!(server.post("/predict/LINKUSDT", "").await.1["reason"], "SYMBOL_NOT_IN_BUNDLE");
    audited(&server, 2.0).await;

    // A stream of what goes ends and says so; the others go on.
    let only = v1::SubscribeRequest { symbols: vec![second.into()], ..Default::default() };
    let mut stream = server.predictions().subscribe(only).await.expect("a subscription").into_inner();
    let mut markets = MarketServiceClient::new(server.channel());
    let gone = v1::FollowSymbolsRequest { add: vec![], remove: vec![second.into()] };
    let followed = markets.follow_symbols(gone).await.expect("followed").into_inner().symbols;
    assert!(!followed.contains(&second.to_owned()) && followed.len() == 3, "{followed:?}");
    let ended = loop {
        match tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time") {
            Ok(Some(v1::SubscribeResponse { event: Some(Event::Prediction(made)), .. })) => {
                assert_eq!(made.symbol, second);
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without saying why"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::NotFound);
    assert_eq!(server.post(&format!("/predict/{second}"), "").await.1["reason"], "UNKNOWN_SYMBOL");
    let made = answered(&server, first, |status, _| status == 200).await;
    answered(&server, first, |_, body| body["bar_time"].as_i64() > made["bar_time"].as_i64()).await;
    audited(&server, 2.0).await;

    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");
    let server = start(&exchange, home.path()).await;
    server.serves().await;
    answered(&server, third, |status, _| status == 200).await;
    assert_eq!(server.post(&format!("/predict/{second}"), "").await.0, 404);
    audited(&server, 1.0).await;
    let (_, verified) = server.get("/journal/verify").await;
    assert_eq!(verified["holds"], json!(true), "{verified}");
    exchange.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_cannot_be_made_changes_nothing() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 3);
    let server = start(&exchange, home.path()).await;
    server.serves().await;
    let reason = async |body: String| {
        let (status, problem) = server.post("/symbols", &body).await;
        (status, problem["reason"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |status: u16, reason: &str| (status, reason.to_owned());
    assert_eq!(reason(change(&["NOSUCHCOIN"], &[])).await, refused(409, "NOT_TRADED"));
    assert_eq!(reason(change(&[STOPPED], &[])).await, refused(409, "NOT_TRADED"));
    assert_eq!(reason(change(&["no/name"], &[])).await, refused(400, "MALFORMED_REQUEST"));
    assert_eq!(reason(change(&[], &["LINKUSDT"])).await, refused(404, "UNKNOWN_SYMBOL"));
    assert_eq!(reason(change(&[], &SYMBOLS[..2])).await, refused(400, "MALFORMED_REQUEST"));
    assert_eq!(reason(change(&["LINKUSDT"], &["LINKUSDT"])).await, refused(400, "MALFORMED_REQUEST"));
    let many: Vec<String> = (0..101).map(|at| format!("S{at}USDT")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(reason(change(&many, &[])).await, refused(413, "REQUEST_TOO_LARGE"));
    // What is followed already is no change.
    assert_eq!(server.post("/symbols", &change(&SYMBOLS[..1], &[])).await.0, 200);
    let home_says = std::fs::exists(home.path().join("followed.json")).expect("can be asked");
    assert!(!home_says, "nothing was kept");
    // An exchange that is away: the answer says so, and what is followed is answered on.
    exchange.shutdown().await;
    assert_eq!(reason(change(&["LINKUSDT"], &[])).await, refused(503, "EXCHANGE_FAILED"));
    assert_eq!(server.post(&format!("/predict/{}", symbols()[0]), "").await.0, 200);
}
