//! The feature engine: closed klines in, one feature row per symbol and bar out, the same bits live and in batch.
//! Pure: no I/O, no clock, no global state.
//!
//! Every value depends on a bounded number of preceding bars (at most [`HISTORY_BARS`]): windowed values are
//! computed afresh from the window, recursive ones run in generations that start at fixed bar indices
//! ([`window::Anchored`]), and bars of higher timeframes begin at fixed indices too. So an engine that starts anywhere
//! answers the bits of one that ran from the beginning.
//!
//! ```
//! use features::{Catalogue, FeatureEngine};
//! use kline::{BarTime, Interval, Kline, KlineFields};
//!
//! let mut engine = FeatureEngine::new(&["BTCUSDT".parse()?], Interval::M15);
//! for bar in 0..3 {
//!     let kline = Kline::new(Interval::M15, KlineFields::flat(bar * 900_000, 36_900.5))?;
//!     engine.close(0, &kline)?;
//!     engine.seal(kline.bar_time(Interval::M15));
//! }
//! let row = engine.row(0).ok_or("a sealed bar has a row")?;
//! let at = Catalogue::standard().index_of("log_return_1").ok_or("a name of the catalogue")?;
//! assert_eq!(row.values[at], 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod cross;
mod definition;
mod engine;
mod envelope;
mod error;
mod higher;
mod history;
mod indicator;
mod row;
mod state;
mod summaries;

pub mod recursions;
pub mod window;

pub use catalogue::{Catalogue, CatalogueDifference, CatalogueHash};
pub use cross::bitcoin_of;
pub use definition::{FeatureDefinition, Group, Input, Unit};
pub use engine::{FeatureEngine, PeekScratch};
pub use envelope::Envelope;
pub use error::{CloseError, SnapshotError};
pub use row::{Quality, Row, RowHash};

/// Generations of recursive indicators begin at bar indices that are multiples of this number of bars.
pub const BLOCK: i64 = 512;

/// So many bars of history make every later row independent of where the series began: 30 closed days of 96 bars, the
/// day that runs, and a day of room for a start in a hole.
pub const HISTORY_BARS: usize = 3_072;

/// Up to so many missing bars are carried flat; a longer hole restarts the symbol.
pub const MAX_CARRIED_BARS: i64 = 24;
