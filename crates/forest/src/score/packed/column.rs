//! The ways in which a row's values are read, and their ranks.

use crate::Library;
use crate::score::machine::Machine;
use crate::score::reference::{ZERO_BAND, as_read, goes_left};
use crate::tree::{Missing, Rule};

/// The rank of what is missing and goes right: above every split's. A leaf's own rank is this one, too.
pub(super) const RIGHT: u16 = u16::MAX;
/// The most thresholds of one column.
pub(super) const CUTS_MAX: usize = (RIGHT - 1) as usize;

/// One way of reading one feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) feature: u32,
    pub(super) reading: Reading,
    /// Where its thresholds stand among all.
    pub(super) cuts: std::ops::Range<usize>,
}

/// What a value's rank is made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// LightGBM: the number of thresholds below the value.
    AtMost { missing: Missing, default_left: bool },
    /// XGBoost: the number of thresholds not above the value.
    Below { default_left: bool },
    /// A categorical split of its own: 0 for left, 1 for right.
    Set(Rule),
}

/// All columns, ordered by feature.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) library: Library,
    pub(super) columns: Vec<Column>,
    /// The thresholds of each column, in order and without repetition.
    pub(super) cuts: Vec<f64>,
    #[cfg(target_arch = "x86_64")]
    pub(super) searches: super::search::Searches,
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

impl Column {
    fn rank(&self, value: f64, cuts: &[f64]) -> u16 {
        let missing = |default_left: bool| if default_left { 0 } else { RIGHT };
        match &self.reading {
            Reading::AtMost { missing: kind, default_left } => {
                let is_zero = *kind == Missing::Zero && (value.is_nan() || value.abs() <= ZERO_BAND);
                if is_zero || (*kind == Missing::NotANumber && value.is_nan()) {
                    return missing(*default_left);
                }
                let value = if value.is_nan() { 0.0 } else { value };
                cuts.partition_point(|cut| *cut < value) as u16
            }
            Reading::Below { default_left } if value.is_nan() => missing(*default_left),
            Reading::Below { .. } => cuts.partition_point(|cut| *cut <= value) as u16,
            Reading::Set(rule) => u16::from(!goes_left(rule, value)),
        }
    }
}
