//! Days of a misbehaving exchange in moments: the virtual exchange with seeded faults, the feed, the requests and the
//! Forecaster as they are, driven by one loop over virtual time. No socket, no thread, no clock: the same seed gives
//! the same bits, so that a seed that fails can be run again.
//!
//! ```
//! use exchange_sim::FaultKind;
//! use simulation::{Past, Plan, run};
//!
//! let past = Past::make(45)?;
//! let kinds = vec![FaultKind::LateFinal];
//! let plan = Plan { seed: 1, days: 1, kinds, per_day: 4.0, kills_per_day: 0.0, audits: true };
//! let verdict = run(&past, &plan)?;
//! assert!(verdict.problems.is_empty() && verdict.predictions > 300);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod node;
mod past;
mod record;
mod report;
mod requests;
mod verdict;
mod world;

pub use past::{Past, SYMBOLS};
pub use report::{Row, table};
pub use verdict::Verdict;
pub use world::{Plan, run};
