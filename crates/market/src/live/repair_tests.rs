use kline::KlineFields;
use proptest::prelude::*;

use super::*;

const STEP: i64 = 900_000;

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP, Interval::M15).expect("on the grid")
}

fn kline(index: i64, price: f64) -> Kline {
    Kline::new(Interval::M15, KlineFields::flat(index * STEP, price)).expect("valid by construction")
}

fn frame(name: &str, index: i64, closed: bool) -> MarketKline {
    let ahead = if closed { STEP + 10 } else { STEP / 2 };
    let event_time = Some(index * STEP + ahead);
    let kline = kline(index, if closed { 2.0 } else { 1.0 });
    let trade_ids = TradeIds::new(index * 3, index * 3 + 2);
    MarketKline { symbol: symbol(name), kline, closed, event_time, trade_ids, source: KlineSource::Socket }
}

/// A repair of A and B that knows bar 10 of both.
fn repair() -> Repair {
    let symbols = [symbol("A"), symbol("B")];
    Repair::new(Interval::M15, &symbols, &symbols.map(|name| (name, bar(10))).into())
}

/// Answers what a healthy exchange would, but for the bars in `lost`.
fn answer(repair: &Repair, lost: &[i64]) -> Vec<(Missing, Vec<Brought>)> {
    let klines = |missing: Missing| {
        let bars = missing.from.index(Interval::M15)..=missing.to.index(Interval::M15);
        bars.filter(|index| !lost.contains(index)).map(|index| kline(index, 2.0).into()).collect()
    };
    repair.missing().into_iter().map(|missing| (missing, klines(missing))).collect()
}

/// Events in short: `A11` a closed kline, `a11` a forming one, `A-11..12` a gap.
fn told(events: &[MarketEvent]) -> Vec<String> {
    let short = |event: &MarketEvent| match event {
        MarketEvent::Kline(k) if k.closed => format!("{}{}", k.symbol, k.kline.open_time / STEP),
        MarketEvent::Kline(k) => {
            format!("{}{}", k.symbol.as_str().to_lowercase(), k.kline.open_time / STEP)
        }
        MarketEvent::Gap { symbol, from, to } => {
            format!("{symbol}-{}..{}", from.index(Interval::M15), to.index(Interval::M15))
        }
        other => format!("{other:?}"),
    };
    events.iter().map(short).collect()
}

#[test]
fn what_was_missed_comes_before_what_was_held_back_and_once() {
    let (mut repair, mut events) = (repair(), Vec::new());
    assert_eq!(repair.take(frame("A", 12, true), &mut events), Shown::Nothing);
    assert_eq!(repair.take(frame("A", 13, false), &mut events), Shown::Nothing);
    assert_eq!(repair.take(frame("B", 12, true), &mut events), Shown::Nothing);
    assert!(events.is_empty() && repair.held_frames() == 3);
    let fetched = answer(&repair, &[]);
    assert_eq!(repair.settle(fetched, repair.clock(), false, &mut events), Settled::Complete);
    assert_eq!(told(&events), ["A11", "B11", "A12", "B12", "a13"]);
    events.clear();
    repair.take(frame("A", 12, true), &mut events);
    repair.take(frame("A", 13, true), &mut events);
    repair.take(frame("A", 13, false), &mut events);
    assert_eq!(told(&events), ["A13"], "a double and a late forming frame are left out");
}

#[test]
fn a_hole_between_frames_is_fetched_before_anything_later_passes() {
    let (mut repair, mut events) = (repair(), Vec::new());
    repair.settle(Vec::new(), repair.clock(), false, &mut events);
    assert_eq!(repair.take(frame("A", 13, true), &mut events), Shown::Hole);
    assert_eq!(repair.take(frame("B", 11, true), &mut events), Shown::Nothing);
    assert!(events.is_empty());
    let fetched = answer(&repair, &[]);
    assert_eq!(repair.settle(fetched, repair.clock(), false, &mut events), Settled::Complete);
    assert_eq!(told(&events), ["A11", "B11", "A12", "B12", "A13", "B13"]);
}

#[test]
fn bars_that_came_from_nowhere_are_gaps_but_the_newest_is_awaited() {
    let (mut repair, mut events) = (repair(), Vec::new());
    repair.tell_time(15 * STEP);
    let fetched = answer(&repair, &[11, 12, 14]);
    assert_eq!(repair.settle(fetched, repair.clock(), false, &mut events), Settled::Complete);
    assert_eq!(told(&events), ["A-11..12", "A13", "B-11..12", "B13"]);
    assert_eq!(repair.overdue(), Some(bar(14)));
    events.clear();
    let fetched = answer(&repair, &[14]);
    repair.settle(fetched, repair.clock(), true, &mut events);
    assert_eq!(told(&events), ["A-14..14", "B-14..14"]);
    assert_eq!(repair.overdue(), None);
    events.clear();
    repair.take(frame("A", 14, true), &mut events);
    assert_eq!(told(&events), ["A14"], "a bar that was given up is still welcome");
}

