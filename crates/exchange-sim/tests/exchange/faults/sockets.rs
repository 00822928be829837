//! Every fault over real sockets, seen by a client that reads single websocket frames.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use exchange_sim::{Exchange, ExchangeConfig, FaultKind, FaultPlan};
use serde_json::Value;

use crate::client::{FIRST, STEP, recording, start, symbol};
use crate::faults::raw_socket::{Heard, RawSocket, get};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
const STREAMS: &str = "/stream?streams=btcusdt@kline_15m/maticusdt@kline_15m";
const KLINES: &str = "/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=3";

async fn exchange(kind: FaultKind, per_day: f64, speed: f64) -> Exchange {
    start(ExchangeConfig {
        speed,
        faults: Some(FaultPlan { seed: 5, kinds: vec![kind], per_day, until: None }),
        ping_interval: Duration::from_millis(250),
        request_weight_limit: u32::MAX,
        ..ExchangeConfig::recorded(recording(20_000), FIRST + 100 * STEP)
    })
    .await
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it shows in time")
}

/// The log holds the kind alone.
async fn stop(exchange: Exchange, kind: FaultKind) {
    let log = in_time(exchange.faults_after(0)).await;
    assert!(log.iter().all(|entry| entry.kind == kind), "{log:?}");
    exchange.shutdown().await;
}

/// Follows both pairs, connecting again when a connection ends, until `seen` says that the fault has shown.
async fn follow(kind: FaultKind, per_day: f64, speed: f64, mut seen: impl FnMut(&Exchange, &Heard) -> bool) {
    let exchange = exchange(kind, per_day, speed).await;
    in_time(async {
        loop {
            let mut socket = RawSocket::open(&exchange, STREAMS).await.expect("a websocket");
            loop {
                let heard = socket.hear().await;
                if seen(&exchange, &heard) {
                    return;
                }
                if matches!(heard, Heard::Closed(_) | Heard::Broken(_)) {
                    break;
                }
            }
        }
    })
    .await;
    stop(exchange, kind).await;
}

/// Event time, opening and close of a closed BTCUSDT kline.
fn closed(heard: &Heard) -> Option<(i64, i64, f64)> {
    let Heard::Text(text, _) = heard else { return None };
    let value: Value = serde_json::from_str(text).ok()?;
    let (event, kline) = (&value["data"], &value["data"]["k"]);
    if kline["x"] != true || event["s"] != "BTCUSDT" {
        return None;
    }
    Some((event["E"].as_i64()?, kline["t"].as_i64()?, kline["c"].as_str()?.parse().ok()?))
}

#[tokio::test]
async fn finals_come_late_twice_out_of_order_or_never() {
    follow(FaultKind::LateFinal, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(event, open, _)| event - open - STEP > 1_500)
    })
    .await;
    let mut last = i64::MAX;
    follow(FaultKind::MissingFinal, 30.0, 3_600.0, |_, heard| {
        let Some((_, open, _)) = closed(heard) else { return false };
        open > std::mem::replace(&mut last, open).saturating_add(STEP)
    })
    .await;
    let mut last = 0;
    follow(FaultKind::DuplicateFinal, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(_, open, _)| open == std::mem::replace(&mut last, open))
    })
    .await;
    let mut last = 0;
    follow(FaultKind::ReorderedFinals, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(_, open, _)| open < std::mem::replace(&mut last, open))
    })
    .await;
}

#[tokio::test]
async fn finals_are_untrue_or_early() {
    let recorded = recording(20_000).remove(&symbol("BTCUSDT")).expect("recorded");
    let truth = |open: i64| recorded[usize::try_from((open - FIRST) / STEP).expect("a recorded bar")].close;
    follow(FaultKind::CorrectedFinal, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(_, open, close)| close.to_bits() != truth(open).to_bits())
    })
    .await;
    follow(FaultKind::PartialAsClosed, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(event, open, _)| event < open + STEP)
    })
    .await;
}

#[tokio::test]
async fn connections_break_close_or_fall_silent() {
    follow(FaultKind::Reset, 90.0, 3_600.0, |_, heard| {
        matches!(heard, Heard::Broken(std::io::ErrorKind::ConnectionReset))
    })
    .await;
    let mut told = false;
    follow(FaultKind::ServerShutdown, 90.0, 3_600.0, |_, heard| {
        told |= matches!(heard, Heard::Text(text, _) if text.contains(r#""stream":"!serverShutdown""#));
        told && *heard == Heard::Closed(1001)
    })
    .await;
    let mut pings = 0;
    follow(FaultKind::Silence, 60.0, 900.0, |_, heard| {
        pings = if matches!(heard, Heard::Ping) { pings + 1 } else { 0 };
        pings == 6
    })
    .await;
}

#[tokio::test]
async fn on_a_half_open_socket_nothing_more_is_heard() {
    let exchange = exchange(FaultKind::HalfOpen, 40.0, 3_600.0).await;
    let mut socket = RawSocket::open(&exchange, STREAMS).await.expect("a websocket");
    let silent = in_time(async {
        loop {
            // Four pings and eight closing frames would have come in a second.
            match tokio::time::timeout(Duration::from_secs(1), socket.hear()).await {
                Ok(Heard::Closed(_) | Heard::Broken(_)) => return false,
                Ok(_) => (),
                Err(_) => return true,
            }
        }
    })
    .await;
    assert!(silent, "it neither ends nor speaks");
    socket.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), socket.hear()).await.is_err());
    assert!(RawSocket::open(&exchange, STREAMS).await.is_ok(), "a new one is accepted");
    stop(exchange, FaultKind::HalfOpen).await;
}

