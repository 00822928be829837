//! Each fault is found where it was planted, and nowhere else.

use super::*;
use kline::KlineFields;

const STEP: Interval = Interval::M15;
const DAY: usize = 96;

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

/// A kline around a price, with columns that fit each other.
fn kline(bar: i64, price: f64, change: impl Fn(&mut KlineFields)) -> Kline {
    let volume = 2.0 + (bar % 11) as f64;
    let mut fields = KlineFields {
        high: price * 1.001,
        low: price * 0.999,
        volume,
        quote_volume: Some(volume * price),
        trades: Some(7),
        taker_base: Some(1.0),
        taker_quote: Some(price),
        ..KlineFields::flat(bar * STEP.milliseconds(), price)
    };
    change(&mut fields);
    Kline::new(STEP, fields).expect("valid by construction")
}

/// A small move that differs from bar to bar and between symbols.
fn price(bar: usize, seed: usize) -> f64 {
    let scattered = ((bar * 4 + seed) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    100.0 + 0.05 * (scattered % 13) as f64
}

/// Four symbols over so many days.
fn market(days: usize) -> BTreeMap<Symbol, Vec<Kline>> {
    let series =
        |seed: usize| (0..days * DAY).map(|bar| kline(bar as i64, price(bar, seed), |_| ())).collect();
    ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
        .into_iter()
        .zip(0..)
        .map(|(name, seed)| (symbol(name), series(seed)))
        .collect()
}

fn of<'a>(found: &'a [SymbolQuality], name: &str) -> &'a SymbolQuality {
    found.iter().find(|one| one.symbol == symbol(name)).expect("assessed")
}

fn assessed(klines: &BTreeMap<Symbol, Vec<Kline>>) -> Vec<SymbolQuality> {
    assess(klines, &[], &Disputes::default(), STEP)
}

fn change(
    klines: &mut BTreeMap<Symbol, Vec<Kline>>,
    name: &str,
    bar: usize,
    change: impl Fn(&mut KlineFields),
) {
    let series = klines.get_mut(&symbol(name)).expect("a series");
    let mut fields = *series[bar].fields();
    change(&mut fields);
    series[bar] = Kline::new(STEP, fields).expect("valid");
}

#[test]
fn a_whole_market_scores_one_on_every_day() {
    let found = assessed(&market(20));
    for one in &found {
        assert_eq!((one.score, one.faulty_bars, one.days.len()), (1.0, 0, 20), "{:?}", one.faults);
        assert!(one.days.iter().all(|day| day.score == 1.0 && day.expected_bars == 96));
    }
}

#[test]
fn holes_and_duplicates_lower_their_days() {
    let mut klines = market(5);
    let series = klines.get_mut(&symbol("AUSDT")).expect("a series");
    let twice = series[10];
    // From the middle of the second day to the middle of the fourth.
    series.drain(DAY + 48..3 * DAY + 48);
    series.insert(11, twice);
    let found = assessed(&klines);
    let one = of(&found, "AUSDT");
    assert_eq!((one.gaps, one.missing_bars, one.longest_gap_bars), (1, 192, 192));
    assert_eq!(one.faults.of(Fault::Duplicate), 1);
    let days: Vec<(i64, i64, i64)> =
        one.days.iter().map(|day| (day.missing_bars, day.gaps, day.good_bars)).collect();
    assert_eq!(days, [(0, 0, 95), (48, 1, 48), (96, 1, 0), (48, 1, 48), (0, 0, 96)]);
    assert_eq!(one.score, f64::from(95 + 48 + 48 + 96) / 480.0);
    assert_eq!(of(&found, "BUSDT").score, 1.0);
}

