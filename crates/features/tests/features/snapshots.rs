//! A restored engine is the engine; anything else is refused.

use features::{FeatureEngine, SnapshotError};
use kline::Interval;
use proptest::prelude::*;

use crate::support::{Kind, PLAIN, assert_same, by_bar, collect, run, series, step, symbols};

const KIND: Kind = Kind { missing_bars: 0.01, missing_columns: 0.05, quiet: 0.01, ..PLAIN };

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_at_any_bar_changes_no_bit(seed in any::<u64>(), restart in 0i64..1_200) {
        let all: Vec<_> = (0..3).map(|symbol| series(seed.wrapping_add(symbol), KIND, 5_000, 1_240)).collect();
        let clean = run(&all, 0);
        let mut engine = FeatureEngine::new(&symbols(3), Interval::M15);
        for (bar, klines) in by_bar(&all) {
            step(&mut engine, bar, &klines);
            if bar >= 5_000 + restart && bar < 5_000 + restart + 3 {
                let before = engine.snapshot();
                engine = FeatureEngine::restore(&before).expect("its own bytes");
                prop_assert!(engine.snapshot() == before);
            }
            let mut rows = crate::support::Rows::new();
            collect(&engine, bar, &mut rows);
            for (key, row) in &rows {
                assert_same(&format!("{key:?}"), &clean[key], row);
            }
        }
    }
}

fn engine() -> FeatureEngine {
    let all = vec![series(1, PLAIN, 0, 30)];
    let mut engine = FeatureEngine::new(&symbols(1), Interval::M15);
    by_bar(&all).iter().for_each(|(bar, klines)| step(&mut engine, *bar, klines));
    engine
}

#[test]
fn truncated_and_changed_bytes_are_refused() {
    let bytes = engine().snapshot();
    for length in [0, 7, 8, 41, 42, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(FeatureEngine::restore(&bytes[..length]).is_err(), "{length} bytes");
    }
    for place in (0..bytes.len()).step_by(997) {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(FeatureEngine::restore(&changed).is_err(), "bit in byte {place}");
    }
}

#[test]
fn each_refusal_says_why() {
    let bytes = engine().snapshot();
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut content = bytes[..bytes.len() - 32].to_vec();
        change(&mut content);
        let checksum: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&content).into();
        content.extend(checksum);
        FeatureEngine::restore(&content).expect_err("a changed snapshot")
    };
    assert!(matches!(refusal(&|b| b[0] ^= 1), SnapshotError::NotASnapshot { .. }));
    assert!(matches!(refusal(&|b| b[8] = 99), SnapshotError::Version { found: 99, .. }));
    assert!(matches!(refusal(&|b| b[10] ^= 1), SnapshotError::Catalogue { .. }));
    assert!(matches!(refusal(&|b| b.truncate(b.len() / 2)), SnapshotError::Malformed { .. }));
    let mut flipped = bytes.clone();
    flipped[200] ^= 1;
    assert!(matches!(FeatureEngine::restore(&flipped), Err(SnapshotError::Checksum { .. })));
}