#[tokio::test]
async fn frames_are_slow_torn_in_fragments_or_all_at_once() {
    let mut last = 0;
    follow(FaultKind::SlowFrames, 4_000.0, 60.0, |exchange, heard| {
        let Heard::Text(text, _) = heard else { return false };
        let value: Value = serde_json::from_str(text).expect("JSON");
        let event = value["data"]["E"].as_i64().expect("E");
        assert!(event >= std::mem::replace(&mut last, event) - 60, "in order");
        exchange.now() - event > 10_000
    })
    .await;
    let (mut torn, mut fragments) = (false, false);
    follow(FaultKind::TornFrames, 90.0, 3_600.0, |_, heard| {
        if let Heard::Text(text, parts) = heard {
            let json = serde_json::from_str::<Value>(text).is_ok();
            torn |= !json && *parts == 1;
            fragments |= json && *parts > 1;
        }
        torn && fragments
    })
    .await;
    let (mut bar, mut frames) = (0, 0);
    follow(FaultKind::Flood, 40.0, 3_600.0, |_, heard| {
        let Heard::Text(text, _) = heard else { return false };
        let value: Value = serde_json::from_str(text).expect("JSON");
        let open = value["data"]["k"]["t"].as_i64().expect("t");
        frames = if std::mem::replace(&mut bar, open) == open { frames + 1 } else { 0 };
        frames > 150
    })
    .await;
}

/// Asks until every status has been answered; a request that is not answered counts as 0.
async fn ask_until(kind: FaultKind, statuses: &[u16], usual: impl Fn(&str, &str) -> bool) {
    let exchange = exchange(kind, 400.0, 3_600.0).await;
    let mut missing: BTreeSet<u16> = statuses.iter().copied().collect();
    in_time(async {
        while !missing.is_empty() {
            match tokio::time::timeout(Duration::from_secs(2), get(&exchange, KLINES)).await {
                Err(_) => {
                    missing.remove(&0);
                }
                Ok((status, head, body)) => {
                    assert!(status == 200 || statuses.contains(&status), "{kind}: {status}");
                    let rows = serde_json::from_str::<Value>(&body).is_ok_and(|body| body[0][0].is_i64());
                    if !rows {
                        assert!(usual(&head, &body), "{kind}: {head}\n{body}");
                        missing.remove(&status);
                    }
                }
            }
        }
    })
    .await;
    stop(exchange, kind).await;
}

#[tokio::test]
async fn requests_are_refused_fail_or_get_html() {
    let retry = |head: &str, body: &str| head.contains("\nretry-after: ") && body.contains("-1003");
    ask_until(FaultKind::TooManyRequests, &[429], retry).await;
    ask_until(FaultKind::Banned, &[418], retry).await;
    ask_until(FaultKind::LegalBlock, &[451], |_, body| body.contains("restricted location")).await;
    ask_until(FaultKind::ServerErrors, &[0, 500, 502, 503, 504], |_, _| true).await;
    let html = |head: &str, body: &str| head.contains("text/html") && body.starts_with("<!DOCTYPE html>");
    ask_until(FaultKind::HtmlAnswers, &[200, 502], html).await;
}

#[tokio::test]
async fn a_handshake_is_refused_with_the_request_s_answer() {
    let exchange = exchange(FaultKind::Banned, 400.0, 3_600.0).await;
    let refused = in_time(async {
        loop {
            if let Err(status) = RawSocket::open(&exchange, STREAMS).await {
                return status;
            }
        }
    });
    assert_eq!(refused.await, 418);
    stop(exchange, FaultKind::Banned).await;
}

/// Asks a path until the answer shows the fault.
async fn look(
    kind: FaultKind,
    (per_day, speed): (f64, f64),
    path: &str,
    shows: impl Fn(&Exchange, &Value) -> bool,
) {
    let exchange = exchange(kind, per_day, speed).await;
    in_time(async {
        loop {
            let (_, _, body) = get(&exchange, path).await;
            if shows(&exchange, &serde_json::from_str(&body).expect("JSON")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop(exchange, kind).await;
}

#[tokio::test]
async fn times_jump_units_change_and_symbols_are_halted() {
    look(FaultKind::ClockJump, (400.0, 60.0), "/api/v3/time", |exchange, body| {
        (body["serverTime"].as_i64().expect("a time") - exchange.now()).abs() > 15_000
    })
    .await;
    look(FaultKind::MicrosecondStamps, (60.0, 3_600.0), KLINES, |_, body| {
        body[0][0].as_i64().expect("a time") > 1_000 * FIRST
    })
    .await;
    follow(FaultKind::MicrosecondStamps, 60.0, 3_600.0, |_, heard| {
        closed(heard).is_some_and(|(event, open, _)| event > 1_000 * FIRST && open > 1_000 * FIRST)
    })
    .await;
    look(FaultKind::SymbolHalt, (12.0, 3_600.0), "/api/v3/exchangeInfo", |_, body| {
        let status = |at: usize| body["symbols"][at]["status"].as_str().unwrap_or("TRADING") != "TRADING";
        status(0) || status(1)
    })
    .await;
}
