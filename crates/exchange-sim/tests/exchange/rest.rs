//! The REST routes.

use exchange_sim::{Exchange, ExchangeConfig, ExchangeError};
use serde_json::{Value, json};

use crate::client::{FIRST, STEP, get, number, recording, start};

async fn exchange() -> Exchange {
    start(ExchangeConfig::recorded(recording(1_200), FIRST + 1_100 * STEP + STEP / 2)).await
}

#[tokio::test]
async fn ping_time_and_weights() {
    let exchange = exchange().await;
    assert_eq!(get(&exchange, "/api/v3/ping").await, (200, Some(1), json!({})));
    let (status, weight, body) = get(&exchange, "/api/v3/time").await;
    let time = body["serverTime"].as_i64().expect("a time");
    assert_eq!((status, weight), (200, Some(2)));
    assert!((0..60_000).contains(&(time - FIRST - 1_100 * STEP - STEP / 2)), "{time}");
    assert_eq!(get(&exchange, "/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=1").await.1, Some(4));
    exchange.shutdown().await;
}

#[tokio::test]
async fn klines_are_the_last_500_with_the_forming_one_at_the_end() {
    let exchange = exchange().await;
    let (status, _, body) = get(&exchange, "/api/v3/klines?symbol=BTCUSDT&interval=15m").await;
    let rows = body.as_array().expect("rows");
    assert_eq!((status, rows.len()), (200, 500));
    let opens: Vec<i64> = rows.iter().map(|row| row[0].as_i64().expect("a time")).collect();
    assert!(opens.windows(2).all(|pair| pair[1] - pair[0] == STEP));
    assert_eq!(opens[499], FIRST + 1_100 * STEP, "the bar that is being traded");
    let recorded = recording(1_101);
    let recorded = &recorded[&crate::client::symbol("BTCUSDT")];
    assert!(number(&rows[499][5]) < recorded[1_100].volume);
    let closed = &rows[498];
    let expected = recorded[1_099];
    assert_eq!(closed.as_array().map(Vec::len), Some(12));
    assert_eq!(closed[1], json!(format!("{:.8}", expected.open)));
    assert_eq!(closed[4], json!(format!("{:.8}", expected.close)));
    assert_eq!(closed[6], json!(expected.close_time));
    assert_eq!((&closed[8], &closed[11]), (&json!(40), &json!("0")));
    exchange.shutdown().await;
}

