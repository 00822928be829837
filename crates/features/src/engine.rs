//! The engine.

use kline::{BarTime, Interval, Kline, Placement, Symbol};

use crate::{CloseError, Quality, Row, SnapshotError};

/// Incremental features of several symbols on one interval.
#[derive(Debug, Clone)]
pub struct FeatureEngine {
    symbols: Vec<Symbol>,
    interval: Interval,
}

/// Working memory of [`FeatureEngine::peek`]; keep one per caller.
#[derive(Debug, Default)]
pub struct PeekScratch {}

impl FeatureEngine {
    /// An engine without history; `symbols` are sorted and deduplicated.
    #[must_use]
    pub fn new(symbols: &[Symbol], interval: Interval) -> Self {
        let mut symbols = symbols.to_vec();
        symbols.sort_unstable();
        symbols.dedup();
        Self { symbols, interval }
    }
    /// The symbols in order.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
    /// The place of a symbol.
    #[must_use]
    pub fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.symbols.binary_search(&symbol).ok()
    }
    /// The interval.
    #[must_use]
    pub fn interval(&self) -> Interval {
        self.interval
    }
    /// Takes a closed kline.
    ///
    /// # Errors
    /// See [`CloseError`].
    pub fn close(&mut self, _index: usize, _kline: &Kline) -> Result<Placement, CloseError> {
        Ok(Placement::Next)
    }
    /// Seals a bar.
    pub fn seal(&mut self, _bar: BarTime) {}
    /// The row of a symbol at the sealed bar.
    #[must_use]
    pub fn row(&self, _index: usize) -> Option<Row<'_>> {
        None
    }
    /// What `close` and `seal` would answer.
    ///
    /// # Errors
    /// See [`CloseError`].
    pub fn peek(
        &self,
        _index: usize,
        _kline: &Kline,
        _scratch: &mut PeekScratch,
        _out: &mut [f64],
    ) -> Result<Quality, CloseError> {
        Ok(Quality::default())
    }
    /// The state as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
    /// The state from bytes.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Err(SnapshotError::NotASnapshot { length: bytes.len() })
    }
}
