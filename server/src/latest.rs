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

    /// The symbols, sorted by name.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// A symbol's place in the table.
    #[must_use]
    pub fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.symbols.binary_search(&symbol).ok()
    }

    /// The latest prediction at a place of the table.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Guard<Option<Arc<Prediction>>>> {
        self.slots.get(index).map(ArcSwapOption::load)
    }

    /// Takes up a prediction, unless it is about an earlier bar than the one that stands there: an amended answer
    /// about an old bar is published and journalled, but it is not the latest.
    pub fn put(&self, prediction: Arc<Prediction>) {
        let Some(slot) = self.index_of(prediction.symbol).and_then(|index| self.slots.get(index)) else {
            return;
        };
        let stands = slot.load();
        if stands.as_ref().is_none_or(|stands| stands.bar_time <= prediction.bar_time) {
            slot.store(Some(prediction));
        }
    }

    /// Forgets every prediction.
    pub fn clear(&self) {
        for slot in &self.slots {
            slot.store(None);
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
            let index = table.index_of(symbol.parse().expect("a name"))?;
            let found = table.get(index)?;
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
}
