//! All ways in which a row's values are read.

use super::column::Column;
#[cfg(target_arch = "x86_64")]
use super::search::Searches;
use crate::Library;
use crate::score::machine::Machine;
use crate::score::reference::as_read;

/// All columns, ordered by feature.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) library: Library,
    pub(super) columns: Vec<Column>,
    /// The thresholds of each column, in order and without repetition.
    pub(super) cuts: Vec<f64>,
    #[cfg(target_arch = "x86_64")]
    pub(super) searches: Searches,
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Translates a row into one rank for each column.
    pub(super) fn rank(&self, machine: Machine, row: &[f64], ranks: &mut [u16]) {
        #[cfg(target_arch = "x86_64")]
        if machine.gathers() {
            self.searches.rank(machine, self.library, &self.cuts, row, ranks);
        }
        for (column, rank) in self.columns.iter().zip(ranks) {
            if machine.gathers() && !column.cuts.is_empty() {
                continue;
            }
            let value = as_read(self.library, row[column.feature as usize]);
            *rank = column.rank(value, &self.cuts[column.cuts.clone()]);
        }
    }
}
