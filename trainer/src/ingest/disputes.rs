//! Bars that two sources have otherwise: the store keeps one value a bar, and this file the fact that there were two.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kline::{Interval, Kline, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};
use store::Home;

use crate::artefact::{read_json, write_json};
use crate::{Result, TrainerError};

/// Disputes that are kept of one symbol; beyond that the earliest bars' are forgotten.
const KEPT_MAX: usize = 20_000;

/// One bar that two sources have otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Who had it otherwise than the store.
    pub source: String,
    /// The columns that differ.
    pub columns: Vec<String>,
}

/// The file `disputes.json` of a home: by interval, symbol and opening.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputes(BTreeMap<Interval, BTreeMap<Symbol, BTreeMap<Milliseconds, Dispute>>>);

impl Disputes {
    fn path(home: &Home) -> PathBuf {
        home.folder().join("disputes.json")
    }

    /// What is kept; nothing without a file.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn open(home: &Home) -> Result<Self> {
        match read_json(&Self::path(home), "ingest --ask-again") {
            Err(TrainerError::MissingStage { .. }) => Ok(Self::default()),
            read => read,
        }
    }

    /// Keeps them.
    ///
    /// # Errors
    /// [`TrainerError::Io`].
    pub fn save(&self, home: &Home) -> Result<()> {
        write_json(&Self::path(home), self)
    }

    /// Whether sources differ about a bar.
    #[must_use]
    pub fn has(&self, symbol: Symbol, interval: Interval, open_time: Milliseconds) -> bool {
        self.of(symbol, interval).is_some_and(|bars| bars.contains_key(&open_time))
    }

    /// How many bars of a symbol are disputed.
    #[must_use]
    pub fn count(&self, symbol: Symbol, interval: Interval) -> usize {
        self.of(symbol, interval).map_or(0, BTreeMap::len)
    }

    fn of(&self, symbol: Symbol, interval: Interval) -> Option<&BTreeMap<Milliseconds, Dispute>> {
        self.0.get(&interval)?.get(&symbol)
    }

    /// Compares what the store keeps with what another source says of the same bars; answers how many were compared.
    /// Columns that one of them lacks are no difference. A bar on which they agree now is disputed no longer.
    pub(super) fn compare(
        &mut self,
        symbol: Symbol,
        interval: Interval,
        (kept, given, source): (&[Kline], &[Kline], &str),
    ) -> usize {
        let bars = self.0.entry(interval).or_default().entry(symbol).or_default();
        let mut compared = 0;
        for kline in given {
            let Ok(at) = kept.binary_search_by_key(&kline.open_time, |kept| kept.open_time) else { continue };
            compared += 1;
            let columns = differing(&kept[at], kline);
            if columns.is_empty() {
                bars.remove(&kline.open_time);
            } else {
                let columns = columns.into_iter().map(str::to_owned).collect();
                bars.insert(kline.open_time, Dispute { source: source.to_owned(), columns });
            }
        }
        while bars.len() > KEPT_MAX {
            bars.pop_first();
        }
        compared
    }
}

/// The columns that both have, with other bits.
fn differing(one: &Kline, other: &Kline) -> BTreeSet<&'static str> {
    let columns = |kline: &Kline| {
        [
            ("open", Some(kline.open)),
            ("high", Some(kline.high)),
            ("low", Some(kline.low)),
            ("close", Some(kline.close)),
            ("volume", Some(kline.volume)),
            ("quote_volume", kline.quote_volume),
            ("trades", kline.trades.map(|trades| trades as f64)),
            ("taker_base", kline.taker_base),
            ("taker_quote", kline.taker_quote),
        ]
    };
    let pairs = columns(one).into_iter().zip(columns(other));
    let differ = pairs.filter(|((_, a), (_, b))| a.zip(*b).is_some_and(|(a, b)| a.to_bits() != b.to_bits()));
    differ.map(|((name, _), _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    const STEP: Interval = Interval::M15;

    fn series(change: impl Fn(i64, &mut KlineFields)) -> Vec<Kline> {
        let kline = |bar: i64| {
            let mut fields = KlineFields { high: 3.0, ..KlineFields::flat(bar * 900_000, 2.0) };
            change(bar, &mut fields);
            Kline::new(STEP, fields).expect("valid")
        };
        (0..10).map(kline).collect()
    }

    #[test]
    fn what_differs_is_kept_until_the_sources_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::open(folder.path()).expect("a home");
        let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
        let kept = series(|_, _| ());
        let given = series(|bar, fields| match bar {
            3 => fields.high = 4.0,
            // Not to know a column is no dispute.
            5 => fields.trades = None,
            _ => (),
        });
        let mut disputes = Disputes::open(&home).expect("none yet");
        assert_eq!(disputes.compare(symbol, STEP, (&kept[1..], &given, "exchange")), 9);
        disputes.save(&home).expect("written");
        let mut disputes = Disputes::open(&home).expect("read");
        assert!(disputes.has(symbol, STEP, 3 * 900_000) && !disputes.has(symbol, Interval::H1, 3 * 900_000));
        assert_eq!(disputes.of(symbol, STEP).expect("some")[&2_700_000].columns, ["high"]);
        assert_eq!(disputes.count(symbol, STEP), 1);
        disputes.compare(symbol, STEP, (&kept, &kept, "exchange"));
        assert_eq!(disputes.count(symbol, STEP), 0);
    }
}
