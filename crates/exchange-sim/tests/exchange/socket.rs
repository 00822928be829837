//! The websocket routes.

use std::time::Duration;

use exchange_sim::ExchangeConfig;
use kline::Interval;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{FIRST, STEP, Subscriber, number, recording, start, symbol};

fn fast() -> ExchangeConfig {
    ExchangeConfig { speed: 3_600.0, ..ExchangeConfig::recorded(recording(400), FIRST + 100 * STEP) }
}

#[tokio::test]
async fn a_raw_stream_forms_and_closes_bars() {
    let exchange = start(fast()).await;
    let mut subscriber = Subscriber::connect(&exchange, "/ws/btcusdt@kline_15m").await;
    let recorded = recording(400).remove(&symbol("BTCUSDT")).expect("recorded");
    let (mut closed, mut forming, mut last_trade) = (Vec::new(), 0, None);
    while closed.len() < 4 {
        let frame = subscriber.next().await.expect("a frame");
        let kline = &frame["k"];
        assert_eq!(
            (&frame["e"], &frame["s"], &kline["i"], &kline["B"]),
            (&json!("kline"), &json!("BTCUSDT"), &json!("15m"), &json!("0"))
        );
        assert_eq!(kline.as_object().map(serde_json::Map::len), Some(17));
        let (open_time, close_time) = (kline["t"].as_i64().expect("t"), kline["T"].as_i64().expect("T"));
        let event_time = frame["E"].as_i64().expect("E");
        let whole = &recorded[usize::try_from((open_time - FIRST) / STEP).expect("a recorded bar")];
        if kline["x"] == json!(true) {
            assert!(event_time > close_time && event_time < close_time + 100);
            assert_eq!(number(&kline["c"]).to_bits(), whole.close.to_bits());
            assert_eq!(number(&kline["Q"]).to_bits(), whole.taker_quote.expect("recorded").to_bits());
            let (first, last) = (kline["f"].as_i64().expect("f"), kline["L"].as_i64().expect("L"));
            assert_eq!(kline["n"].as_i64(), Some(last - first + 1));
            assert!(
                last_trade.is_none_or(|before: i64| first == before + 1),
                "trades follow one another over bars"
            );
            last_trade = Some(last);
            closed.push(open_time);
        } else {
            forming += 1;
            assert!(event_time <= close_time && event_time >= open_time);
            assert!(number(&kline["h"]) <= whole.high && number(&kline["v"]) <= whole.volume);
            assert!(closed.last().is_none_or(|last| open_time > *last), "no forming kline of a closed bar");
        }
    }
    assert!(closed.windows(2).all(|pair| pair[1] == pair[0] + STEP), "{closed:?}");
    assert!(forming > 0);
    exchange.shutdown().await;
}

#[tokio::test]
async fn subscriptions_change_while_connected() {
    let exchange = start(fast()).await;
    let mut subscriber = Subscriber::connect(&exchange, "/ws").await;
    subscriber
        .send(r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_15m","maticusdt@kline_15m"],"id":1}"#)
        .await;
    assert_eq!(subscriber.next().await, Some(json!({ "result": null, "id": 1 })));
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let frame = subscriber.next().await.expect("a frame");
        seen.insert(frame["s"].as_str().expect("a symbol").to_owned());
    }
    subscriber.send(r#"{"method":"UNSUBSCRIBE","params":["btcusdt@kline_15m"],"id":"two"}"#).await;
    while subscriber.next().await.expect("a frame")["id"] != json!("two") {}
    subscriber.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#).await;
    loop {
        let frame = subscriber.next().await.expect("a frame");
        if frame["id"] == json!(3) {
            assert_eq!(frame["result"], json!(["maticusdt@kline_15m"]));
            break;
        }
        assert_eq!(frame["s"], json!("MATICUSDT"));
    }
    subscriber.send("{").await;
    loop {
        let frame = subscriber.next().await.expect("a frame");
        if let Some(error) = frame.get("error") {
            assert_eq!(error["code"], json!(3));
            break;
        }
    }
    exchange.shutdown().await;
}

#[tokio::test]
async fn a_combined_stream_names_its_streams_and_longer_bars_add_up() {
    let exchange = start(ExchangeConfig { speed: 20_000.0, ..fast() }).await;
    let mut subscriber =
        Subscriber::connect(&exchange, "/stream?streams=btcusdt@kline_1h/maticusdt@kline_15m").await;
    loop {
        let frame = subscriber.next().await.expect("a frame");
        let kline = &frame["data"]["k"];
        if frame["stream"] == json!("maticusdt@kline_15m") {
            assert_eq!(
                (&kline["n"], &kline["q"], &kline["V"], &kline["Q"]),
                (&json!(null), &json!(null), &json!(null), &json!(null))
            );
            continue;
        }
        assert_eq!(frame["stream"], json!("btcusdt@kline_1h"));
        if kline["x"] == json!(true) {
            assert_eq!(kline["n"], json!(160));
            assert_eq!(
                kline["T"].as_i64().map(|time| time - kline["t"].as_i64().unwrap_or(0) + 1),
                Some(Interval::H1.milliseconds())
            );
            break;
        }
    }
    exchange.shutdown().await;
}

#[tokio::test]
async fn pings_must_be_answered_and_a_flood_is_not_borne() {
    let exchange =
        start(ExchangeConfig { ping_interval: Duration::from_millis(50), speed: 1.0, ..fast() }).await;
    let mut subscriber = Subscriber::connect(&exchange, "/ws/btcusdt@kline_15m").await;
    let message = loop {
        match subscriber.message().await {
            Some(Message::Ping(payload)) => break payload,
            Some(Message::Text(_)) => (),
            other => panic!("expected a ping, got {other:?}"),
        }
    };
    assert!(!message.is_empty(), "a ping carries the time");
    // Whoever does not read does not answer either.
    let mut silent = Subscriber::connect(&exchange, "/ws").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let reason = loop {
        match silent.message().await {
            Some(Message::Close(frame)) => break frame.map(|frame| frame.reason.to_string()),
            Some(_) => (),
            None => break None,
        }
    };
    assert_eq!(reason.as_deref(), Some("pings are not answered"));
    let mut flood = Subscriber::connect(&exchange, "/ws").await;
    for id in 0..8 {
        flood.send(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#)).await;
    }
    let mut answers = 0;
    while flood.next().await.is_some() {
        answers += 1;
    }
    assert!(answers <= 5, "{answers} answers before the connection was closed");
    exchange.shutdown().await;
}

#[tokio::test]
async fn subscribers_are_told_of_a_shutdown() {
    let exchange = start(ExchangeConfig { speed: 1.0, ..fast() }).await;
    let mut subscriber = Subscriber::connect(&exchange, "/stream?streams=btcusdt@kline_15m").await;
    let stopping = tokio::spawn(exchange.shutdown());
    let notice = subscriber.next().await.expect("a notice");
    assert_eq!(notice["stream"], json!("!serverShutdown"));
    assert_eq!(notice["data"]["e"], json!("serverShutdown"));
    assert_eq!(subscriber.next().await, None);
    stopping.await.expect("the exchange stops");
}
