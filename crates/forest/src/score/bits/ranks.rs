//! The ranks of rows, by this machine's instructions or by plain code.

use super::ranking::{Ranking, or_zero};
use super::{MISSING, Ranks};
use crate::Library;
use crate::score::reference::{as_read, goes_left};

impl Ranking {
    /// Translates rows, one for each of `ranks`.
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
        if self.machine().permutes_bytes() {
            return super::avx512::rank(self, rows, width, ranks);
        }
        for (row, ranks) in rows.chunks_exact(width).zip(ranks) {
            for (number, rank) in self.numbers().iter().zip(ranks) {
                let value = as_read(self.library(), row[number.feature as usize]);
                *rank = match (number.is_missing(value), self.library()) {
                    (true, _) => MISSING,
                    (false, Library::LightGbm) => self.cuts(number).count(|cut| cut < or_zero(value)),
                    (false, Library::XgBoost) => self.cuts(number).count(|cut| cut <= value),
                };
            }
        }
    }
}