#[test]
fn a_corrected_kline_passes_and_the_same_bits_do_not() {
    let (mut repair, mut events) = (repair(), Vec::new());
    repair.settle(Vec::new(), repair.clock(), false, &mut events);
    repair.take(frame("A", 11, true), &mut events);
    repair.take(frame("A", 11, true), &mut events);
    let corrected = MarketKline { kline: kline(11, 2.5), ..frame("A", 11, true) };
    repair.take(corrected, &mut events);
    assert_eq!(told(&events), ["A11", "A11"]);
}

#[test]
fn a_symbol_without_a_last_bar_begins_with_the_newest() {
    let mut repair = Repair::new(Interval::M15, &[symbol("A")], &BTreeMap::new());
    repair.tell_time(20 * STEP + 5);
    let mut events = Vec::new();
    let fetched = answer(&repair, &[]);
    assert_eq!(fetched.len(), 1);
    repair.settle(fetched, repair.clock(), false, &mut events);
    assert_eq!(told(&events), ["A19"]);
}

#[test]
fn a_close_that_came_after_the_question_leads_to_another_one() {
    let (mut repair, mut events) = (repair(), Vec::new());
    repair.tell_time(12 * STEP);
    let fetched = answer(&repair, &[]);
    // Meanwhile bar 12 was lost on the socket and bar 13 closed.
    repair.take(frame("B", 13, true), &mut events);
    assert_eq!(repair.settle(fetched, repair.clock(), false, &mut events), Settled::Again);
    assert_eq!(told(&events), ["A11", "B11"]);
    assert!(repair.is_holding());
    let fetched = answer(&repair, &[]);
    assert_eq!(repair.settle(fetched, repair.clock(), false, &mut events), Settled::Complete);
    assert_eq!(told(&events), ["A11", "B11", "A12", "B12", "A13", "B13"]);
}

#[test]
fn a_frame_from_another_century_moves_no_clock_and_no_head() {
    let (mut repair, mut events) = (repair(), Vec::new());
    repair.tell_time(11 * STEP);
    repair.settle(Vec::new(), repair.clock(), false, &mut events);
    let far = frame("A", 5_000_000, true);
    let late_stamp = MarketKline { event_time: Some(7_000_000_000_000), ..frame("A", 11, true) };
    for damaged in [far, late_stamp] {
        assert_eq!(repair.take(damaged, &mut events), Shown::Implausible);
    }
    assert_eq!((repair.clock(), repair.last(symbol("A"))), (11 * STEP, Some(bar(10))));
    assert_eq!(repair.take(frame("A", 11, true), &mut events), Shown::Nothing);
    assert_eq!(told(&events), ["A11"]);
}

proptest! {
    /// Whatever the socket loses, doubles or cuts, every bar is delivered exactly once, symbol by symbol in order, and
    /// while frames are held back nothing passes.
    #[test]
    fn every_bar_once_and_in_order(
        faults in proptest::collection::vec((any::<bool>(), 0u8..10), 40..80),
        start in 11i64..13,
    ) {
        let (mut repair, mut events) = (repair(), Vec::new());
        let mut last = start;
        for (index, (first, fault)) in (start..).zip(&faults) {
            last = index;
            let names = if *first { ["A", "B"] } else { ["B", "A"] };
            for (place, name) in names.into_iter().enumerate() {
                let mut fetch = false;
                match (fault, place) {
                    (0, _) | (1, 0) => {}
                    (2, _) => {
                        fetch |= repair.take(frame(name, index, true), &mut events) == Shown::Hole;
                        fetch |= repair.take(frame(name, index, true), &mut events) == Shown::Hole;
                    }
                    (3, _) => repair.hold(),
                    _ => {
                        fetch |= repair.take(frame(name, index, false), &mut events) == Shown::Hole;
                        fetch |= repair.take(frame(name, index, true), &mut events) == Shown::Hole;
                    }
                }
                if fetch || (*fault == 4 && repair.is_holding()) {
                    let fetched = answer(&repair, &[]);
                    while repair.settle(fetched.clone(), repair.clock(), false, &mut events) == Settled::Again {
                        prop_assert!(repair.is_holding());
                    }
                }
            }
        }
        repair.tell_time((last + 1) * STEP);
        repair.hold();
        let fetched = answer(&repair, &[]);
        prop_assert_eq!(repair.settle(fetched, repair.clock(), true, &mut events), Settled::Complete);
        for name in ["A", "B"] {
            let bars: Vec<i64> = events
                .iter()
                .filter_map(|event| match event {
                    MarketEvent::Kline(k) if k.closed && k.symbol == symbol(name) => Some(k.kline.open_time / STEP),
                    _ => None,
                })
                .collect();
            prop_assert_eq!(bars, (11..=last).collect::<Vec<i64>>(), "{}", name);
        }
        let gaps = events.iter().filter(|event| matches!(event, MarketEvent::Gap { .. })).count();
        prop_assert_eq!(gaps, 0);
        prop_assert_eq!(repair.overdue(), None);
    }
}
