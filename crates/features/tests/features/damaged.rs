//! Snapshots damaged in every way: a typed refusal each. Restoring makes an engine or nothing, so no state is ever half read.

use features::{Catalogue, FeatureEngine, SnapshotError};
use kline::Interval;
use sha2::{Digest as _, Sha256};

use crate::support::{PLAIN, by_bar, series, step, symbols};

const HEADER: usize = 8 + 2 + 32;
const CHECKSUM: usize = 32;

/// Of one symbol, so that every byte can be tried.
fn snapshot() -> Vec<u8> {
    let mut engine = FeatureEngine::new(&symbols(1), Interval::M15);
    let klines = vec![series(1, PLAIN, 0, 30)];
    by_bar(&klines).iter().for_each(|(bar, klines)| step(&mut engine, *bar, klines));
    engine.snapshot()
}

fn refusal(bytes: &[u8], what: &str) -> SnapshotError {
    match FeatureEngine::restore(bytes) {
        Err(error) => error,
        Ok(_) => panic!("{what} was taken"),
    }
}

/// The bytes with a checksum that holds, as a program of another build would have written them.
fn sealed(content: &[u8]) -> Vec<u8> {
    [content, Sha256::digest(content).as_slice()].concat()
}

#[test]
fn truncated_at_any_length_it_is_refused() {
    let bytes = snapshot();
    for length in 0..bytes.len() {
        let error = refusal(&bytes[..length], &format!("{length} bytes"));
        let expected = if length < HEADER + CHECKSUM {
            SnapshotError::NotASnapshot { length }
        } else {
            SnapshotError::Checksum { length }
        };
        assert_eq!(error, expected);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(refusal(&longer, "a byte more"), SnapshotError::Checksum { length: longer.len() });
}

#[test]
fn with_one_bit_changed_in_any_byte_it_is_refused() {
    let mut bytes = snapshot();
    let length = bytes.len();
    for place in 0..length {
        bytes[place] ^= 1 << (place % 8);
        let error = refusal(&bytes, &format!("a bit in byte {place}"));
        bytes[place] ^= 1 << (place % 8);
        match place {
            0..8 => assert_eq!(error, SnapshotError::NotASnapshot { length }),
            8..10 => assert!(matches!(error, SnapshotError::Version { .. }), "{place}: {error}"),
            _ => assert_eq!(error, SnapshotError::Checksum { length }),
        }
    }
    assert!(FeatureEngine::restore(&bytes).is_ok(), "the bits are all back");
}

#[test]
fn of_another_version_or_catalogue_it_is_refused_by_name() {
    let bytes = snapshot();
    let content = &bytes[..bytes.len() - CHECKSUM];
    let expected = u16::from_le_bytes([bytes[8], bytes[9]]);
    for found in [0, 1, expected - 1, expected + 1, 256, u16::MAX] {
        let mut other = content.to_vec();
        other[8..10].copy_from_slice(&found.to_le_bytes());
        assert_eq!(refusal(&sealed(&other), "a version"), SnapshotError::Version { found, expected });
    }
    for place in 10..HEADER {
        let mut other = content.to_vec();
        other[place] ^= 0x80;
        let error = refusal(&sealed(&other), "a catalogue");
        let SnapshotError::Catalogue { found, expected } = error else { panic!("{place}: {error}") };
        assert_eq!(expected, Catalogue::standard().hash());
        assert_ne!(found, expected);
    }
}

/// Places in the content. Reading whole states back takes its time, so in the middle, where one number follows the other, every
/// 61st byte stands for its neighbours.
fn places(content: usize) -> impl Iterator<Item = usize> {
    (HEADER..content).filter(move |at| *at < 2_048 || *at + 2_048 > content || at.is_multiple_of(61))
}

/// A checksum that holds proves no shape: content cut or changed under it is refused or read as some engine, never a panic.
#[test]
fn whatever_is_under_a_valid_checksum_nothing_panics() {
    let bytes = snapshot();
    let content = &bytes[..bytes.len() - CHECKSUM];
    for length in places(content.len()) {
        let error = refusal(&sealed(&content[..length]), "a cut content");
        assert!(matches!(error, SnapshotError::Malformed { .. }), "{length}: {error}");
    }
    let mut changed = content.to_vec();
    let next = series(2, PLAIN, 1_000_000, 1)[0];
    let (mut taken, mut refused) = (0, 0);
    for place in places(content.len()) {
        for bits in [0x01, 0x80, 0xff] {
            changed[place] ^= bits;
            match FeatureEngine::restore(&sealed(&changed)) {
                Ok(mut engine) => {
                    // Whatever it is, it goes on or refuses.
                    let _ = engine.close(0, &next);
                    engine.seal(next.bar_time(Interval::M15));
                    taken += 1;
                }
                Err(SnapshotError::Malformed { .. }) => refused += 1,
                Err(error) => panic!("byte {place}: {error}"),
            }
            changed[place] ^= bits;
        }
    }
    assert!(taken > 1_000 && refused > 10, "{taken} taken, {refused} refused");
}
