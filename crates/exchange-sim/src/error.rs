//! What can go wrong when an exchange is started.

use std::net::SocketAddr;
use std::path::PathBuf;

use kline::{Interval, KlineError, Symbol};

use crate::FaultKind;

/// Why an exchange did not start.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}; choose another --bind address, or port 0 for a free one")]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The speed is not a number that a clock can run at.
    #[error("speed {0} is not a finite number of 0 or more; 1 is real time, 900 one 15m bar a second")]
    Speed(f64),
    /// There is not one kline to replay.
    #[error("there are no recorded klines; name a folder of SYMBOL-{0}.csv.gz files with --klines")]
    NoKlines(Interval),
    /// The start lies before or after all that was recorded.
    #[error(
        "start {start} lies outside the recorded klines, which open from {first} to {last} (milliseconds); choose a --start between them"
    )]
    StartOutside {
        /// As configured.
        start: i64,
        /// Opening of the first recorded bar.
        first: i64,
        /// Opening of the last recorded bar.
        last: i64,
    },
    /// A recorded series that is not in order of time.
    #[error(
        "recorded klines of {symbol} are not in order: the bar that opens at {open_time} follows a later one or itself; sort the series"
    )]
    Unordered {
        /// Whose series.
        symbol: Symbol,
        /// The first bar that is out of order.
        open_time: i64,
    },
    /// A name that is no fault.
    #[error("{0:?} is no fault; choose of {known}, or all", known = FaultKind::ALL.map(FaultKind::as_str).join(", "))]
    Fault(String),
    /// A rate of faults that is no rate.
    #[error("{0} faults a day is not a number from 0 to 10000; choose another --faults-per-day")]
    FaultsPerDay(f64),
    /// A listing of a symbol that the source does not have.
    #[error("{0} is listed, but the market has no klines of it; remove its listing, or name another symbol")]
    Listing(Symbol),
    /// The synthetic market has no bars of that length.
    #[error("the synthetic market has no {0} bars; use 15m or a longer interval")]
    Interval(Interval),
    /// Making the market failed; a fault of this program.
    #[error("the market could not be made: {0}; please report this")]
    Market(String),
    /// The synthetic market was asked for a time before it began.
    #[error(
        "{from} (milliseconds) is before the synthetic market begins at {genesis} (2020-01-01); choose a later start or fewer days of history"
    )]
    BeforeGenesis {
        /// The first bar that was asked for.
        from: i64,
        /// The market's first bar.
        genesis: i64,
    },
}

/// Why a file or folder of recorded klines was refused. Nothing of a refused file is used.
#[derive(Debug, thiserror::Error)]
pub enum KlineFileError {
    /// The file or folder could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No file of the folder has a name of the right form.
    #[error(
        "{path} has no file named SYMBOL-{interval}.csv or SYMBOL-{interval}.csv.gz; check the folder and the interval"
    )]
    NoFiles {
        /// The folder.
        path: PathBuf,
        /// The interval that was asked for.
        interval: Interval,
    },
    /// Two files of one symbol.
    #[error("{path} and {other} both hold {symbol}; remove one of them")]
    Twice {
        /// Whose klines.
        symbol: Symbol,
        /// The file found second.
        path: PathBuf,
        /// The file found first.
        other: PathBuf,
    },
    /// The file has no rows.
    #[error("{path} holds no klines; remove it or fetch it again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line that is not a row of klines.
    #[error("{path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong, and with which value.
        problem: String,
    },
    /// A line whose values are no kline.
    #[error("{path}, line {line}: {source}")]
    Kline {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// The broken rule.
        source: KlineError,
    },
}
