//! Whatever is wrong with a kline's fields, the refusal is typed and names the field and the value.

use kline::{Interval, Kline, KlineError, KlineFields};

const OPEN_TIME: i64 = 900_000_000;

/// Puts a value into one field.
type Set = fn(&mut KlineFields, f64);

fn refusal(change: impl FnOnce(&mut KlineFields)) -> KlineError {
    let mut fields =
        KlineFields { volume: 5.0, quote_volume: Some(10.0), ..KlineFields::flat(OPEN_TIME, 2.0) };
    change(&mut fields);
    Kline::new(Interval::M15, fields).expect_err("a broken kline")
}

/// NaN, too, is named: compared by its bits.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}

#[test]
fn a_price_is_a_positive_finite_number() {
    let slots: [(&str, Set); 4] = [
        ("open", |k, value| k.open = value),
        ("high", |k, value| k.high = value),
        ("low", |k, value| k.low = value),
        ("close", |k, value| k.close = value),
    ];
    for (name, set) in slots {
        for bad in
            [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.5, -f64::MIN_POSITIVE]
        {
            let error = refusal(|fields| set(fields, bad));
            assert!(
                matches!(error, KlineError::Price { field, value } if field == name && same(value, bad)),
                "{name} {bad}: {error:?}"
            );
            assert!(error.to_string().starts_with(&format!("{name} is {bad};")), "{error}");
        }
    }
}

#[test]
fn high_and_low_enclose_the_others() {
    let cases: [fn(&mut KlineFields); 5] = [
        |k| k.high = 1.0,
        |k| k.low = 3.0,
        |k| k.open = 2.5,
        |k| k.close = 1.5,
        |k| (k.high, k.low) = (1.0, 3.0),
    ];
    for case in cases {
        let mut given = KlineFields::flat(OPEN_TIME, 2.0);
        case(&mut given);
        let error = refusal(case);
        let KlineError::Range { open, high, low, close } = error else { panic!("{error:?}") };
        assert_eq!([open, high, low, close], [given.open, given.high, given.low, given.close]);
        assert!(error.to_string().contains(&format!("high {high} and low {low}")), "{error}");
    }
}

/// 1e400 reads as infinity: that is how a volume overflows.
#[test]
fn a_volume_is_a_finite_number_that_is_not_negative() {
    let slots: [(&str, Set); 4] = [
        ("volume", |k, value| k.volume = value),
        ("quote_volume", |k, value| k.quote_volume = Some(value)),
        ("taker_base", |k, value| k.taker_base = Some(value)),
        ("taker_quote", |k, value| k.taker_quote = Some(value)),
    ];
    let overflow: f64 = "1e400".parse().expect("a number");
    for (name, set) in slots {
        for bad in [overflow, f64::MAX * 2.0, f64::NEG_INFINITY, f64::NAN, -1e-300, -7.0] {
            let error = refusal(|fields| set(fields, bad));
            assert!(
                matches!(error, KlineError::Volume { field, value } if field == name && same(value, bad)),
                "{name} {bad}: {error:?}"
            );
            assert!(error.to_string().starts_with(&format!("{name} is {bad};")), "{error}");
        }
    }
}

#[test]
fn a_takers_part_is_not_above_the_whole() {
    let error = refusal(|fields| fields.taker_base = Some(5.5));
    assert_eq!(error, KlineError::TakerShare { field: "taker_base", part: 5.5, whole: 5.0 });
    let error = refusal(|fields| fields.taker_quote = Some(11.0));
    assert_eq!(error, KlineError::TakerShare { field: "taker_quote", part: 11.0, whole: 10.0 });
    assert_eq!(error.to_string(), "taker_quote 11 is more than the whole 10");
}

#[test]
fn a_time_is_on_the_grid_of_the_interval() {
    for by in [1, -1, 60_000, 899_999] {
        let open_time = OPEN_TIME + by;
        let error = refusal(|fields| fields.open_time = open_time);
        let floor = if by < 0 { OPEN_TIME - 900_000 } else { OPEN_TIME };
        assert_eq!(error, KlineError::OffGrid { open_time, interval: Interval::M15, floor });
        assert!(error.to_string().contains(&format!("open time {open_time} ")), "{error}");
    }
    for open_time in [i64::MIN, -900_000, 7_258_118_400_000, OPEN_TIME * 1_000_000, i64::MAX] {
        let error = refusal(|fields| fields.open_time = open_time);
        assert_eq!(error, KlineError::Time { open_time });
        assert!(error.to_string().contains(&open_time.to_string()), "{error}");
    }
    let expected = OPEN_TIME + 899_999;
    for close_time in [i64::MIN, 0, OPEN_TIME, expected - 1, expected + 1, i64::MAX] {
        let error = refusal(|fields| fields.close_time = close_time);
        assert_eq!(
            error,
            KlineError::CloseTime { open_time: OPEN_TIME, close_time, interval: Interval::M15, expected }
        );
        assert!(error.to_string().contains(&format!("close time {close_time} ")), "{error}");
    }
}

/// The bounds of what is taken, and that nothing wrong hides behind a column that is missing.
#[test]
fn what_is_just_within_the_rules_is_taken() {
    let flat = KlineFields::flat(OPEN_TIME, f64::MIN_POSITIVE);
    let extreme = KlineFields { high: f64::MAX, volume: f64::MAX, taker_base: Some(f64::MAX), ..flat };
    for fields in [flat, extreme, KlineFields { quote_volume: None, taker_quote: Some(f64::MAX), ..flat }] {
        assert_eq!(Kline::new(Interval::M15, fields).map(|kline| *kline.fields()), Ok(fields));
    }
    let error = refusal(|fields| (fields.quote_volume, fields.taker_quote) = (None, Some(-1.0)));
    assert_eq!(error, KlineError::Volume { field: "taker_quote", value: -1.0 });
}
