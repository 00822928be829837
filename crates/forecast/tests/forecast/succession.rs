//! Symbols are followed and let go of while predictions go on: what is said in the end is what a clean run with the last
//! symbols says, and the market of the features over all symbols is that of the bundle.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::{Random, tiny_bundle};
use forecast::{Bundle, Event, Forecaster, Source, for_each_row};
use kline::Symbol;
use proptest::prelude::*;

use crate::live_is_batch::{Histories, LIVE_BARS, Left, WARM_BARS, arrivals, closed, settings, split, warm};
use crate::market::{M15, history, symbols};

const EXPECTED: &[&str] = &["caught_up", "symbols_not_in_bundle", "market_incomplete"];

fn of(names: &[Symbol], places: &[usize]) -> Vec<Symbol> {
    places.iter().map(|place| names[*place]).collect()
}

fn only(names: &[Symbol], whole: &Histories) -> Histories {
    whole
        .iter()
        .filter(|(symbol, _)| names.contains(symbol))
        .map(|(s, klines)| (*s, klines.clone()))
        .collect()
}

/// Every kline of the symbols once, bar by bar.
fn clean(names: &[Symbol], past: &Histories, coming: &Histories, bundle: &Arc<Bundle>) -> Left {
    let mut left = Left { expected: EXPECTED, ..Left::default() };
    let mut forecaster = warm(names, &only(names, past), bundle, &mut left);
    let mut effects = Vec::new();
    let bars = (0..LIVE_BARS).map(|bar| names.iter().map(move |symbol| (*symbol, coming[symbol][bar])));
    for klines in bars {
        let events = klines.map(|(symbol, kline)| closed(symbol, kline, Source::Store));
        forecaster.apply_all(events, &mut effects);
        left.take(&mut effects);
    }
    left
}

/// A Forecaster of `names`, warmed up with what has closed some bars before `now`, which takes over; then it is told what of
/// the symbols that are new has closed since.
fn follow(
    names: &[Symbol],
    before: &Forecaster,
    (whole, now, behind): (&Histories, i64, i64),
    left: &mut Left,
) -> Forecaster {
    let mut next = Forecaster::new(settings(names));
    let mut effects = Vec::new();
    let until = now - behind * M15.milliseconds();
    let known = only(names, whole).into_iter().map(|(symbol, mut klines)| {
        klines.retain(|kline| kline.close_time < until);
        (symbol, klines)
    });
    next.warm_up(&known.collect(), &mut effects);
    next.take_over(before, &mut effects);
    left.take(&mut effects);
    let fetched = names.iter().filter(|symbol| !before.symbols().contains(symbol)).flat_map(|symbol| {
        let since = whole[symbol].iter().filter(|kline| (until..now).contains(&kline.close_time));
        since.map(|kline| closed(*symbol, *kline, Source::Rest))
    });
    next.apply_all(fetched, &mut effects);
    left.take(&mut effects);
    next
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whoever_is_followed_in_the_end_is_answered_as_if_it_had_always_been(seed in 1u64..1_000_000) {
        let names = symbols(4);
        let whole = history(seed, &names, WARM_BARS + LIVE_BARS);
        let (past, coming) = split(&whole);
        // One symbol is in no bundle, and one of the bundle's is followed late.
        let bundle = Arc::new(tiny_bundle(seed, &of(&names, &[0, 1, 3]), M15).build().expect("valid"));
        let mut stages = vec![of(&names, &[0, 2, 3]), of(&names, &[0, 1, 2, 3]), of(&names, &[0, 1, 2])];
        let mut left = Left { expected: EXPECTED, ..Left::default() };
        let mut forecaster = warm(&of(&names, &[0, 1]), &past, &bundle, &mut left);
        let mut random = Random(seed ^ 0x5151);
        let arrivals = arrivals(&coming, seed);
        let chance = arrivals.len() / 5;
        let (mut effects, mut end) = (Vec::new(), 0);
        for (place, (arrival, event)) in arrivals.iter().enumerate() {
            end = *arrival;
            let due = random.below(chance) == 0 || place > arrivals.len() * (7 - 2 * stages.len()) / 8;
            if due && let Some(next) = stages.pop() {
                let behind = random.below(3) as i64;
                forecaster = follow(&next, &forecaster, (&whole, *arrival, behind), &mut left);
            }
            let Event::Kline { symbol, .. } = event else { continue };
            // What is not followed is not subscribed to.
            let event = Some(event.clone()).filter(|_| forecaster.symbols().contains(symbol));
            forecaster.apply_all([Event::Time(*arrival)].into_iter().chain(event), &mut effects);
            left.take(&mut effects);
        }
        prop_assert!(stages.is_empty());
        forecaster.apply(Event::Time(end + 100 * M15.milliseconds()), &mut effects);
        left.take(&mut effects);

        let expected = clean(&of(&names, &[0, 2, 3]), &past, &coming, &bundle);
        prop_assert_eq!(expected.predictions.len(), 2 * (LIVE_BARS + 1));
        for (key, prediction) in &expected.predictions {
            let found = left.predictions.get(key);
            prop_assert!(found.is_some_and(|found| found.same_bits(prediction)), "{:?}", key);
        }
        for (key, resolution) in &expected.resolutions {
            let found = left.resolutions.get(key).map(|found| (found.outcome.to_bits(), found.loss.to_bits()));
            prop_assert_eq!(found, Some((resolution.outcome.to_bits(), resolution.loss.to_bits())), "{:?}", key);
        }
    }

    #[test]
    fn the_market_that_is_served_is_the_one_of_training(seed in 1u64..1_000_000) {
        let names = symbols(4);
        let whole = history(seed, &names, WARM_BARS + LIVE_BARS);
        let (past, coming) = split(&whole);
        let trained_on = of(&names, &[1, 2, 3]);
        let mut rows = BTreeMap::new();
        for_each_row(&only(&trained_on, &whole), M15, |row| {
            rows.insert((row.symbol, row.bar), row.values.to_vec());
        });
        let bundle = Arc::new(tiny_bundle(seed, &trained_on, M15).build().expect("valid"));
        let served = clean(&names, &past, &coming, &bundle);
        prop_assert_eq!(served.predictions.len(), 3 * (LIVE_BARS + 1));
        for (key, prediction) in &served.predictions {
            let same = rows[key].iter().zip(prediction.row.iter()).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same, "{:?}", key);
        }
    }
}