#[tokio::test]
async fn pages_follow_start_and_end_and_missing_columns_are_null() {
    let exchange = exchange().await;
    let opens = |body: &Value| -> Vec<i64> {
        body.as_array()
            .expect("rows")
            .iter()
            .map(|row| (row[0].as_i64().expect("a time") - FIRST) / STEP)
            .collect()
    };
    let path = format!("/api/v3/klines?symbol=MATICUSDT&interval=15m&startTime={}&limit=4", FIRST + 4 * STEP);
    let (_, _, body) = get(&exchange, &path).await;
    assert_eq!(opens(&body), [4, 5, 7, 8], "bar 6 was not recorded");
    assert_eq!((&body[0][7], &body[0][8], &body[0][9]), (&Value::Null, &Value::Null, &Value::Null));
    let path =
        format!("/api/v3/klines?symbol=BTCUSDT&interval=15m&startTime={FIRST}&endTime={}", FIRST + 2 * STEP);
    assert_eq!(opens(&get(&exchange, &path).await.2), [0, 1, 2]);
    let path = format!("/api/v3/klines?symbol=BTCUSDT&interval=15m&startTime={FIRST}&limit=5000");
    assert_eq!(opens(&get(&exchange, &path).await.2).len(), 1_000);
    let path = format!("/api/v3/klines?symbol=BTCUSDT&interval=15m&startTime={}", FIRST + 5_000 * STEP);
    assert_eq!(get(&exchange, &path).await.2, json!([]));
    let (_, _, hours) = get(&exchange, "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2").await;
    assert_eq!(hours[0][8], json!(160), "four quarters of 40 trades");
    exchange.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_is_answered_in_the_exchange_s_words() {
    let exchange = exchange().await;
    let cases = [
        ("/api/v3/klines?interval=15m", -1102),
        ("/api/v3/klines?symbol=DOGEUSDT&interval=15m", -1121),
        ("/api/v3/klines?symbol=btcusdt&interval=15m", -1100),
        ("/api/v3/klines?symbol=BTCUSDT&interval=7m", -1120),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m", -1120),
        ("/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=0", -1130),
        ("/api/v3/klines?symbol=BTCUSDT&interval=15m&startTime=yesterday", -1100),
        ("/api/v3/exchangeInfo?symbol=DOGEUSDT", -1121),
    ];
    for (path, code) in cases {
        let (status, _, body) = get(&exchange, path).await;
        assert_eq!((status, body["code"].as_i64()), (400, Some(code)), "{path}: {body}");
        assert!(body["msg"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(get(&exchange, "/api/v4/nothing").await.0, 404);
    exchange.shutdown().await;
}

#[tokio::test]
async fn the_symbols_are_listed_with_tick_and_lot() {
    let exchange = exchange().await;
    let (_, weight, body) = get(&exchange, "/api/v3/exchangeInfo").await;
    assert_eq!(weight, Some(20));
    let names: Vec<&str> =
        body["symbols"].as_array().expect("symbols").iter().filter_map(|s| s["symbol"].as_str()).collect();
    assert_eq!(names, ["BTCUSDT", "MATICUSDT"]);
    assert_eq!(body["symbols"][0]["filters"][0]["tickSize"], json!("0.01000000"));
    assert_eq!(body["symbols"][0]["filters"][1]["stepSize"], json!("0.10000000"));
    assert_eq!(
        (&body["symbols"][1]["baseAsset"], &body["symbols"][1]["quoteAsset"]),
        (&json!("MATIC"), &json!("USDT"))
    );
    let (_, _, one) = get(&exchange, "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D").await;
    assert_eq!(one["symbols"].as_array().map(Vec::len), Some(1));
    exchange.shutdown().await;
}

#[tokio::test]
async fn a_used_up_minute_is_refused() {
    let config = ExchangeConfig::recorded(recording(10), FIRST + 5 * STEP);
    let exchange = start(ExchangeConfig { request_weight_limit: 3, ..config }).await;
    let path = "/api/v3/klines?symbol=BTCUSDT&interval=15m";
    assert_eq!(get(&exchange, path).await.0, 200);
    let (status, weight, body) = get(&exchange, path).await;
    assert_eq!((status, weight, body["code"].as_i64()), (429, Some(3), Some(-1003)));
    exchange.shutdown().await;
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let exchange = exchange().await;
    let address = exchange.rest_url().trim_start_matches("http://").parse().expect("an address");
    let config = ExchangeConfig::recorded(recording(10), FIRST);
    let refused =
        |config| async { Exchange::start(config).await.map(|_| ()).map_err(|error| error.to_string()) };
    let message =
        refused(ExchangeConfig { bind: address, ..config.clone() }).await.expect_err("a port in use");
    assert!(message.contains("--bind") && message.contains(&address.to_string()), "{message}");
    let message =
        refused(ExchangeConfig { start: FIRST + 10 * STEP, ..config.clone() }).await.expect_err("too late");
    assert!(message.contains("--start") && message.contains(&FIRST.to_string()), "{message}");
    assert!(refused(ExchangeConfig { speed: f64::NAN, ..config.clone() }).await.is_err());
    assert!(refused(ExchangeConfig { speed: -1.0, ..config }).await.is_err());
    let none = Exchange::start(ExchangeConfig::recorded(std::collections::BTreeMap::new(), 0)).await;
    assert!(matches!(none, Err(ExchangeError::NoKlines(_))));
    exchange.shutdown().await;
}
