//! How the line to the exchange is, for everyone to see.

use std::sync::Arc;

use crate::gauges;
use crate::state::{ExchangeState, ExchangeView, Shared};

/// Shows the state of the line, and the trouble that it is in.
pub(super) fn show(shared: &Shared, state: ExchangeState, problem: Option<String>) {
    gauges::show_exchange(state);
    shared.exchange.store(Arc::new(ExchangeView { state, problem }));
}
