//! Closed klines.

use kline::{BarTime, Interval, Kline, Symbol};

use crate::StoreError;

/// Keeps closed klines by symbol, interval and open time.
pub trait KlineStore: Send + Sync {
    /// Keeps klines; one that is there already is replaced (the exchange corrects closed klines). All or nothing.
    /// Answers how many were new or changed.
    ///
    /// # Errors
    /// When the store can't be written.
    fn append(&self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<usize, StoreError>;

    /// The klines from bar `from` to bar `until`, both included, in order of time; `None` leaves that end open.
    ///
    /// # Errors
    /// When the store can't be read, or holds what is no kline.
    fn range(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: Option<BarTime>,
        until: Option<BarTime>,
    ) -> Result<Vec<Kline>, StoreError>;

    /// The latest `count` klines, in order of time.
    ///
    /// # Errors
    /// When the store can't be read, or holds what is no kline.
    fn latest(&self, symbol: Symbol, interval: Interval, count: usize) -> Result<Vec<Kline>, StoreError>;

    /// The last kept bar.
    ///
    /// # Errors
    /// When the store can't be read.
    fn last_bar(&self, symbol: Symbol, interval: Interval) -> Result<Option<BarTime>, StoreError>;

    /// The symbols that have klines of the interval, sorted.
    ///
    /// # Errors
    /// When the store can't be read.
    fn symbols(&self, interval: Interval) -> Result<Vec<Symbol>, StoreError>;
}
