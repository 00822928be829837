//! Closing frames that are late, missing, repeated, out of order or untrue.

use std::collections::{BTreeMap, BTreeSet};

use exchange_sim::{FaultKind, LineId};
use kline::Symbol;

use super::virtual_client::{Client, DAY, Frame, PAIRS, START, STEP, USUAL};

const DAYS: i64 = 20;

/// The finals that each connection should have had, of bars that ended well before the end.
fn expected(client: &Client) -> BTreeSet<(LineId, Symbol, i64)> {
    let bars = DAYS * 96 - 8;
    let of_line = |line: LineId| {
        let of_pair = move |name: &str| {
            let symbol: Symbol = name.parse().expect("a name");
            (0..bars).map(move |bar| (line, symbol, START + bar * STEP))
        };
        PAIRS.into_iter().flat_map(of_pair)
    };
    client.lines.iter().copied().flat_map(of_line).collect()
}

fn by_key(finals: &[Frame]) -> BTreeMap<(LineId, Symbol, i64), Vec<Frame>> {
    let mut found: BTreeMap<_, Vec<Frame>> = BTreeMap::new();
    for frame in finals {
        found.entry(frame.key()).or_default().push(frame.clone());
    }
    found
}

#[test]
fn late_finals_come_once_and_some_after_the_next_bar_s() {
    let kind = FaultKind::LateFinal;
    let mut client = Client::of(kind, 6.0, DAYS + 2, None).run_days(DAYS);
    let (finals, log) = (client.finals(), client.log(kind));
    let found = by_key(&finals);
    assert!(found.values().all(|frames| frames.len() == 1));
    assert!(expected(&client).iter().all(|key| found.contains_key(key)), "none is lost");
    let logged: BTreeSet<_> = log.iter().map(|entry| (entry.line, entry.symbol, entry.end)).collect();
    let late = |frame: &&Frame| frame.at > frame.boundary() + USUAL;
    for frame in finals.iter().filter(late) {
        assert!(logged.contains(&(Some(frame.line), Some(frame.symbol), frame.at)), "{frame:?}");
        assert!((2_000..=1_500_000 + USUAL).contains(&(frame.at - frame.boundary())));
        assert!(frame.says(&client.truth(frame.symbol, frame.open_time)));
    }
    let arrived = log.iter().filter(|entry| entry.end <= START + DAYS * DAY).count();
    assert_eq!(finals.iter().filter(late).count(), arrived, "every entry is a late frame");
    let overtaken = finals.iter().filter(|frame| frame.at > frame.boundary() + STEP).count();
    assert!(overtaken > 0, "some come after the next bar's close");
    let (one, other) = (client.lines[0], client.lines[1]);
    let hits = |line| log.iter().filter(|entry| entry.line == Some(line)).count();
    assert!(
        hits(one) > 0 && hits(other) > 0 && hits(one) != hits(other),
        "one can be hit while the other is well"
    );
    client.rest_is_right();
}

#[test]
fn missing_finals_never_come_and_rest_has_them() {
    let kind = FaultKind::MissingFinal;
    let mut client = Client::of(kind, 6.0, DAYS + 2, None).run_days(DAYS);
    let found = by_key(&client.finals());
    let missing: BTreeSet<_> = expected(&client).into_iter().filter(|key| !found.contains_key(key)).collect();
    let log = client.log(kind);
    let logged: BTreeSet<_> = log
        .iter()
        .map(|entry| {
            let open_time = entry.start - entry.start.rem_euclid(STEP) - STEP;
            (entry.line.expect("a line"), entry.symbol.expect("a symbol"), open_time)
        })
        .collect();
    assert_eq!(logged.len(), log.len());
    let last = START + (DAYS * 96 - 8) * STEP;
    let logged: BTreeSet<_> = logged.into_iter().filter(|key| key.2 < last).collect();
    assert_eq!(missing, logged);
    client.rest_is_right();
}

#[test]
fn duplicate_finals_say_the_same() {
    let kind = FaultKind::DuplicateFinal;
    let mut client = Client::of(kind, 6.0, DAYS + 2, None).run_days(DAYS);
    let found = by_key(&client.finals());
    assert!(expected(&client).iter().all(|key| found.contains_key(key)));
    let (mut repeated, mut at_once, mut later) = (0, false, false);
    for frames in found.values().filter(|frames| frames.len() > 1) {
        assert!(frames.len() <= 4 && frames.iter().all(|frame| frame.event_time == frames[0].event_time));
        assert!(frames.iter().all(|frame| frame.says(&client.truth(frame.symbol, frame.open_time))));
        at_once |= frames.iter().all(|frame| frame.at == frames[0].at);
        later |= frames.iter().any(|frame| frame.at > frames[0].at);
        repeated += 1;
    }
    assert!(at_once && later);
    let over = client.log(kind).iter().filter(|entry| entry.end <= START + DAYS * DAY).count();
    assert_eq!(repeated, over);
    client.rest_is_right();
}

