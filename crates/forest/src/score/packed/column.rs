//! One way in which a row's value is read, and its rank.

use crate::score::reference::{ZERO_BAND, goes_left};
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

impl Column {
    /// The rank of a value as it was read, among this column's thresholds.
    pub(super) fn rank(&self, value: f64, cuts: &[f64]) -> u16 {
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
