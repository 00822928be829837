//! Requests that are refused, fail or are answered with something else.

use exchange_sim::{Answer, FaultKind};
use serde_json::Value;

use super::virtual_client::{Client, START};

const PATH: &str = "/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=3";

/// Asks every 20 seconds for some days; every answer that is not the usual one is in the log's times, and every
/// entry has shown. Returns those answers; `None` is a request that was never answered.
fn unusual(kind: FaultKind, days: i64) -> Vec<Option<Answer>> {
    let mut client = Client::of(kind, 4.0, days + 8, None);
    let (mut found, mut struck) = (Vec::new(), std::collections::BTreeSet::new());
    for turn in 1..days * 24 * 180 {
        client.run_to(START + turn * 20_000);
        let now = client.exchange.now();
        let answer = client.exchange.request(PATH);
        let rows = answer.as_ref().and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
        if rows.as_ref().and_then(Value::as_array).is_some_and(|rows| rows.len() == 3) {
            continue;
        }
        let log = client.exchange.log();
        let entry = log.iter().rposition(|entry| entry.start <= now && now < entry.end);
        struck.insert(entry.unwrap_or_else(|| panic!("{kind} at {now} without an entry: {answer:?}")));
        if let Some(retry) = answer.as_ref().and_then(|answer| answer.header("retry-after")) {
            let seconds: i64 = retry.parse().expect("seconds");
            let end =
                log.iter().filter(|entry| now < entry.end).map(|entry| entry.end).max().expect("an entry");
            assert!(now + seconds * 1_000 <= end + 1_000 && seconds >= 1, "{seconds}");
        }
        found.push(answer);
    }
    // What a handshake meets is in the log too: the client connects once here and is never dropped.
    assert_eq!(struck.len(), client.log(kind).len(), "every entry has shown");
    client.rest_is_right();
    found
}

fn statuses(answers: &[Option<Answer>]) -> std::collections::BTreeSet<u16> {
    answers.iter().flatten().map(|answer| answer.status).collect()
}

#[test]
fn too_many_requests_and_bans_tell_when_to_come_back() {
    for (kind, status) in [(FaultKind::TooManyRequests, 429), (FaultKind::Banned, 418)] {
        let found = unusual(kind, 8);
        assert!(found.len() > 20, "{kind}: {}", found.len());
        for answer in &found {
            let answer = answer.as_ref().expect("refusals are answers");
            assert_eq!(answer.status, status);
            let seconds: i64 =
                answer.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
            assert!(seconds <= 3_600);
            let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert_eq!(body["code"], -1003);
        }
    }
}

#[test]
fn a_legal_block_lasts_and_names_no_time() {
    let found = unusual(FaultKind::LegalBlock, 8);
    assert!(found.len() > 100 && statuses(&found) == [451].into());
    assert!(found.iter().flatten().all(|answer| answer.header("retry-after").is_none()));
}

#[test]
fn servers_fail_in_every_way_and_sometimes_never_answer() {
    let found = unusual(FaultKind::ServerErrors, 20);
    assert_eq!(statuses(&found), [500, 502, 503, 504].into());
    assert!(found.iter().any(Option::is_none));
}

#[test]
fn html_comes_with_200_and_with_502() {
    let found = unusual(FaultKind::HtmlAnswers, 20);
    assert_eq!(statuses(&found), [200, 502].into());
    for answer in found.iter().flatten() {
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[test]
fn a_handshake_is_refused_as_a_request_is() {
    let mut client = Client::of(FaultKind::Banned, 10.0, 4, None);
    let mut refused = 0;
    for minute in 1..3 * 1_440 {
        client.run_to(START + minute * 60_000);
        match client.exchange.connect("/ws/btcusdt@kline_15m") {
            Ok(line) => client.exchange.disconnect(line),
            Err(answer) => {
                assert_eq!(answer.status, 418);
                refused += 1;
            }
        }
    }
    assert!(refused > 10);
    let wrong =
        |path: &str| Client::of(FaultKind::Reset, 0.0, 2, None).exchange.connect(path).map_err(|a| a.status);
    assert_eq!(wrong("/socket"), Err(404));
    assert_eq!(wrong("/ws/btc\"usdt"), Err(400));
}
