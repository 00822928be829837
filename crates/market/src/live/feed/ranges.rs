//! Ranges of missing bars that are asked for together, and what comes of each.

use kline::Milliseconds;

use super::{Brought, Missing};
use crate::MarketError;

/// Missing bars: first those of the catch-up, then others. The exchange's clock showed `at` before.
#[derive(Debug)]
pub(super) struct Ranges {
    pub(super) catch_up: Vec<Missing>,
    /// Whether bars that are not there are given up even if they are the newest.
    pub(super) newest_is_final: bool,
    pub(super) wants: Vec<Missing>,
    pub(super) at: Milliseconds,
}

/// What came of a range.
pub(super) type Outcome = Result<Vec<Brought>, MarketError>;
