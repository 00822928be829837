//! What the engine refuses.

use kline::{BarTime, Symbol};

use crate::CatalogueHash;

/// Why a closed kline was not taken. The engine is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// The index is not one of the engine's symbols.
    #[error("symbol index {index} is not below {count}; ask the engine's index_of for it")]
    UnknownSymbol {
        /// As it was given.
        index: usize,
        /// How many symbols the engine has.
        count: usize,
    },
    /// The kline is not on the engine's grid.
    #[error("kline that opens at {open_time} is not of the engine's interval {interval}")]
    Interval {
        /// Milliseconds since the Unix epoch.
        open_time: i64,
        /// The engine's interval.
        interval: kline::Interval,
    },
    /// The bar is the symbol's last one or an earlier one: a duplicate, a correction or a late kline.
    #[error(
        "{symbol} bar {bar} is not after its last bar {last}; restore a snapshot from before it and replay"
    )]
    NotForward {
        /// The symbol.
        symbol: Symbol,
        /// The refused kline's bar.
        bar: BarTime,
        /// The last bar that was taken.
        last: BarTime,
    },
    /// The bar was already sealed without this kline.
    #[error(
        "{symbol} bar {bar} comes after bar {sealed} was sealed; restore a snapshot from before it and replay"
    )]
    Sealed {
        /// The symbol.
        symbol: Symbol,
        /// The refused kline's bar.
        bar: BarTime,
        /// The last sealed bar.
        sealed: BarTime,
    },
    /// The symbol's last bar has not been sealed yet: its row would be lost.
    #[error(
        "{symbol} bar {bar} comes before bar {unsealed} was sealed; seal each bar before the next one closes"
    )]
    Unsealed {
        /// The symbol.
        symbol: Symbol,
        /// The refused kline's bar.
        bar: BarTime,
        /// The bar that waits for its seal.
        unsealed: BarTime,
    },
    /// `peek` was given an output of the wrong length.
    #[error("output holds {length} values, the catalogue {expected}; give it the catalogue's length")]
    OutputLength {
        /// As it was given.
        length: usize,
        /// The catalogue's length.
        expected: usize,
    },
}

/// Why bytes are no snapshot of this engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes do not begin as a snapshot does.
    #[error("{length} bytes are no snapshot of this kind; back-fill the history instead")]
    NotASnapshot {
        /// How many bytes were given.
        length: usize,
    },
    /// Another format version.
    #[error("snapshot has version {found}, this program reads {expected}; back-fill the history instead")]
    Version {
        /// In the snapshot.
        found: u16,
        /// The one that is read.
        expected: u16,
    },
    /// The checksum does not hold: truncated or changed.
    #[error(
        "snapshot of {length} bytes is truncated or changed: its checksum does not hold; back-fill the history instead"
    )]
    Checksum {
        /// How many bytes were given.
        length: usize,
    },
    /// Written for another catalogue.
    #[error("snapshot is of catalogue {found}, this program has {expected}; back-fill the history instead")]
    Catalogue {
        /// In the snapshot.
        found: CatalogueHash,
        /// Of this program.
        expected: CatalogueHash,
    },
    /// The checksum holds but the content is no state.
    #[error("snapshot is malformed: {reason}; back-fill the history instead")]
    Malformed {
        /// What was found.
        reason: String,
    },
}
