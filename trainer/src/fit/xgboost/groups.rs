//! The columns in groups, of which a tree sees one.
//!
//! The library makes histograms of all columns, also of those that `colsample_bytree` keeps from a tree: they cost more than half of a round.
//! Where a tree is to see a third of the columns or fewer, it is grown on a matrix that has no others. Groups take turns, and the parts
//! of the rows have other groups each, so that twice as many pairs of columns meet.
//!
//! By the walk of ten pairs to 2024-09 (three folds, both libraries' mean) volatility loses 0.1 % by it, the regime 0.05, the five classes
//! 0.02 and returns and direction less than seeds do; a round takes half of the time, of which twice the rounds at half the rate
//! give volatility 0.3 % back.

use std::rc::Rc;

use super::feed::Source;
use super::held::Held;
use super::{LIBRARY, XgBoost, XgBoostRows, edges};
use crate::fit::bins::Columns;
use crate::fit::{FitError, Parameters};
use crate::random::Random;

/// How many groups there are.
const GROUPS: usize = 3;

/// The library's name of the share of the columns that a tree sees.
const SHARE: &str = "colsample_bytree";

/// Rows by some of their columns.
pub(super) struct Group {
    /// Which columns, ascending.
    pub(super) columns: Vec<usize>,
    pub(super) held: Held,
}

/// How many groups so many columns are in where a tree sees few of them.
pub(super) const fn usual(columns: usize) -> usize {
    if columns < 2 * GROUPS { 1 } else { GROUPS }
}

/// How many groups so many columns are in, and what the library is told then.
pub(super) fn split(parameters: &Parameters, columns: usize) -> (usize, Parameters) {
    let share = parameters.get(SHARE).and_then(|share| share.parse::<f64>().ok()).unwrap_or(1.0);
    let groups = usual(columns);
    let of_group = share * groups as f64;
    if groups > 1 && share > 0.0 && of_group <= 1.0 {
        (groups, parameters.clone().with(SHARE, of_group))
    } else {
        (1, parameters.clone())
    }
}

impl XgBoost {
    /// Each part of the rows by so many groups of columns, made where they are not there yet.
    ///
    /// # Errors
    /// When the library refuses, or bins otherwise than it is told.
    pub(super) fn groups(
        &self,
        rows: &XgBoostRows,
        groups: usize,
        threads: usize,
    ) -> Result<Rc<Vec<Vec<Group>>>, FitError> {
        if let Some(held) = rows.held.borrow().get(&groups) {
            return Ok(Rc::clone(held));
        }
        let settings = (rows.bins, threads);
        let all = &rows.binned.columns;
        let group = |part: usize, columns: Vec<usize>| {
            // What is binned like this has its bins.
            let told = self.held(Source::Bins(all, &columns), settings, None)?;
            check(&told, all, &columns)?;
            let source = Source::Cells(&rows.binned.parts[part], all, &columns);
            let held = self.held(source, settings, Some(&told))?;
            Ok(Group { columns, held })
        };
        let of_part = |part| {
            members(all.count(), groups, part).into_iter().map(move |columns| group(part, columns)).collect()
        };
        let parts =
            (0..rows.binned.parts.len()).map(of_part).collect::<Result<Vec<Vec<Group>>, FitError>>()?;
        let parts = Rc::new(parts);
        rows.held.borrow_mut().insert(groups, Rc::clone(&parts));
        Ok(parts)
    }
}

fn check(told: &Held, all: &Columns, columns: &[usize]) -> Result<(), FitError> {
    let found = edges::of(told)?;
    let expected = columns.iter().map(|column| all.get(*column).map(|column| &column.edges));
    if found.iter().map(Some).eq(expected) {
        return Ok(());
    }
    Err(FitError::Answer {
        library: LIBRARY,
        answer: "other bins".to_owned(),
        expected: "those that it is told",
    })
}

/// The columns of each group. Neighbours in a catalogue are of a kind: as many as there are groups are dealt out, one to each.
fn members(columns: usize, groups: usize, part: usize) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new(); groups];
    let mut free: Vec<usize> = Vec::new();
    for column in 0..columns {
        if free.is_empty() {
            free = (0..groups).collect();
        }
        let drawn = Random::of((part * columns + column) as u64, &[]).next() as usize % free.len();
        found[free.swap_remove(drawn)].push(column);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_in_one_group_and_neighbours_are_in_different_ones() {
        for (columns, groups) in [(116, 3), (7, 3), (5, 1)] {
            for part in 0..3 {
                let found = members(columns, groups, part);
                let mut all = found.concat();
                all.sort_unstable();
                assert_eq!(all, (0..columns).collect::<Vec<_>>());
                for group in &found {
                    assert!(group.is_sorted());
                    let mut deals: Vec<usize> = group.iter().map(|column| column / groups).collect();
                    deals.dedup();
                    assert_eq!(deals.len(), group.len(), "two of a deal");
                }
            }
        }
        assert_ne!(members(116, 3, 0), members(116, 3, 1));
    }

    #[test]
    fn a_small_share_of_many_columns_is_a_larger_one_of_a_group() {
        let told = |share: f64, columns| {
            let (groups, told) = split(&Parameters::default().with(SHARE, share), columns);
            (groups, told.get(SHARE).and_then(|share| share.parse::<f64>().ok()).expect("a share"))
        };
        assert_eq!(told(0.25, 116), (3, 0.75));
        assert_eq!(told(0.5, 116), (1, 0.5));
        assert_eq!(told(0.25, 5), (1, 0.25));
        assert_eq!(split(&Parameters::default(), 116).0, 1);
    }
}