#[test]
fn reordered_finals_come_after_the_next_bar_s_or_change_places() {
    let kind = FaultKind::ReorderedFinals;
    let mut client = Client::of(kind, 8.0, DAYS + 2, None).run_days(DAYS);
    let finals = client.finals();
    let found = by_key(&finals);
    assert!(expected(&client).iter().all(|key| found.get(key).is_some_and(|frames| frames.len() == 1)));
    let order: BTreeMap<_, usize> = finals.iter().enumerate().map(|(at, frame)| (frame.key(), at)).collect();
    let later_bar_first = finals.iter().filter(|frame| {
        let next = order.get(&(frame.line, frame.symbol, frame.boundary()));
        next.is_some_and(|next| *next < order[&frame.key()])
    });
    assert!(later_bar_first.count() > 10);
    let swapped = finals.windows(2).filter(|pair| {
        pair[0].line == pair[1].line
            && pair[0].open_time == pair[1].open_time
            && pair[0].symbol > pair[1].symbol
    });
    assert!(swapped.count() > 10);
    let arrivals: BTreeSet<_> = finals.iter().map(|frame| (frame.line, frame.symbol, frame.at)).collect();
    let log = client.log(kind);
    for entry in log.iter().filter(|entry| entry.end <= START + DAYS * DAY) {
        let (line, symbol) = (entry.line.expect("a line"), entry.symbol.expect("a symbol"));
        assert!(arrivals.contains(&(line, symbol, entry.end)), "{entry:?}");
    }
    let logged: BTreeSet<_> = log.iter().map(|entry| (entry.line, entry.symbol, entry.end)).collect();
    let unusual = finals.iter().filter(|frame| frame.at > frame.boundary() + USUAL);
    assert!(unusual.into_iter().all(|frame| logged.contains(&(
        Some(frame.line),
        Some(frame.symbol),
        frame.at
    ))));
    client.rest_is_right();
}

/// Steps through untruths: while one holds REST answers what the frames said, then the truth. Says in how many the
/// truth came as a second frame, and in how many it did not.
fn follow_untruths(client: &mut Client, kind: FaultKind) -> (usize, usize) {
    let (mut with_frame, mut without, mut checked) = (0, 0, 0);
    for bar in 1..DAYS * 96 {
        let boundary = START + bar * STEP;
        client.run_to(boundary + USUAL);
        let told = client.exchange.log()[checked..].to_vec();
        checked = client.exchange.log().len();
        let mut told: Vec<_> = told.into_iter().filter(|entry| entry.line.is_none()).collect();
        told.sort_by_key(|entry| entry.end);
        let open_time = boundary - STEP;
        let of_bar = |client: &Client, symbol: Symbol| -> Vec<Frame> {
            let of_bar =
                |frame: &Frame| frame.closed && frame.symbol == symbol && frame.open_time == open_time;
            client.frames().into_iter().filter(of_bar).collect()
        };
        for entry in &told {
            let symbol = entry.symbol.expect("a symbol");
            let truth = client.truth(symbol, open_time);
            assert_eq!((entry.kind, entry.start), (kind, boundary));
            let frames = of_bar(client, symbol);
            let untrue = frames.last().expect("a closing frame");
            assert!(!untrue.says(&truth), "{entry:?}");
            assert_eq!(client.row(symbol, open_time), Some((untrue.close, untrue.volume)));
        }
        for entry in &told {
            let symbol = entry.symbol.expect("a symbol");
            let truth = client.truth(symbol, open_time);
            client.run_to(entry.end + 1_000);
            assert_eq!(client.row(symbol, open_time), Some((truth.close, truth.volume)));
            let second = of_bar(client, symbol).iter().any(|frame| frame.says(&truth));
            if second { with_frame += 1 } else { without += 1 }
        }
        client.arrived.retain(|delivery| delivery.at > boundary - STEP);
        client.forget_seen();
    }
    (with_frame, without)
}

#[test]
fn a_corrected_final_is_told_by_frame_and_rest_until_the_truth_comes() {
    let kind = FaultKind::CorrectedFinal;
    let mut client = Client::of(kind, 2.0, DAYS + 2, None);
    let (with_frame, without) = follow_untruths(&mut client, kind);
    assert!(with_frame > 3 && without > 3, "{with_frame} with a second frame, {without} by REST alone");
    client.rest_is_right();
}

#[test]
fn a_partial_kline_passes_for_closed_early_or_until_the_truth_comes() {
    let kind = FaultKind::PartialAsClosed;
    let mut client = Client::of(kind, 2.0, DAYS + 2, None);
    let (with_frame, without) = follow_untruths(&mut client, kind);
    assert!(with_frame > 3 && without == 0, "{with_frame} with a second frame, {without} by REST alone");
    client.rest_is_right();

    let client = Client::of(kind, 2.0, DAYS + 2, None).run_days(DAYS);
    let found = by_key(&client.finals());
    let mut early = BTreeSet::new();
    for frames in found.values().filter(|frames| frames[0].at < frames[0].boundary()) {
        let (first, last) = (&frames[0], &frames[frames.len() - 1]);
        let truth = client.truth(first.symbol, first.open_time);
        assert!(first.event_time < first.boundary() && first.volume <= truth.volume);
        assert!(
            frames.len() >= 2 && last.at > last.boundary() && last.says(&truth),
            "the true final follows"
        );
        early.insert((Some(first.line), Some(first.symbol), first.at));
    }
    let log = client.log(kind);
    let by_frame = log.iter().filter(|entry| entry.line.is_some());
    let logged: BTreeSet<_> = by_frame.map(|entry| (entry.line, entry.symbol, entry.start)).collect();
    assert!(early.len() > 3);
    assert_eq!(early, logged);
}
