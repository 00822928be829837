//! The latest prediction of each symbol, read without waiting.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use forecast::Prediction;
use kline::Symbol;

/// One slot a symbol. Written by the engine's thread alone; a reader never waits for it, nor it for a reader.
#[derive(Debug)]
pub struct LatestTable {
    symbols: Vec<Symbol>,
    slots: Vec<ArcSwapOption<Prediction>>,
}

/// What stands about one symbol.
pub type Stands = Guard<Option<Arc<Prediction>>>;

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

    fn slot(&self, symbol: Symbol) -> Option<&ArcSwapOption<Prediction>> {
        self.slots.get(self.symbols.binary_search(&symbol).ok()?)
    }

    /// Takes up a prediction, unless it is about an earlier bar than the one that stands there: an amended answer
    /// about an old bar is published and journalled, but it is not the latest.
    pub fn put(&self, prediction: Arc<Prediction>) {
        let Some(slot) = self.slot(prediction.symbol) else { return };
        let stands = slot.load();
        if stands.as_ref().is_none_or(|stands| stands.bar_time <= prediction.bar_time) {
            slot.store(Some(prediction));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prediction;

    #[test]
    fn the_latest_bar_stands_and_its_amendment_replaces_it() {
        let table = LatestTable::new(&["B".parse().expect("a name"), "A".parse().expect("a name")]);
        let at = |symbol: &str| {
            let found = table.get(symbol.parse().expect("a name"))?;
            found.as_ref().map(|prediction| (prediction.bar_time.milliseconds(), prediction.revision))
        };
        table.put(Arc::new(prediction("A", 2, 1)));
        table.put(Arc::new(prediction("A", 1, 2)));
        assert_eq!(at("A"), Some((2 * 900_000 + 899_999, 1)));
        table.put(Arc::new(prediction("A", 2, 2)));
        assert_eq!(at("A"), Some((2 * 900_000 + 899_999, 2)));
        table.put(Arc::new(prediction("C", 2, 2)));
        assert_eq!((at("B"), at("C")), (None, None));
    }

    #[test]
    fn what_stands_goes_into_a_table_of_other_symbols() {
        let names =
            |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect::<Vec<_>>();
        let table = LatestTable::new(&names(&["A", "B"]));
        table.put(Arc::new(prediction("A", 2, 1)));
        table.put(Arc::new(prediction("B", 3, 1)));
        let other = table.with_symbols(&names(&["B", "C"]));
        assert_eq!(other.symbols(), names(&["B", "C"]));
        let [a, b, c] = names(&["A", "B", "C"])[..] else { unreachable!() };
        assert!(other.get(a).is_none());
        assert!(other.get(b).is_some_and(|stands| stands.as_ref().is_some_and(|made| made.symbol == b)));
        assert!(other.get(c).is_some_and(|stands| stands.is_none()));
    }
}
