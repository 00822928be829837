//! Replay at speed 0: nothing is lost, in order, however slowly the subscriber reads.

use std::collections::BTreeMap;
use std::time::Duration;

use exchange_sim::{ExchangeConfig, MarketSource};
use serde_json::json;

use crate::client::{FIRST, STEP, Subscriber, get, number, recording, start};

#[tokio::test]
async fn every_close_arrives_in_order_once_all_streams_are_followed() {
    let (bars, before) = (900, 20);
    let config = ExchangeConfig::recorded(recording(bars), FIRST + before * STEP);
    let exchange = start(ExchangeConfig { speed: 0.0, ..config }).await;
    let mut early = Subscriber::connect(&exchange, "/ws/btcusdt@kline_15m").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(exchange.now(), FIRST + before * STEP, "the clock waits for the second stream");
    let (_, _, rows) = get(&exchange, "/api/v3/klines?symbol=BTCUSDT&interval=15m").await;
    assert_eq!(rows.as_array().map(Vec::len), Some(usize::try_from(before).unwrap_or(0) + 1));
    let drain = tokio::spawn(async move { while early.next().await.is_some() {} });

    let mut subscriber =
        Subscriber::connect(&exchange, "/stream?streams=btcusdt@kline_15m/maticusdt@kline_15m").await;
    let mut received: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let (mut bar, recorded) = (0, recording(bars));
    loop {
        let frame = subscriber.next().await.expect("a frame");
        let kline = &frame["data"]["k"];
        let open_time = kline["t"].as_i64().expect("t");
        assert!(open_time >= bar, "a frame of an earlier bar after one of a later");
        bar = open_time;
        if kline["x"] == json!(true) {
            let name = kline["s"].as_str().expect("a symbol");
            let whole = recorded[&crate::client::symbol(name)]
                .iter()
                .find(|whole| whole.open_time == open_time)
                .expect("recorded");
            assert_eq!(number(&kline["v"]).to_bits(), whole.volume.to_bits());
            received.entry(name.to_owned()).or_default().push(open_time);
            if name == "BTCUSDT" && open_time == FIRST + (bars - 1) * STEP {
                break;
            }
            if open_time == FIRST + 500 * STEP {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }
    for (symbol, klines) in recorded {
        let expected: Vec<i64> =
            klines.iter().map(|k| k.open_time).filter(|t| *t >= FIRST + before * STEP).collect();
        let got = received.remove(symbol.as_str()).unwrap_or_default();
        let last = if symbol.as_str() == "BTCUSDT" { expected.len() } else { got.len() };
        assert_eq!(got, expected[..last], "{symbol}");
        assert!(expected.len() - last <= 1);
    }
    exchange.finished().await;
    exchange.shutdown().await;
    drain.await.expect("the early subscriber ends");
}

#[tokio::test]
async fn the_synthetic_market_goes_on_for_ever() {
    let config = ExchangeConfig::synthetic(7);
    let start_time = ExchangeConfig::DEFAULT_START;
    let market = MarketSource::Synthetic { seed: 7, history_days: 3 };
    let exchange = start(ExchangeConfig { market, speed: 0.0, ..config }).await;
    let (_, _, rows) = get(&exchange, "/api/v3/klines?symbol=POLUSDT&interval=15m&limit=1000").await;
    assert_eq!(rows.as_array().map(Vec::len), Some(3 * 96 + 1));
    let streams: Vec<String> = exchange_sim::synthetic::PAIRS
        .iter()
        .map(|name| format!("{}@kline_15m", name.to_lowercase()))
        .collect();
    let mut subscriber =
        Subscriber::connect(&exchange, &format!("/stream?streams={}", streams.join("/"))).await;
    let mut closes: BTreeMap<i64, usize> = BTreeMap::new();
    let begun = std::time::Instant::now();
    while closes.values().sum::<usize>() < 10 * 96 * 3 {
        let frame = subscriber.next().await.expect("a frame");
        let kline = &frame["data"]["k"];
        if kline["x"] == json!(true) {
            assert!(kline["n"].as_i64().is_some_and(|trades| trades > 0));
            assert!(number(&kline["V"]) <= number(&kline["v"]) && number(&kline["Q"]) <= number(&kline["q"]));
            *closes.entry(kline["t"].as_i64().expect("t")).or_default() += 1;
        }
    }
    println!("three days of ten pairs replayed in {:?}", begun.elapsed());
    assert_eq!(closes.keys().next(), Some(&start_time));
    assert!(closes.values().all(|count| *count == 10), "all ten pairs of a bar before the next bar");
    exchange.shutdown().await;
}
