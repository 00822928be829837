//! The version of the data: a hash of what the klines say.

use std::collections::BTreeMap;

use kline::{Interval, Kline, Symbol};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Which klines a bundle was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataVersion {
    /// `sha256:` and 64 hexadecimal digits.
    pub version: String,
    /// How many klines.
    pub klines: usize,
    /// The markets.
    pub symbols: Vec<Symbol>,
}

/// Hashes interval, symbols and every bit of every kline, in order. A missing column is marked as such, so it
/// does not hash like a zero.
#[must_use]
pub fn data_version(klines: &BTreeMap<Symbol, Vec<Kline>>, interval: Interval) -> DataVersion {
    let mut hasher = Sha256::new();
    hasher.update(b"klinecast klines 1\n");
    hasher.update(interval.as_str());
    for (symbol, klines) in klines {
        hasher.update(symbol.as_str());
        hasher.update((klines.len() as u64).to_le_bytes());
        for kline in klines {
            hasher.update(kline_bytes(kline));
        }
    }
    let digest: [u8; 32] = hasher.finalize().into();
    DataVersion {
        version: format!("sha256:{}", hex::encode(digest)),
        klines: klines.values().map(Vec::len).sum(),
        symbols: klines.keys().copied().collect(),
    }
}

/// Opening time, five prices and volumes, four optional columns with a mark each.
fn kline_bytes(kline: &Kline) -> [u8; 84] {
    let mut bytes = [0; 84];
    let options = [
        kline.quote_volume.map(f64::to_bits),
        kline.trades,
        kline.taker_base.map(f64::to_bits),
        kline.taker_quote.map(f64::to_bits),
    ];
    let words = [kline.open_time.cast_unsigned()]
        .into_iter()
        .chain([kline.open, kline.high, kline.low, kline.close, kline.volume].map(f64::to_bits))
        .chain(options.map(Option::unwrap_or_default));
    for (slot, word) in bytes[4..].chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    for (slot, option) in bytes[..4].iter_mut().zip(options) {
        *slot = u8::from(option.is_some());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    fn version(change: impl FnOnce(&mut KlineFields)) -> String {
        let mut fields = KlineFields::flat(900_000, 2.0);
        change(&mut fields);
        let kline = Kline::new(Interval::M15, fields).expect("valid by construction");
        let klines = BTreeMap::from([("BTCUSDT".parse().expect("a symbol"), vec![kline])]);
        data_version(&klines, Interval::M15).version
    }

    #[test]
    fn every_column_counts_and_missing_is_not_zero() {
        let usual = version(|_| ());
        assert_eq!(usual, version(|_| ()));
        let changes: [fn(&mut KlineFields); 6] = [
            |k| k.high = 2.5,
            |k| k.volume = 1.0,
            |k| k.quote_volume = None,
            |k| k.trades = None,
            |k| k.taker_base = None,
            |k| k.taker_quote = None,
        ];
        for change in changes {
            assert_ne!(usual, version(change));
        }
    }
}
