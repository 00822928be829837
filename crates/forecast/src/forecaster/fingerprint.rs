//! What a state was made of, in a few numbers: a digest of a symbol's klines, block by block.

use std::collections::VecDeque;

use kline::{BarTime, Interval, Kline};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// Bars of one digest.
const BLOCK_BARS: i64 = 64;

/// So many digests are kept: more bars than any state depends on.
const BLOCKS: usize = 64;

/// The digests of a symbol's last blocks that hold a kline, in order. They tell apart what differs by accident, such as a
/// kline that was corrected in the store; whoever can write the store needs no collision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint(VecDeque<(i64, u64)>);

impl Fingerprint {
    /// Takes the kline of a bar later than any before.
    pub(super) fn push(&mut self, bar: BarTime, kline: &Kline, interval: Interval) {
        let block = block_of(bar, interval);
        match self.0.back_mut() {
            Some((last, digest)) if *last == block => *digest = mix(*digest, kline),
            _ => {
                if self.0.len() == BLOCKS {
                    self.0.pop_front();
                }
                self.0.push_back((block, mix(0, kline)));
            }
        }
    }

    /// The first block from the one of `from` on in which two fingerprints differ.
    pub(super) fn difference(&self, other: &Self, from: BarTime, interval: Interval) -> Option<BarTime> {
        let first = block_of(from, interval);
        let blocks = |digests: &Self| -> Vec<(i64, u64)> {
            digests.0.iter().copied().filter(|(block, _)| *block >= first).collect()
        };
        let (ours, theirs) = (blocks(self), blocks(other));
        let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let block =
            [ours.get(same), theirs.get(same)].into_iter().flatten().map(|(block, _)| *block).min()?;
        BarTime::from_open(block.checked_mul(BLOCK_BARS)?.checked_mul(interval.milliseconds())?, interval)
    }
}

fn block_of(bar: BarTime, interval: Interval) -> i64 {
    bar.index(interval).div_euclid(BLOCK_BARS)
}

/// A digest that goes on over every bit of one more kline.
fn mix(digest: u64, kline: &Kline) -> u64 {
    let optional = [
        kline.quote_volume.map(f64::to_bits),
        kline.trades,
        kline.taker_base.map(f64::to_bits),
        kline.taker_quote.map(f64::to_bits),
    ];
    let present = optional.iter().fold(0, |bits, value| bits << 1 | u64::from(value.is_some()));
    let prices = [kline.open, kline.high, kline.low, kline.close, kline.volume].map(f64::to_bits);
    let words = [kline.open_time.cast_unsigned(), present].into_iter().chain(prices);
    let mut bytes = [0; 11 * 8];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words.chain(optional.map(Option::unwrap_or_default))) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    XxHash3_64::oneshot_with_seed(digest, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    const M15: Interval = Interval::M15;

    fn kline(index: i64, change: impl FnOnce(&mut KlineFields)) -> Kline {
        let mut fields = KlineFields::flat(index * M15.milliseconds(), 2.0);
        change(&mut fields);
        Kline::new(M15, fields).expect("valid")
    }

    fn of(klines: impl IntoIterator<Item = Kline>) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        for kline in klines {
            fingerprint.push(kline.bar_time(M15), &kline, M15);
        }
        fingerprint
    }

    #[test]
    fn every_field_and_every_absence_is_told_apart() {
        let bar = kline(0, |_| ()).bar_time(M15);
        let plain = of([kline(0, |_| ())]);
        let changes: [fn(&mut KlineFields); 8] = [
            |k| k.volume = -0.0,
            |k| k.high = 3.0,
            |k| k.low = 1.0,
            |k| k.trades = None,
            |k| k.trades = Some(7),
            |k| k.quote_volume = None,
            |k| k.taker_base = None,
            |k| k.taker_quote = None,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let changed = of([kline(0, change)]);
            assert_eq!(plain.difference(&changed, bar, M15), Some(bar), "change {number}");
        }
        assert_eq!(plain.difference(&plain.clone(), bar, M15), None);
    }

    #[test]
    fn the_block_of_a_difference_is_named_and_earlier_ones_do_not_count() {
        let whole = of((0..400).map(|index| kline(index, |_| ())));
        let hole = of((0..400).filter(|index| *index != 130).map(|index| kline(index, |_| ())));
        let at = |index| kline(index, |_| ()).bar_time(M15);
        assert_eq!(whole.difference(&hole, at(0), M15), Some(at(128)));
        assert_eq!(hole.difference(&whole, at(191), M15), Some(at(128)));
        assert_eq!(whole.difference(&hole, at(192), M15), None);
        assert_eq!(whole.difference(&Fingerprint::default(), at(399), M15), Some(at(384)));
    }

    #[test]
    fn only_the_last_blocks_are_kept() {
        let long = of((0..10_000).map(|index| kline(index, |_| ())));
        assert_eq!(long.0.len(), BLOCKS);
        let late = of((5_824..10_000).map(|index| kline(index, |_| ())));
        assert_eq!(long, late);
    }
}
