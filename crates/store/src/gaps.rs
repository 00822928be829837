//! The ledger of holes: bars that were found missing, and what became of each.

use forecast::Source;
use kline::{BarTime, Interval, Milliseconds, Symbol};

use crate::StoreError;

/// What has become of a missing bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoleState {
    /// It is being asked for.
    Open,
    /// The exchange was asked and does not have it.
    Lacking {
        /// When it last said so, by its clock.
        at_ms: Milliseconds,
    },
    /// It came.
    Filled {
        /// From where.
        source: Source,
        /// When, by the exchange's clock; 0 if that is not known.
        at_ms: Milliseconds,
    },
}

/// One bar that was found missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The market.
    pub symbol: Symbol,
    /// The bar.
    pub bar: BarTime,
    /// When it was noticed, by the exchange's clock.
    pub noticed_at_ms: Milliseconds,
    /// What has become of it.
    pub state: HoleState,
}

/// Keeps the ledger of holes, by interval, symbol and bar.
pub trait GapStore: Send + Sync {
    /// Keeps holes, each in place of what stood for its bar, and forgets others. All or nothing, durable when it returns.
    ///
    /// # Errors
    /// When the store can't be written.
    fn write(
        &self,
        interval: Interval,
        kept: &[Hole],
        forgotten: &[(Symbol, BarTime)],
    ) -> Result<(), StoreError>;

    /// The latest holes of a symbol from bar `from` on, at most `limit`, in the order of their bars.
    ///
    /// # Errors
    /// When the store can't be read, or holds what is no hole.
    fn holes(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: BarTime,
        limit: usize,
    ) -> Result<Vec<Hole>, StoreError>;

    /// Forgets the holes of all symbols before a bar; how many there were.
    ///
    /// # Errors
    /// When the store can't be written.
    fn forget_before(&self, interval: Interval, bar: BarTime) -> Result<usize, StoreError>;
}

/// The columns of a state: its name, when it was settled, and from where.
pub(crate) const fn columns(state: HoleState) -> (&'static str, Option<Milliseconds>, Option<&'static str>) {
    match state {
        HoleState::Open => ("open", None, None),
        HoleState::Lacking { at_ms } => ("lacking", Some(at_ms), None),
        HoleState::Filled { source, at_ms } => ("filled", Some(at_ms), Some(source.name())),
    }
}

/// A hole from its columns.
pub(crate) fn hole(
    symbol: Symbol,
    interval: Interval,
    (bar_time, noticed_at_ms): (Milliseconds, Milliseconds),
    (state, settled_at, source): (&str, Option<Milliseconds>, Option<&str>),
) -> Result<Hole, StoreError> {
    let damaged = || StoreError::StoredText {
        what: "hole of the gap ledger",
        text: format!("{symbol} {bar_time} {state} {settled_at:?} {source:?}"),
    };
    let source = source.map(|name| Source::ALL.into_iter().find(|source| source.name() == name));
    let state = match (state, settled_at, source) {
        ("open", None, None) => HoleState::Open,
        ("lacking", Some(at_ms), None) => HoleState::Lacking { at_ms },
        ("filled", Some(at_ms), Some(Some(source))) => HoleState::Filled { source, at_ms },
        _ => return Err(damaged()),
    };
    let bar = BarTime::from_close(bar_time, interval).ok_or_else(damaged)?;
    Ok(Hole { symbol, bar, noticed_at_ms, state })
}
