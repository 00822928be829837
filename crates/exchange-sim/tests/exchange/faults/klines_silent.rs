//! Klines of which nothing new is told, while trades go on.

use exchange_sim::FaultKind;

use super::virtual_client::{Client, PAIRS, START, STEP, symbol};

#[test]
fn klines_stop_by_frame_and_by_rest_and_trades_go_on() {
    let mut client = Client::of(FaultKind::KlinesSilent, 3.0, 9, Some(60_000)).run_days(8);
    let (frames, log) = (client.frames(), client.log(FaultKind::KlinesSilent));
    assert!(log.iter().any(|entry| entry.symbol.is_none()) && log.iter().any(|entry| entry.symbol.is_some()));
    for entry in &log {
        let told = frames.iter().find(|frame| {
            (entry.start..entry.end).contains(&frame.at)
                && entry.symbol.is_none_or(|struck| struck == frame.symbol)
        });
        assert_eq!(told, None, "{entry:?}");
    }
    client.rest_is_right();
}

#[test]
fn rest_answers_no_bar_that_closed_meanwhile_until_it_is_over() {
    let mut client = Client::of(FaultKind::KlinesSilent, 3.0, 9, Some(60_000));
    let mut untold = 0;
    while client.exchange.now() < START + 6 * 96 * STEP {
        client.run_to(client.exchange.now() + STEP);
        let now = client.exchange.now();
        let open_time = now - STEP;
        for name in PAIRS {
            let open = client.exchange.log().iter().find(|entry| {
                (entry.start..entry.end).contains(&now)
                    && entry.start < now
                    && entry.symbol.is_none_or(|struck| struck == symbol(name))
            });
            let silent = open.is_some();
            let path = format!("/api/v3/aggTrades?symbol={name}&startTime={open_time}&endTime={}", now - 1);
            let (status, trades) = client.get(&path).expect("an answer");
            let volume: f64 = trades
                .as_array()
                .expect("rows")
                .iter()
                .filter_map(|trade| trade["q"].as_str()?.parse::<f64>().ok())
                .sum();
            let truth = client.truth(symbol(name), open_time);
            assert!(status == 200 && (volume - truth.volume).abs() < 1e-6 * truth.volume, "trades go on");
            if silent {
                assert_eq!(client.row(symbol(name), open_time), None, "{name} at {open_time}");
                untold += 1;
            } else {
                assert_eq!(client.row(symbol(name), open_time), Some((truth.close, truth.volume)));
            }
        }
    }
    assert!(untold > 20, "{untold}");
}
