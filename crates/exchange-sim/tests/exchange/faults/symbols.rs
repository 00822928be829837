//! A symbol that is halted.

use std::collections::BTreeSet;

use exchange_sim::FaultKind;

use super::virtual_client::{Client, DAY, HOUR, PAIRS, START, STEP, market, symbol};

#[test]
fn a_halted_symbol_has_no_klines_and_says_so() {
    let kind = FaultKind::SymbolHalt;
    let mut client = Client::of(kind, 1.0, 24, Some(600_000));
    let mut said = BTreeSet::new();
    for quarter in 0..20 * 96 {
        let now = START + quarter * STEP + STEP / 2;
        client.run_to(now);
        let (_, body) = client.get("/api/v3/exchangeInfo").expect("an answer");
        for (at, name) in PAIRS.iter().enumerate() {
            let status = body["symbols"][at]["status"].as_str().expect("a status").to_owned();
            let halted = client
                .exchange
                .log()
                .iter()
                .any(|entry| entry.symbol == Some(symbol(name)) && entry.start <= now && now < entry.end);
            assert_eq!(status != "TRADING", halted, "{name} at {now}: {status}");
            said.insert(status);
        }
    }
    let expected: BTreeSet<String> = ["BREAK", "HALT", "TRADING"].map(str::to_owned).into();
    assert_eq!(said, expected);
    let log = client.log(kind);
    assert!(log.iter().all(|entry| (HOUR..=8 * HOUR).contains(&(entry.end - entry.start))));
    let halted = |name: &str, time: i64| {
        log.iter().any(|entry| entry.symbol == Some(symbol(name)) && entry.start <= time && time < entry.end)
    };
    for name in PAIRS {
        let whole = &market(24)[&symbol(name)];
        let end = START + 19 * DAY;
        let expected: Vec<i64> = whole
            .iter()
            .map(|kline| kline.open_time)
            .filter(|open| (START..end).contains(open) && !halted(name, *open))
            .collect();
        let truth: Vec<i64> =
            client.exchange.truth(symbol(name), START, end).iter().map(|kline| kline.open_time).collect();
        assert!(truth.len() < 19 * 96, "{name} was never halted");
        assert_eq!(truth, expected, "{name}");
    }
    assert!(client.frames().iter().all(|frame| !halted(frame.symbol.as_str(), frame.open_time)));
    client.rest_is_right();
}
