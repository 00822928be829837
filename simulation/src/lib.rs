//! Days of a misbehaving exchange in moments: the virtual exchange with seeded faults, the feed, the requests and the
//! Forecaster as they are, driven by one loop over virtual time. No socket, no thread, no clock: the same seed gives
//! the same bits, so that a seed that fails can be run again.

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
