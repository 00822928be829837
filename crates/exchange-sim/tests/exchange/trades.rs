//! Aggregated trades, by stream and by REST.

use std::time::Duration;

use exchange_sim::{Delivered, ExchangeConfig, FaultPlan, VirtualExchange};
use serde_json::{Value, json};

use crate::client::{FIRST, STEP, Subscriber, get, recording, start};

fn exchange() -> VirtualExchange {
    let config = ExchangeConfig {
        ping_interval: Duration::MAX,
        ..ExchangeConfig::recorded(recording(70), FIRST + 54 * STEP)
    };
    VirtualExchange::new(config, FaultPlan::none()).expect("a valid configuration")
}

fn ask(exchange: &mut VirtualExchange, query: &str) -> Vec<Value> {
    let path = format!("/api/v3/aggTrades?symbol=BTCUSDT{query}");
    let answer = exchange.request(&path).expect("an answer");
    assert_eq!(answer.status, 200, "{path}");
    serde_json::from_slice(&answer.body).expect("rows")
}

fn whole(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("{field} of {value}"))
}

/// A decimal of eight places in hundred-millionths.
fn units(value: &Value, field: &str) -> i128 {
    let text = value[field].as_str().expect("a decimal").replace('.', "");
    text.parse().expect("digits")
}

#[test]
fn the_stream_and_rest_tell_the_same_trades_which_are_the_bars_kline() {
    let mut exchange = exchange();
    let line = exchange.connect("/ws/btcusdt@aggTrade/btcusdt@kline_15m").expect("a connection");
    let mut deliveries = Vec::new();
    exchange.advance(FIRST + 56 * STEP + STEP / 2, &mut deliveries);
    assert!(deliveries.iter().all(|delivery| delivery.line == line));
    let frames = deliveries.iter().map(|delivery| match &delivery.what {
        Delivered::Text(text) => serde_json::from_str::<Value>(text).expect("JSON"),
        other => panic!("{other:?}"),
    });
    let (trades, klines): (Vec<Value>, Vec<Value>) = frames.partition(|frame| frame["e"] == "aggTrade");
    // A bar whose average price lies in its range: its trades add up to every number.
    let open_time = FIRST + 55 * STEP;
    let of_bar: Vec<Value> = trades
        .into_iter()
        .filter(|trade| (open_time..open_time + STEP).contains(&whole(trade, "T")))
        .collect();
    let query = format!("&startTime={open_time}&endTime={}", open_time + STEP - 1);
    let mut rows = ask(&mut exchange, &query);
    for (row, frame) in rows.iter_mut().zip(&of_bar) {
        assert!((0..100).contains(&(whole(frame, "E") - whole(frame, "T"))));
        (row["e"], row["s"], row["E"]) = (json!("aggTrade"), json!("BTCUSDT"), frame["E"].clone());
    }
    assert_eq!(rows, of_bar);
    let closed = klines.iter().map(|frame| &frame["k"]).find(|k| k["x"] == true && k["t"] == open_time);
    let kline = closed.expect("its closing frame");
    assert_eq!((&rows[0]["p"], &rows[rows.len() - 1]["p"]), (&kline["o"], &kline["c"]));
    assert_eq!((&rows[0]["f"], &rows[rows.len() - 1]["l"]), (&kline["f"], &kline["L"]));
    let sum = |of: &dyn Fn(&Value) -> i128| rows.iter().map(of).sum::<i128>();
    let taken = |row: &Value| i128::from(row["m"] == false);
    assert_eq!(sum(&|row| units(row, "q")), units(kline, "v"));
    assert_eq!(sum(&|row| units(row, "q") * taken(row)), units(kline, "V"));
    assert_eq!(sum(&|row| units(row, "q") * units(row, "p")), units(kline, "q") * 100_000_000);
    assert_eq!(sum(&|row| units(row, "q") * units(row, "p") * taken(row)), units(kline, "Q") * 100_000_000);
    let prices = rows.iter().map(|row| units(row, "p"));
    assert_eq!((prices.clone().max(), prices.min()), (Some(units(kline, "h")), Some(units(kline, "l"))));
}

#[test]
fn rest_pages_by_id_and_by_time_and_tells_nothing_of_the_future() {
    let mut exchange = exchange();
    exchange.advance(FIRST + 54 * STEP + STEP / 2, &mut Vec::new());
    let now = exchange.now();
    let latest = ask(&mut exchange, "");
    assert_eq!(latest.len(), 500);
    assert!(latest.iter().all(|trade| whole(trade, "T") <= now) && whole(&latest[499], "T") > now - STEP);
    let (first, last) = (whole(&latest[0], "a"), whole(&latest[499], "a"));
    assert_eq!(ask(&mut exchange, &format!("&fromId={first}&limit=1000")), latest);
    assert_eq!(ask(&mut exchange, &format!("&fromId={first}&limit=7")), latest[..7]);
    assert_eq!(ask(&mut exchange, &format!("&fromId={}", last + 1)), [] as [Value; 0]);
    assert_eq!(ask(&mut exchange, &format!("&startTime={}", whole(&latest[3], "T"))), latest[3..]);
    let until = format!("&endTime={}&limit=3", whole(&latest[490], "T"));
    assert_eq!(ask(&mut exchange, &until), latest[488..=490]);
    for pair in latest.windows(2) {
        assert_eq!(whole(&pair[1], "a"), whole(&pair[0], "a") + 1);
        assert_eq!(whole(&pair[1], "f"), whole(&pair[0], "l") + 1);
    }
    // Most recordings lack the columns without which no trades can be told.
    let answer = exchange.request("/api/v3/aggTrades?symbol=MATICUSDT").expect("an answer");
    assert_eq!(answer.body, b"[]");
}

#[tokio::test]
async fn the_loopback_server_serves_both_and_refuses_in_the_exchanges_words() {
    let config =
        ExchangeConfig { speed: 900.0, ..ExchangeConfig::recorded(recording(200), FIRST + 40 * STEP) };
    let exchange = start(config).await;
    let mut subscriber = Subscriber::connect(&exchange, "/stream?streams=btcusdt@aggTrade").await;
    let frame = subscriber.next().await.expect("a trade");
    assert_eq!((&frame["stream"], &frame["data"]["e"]), (&json!("btcusdt@aggTrade"), &json!("aggTrade")));
    let id = whole(&frame["data"], "a");
    let path = format!("/api/v3/aggTrades?symbol=BTCUSDT&fromId={id}&limit=1");
    let (status, weight, body) = get(&exchange, &path).await;
    assert_eq!((status, weight), (200, Some(4)));
    assert_eq!((&body[0]["p"], &body[0]["q"]), (&frame["data"]["p"], &frame["data"]["q"]));
    for (query, code) in [
        ("", -1102),
        ("?symbol=NOUSDT", -1121),
        ("?symbol=BTCUSDT&limit=0", -1130),
        ("?symbol=BTCUSDT&fromId=x", -1100),
        ("?symbol=BTCUSDT&fromId=1&startTime=1", -1128),
    ] {
        let (status, _, body) = get(&exchange, &format!("/api/v3/aggTrades{query}")).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{query}");
    }
    exchange.shutdown().await;
}
