//! The bits of a row do not depend on where the series began.

use features::{BLOCK, Catalogue, Group, HISTORY_BARS};
use proptest::prelude::*;

use crate::support::{Kind, PLAIN, assert_same, run, series};

fn markets(seed: u64, kind: Kind, first: i64, bars: i64) -> Vec<Vec<kline::Kline>> {
    (0..3).map(|symbol| series(seed.wrapping_add(symbol), kind, first, bars)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_start_with_enough_history_gives_the_same_bits(
        seed in any::<u64>(), first in 1_000_000i64..1_002_000, later in 1i64..1_200,
        missing_bars in prop::sample::select(vec![0.0, 0.0, 0.01]), quiet in prop::sample::select(vec![0.0, 0.01]),
    ) {
        let kind = Kind { missing_bars, quiet, missing_columns: 0.05, outliers: 0.001, ..PLAIN };
        let all = markets(seed, kind, first, later + HISTORY_BARS as i64 + 40);
        let (long, short) = (run(&all, first), run(&all, first + later));
        let enough = first + later + HISTORY_BARS as i64 - 1;
        let mut compared = 0;
        for (key, row) in short.range((0, 0)..) {
            if key.1 >= enough {
                assert_same(&format!("start at {} at {key:?}", first + later), &long[key], row);
                compared += 1;
            }
        }
        prop_assert!(compared > 30, "{compared} rows compared");
    }
}

#[test]
fn a_value_is_there_from_its_warm_up_on_whatever_the_start() {
    const BARS: i64 = 3_000;
    let definitions = Catalogue::standard().definitions();
    let mut longest = vec![0; definitions.len()];
    // Recursive values wait longest from right after an anchor, those of higher timeframes from a higher bar's first or
    // second bar on.
    let day = 96 * 10_000;
    for first in [BLOCK * 2_000, BLOCK * 2_000 + 1, BLOCK * 2_000 + 300, day, day + 1] {
        let rows = run(&markets(7, PLAIN, first, BARS), first);
        for (place, definition) in definitions.iter().enumerate() {
            let is_number = |bar: i64| f64::from_bits(rows[&(1, first + bar)].0[place]).is_finite();
            let waited = (0..BARS).rev().find(|bar| !is_number(*bar)).map_or(1, |last| last + 2);
            let (name, warm_up) = (definition.name, i64::from(definition.warm_up_bars));
            assert!(waited <= warm_up, "{name} from {first} is there after {waited} bars, not {warm_up}");
            let waits_for_an_index = warm_up >= 2 * BLOCK || definition.group == Group::HigherTimeframe;
            assert!(waits_for_an_index || waited == warm_up, "{name} is there before {warm_up} bars");
            longest[place] = waited.max(longest[place]);
        }
    }
    for (definition, longest) in definitions.iter().zip(longest) {
        assert_eq!(i64::from(definition.warm_up_bars), longest, "the longest wait of {}", definition.name);
    }
}

#[test]
fn no_warm_up_is_longer_than_the_history_that_is_asked_for() {
    let definitions = Catalogue::standard().definitions();
    assert!(definitions.iter().all(|definition| (definition.warm_up_bars as usize) < HISTORY_BARS - 24));
}
