//! Connections that fall silent, break or are closed.

use exchange_sim::{Delivered, FaultEntry, FaultKind, LineId};

use super::virtual_client::{Client, DAY, HOUR, START};

fn after(client: &Client, line: LineId, time: i64) -> usize {
    client.arrived.iter().filter(|delivery| delivery.line == line && delivery.at > time).count()
}

#[test]
fn nothing_more_comes_on_a_half_open_socket() {
    let mut client = Client::of(FaultKind::HalfOpen, 1.0, 42, Some(600_000));
    let (mut alone, mut silenced) = (0, 0);
    for day in 0..40 {
        let known = client.exchange.log().len();
        client.run_to(START + (day + 1) * DAY);
        let entries: Vec<FaultEntry> = client.exchange.log()[known..].to_vec();
        for entry in &entries {
            let line = entry.line.expect("a line");
            assert_eq!((entry.kind, entry.end), (FaultKind::HalfOpen, i64::MAX));
            assert_eq!(after(&client, line, entry.start), 0, "no frame, no ping, no close");
            client.exchange.send(line, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
            client.exchange.pong(line);
            let well =
                client.lines.iter().find(|other| entries.iter().all(|entry| entry.line != Some(**other)));
            alone += usize::from(well.is_some_and(|well| after(&client, *well, entry.start) > 0));
            silenced += 1;
        }
        client.run_to(client.exchange.now() + 10_000);
        for line in entries.iter().filter_map(|entry| entry.line) {
            assert_eq!(after(&client, line, client.exchange.now() - 10_000), 0, "no answer to a command");
            client.exchange.disconnect(line);
            client.lines.retain(|other| *other != line);
        }
        client.arrived.clear();
        client.forget_seen();
    }
    assert!(silenced > 20 && alone > 5, "{silenced} silenced, {alone} beside a healthy one");
    client.rest_is_right();
}

#[test]
fn a_reset_connection_is_gone_without_a_close() {
    let mut client = Client::of(FaultKind::Reset, 6.0, 12, Some(60_000)).run_days(10);
    let resets: Vec<(LineId, i64)> = client
        .arrived
        .iter()
        .filter(|delivery| delivery.what == Delivered::Reset)
        .map(|delivery| (delivery.line, delivery.at))
        .collect();
    let log = client.log(FaultKind::Reset);
    let logged: Vec<(LineId, i64)> =
        log.iter().map(|entry| (entry.line.expect("a line"), entry.start)).collect();
    assert!(resets.len() > 20);
    assert_eq!(resets, logged);
    assert!(resets.iter().all(|(line, at)| after(&client, *line, *at) == 0));
    let pairs = resets.windows(2).filter(|pair| pair[0].1 == pair[1].1).count();
    assert!(pairs > 0 && pairs * 2 < resets.len(), "both at once, or one alone");
    client.rest_is_right();
}

#[test]
fn a_shutdown_is_announced_and_frames_come_until_the_close() {
    let mut client = Client::of(FaultKind::ServerShutdown, 8.0, 6, Some(2_500)).run_days(2);
    let log = client.log(FaultKind::ServerShutdown);
    for entry in log.iter().filter(|entry| entry.end < START + 2 * DAY) {
        let line = entry.line.expect("a line");
        let of_line: Vec<_> = client
            .arrived
            .iter()
            .filter(|delivery| delivery.line == line && (entry.start..=entry.end).contains(&delivery.at))
            .collect();
        let notice = of_line.iter().filter(|delivery| {
            let Delivered::Text(text) = &delivery.what else { return false };
            text.starts_with(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":"#)
        });
        assert!(notice.count() >= 1, "{entry:?}");
        assert!(of_line.len() > 3, "frames go on");
        let closes =
            of_line.iter().filter(|delivery| matches!(delivery.what, Delivered::Closed { code: 1001, .. }));
        assert_eq!(closes.count(), 1, "{entry:?}");
        assert_eq!(after(&client, line, entry.end), 0);
        assert!((10_000..=600_000).contains(&(entry.end - entry.start)));
    }
    client.rest_is_right();
}

#[test]
fn in_a_silence_pings_go_on_and_no_frame_comes() {
    let mut client = Client::of(FaultKind::Silence, 3.0, 12, Some(60_000)).run_days(10);
    let (log, frames) = (client.log(FaultKind::Silence), client.frames());
    assert!(log.len() > 10);
    for entry in log.iter().filter(|entry| entry.end < START + 10 * DAY) {
        let line = entry.line.expect("a line");
        let within: Vec<_> = client
            .arrived
            .iter()
            .filter(|delivery| delivery.line == line && (entry.start..entry.end).contains(&delivery.at))
            .collect();
        assert!(entry.end - entry.start > 45 * 60_000);
        assert!(
            within.len() >= 4 && within.iter().all(|delivery| delivery.what == Delivered::Ping),
            "{entry:?}"
        );
        let next = frames.iter().find(|frame| frame.line == line && frame.at >= entry.end);
        let overlapping = log.iter().any(|other| {
            other.line == Some(line) && other.start <= entry.end + HOUR / 10 && other.end > entry.end
        });
        assert!(overlapping || next.is_some_and(|frame| frame.at < entry.end + 900_100), "frames come again");
    }
    client.rest_is_right();
}

#[test]
fn a_flood_brings_what_was_held_and_hundreds_more_at_once() {
    let mut client = Client::of(FaultKind::Flood, 3.0, 12, Some(60_000)).run_days(10);
    let (log, frames) = (client.log(FaultKind::Flood), client.frames());
    let (mut held, mut alone) = (0, 0);
    for entry in log.iter().filter(|entry| entry.end < START + 10 * DAY) {
        let line = entry.line.expect("a line");
        let of_line = |from: i64, to: i64| {
            frames.iter().filter(move |frame| frame.line == line && (from..to).contains(&frame.at))
        };
        assert_eq!(of_line(entry.start + 1, entry.end).count(), 0, "{entry:?}");
        let at_once: Vec<_> = of_line(entry.end, entry.end + 1).collect();
        assert!((200..2_000).contains(&at_once.len()), "{} frames", at_once.len());
        if entry.start == entry.end {
            alone += 1;
        } else {
            held += 1;
            let quarter = entry.start - entry.start.rem_euclid(900_000) + 900_000;
            if quarter < entry.end - 100 {
                assert!(
                    at_once.iter().any(|frame| frame.closed && frame.boundary() == quarter),
                    "finals were held"
                );
            }
        }
    }
    assert!(held > 5 && alone > 5, "{held} after a hold, {alone} alone");
    client.rest_is_right();
}
