//! Gaps, missing columns, order of calls, extreme values, and that peeking changes nothing.

use features::{Catalogue, CloseError, FeatureEngine, Input, MAX_CARRIED_BARS, PeekScratch};
use kline::{BarTime, Interval, Kline, KlineFields, Placement, Symbol};
use proptest::prelude::*;

use crate::support::{Kind, PLAIN, STEP, assert_same, bits, by_bar, run, series, step, symbols};

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP, Interval::M15).expect("on the grid")
}

fn engine_after(klines: &[Kline]) -> FeatureEngine {
    let mut engine = FeatureEngine::new(&symbols(1), Interval::M15);
    klines.iter().for_each(|kline| step(&mut engine, kline.open_time / STEP, &[(0, *kline)]));
    engine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn peek_is_close_and_seal_and_changes_nothing(seed in any::<u64>(), bars in 1i64..1_200, ahead in 1i64..40) {
        let kind = Kind { missing_bars: 0.01, missing_columns: 0.02, quiet: 0.01, ..PLAIN };
        let all: Vec<_> = (0..3).map(|symbol| series(seed.wrapping_add(symbol), kind, 9_000, bars)).collect();
        let mut engine = FeatureEngine::new(&symbols(3), Interval::M15);
        by_bar(&all).iter().for_each(|(bar, klines)| step(&mut engine, *bar, klines));
        let before = engine.snapshot();
        let mut scratch = PeekScratch::default();
        let mut out = vec![0.0; Catalogue::standard().len()];
        for index in [1, 0, 2, 1] {
            let forming = series(seed ^ 77, PLAIN, 9_000 + bars - 1 + ahead, 1)[0];
            let quality = engine.peek(index, &forming, &mut scratch, &mut out).expect("a later bar");
            let mut copy = engine.clone();
            copy.close(index, &forming).expect("a later bar");
            copy.seal(bar(forming.open_time / STEP));
            let row = copy.row(index).expect("sealed");
            assert_same("peek", &(bits(row.values), row.quality), &(bits(&out), quality));
        }
        prop_assert!(engine.snapshot() == before);
    }

    #[test]
    fn a_market_of_some_symbols_is_what_an_engine_of_those_alone_has(
        seed in any::<u64>(), bars in 100i64..900, without in 0usize..4,
    ) {
        let kind = Kind { missing_bars: 0.01, quiet: 0.01, ..PLAIN };
        let all: Vec<_> = (0..4).map(|symbol| series(seed.wrapping_add(symbol), kind, 9_000, bars)).collect();
        // Each of two is Bitcoin where the other is not a member.
        let names: Vec<Symbol> =
            ["BTCUSDC", "BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|name| name.parse().expect("a name")).into();
        let (mut members, mut others) = ([true; 4], names.clone());
        members[without] = false;
        others.remove(without);
        let mut engine = FeatureEngine::new(&names, Interval::M15);
        let mut alone = FeatureEngine::new(&others, Interval::M15);
        for (bar, klines) in by_bar(&all) {
            // Looked at both ways at every other bar: nothing of it stays.
            engine.measure_over(&[bar % 2 == 0; 4]);
            step(&mut engine, bar, &klines);
            engine.measure_over(&members);
            let fewer: Vec<_> = klines
                .into_iter()
                .filter_map(|(index, kline)| Some((alone.index_of(names[index])?, kline)))
                .collect();
            step(&mut alone, bar, &fewer);
            for (index, symbol) in others.iter().enumerate() {
                let expected = alone.row(index).map(|row| (bits(row.values), row.quality));
                let place = engine.index_of(*symbol).expect("followed");
                let found = engine.row(place).filter(|_| expected.is_some());
                prop_assert!(expected == found.map(|row| (bits(row.values), row.quality)), "{} at {}", symbol, bar);
            }
        }
    }

    #[test]
    fn whatever_a_kline_can_hold_nothing_panics_and_no_nan_stays(seed in any::<u64>(), bars in 1usize..40) {
        let prices = [f64::MIN_POSITIVE, 5e-324, 1e-300, 1e-8, 1.0, 1e9, 1e300, f64::MAX];
        let volumes = [0.0, 5e-324, 1e-8, 1.0, 1e12, f64::MAX];
        let mut random = crate::support::Random(seed);
        let mut pick = |from: &[f64]| from[(random.bits() % from.len() as u64) as usize];
        let wild = (0..bars as i64).map(|index| {
            let (mut fields, ends) = (KlineFields::flat(index * STEP, 1.0), [pick(&prices), pick(&prices)]);
            (fields.open, fields.close) = (ends[0], ends[1]);
            (fields.high, fields.low) = (ends[0].max(ends[1]), ends[0].min(ends[1]));
            fields.volume = pick(&volumes);
            (fields.quote_volume, fields.trades) = (None, Some(u64::MAX));
            fields.taker_base = Some(fields.volume);
            Kline::new(Interval::M15, fields).expect("valid")
        });
        // Longer than the month, so that every day of it is calm.
        let calm = series(seed, PLAIN, bars as i64, 3_100);
        let klines: Vec<Kline> = wild.chain(calm).collect();
        let engine = engine_after(&klines);
        let row = engine.row(0).expect("sealed");
        prop_assert_eq!(row.quality.warm_features, row.quality.total);
    }
}

#[test]
fn a_short_gap_is_carried_and_a_long_one_starts_anew() {
    let full = series(3, PLAIN, 0, 4_300);
    let hole = |missing: usize| -> Vec<Kline> {
        full[..3_200].iter().chain(&full[3_200 + missing..]).copied().collect()
    };
    let carried = run(&[hole(MAX_CARRIED_BARS as usize)], 0);
    let after = carried[&(0, 3_224)].1;
    assert_eq!((after.carried_bars, after.warm_features), (24, after.total));
    assert!(!carried.contains_key(&(0, 3_200)), "a carried bar has no row");
    assert_eq!(carried[&(0, 3_224 + 94)].1.carried_bars, 1);
    assert_eq!(carried[&(0, 3_224 + 95)].1.carried_bars, 0);

    let missing = MAX_CARRIED_BARS as usize + 1;
    let restarted = run(&[hole(missing)], 0);
    let fresh = run(&[full[3_200 + missing..].to_vec()], 0);
    for (key, row) in &fresh {
        assert_same(&format!("{key:?}"), row, &restarted[key]);
    }
}

#[test]
fn a_carried_bar_is_a_flat_bar_without_volume() {
    let klines = series(4, PLAIN, 0, 1_300);
    let gappy: Vec<Kline> = klines[..1_250].iter().chain(&klines[1_253..]).copied().collect();
    let mut flat = klines.clone();
    for (at, kline) in flat.iter_mut().enumerate().take(1_253).skip(1_250) {
        let fields = KlineFields::flat(at as i64 * STEP, klines[1_249].close);
        *kline = Kline::new(Interval::M15, fields).expect("valid");
    }
    let (gappy, flat) = (run(&[gappy], 0), run(&[flat], 0));
    for index in 1_253..1_300 {
        assert_eq!(gappy[&(0, index)].0, flat[&(0, index)].0);
    }
}

#[test]
fn a_missing_column_is_a_nan_only_as_long_as_it_is_in_the_window() {
    let mut klines = series(5, PLAIN, 0, 6_000);
    let fields = KlineFields { taker_base: None, trades: None, ..*klines[3_100] };
    klines[3_100] = Kline::new(Interval::M15, fields).expect("valid");
    let rows = run(&[klines], 0);
    let catalogue = Catalogue::standard();
    for (place, definition) in catalogue.definitions().iter().enumerate() {
        let reads = definition.inputs.iter().any(|input| matches!(input, Input::TakerBase | Input::Trades));
        let is_nan = |bar: usize| f64::from_bits(rows[&(0, bar as i64)].0[place]).is_nan();
        let window = definition.window as usize;
        assert_eq!(is_nan(3_100), reads, "{} at the bar", definition.name);
        assert_eq!(is_nan(3_100 + window - 1), reads, "{} at the end of its window", definition.name);
        assert!(!is_nan(3_100 + window), "{} after its window", definition.name);
    }
    assert!(rows[&(0, 3_100)].1.missing_inputs > 0);
    assert_eq!(rows[&(0, 3_200)].1.missing_inputs, 0);
}

#[test]
fn klines_out_of_order_are_refused_and_change_nothing() {
    let klines = series(6, PLAIN, 10, 5);
    let mut engine = FeatureEngine::new(&symbols(2), Interval::M15);
    assert_eq!(engine.close(0, &klines[0]), Ok(Placement::First));
    assert!(matches!(engine.close(0, &klines[1]), Err(CloseError::Unsealed { .. })));
    assert!(engine.row(0).is_none(), "no row before the seal");
    engine.seal(bar(10));
    assert!(engine.row(0).is_some() && engine.row(1).is_none());
    let before = engine.snapshot();
    assert!(matches!(engine.close(0, &klines[0]), Err(CloseError::NotForward { .. })));
    assert!(matches!(engine.close(1, &klines[0]), Err(CloseError::Sealed { .. })));
    assert!(matches!(engine.close(9, &klines[1]), Err(CloseError::UnknownSymbol { index: 9, count: 2 })));
    let other = Kline::new(Interval::M1, KlineFields { close_time: 59_999, ..KlineFields::flat(0, 1.0) });
    assert!(matches!(engine.close(0, &other.expect("valid")), Err(CloseError::Interval { .. })));
    engine.seal(bar(9));
    assert!(engine.snapshot() == before);
    assert_eq!(engine.close(0, &klines[2]), Ok(Placement::Gap { missing: 1 }));
    assert_eq!(engine.close(1, &klines[2]), Ok(Placement::First));
    engine.seal(bar(12));
    assert_eq!(engine.close(0, &klines[3]), Ok(Placement::Next));
}

#[test]
fn the_order_in_which_symbols_close_does_not_matter() {
    let all: Vec<_> = (0..3).map(|symbol| series(symbol, PLAIN, 0, 120)).collect();
    let forward = run(&all, 0);
    let mut engine = FeatureEngine::new(&symbols(3), Interval::M15);
    for (bar, mut klines) in by_bar(&all) {
        klines.reverse();
        step(&mut engine, bar, &klines);
    }
    for index in 0..3 {
        assert_eq!(bits(engine.row(index).expect("sealed").values), forward[&(index, 119)].0);
    }
}

#[test]
fn a_bar_without_bitcoin_leaves_only_its_features_empty() {
    let all: Vec<_> = (0..3).map(|symbol| series(symbol, PLAIN, 0, 3_000)).collect();
    let mut engine = FeatureEngine::new(&symbols(3), Interval::M15);
    for (bar, mut klines) in by_bar(&all) {
        klines.retain(|(index, _)| bar < 2_999 || *index != 0);
        step(&mut engine, bar, &klines);
    }
    let row = engine.row(1).expect("sealed");
    for (definition, value) in Catalogue::standard().definitions().iter().zip(row.values) {
        assert_eq!(value.is_nan(), definition.inputs.contains(&Input::Bitcoin), "{}", definition.name);
    }
}

#[test]
fn symbols_that_miss_each_other_for_long_are_paired_as_if_they_had_not() {
    let (turns, bars) = (1_000..1_060, 1_100);
    let own_turn = |symbol: i64, index: i64| !turns.contains(&index) || index % 2 == symbol;
    let all: Vec<Vec<Kline>> = (0..2)
        .map(|symbol: i64| {
            let whole = series(symbol.cast_unsigned() + 5, PLAIN, 0, bars);
            whole.into_iter().filter(|kline| own_turn(symbol, kline.open_time / STEP)).collect()
        })
        .collect();
    let mut engine = FeatureEngine::new(&symbols(2), Interval::M15);
    let mut restored = None;
    for (index, klines) in by_bar(&all) {
        // A restored engine pairs them anew from what both remember.
        if index == turns.end {
            restored = Some(FeatureEngine::restore(&engine.snapshot()).expect("a snapshot"));
        }
        step(&mut engine, index, &klines);
        let Some(restored) = &mut restored else { continue };
        step(restored, index, &klines);
        for symbol in 0..2 {
            let row = |engine: &FeatureEngine| {
                engine.row(symbol).map(|row| (bits(row.values), row.quality)).expect("sealed")
            };
            assert_same("paired", &row(&engine), &row(restored));
        }
    }
    let at = Catalogue::standard().index_of("bitcoin_beta_672").expect("a feature");
    assert!(engine.row(1).expect("sealed").values[at].is_finite());
}
