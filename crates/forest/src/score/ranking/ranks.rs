//! The ranks of rows, by this machine's instructions or by plain code.

#[cfg(target_arch = "x86_64")]
mod avx512;

use super::{Columns, MISSING, Ranking, Ranks, SOURCES, or_zero};
use crate::Library;
use crate::score::reference::{as_read, goes_left};

impl Ranking {
    /// Translates up to [`ROWS`](super::ROWS) rows, one for each of `ranks`.
    pub(crate) fn rank_rows(&self, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
        self.rank_numbers(rows, width, ranks);
        for (row, ranks) in rows.chunks_exact(width).zip(ranks) {
            for ((feature, rule), rank) in self.sets().iter().zip(&mut ranks[self.numbers().len()..]) {
                let value = as_read(self.library(), row[*feature as usize]);
                *rank = u8::from(!goes_left(rule, value));
            }
        }
    }

    fn rank_numbers(&self, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
        #[cfg(target_arch = "x86_64")]
        if self.machine().compares_64_bytes() {
            return avx512::rank_rows(self, rows, width, ranks);
        }
        for (row, ranks) in rows.chunks_exact(width).zip(ranks) {
            for (at, rank) in ranks.iter_mut().enumerate().take(self.numbers().len()) {
                *rank = self.rank_number(at, row);
            }
        }
    }

    /// The rank of one number of one row.
    fn rank_number(&self, at: usize, row: &[f64]) -> u8 {
        let number = &self.numbers()[at];
        let value = as_read(self.library(), row[number.feature as usize]);
        match (number.is_missing(value), self.library()) {
            (true, _) => MISSING,
            (false, Library::LightGbm) => self.search(at).count(|cut| cut < or_zero(value)),
            (false, Library::XgBoost) => self.search(at).count(|cut| cut <= value),
        }
    }

    /// Translates up to `LANES` rows, one at least; the last one stands in the lanes without a row, too.
    pub(crate) fn rank_columns<const LANES: usize>(&self, rows: &[f64], width: usize) -> Columns<LANES> {
        let mut ranks = [[0; LANES]; SOURCES];
        self.rank_columns_of_numbers(rows, width, &mut ranks);
        let last = rows.len() / width - 1;
        let row_of = |lane: usize| &rows[lane.min(last) * width..][..width];
        for ((feature, rule), column) in self.sets().iter().zip(&mut ranks[self.numbers().len()..]) {
            for (lane, rank) in column.iter_mut().enumerate() {
                let value = as_read(self.library(), row_of(lane)[*feature as usize]);
                *rank = u8::from(!goes_left(rule, value));
            }
        }
        // No rank but this one is so high.
        let any_missing = ranks.as_flattened().contains(&MISSING);
        Columns { ranks, any_missing }
    }

    fn rank_columns_of_numbers<const LANES: usize>(
        &self,
        rows: &[f64],
        width: usize,
        ranks: &mut [[u8; LANES]; SOURCES],
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.machine().compares_64_bytes() {
            return avx512::rank_columns(self, rows, width, ranks);
        }
        let last = rows.len() / width - 1;
        for (at, column) in ranks.iter_mut().enumerate().take(self.numbers().len()) {
            for (lane, rank) in column.iter_mut().enumerate() {
                *rank = self.rank_number(at, &rows[lane.min(last) * width..][..width]);
            }
        }
    }
}