#[test]
fn a_first_and_a_last_day_that_are_not_whole_are_no_hole() {
    let mut klines = market(3);
    let series = klines.get_mut(&symbol("AUSDT")).expect("a series");
    series.truncate(2 * DAY + 10);
    series.drain(..90);
    let found = assessed(&klines);
    let expected: Vec<i64> = of(&found, "AUSDT").days.iter().map(|day| day.expected_bars).collect();
    assert_eq!((of(&found, "AUSDT").score, expected), (1.0, vec![6, 96, 10]));
}

#[test]
fn bars_that_repeat_are_stale_from_three_on() {
    let mut klines = market(20);
    for bar in [100, 101, 200, 201, 202, 203] {
        change(&mut klines, "BUSDT", bar, |fields| {
            *fields = KlineFields {
                open_time: fields.open_time,
                close_time: fields.close_time,
                ..*kline(0, 100.0, |_| ()).fields()
            };
        });
    }
    let found = assessed(&klines);
    assert_eq!(of(&found, "BUSDT").faults.of(Fault::Stale), 4, "two are not yet stale");
    assert_eq!(of(&found, "BUSDT").days[2].faults.of(Fault::Stale), 4);
    assert_eq!(of(&found, "BUSDT").days[2].good_bars, 92);
}

#[test]
fn a_spike_of_one_symbol_is_told_from_a_move_of_all() {
    let mut klines = market(30);
    let jump = |fields: &mut KlineFields| {
        (fields.close, fields.high) = (140.0, 141.0);
    };
    change(&mut klines, "CUSDT", 20 * DAY + 5, jump);
    for name in ["AUSDT", "BUSDT", "CUSDT", "DUSDT"] {
        change(&mut klines, name, 25 * DAY + 5, jump);
    }
    let found = assessed(&klines);
    let counts = |name: &str| {
        let one = of(&found, name);
        [Fault::Outlier, Fault::LoneSpike].map(|fault| one.faults.of(fault))
    };
    // There and back again.
    assert_eq!(counts("CUSDT"), [4, 2]);
    assert_eq!(counts("AUSDT"), [2, 0]);
    assert_eq!(of(&found, "CUSDT").days[20].good_bars, 94);
}

#[test]
fn columns_that_contradict_one_another_and_bars_without_volume_are_found() {
    let mut klines = market(3);
    let changes: [fn(&mut KlineFields); 4] = [
        |fields| fields.trades = Some(0),
        |fields| fields.quote_volume = Some(fields.volume * 200.0),
        |fields| fields.taker_quote = Some(1.0),
        |fields| {
            (fields.volume, fields.quote_volume, fields.trades) = (0.0, Some(0.0), Some(0));
            (fields.taker_base, fields.taker_quote) = (Some(0.0), Some(0.0));
        },
    ];
    for (bar, of) in changes.into_iter().enumerate() {
        change(&mut klines, "DUSDT", 10 * bar, of);
    }
    let found = assessed(&klines);
    let one = of(&found, "DUSDT");
    assert_eq!((one.faults.of(Fault::Inconsistent), one.faults.of(Fault::ZeroVolume)), (4, 1));
    assert_eq!(one.faulty_bars, 4, "a bar with two faults counts once");
    assert!(table(&found).contains("zero volume 1"), "{}", table(&found));
}

#[test]
fn half_a_dataset_and_a_symbol_with_one_bar_are_assessed() {
    let mut klines = market(10);
    klines.get_mut(&symbol("AUSDT")).expect("a series").retain(|kline| (kline.open_time / 900_000) % 2 == 0);
    klines.get_mut(&symbol("BUSDT")).expect("a series").truncate(1);
    klines.insert(symbol("EUSDT"), Vec::new());
    let found = assessed(&klines);
    assert!((of(&found, "AUSDT").score - 0.5).abs() < 0.01);
    assert_eq!((of(&found, "BUSDT").score, of(&found, "BUSDT").days.len()), (1.0, 1));
    assert!(!found.iter().any(|one| one.symbol == symbol("EUSDT")), "there is nothing to say of no klines");
    assert!(assessed(&BTreeMap::new()).is_empty());
}
