//! The latest prediction of each symbol, read without waiting.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use kline::Symbol;

use crate::encoded::Encoded;

/// One slot a symbol. Written by the engine's thread alone; a reader never waits for it, nor it for a reader.
#[derive(Debug)]
pub struct LatestTable {
    symbols: Vec<Symbol>,
    slots: Vec<ArcSwapOption<Encoded>>,
}

/// What stands about one symbol.
pub type Stands = Guard<Option<Arc<Encoded>>>;

impl LatestTable {
    /// An empty table of these symbols.
    #[must_use]
    pub fn new(symbols: &[Symbol]) -> Self {
        let mut symbols = symbols.to_vec();
        symbols.sort();
        symbols.dedup();
        let slots = symbols.iter().map(|_| ArcSwapOption::empty()).collect();
        Self { symbols, slots }
    }

    /// A table of other symbols, with what stands here about those that both have.
    #[must_use]
    pub fn with_symbols(&self, symbols: &[Symbol]) -> Self {
        let table = Self::new(symbols);
        for (symbol, slot) in table.symbols.iter().zip(&table.slots) {
            slot.store(self.get(*symbol).and_then(|stands| stands.clone()));
        }
        table
    }

    /// The symbols, sorted by name.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether the table has a symbol.
    #[must_use]
    pub fn has(&self, symbol: Symbol) -> bool {
        self.slot(symbol).is_some()
    }

    /// The latest prediction about a symbol; `None` if the table does not have it.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> Option<Stands> {
        self.slot(symbol).map(ArcSwapOption::load)
    }

    fn slot(&self, symbol: Symbol) -> Option<&ArcSwapOption<Encoded>> {
        self.slots.get(self.symbols.binary_search(&symbol).ok()?)
    }

    /// Takes up a prediction, unless it is about an earlier bar than the one that stands there: an amended answer
    /// about an old bar is published and journalled, but it is not the latest.
    pub fn put(&self, encoded: Arc<Encoded>) {
        let Some(slot) = self.slot(encoded.prediction.symbol) else { return };
        let stands = slot.load();
        let is_newer = |stands: &Arc<Encoded>| stands.prediction.bar_time <= encoded.prediction.bar_time;
        if stands.as_ref().is_none_or(is_newer) {
            slot.store(Some(encoded));
        }
    }

    /// Takes away what stands about a symbol.
    pub fn clear(&self, symbol: Symbol) {
        if let Some(slot) = self.slot(symbol) {
            slot.store(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::encoded;

    #[test]
    fn the_latest_bar_stands_and_its_amendment_replaces_it() {
        let table = LatestTable::new(&["B".parse().expect("a name"), "A".parse().expect("a name")]);
        let at = |symbol: &str| {
            let found = table.get(symbol.parse().expect("a name"))?;
            let found = &found.as_ref()?.prediction;
            Some((found.bar_time.milliseconds(), found.revision))
        };
        table.put(encoded("A", 2, 1));
        table.put(encoded("A", 1, 2));
        assert_eq!(at("A"), Some((2 * 900_000 + 899_999, 1)));
        table.put(encoded("A", 2, 2));
        assert_eq!(at("A"), Some((2 * 900_000 + 899_999, 2)));
        table.put(encoded("C", 2, 2));
        assert_eq!((at("B"), at("C")), (None, None));
    }

    #[test]
    fn what_stands_goes_into_a_table_of_other_symbols() {
        let names =
            |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect::<Vec<_>>();
        let table = LatestTable::new(&names(&["A", "B"]));
        table.put(encoded("A", 2, 1));
        table.put(encoded("B", 3, 1));
        let other = table.with_symbols(&names(&["B", "C"]));
        assert_eq!(other.symbols(), names(&["B", "C"]));
        let [a, b, c] = names(&["A", "B", "C"])[..] else { unreachable!() };
        assert!(other.get(a).is_none());
        assert!(
            other
                .get(b)
                .is_some_and(|stands| stands.as_ref().is_some_and(|made| made.prediction.symbol == b))
        );
        assert!(other.get(c).is_some_and(|stands| stands.is_none()));
    }
}
