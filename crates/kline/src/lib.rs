//! The values that every room shares: what a kline is, which symbol and interval it belongs to, and
//! where it stands in its series. Pure: no I/O, no clock.
//!
//! ```
//! use kline::{Interval, Kline, KlineFields, Placement, Series, Symbol};
//!
//! let symbol: Symbol = "BTCUSDT".parse()?;
//! let first = Kline::new(Interval::M15, KlineFields::flat(1_700_000_100_000, 36_900.5))?;
//! let second = Kline::new(Interval::M15, KlineFields::flat(1_700_001_000_000, 36_901.0))?;
//! let mut series = Series::new(Interval::M15);
//! assert_eq!(series.place(&first), Placement::First);
//! series.push(&first);
//! assert_eq!(series.place(&second), Placement::Next);
//! assert_eq!(symbol.as_str(), "BTCUSDT");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod interval;
#[allow(clippy::module_inception)]
mod kline;
mod series;
mod symbol;
mod time;

pub use error::{KlineError, ParseError};
pub use interval::Interval;
pub use kline::{Kline, KlineFields};
pub use series::{Placement, Series};
pub use symbol::Symbol;
pub use time::{BarTime, Milliseconds};
