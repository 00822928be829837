//! Frames that are slow, torn or tell other times.

use std::collections::BTreeMap;

use exchange_sim::{Delivered, Delivery, FaultKind, FaultPlan, LineId};
use serde_json::Value;

use super::virtual_client::{Client, DAY, START, symbol};

fn texts(client: &Client) -> BTreeMap<LineId, Vec<(i64, &str)>> {
    let mut found: BTreeMap<LineId, Vec<(i64, &str)>> = BTreeMap::new();
    for Delivery { at, line, what } in &client.arrived {
        if let Delivered::Text(text) = what {
            found.entry(*line).or_default().push((*at, text));
        }
    }
    found
}

#[test]
fn slow_frames_keep_their_order() {
    let mut client = Client::of(FaultKind::SlowFrames, 8.0, 12, Some(30_000)).run_days(10);
    let well = Client::new(FaultPlan::none(), 12, Some(30_000)).run_days(10);
    let (slow, usual) = (texts(&client), texts(&well));
    let log = client.log(FaultKind::SlowFrames);
    let mut slowed = 0;
    for (line, slow) in &slow {
        for ((at, text), (in_time, expected)) in slow.iter().zip(&usual[line]) {
            assert_eq!(text, expected, "the same frames in the same order");
            assert!((0..=90_000).contains(&(at - in_time)), "{} late", at - in_time);
            if at != in_time {
                slowed += 1;
                let told = log
                    .iter()
                    .any(|entry| entry.line == Some(*line) && entry.start <= *in_time && *at <= entry.end);
                assert!(told, "a slow frame at {at} that the log does not know");
            }
        }
        assert!(usual[line].len() - slow.len() < 50);
    }
    assert!(slowed > 1_000 && slowed < usual.values().map(Vec::len).sum::<usize>() / 2, "{slowed}");
    client.rest_is_right();
}

#[test]
fn torn_frames_are_no_json_and_the_socket_goes_on() {
    let mut client = Client::of(FaultKind::TornFrames, 8.0, 12, Some(60_000)).run_days(10);
    let (mut torn, mut cut, mut mixed) = (Vec::new(), 0, 0);
    for (line, texts) in texts(&client) {
        for (at, text) in texts {
            if serde_json::from_str::<Value>(text).is_err() {
                torn.push((at, Some(line)));
                if text.matches(r#""E":"#).count() > 1 { mixed += 1 } else { cut += 1 }
            }
        }
    }
    torn.sort_unstable();
    let log = client.log(FaultKind::TornFrames);
    let mut logged: Vec<_> = log.iter().map(|entry| (entry.start, entry.line)).collect();
    logged.sort_unstable();
    assert!(cut > 10 && mixed > 10, "{cut} cut, {mixed} mixed");
    assert_eq!(torn, logged);
    assert!(client.lines.iter().all(|line| line.number() < 2), "no connection was lost");
    client.rest_is_right();
}

#[test]
fn for_a_while_all_times_are_microseconds() {
    let mut client = Client::of(FaultKind::MicrosecondStamps, 3.0, 12, Some(60_000));
    let path = "/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=2";
    let mut rows = [0, 0];
    for quarter in 1..10 * 96 * 3 {
        client.run_to(START + quarter * 300_000);
        let (_, body) = client.get(path).expect("an answer");
        let (open, close) = (body[0][0].as_i64().expect("a time"), body[0][6].as_i64().expect("a time"));
        let micro = open > 1_000 * START;
        assert_eq!(close - open, if micro { 899_999_999 } else { 899_999 });
        rows[usize::from(micro)] += 1;
        let within = client
            .exchange
            .log()
            .iter()
            .any(|entry| entry.start <= client.exchange.now() && client.exchange.now() < entry.end);
        assert_eq!(micro, within);
    }
    assert!(rows[0] > 100 && rows[1] > 30, "{rows:?}");
    let log = client.log(FaultKind::MicrosecondStamps);
    let mut micro = 0;
    for frame in client.frames() {
        let within = log.iter().any(|entry| entry.start <= frame.at && frame.at < entry.end);
        // A closing frame is written at the bar's end and leaves some milliseconds later.
        let edge =
            log.iter().any(|entry| (frame.at - entry.start).abs() < 60 || (frame.at - entry.end).abs() < 60);
        assert!(edge || (frame.open_time > 1_000 * START) == within, "{frame:?}");
        assert_eq!(frame.open_time > 1_000 * START, frame.event_time > 1_000 * START);
        micro += usize::from(within);
    }
    assert!(micro > 100);
    client.rest_is_right();
}

#[test]
fn the_exchange_s_clock_jumps_and_comes_back() {
    let mut client = Client::of(FaultKind::ClockJump, 3.0, 12, Some(60_000));
    let (mut ahead, mut behind) = (0, 0);
    for quarter in 1..10 * 96 * 3 {
        client.run_to(START + quarter * 300_000);
        let (_, body) = client.get("/api/v3/time").expect("an answer");
        let offset = body["serverTime"].as_i64().expect("a time") - client.exchange.now();
        let now = client.exchange.now();
        let jumps =
            client.exchange.log().iter().filter(|entry| entry.start <= now && now < entry.end).count();
        assert!(jumps > 1 || (offset != 0) == (jumps == 1), "{offset} in {jumps} jumps");
        assert!(jumps > 1 || offset == 0 || (1_000..=60_000).contains(&offset.abs()));
        ahead += usize::from(offset > 0);
        behind += usize::from(offset < 0);
    }
    assert!(ahead > 10 && behind > 10, "{ahead} ahead, {behind} behind");
    let log = client.log(FaultKind::ClockJump);
    let jumped = client.frames().into_iter().filter(|frame| (frame.event_time - frame.at).abs() > 100);
    let mut count = 0;
    for frame in jumped {
        assert!(
            log.iter().any(|entry| entry.start - 60 <= frame.at && frame.at < entry.end + 60),
            "{frame:?}"
        );
        assert_eq!(frame.open_time.rem_euclid(900_000), 0, "bars keep their times");
        count += 1;
    }
    assert!(count > 100);
    let end = START + 10 * DAY;
    assert!(client.exchange.truth(symbol("BTCUSDT"), START, end).len() >= 10 * 96 - 3);
    client.rest_is_right();
}
