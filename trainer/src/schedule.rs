//! Runs a command of this program again and again, at the times of a cron expression: one after the other, never two at once.
//!
//! What would have been due while nobody ran, or while the run before lasted, is made up for by one run at most. A run that fails
//! is tried again after growing waits, and goes on where it was; the champion stays what it is.

mod cron;
mod keeper;
mod plan;

pub use cron::{Cron, CronError};
pub use keeper::keep;
pub use plan::{Ended, Planned, Status, plan};
