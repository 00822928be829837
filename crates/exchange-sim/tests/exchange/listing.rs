//! Symbols that come and go.

use exchange_sim::{ExchangeConfig, ExchangeError, FaultPlan, Listing, VirtualExchange};
use kline::Interval;
use serde_json::Value;

use crate::client::{FIRST, STEP, recording, symbol};

fn ask(exchange: &mut VirtualExchange, path: &str) -> (u16, Value) {
    let answer = exchange.request(path).expect("an answer");
    (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
}

fn statuses(exchange: &mut VirtualExchange) -> Vec<(String, String)> {
    let (_, body) = ask(exchange, "/api/v3/exchangeInfo");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let symbols = body["symbols"].as_array().expect("symbols");
    symbols.iter().map(|symbol| (text(&symbol["symbol"]), text(&symbol["status"]))).collect()
}

fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[test]
fn a_delisted_symbol_breaks_and_its_successor_begins() {
    let change = FIRST + 40 * STEP;
    let listing = Listing {
        symbol: symbol("MATICUSDT"),
        from: None,
        until: Some(change),
        successor: Some(symbol("BTCUSDT")),
    };
    let config = ExchangeConfig {
        listings: vec![listing],
        ..ExchangeConfig::recorded(recording(100), FIRST + 30 * STEP)
    };
    let mut exchange = VirtualExchange::new(config.clone(), FaultPlan::none()).expect("a valid listing");
    assert_eq!(statuses(&mut exchange), said(&[("MATICUSDT", "TRADING")]));
    let path = "/api/v3/klines?symbol=BTCUSDT&interval=15m";
    assert_eq!(ask(&mut exchange, path).1["code"], -1121, "not known before its listing");
    let mut arrived = Vec::new();
    let line = exchange.connect("/ws/btcusdt@kline_15m/maticusdt@kline_15m").expect("a connection");
    exchange.advance(change + 5 * STEP + 1_000, &mut arrived);
    assert_eq!(statuses(&mut exchange), said(&[("BTCUSDT", "TRADING"), ("MATICUSDT", "BREAK")]));
    assert_eq!(ask(&mut exchange, path).1[0][0], change, "the first bar is the listing's");
    let (_, rows) = ask(&mut exchange, "/api/v3/klines?symbol=MATICUSDT&interval=15m");
    let last = rows.as_array().and_then(|rows| rows.last()).expect("its past");
    assert_eq!(last[0], change - STEP);
    assert!(arrived.iter().all(|delivery| delivery.line == line) && arrived.len() > 10);

    let unknown = Listing { symbol: symbol("DOGEUSDT"), ..listing };
    let config = ExchangeConfig { listings: vec![unknown], ..config };
    let refused = VirtualExchange::new(config, FaultPlan::none());
    assert!(matches!(refused, Err(ExchangeError::Listing(_))));
}

#[test]
fn a_recorded_symbol_that_ends_long_before_the_others_is_delisted() {
    let mut klines = recording(2_000);
    let matic = klines.get_mut(&symbol("MATICUSDT")).expect("recorded");
    matic.truncate(500);
    let end = matic.last().expect("bars").close_time + 1;
    let config = ExchangeConfig::recorded(klines, end - Interval::H1.milliseconds());
    let mut exchange = VirtualExchange::new(config, FaultPlan::none()).expect("a valid recording");
    assert_eq!(statuses(&mut exchange), said(&[("BTCUSDT", "TRADING"), ("MATICUSDT", "TRADING")]));
    exchange.advance(end, &mut Vec::new());
    assert_eq!(statuses(&mut exchange), said(&[("BTCUSDT", "TRADING"), ("MATICUSDT", "BREAK")]));
}
