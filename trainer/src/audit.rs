//! Proofs about the machine that makes rows and outcomes, by changing klines and comparing bits, and about the scorer of
//! the boosters, by standing on every split of every one of them.

mod ahead;
mod causality;
mod change;
mod cuts;
mod effects;
mod fill;
mod findings;
mod inputs;
mod judge;
mod leaks;
mod lever;
mod parity;
mod record;
mod table;

use std::collections::BTreeMap;

use features::{Catalogue, FeatureDefinition};
use forecast::{DatasetRow, for_each_row};
use kline::{Interval, Kline, Symbol};

pub use causality::{CausalityRequest, DEFAULT_BARS, DEFAULT_SEED, audit_causality};
pub use leaks::audit_leaks;
pub(crate) use leaks::leaks_table;
pub use parity::audit_parity;
pub(crate) use parity::{ParityReport, parity_table};
pub(crate) use table::causality_table;

/// The klines of several symbols, each in ascending order of bars.
pub type Klines = BTreeMap<Symbol, Vec<Kline>>;

/// What is audited: whatever turns klines into rows with values and outcomes.
pub trait RowMaker: Sync {
    /// Gives every row to `emit`, in ascending order of bars, then of symbols.
    fn rows(&self, klines: &Klines, interval: Interval, emit: &mut dyn FnMut(DatasetRow<'_>));

    /// What the rows' values claim to be.
    fn definitions(&self) -> &[FeatureDefinition] {
        Catalogue::standard().definitions()
    }
}

/// The machine that trains and serves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl RowMaker for Machine {
    fn rows(&self, klines: &Klines, interval: Interval, emit: &mut dyn FnMut(DatasetRow<'_>)) {
        for_each_row(klines, interval, emit);
    }
}
