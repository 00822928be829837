use std::collections::BTreeMap;

use kline::Symbol;

use super::*;

/// A feed of one pair on two lines, both open, and when it was made.
fn feed() -> (Feed, Instant, [LineId; 2]) {
    let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
    let settings = ExchangeSettings::at("http://x", "ws://x", vec![symbol], Interval::M15);
    let now = Instant::now();
    let repair = Repair::new(Interval::M15, &[symbol], &BTreeMap::new());
    let (mut feed, mut actions) = (Feed::new(&settings, repair, now, 1), Vec::new());
    feed.take(now, Input::Wake, &mut actions);
    let lines: Vec<LineId> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Connect(line) => Some(*line),
            _ => None,
        })
        .collect();
    for line in &lines {
        feed.take(now, Input::Opened(*line), &mut actions);
    }
    (feed, now, [lines[0], lines[1]])
}

fn lost(line: LineId) -> Input<'static> {
    Input::Ended(line, MarketError::Socket("reset".to_owned()))
}

/// Wakes the feed when it asks to be woken, for so long; every request fails, and so does every connection.
fn wake_for(feed: &mut Feed, from: Instant, long: Duration, alive: LineId) -> (Vec<Action>, u32) {
    let (mut told, mut now, mut turns) = (Vec::new(), from, 0);
    while now < from + long {
        let mut actions = Vec::new();
        feed.take(now, Input::Alive(alive), &mut actions);
        for action in std::mem::take(&mut actions) {
            let down = || MarketError::Unreachable { address: "x".to_owned(), problem: "down".to_owned() };
            match &action {
                Action::AskTime => feed.take(now, Input::Told(Err(down())), &mut actions),
                Action::Connect(line) => feed.take(now, Input::Ended(*line, down()), &mut actions),
                _ => {}
            }
            told.push(action);
        }
        told.append(&mut actions);
        turns += 1;
        now = feed.wake_at().max(now);
    }
    (told, turns)
}

#[test]
fn lines_are_renewed_one_after_the_other_before_the_exchanges_limit() {
    let (mut feed, start, lines) = feed();
    let mut open: BTreeMap<LineId, Instant> = lines.map(|line| (line, start)).into();
    let mut renewed = [0; 2];
    for step in 1..=3 * 24 * 120 {
        let now = start + Duration::from_secs(step * 30);
        for line in open.keys().copied().collect::<Vec<_>>() {
            let mut actions = Vec::new();
            feed.take(now, Input::Alive(line), &mut actions);
            while let Some(action) = (!actions.is_empty()).then(|| actions.remove(0)) {
                match action {
                    Action::Close(line) => {
                        let age = now - open.remove(&line).expect("it was open");
                        assert!(age < Duration::from_secs(24 * 3_600), "{age:?}");
                        assert_eq!(open.len(), 1, "the other one goes on");
                        renewed[line.line] += 1;
                    }
                    Action::Connect(line) => {
                        feed.take(now, Input::Opened(line), &mut actions);
                        open.insert(line, now);
                    }
                    _ => {}
                }
            }
        }
    }
    assert_eq!(renewed, [3, 3], "in three days, twelve hours apart");
}

#[test]
fn the_only_open_line_is_not_renewed_and_nobody_spins() {
    let (mut feed, start, [one, other]) = feed();
    let late = start + ExchangeLimits::default().connection_lifetime;
    let mut actions = Vec::new();
    for hour in 1..23 {
        feed.take(start + Duration::from_secs(hour * 3_600), Input::Alive(one), &mut actions);
    }
    feed.take(late, lost(other), &mut actions);
    actions.clear();
    let (told, turns) = wake_for(&mut feed, late, Duration::from_secs(600), one);
    assert!(!told.contains(&Action::Close(one)), "it is all there is");
    assert!(turns < 2_000, "{turns} turns in ten minutes");
}
