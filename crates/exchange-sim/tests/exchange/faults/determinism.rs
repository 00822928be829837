//! The same plan and the same inputs give the same bytes.

use std::collections::BTreeSet;

use exchange_sim::{Delivery, ExchangeConfig, FaultKind, FaultPlan, VirtualExchange};

use super::virtual_client::{Client, DAY, START, config};

const STREAMS: &str = "/stream?streams=btcusdt@kline_15m/ethusdt@kline_15m/ethusdt@kline_1h";

/// Two new connections a day of a client that never answers anything, moved on by `step`.
fn bytes(seed: u64, step: i64) -> (Vec<Delivery>, String) {
    let config = ExchangeConfig { ping_interval: std::time::Duration::MAX, ..config(6, Some(300_000)) };
    let mut exchange = VirtualExchange::new(config, FaultPlan::all(seed, 2.0)).expect("a valid plan");
    let mut arrived = Vec::new();
    for day in 1..=5 {
        for path in [STREAMS, "/ws/solusdt@kline_15m"] {
            let _ = exchange.connect(path);
        }
        while exchange.now() < START + day * DAY {
            let to = (exchange.now() + step).min(START + day * DAY);
            exchange.advance(to, &mut arrived);
        }
    }
    (arrived, format!("{:?}", exchange.log()))
}

#[test]
fn the_steps_of_the_caller_s_time_change_nothing() {
    let (arrived, log) = bytes(3, DAY);
    assert!(arrived.len() > 1_000, "{}", arrived.len());
    assert!(arrived.windows(2).all(|pair| pair[0].at <= pair[1].at), "in order of time");
    for step in [7_777, 900_000] {
        let (again, same_log) = bytes(3, step);
        assert_eq!(arrived, again);
        assert_eq!(log, same_log);
    }
    assert_ne!(bytes(4, DAY), (arrived, log));
}

#[test]
fn all_faults_together_leave_rest_right() {
    let run = |seed| Client::new(FaultPlan::all(seed, 1.5), 24, Some(60_000)).run_days(20);
    let mut client = run(5);
    let again = run(5);
    assert_eq!(client.arrived, again.arrived);
    assert_eq!(client.exchange.log(), again.exchange.log());
    let kinds: BTreeSet<FaultKind> = client.exchange.log().iter().map(|entry| entry.kind).collect();
    // The client of this test asks nothing while it runs; refusals show in its handshakes at most.
    let of_requests = [
        FaultKind::TooManyRequests,
        FaultKind::Banned,
        FaultKind::LegalBlock,
        FaultKind::ServerErrors,
        FaultKind::HtmlAnswers,
    ];
    for kind in FaultKind::ALL.into_iter().filter(|kind| !of_requests.contains(kind)) {
        assert!(kinds.contains(&kind), "{kind} was never injected");
    }
    client.rest_is_right();
}
