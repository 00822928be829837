use forecast::testkit::tiny_bundle;
use kline::{KlineFields, Symbol};
use store::Home;

use super::*;
use crate::state::EngineView;

const STEP: Interval = Interval::M15;

/// The last closed bar of these tests: the middle of its block.
const WATERMARK: i64 = 20_000 * RENEWAL_BLOCK_BARS + 40;

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP.milliseconds(), STEP).expect("on the grid")
}

fn symbols() -> [Symbol; 2] {
    ["BTCUSDT", "ETHUSDT"].map(|name| name.parse().expect("a name"))
}

/// A renewer over a home with so many bars of two pairs.
fn renewer(home: &std::path::Path, bars: i64) -> Renewer {
    let stores = Stores::open(home, &store::Places::default()).expect("opens");
    for (place, symbol) in symbols().into_iter().enumerate() {
        let mut price = 100.0;
        let klines: Vec<kline::Kline> = (WATERMARK - bars + 1..=WATERMARK)
            .map(|index| {
                let turn = (index * (7 + place as i64 * 4)).rem_euclid(101) as f64;
                let open = price;
                price *= 1.0 + (turn - 50.0) * 1e-5;
                let fields = KlineFields {
                    open,
                    high: open.max(price) * 1.0003,
                    low: open.min(price) * 0.9996,
                    close: price,
                    ..KlineFields::flat(index * STEP.milliseconds(), price)
                };
                kline::Kline::new(STEP, fields).expect("valid")
            })
            .collect();
        stores.write_klines(symbol, STEP, &klines).expect("kept");
    }
    let shared = Arc::new(Shared::new(&symbols(), 8));
    let renewer = Renewer { stores, shared, interval: STEP };
    renewer.moves_to(WATERMARK);
    renewer
}

impl Renewer {
    fn moves_to(&self, index: i64) {
        let view = EngineView { watermark: Some(bar(index)), ..EngineView::default() };
        self.shared.engine.store(Arc::new(view));
    }
}

fn bundle() -> Bundle {
    tiny_bundle(3, &symbols(), STEP).build().expect("holds")
}

#[test]
fn what_a_block_is_made_of_can_not_be_replayed_any_more() {
    for watermark in WATERMARK..WATERMARK + 2 * RENEWAL_BLOCK_BARS {
        let last = last_final(bar(watermark), STEP);
        let read = |block: i64| (block - RENEWAL_LAG_BLOCKS + 1) * RENEWAL_BLOCK_BARS - 1 + 16;
        let replayed = watermark - REPLAY_BARS + 1;
        assert!(read(last) < replayed && replayed <= read(last + 1), "{watermark}");
        // The next bar's block can always be made, and the one after it.
        assert!(last > renewal_block(bar(watermark + 1), STEP), "{watermark}");
    }
}

#[test]
fn a_bundle_is_taken_up_with_bands_that_are_kept_and_damaged_ones_are_made_again() {
    let home = tempfile::tempdir().expect("a folder");
    let renewer = renewer(home.path(), 7_800);
    let bundle = bundle();
    let made = renewer.complete(&bundle, Haste::Now);
    let block = renewal_block(bar(WATERMARK), STEP);
    let until = last_final(bar(WATERMARK), STEP);
    assert_eq!(made.blocks().map(|blocks| *blocks.end()), Some(until));
    assert!(made.has(block) && made.has(block + 1));
    let file = Home::open(home.path()).expect("opens").bands(bundle.digest()).path().to_owned();
    let bytes = std::fs::read(&file).expect("kept");

    // A home without klines, from which they could be made: they are what was kept.
    let other = tempfile::tempdir().expect("a folder");
    let copy = Home::open(other.path()).expect("opens").bands(bundle.digest());
    copy.replace(&bytes).expect("written");
    let stores = Stores::open(other.path(), &store::Places::default()).expect("opens");
    let without_klines = Renewer { stores, ..renewer.clone() };
    assert_eq!(without_klines.complete(&bundle, Haste::Now), made);

    std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
    assert!(renewer.stores.kept_renewed(bundle.digest(), STEP).is_err());
    assert_eq!(renewer.complete(&bundle, Haste::Now), made);
    assert_eq!(std::fs::read(&file).expect("kept"), bytes);
}

#[test]
fn blocks_to_come_are_added_and_a_block_that_has_begun_is_left_as_it_was_served() {
    let home = tempfile::tempdir().expect("a folder");
    let renewer = renewer(home.path(), 7_800);
    let bundle = bundle();
    let block = renewal_block(bar(WATERMARK), STEP);
    // Taken up without renewed bands: the present block stays without.
    let until = last_final(bar(WATERMARK), STEP);
    let (first, ready) = renewer.to_come(&bundle, until).expect("made");
    let first = first.expect("made");
    assert_eq!(first.blocks(), Some(block + 1..=until));
    assert_eq!(ready, Some(until));
    // A day later.
    renewer.moves_to(WATERMARK + RENEWAL_BLOCK_BARS);
    let (more, ready) = renewer.to_come(&bundle, until + 1).expect("made");
    let more = more.expect("made");
    assert_eq!((more.blocks(), ready), (Some(block + 1..=until + 1), Some(until + 1)));
    for symbol in symbols() {
        assert_eq!(more.of(symbol, until), first.of(symbol, until));
    }
    let kept = renewer.stores.kept_renewed(bundle.digest(), STEP).expect("whole");
    assert_eq!(kept.as_ref(), Some(&more));
    assert_eq!(renewer.to_come(&bundle, until + 1).expect("nothing to do").0, None);
}

#[test]
fn with_too_little_history_nothing_is_made_and_nothing_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let renewer = renewer(home.path(), 4_000);
    let bundle = bundle();
    assert_eq!(renewer.complete(&bundle, Haste::Now).blocks(), None);
    assert_eq!(renewer.stores.kept_renewed(bundle.digest(), STEP), Ok(None));
}
