//! Ranks of four columns at once by AVX2: one step of four binary searches is a gather and a comparison.
//!
//! Answers the ranks that [`Column::rank`](super::column::Column) answers, which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256d, __m256i, _CMP_LE_OQ, _CMP_LT_OQ, _CMP_UNORD_Q, _mm_loadu_si128, _mm256_add_epi64,
    _mm256_and_si256, _mm256_andnot_pd, _mm256_blendv_epi8, _mm256_castpd_si256, _mm256_cmp_pd,
    _mm256_cvtepi32_epi64, _mm256_cvtepu32_epi64, _mm256_cvtpd_ps, _mm256_cvtps_pd, _mm256_i64gather_pd,
    _mm256_or_si256, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_storeu_si256, _mm256_sub_epi64,
};

use super::Machine;
use super::column::{Column, RIGHT, Reading};
use crate::Library;
use crate::score::reference::ZERO_BAND;
use crate::tree::Missing;

const LANES: usize = 4;

/// The searches of all columns that have thresholds.
#[derive(Debug, Clone, Default)]
pub(super) struct Searches {
    searches: Vec<Search>,
    /// What their features and thresholds are below.
    feature_count: usize,
    cut_count: usize,
}

/// Up to four columns whose numbers of thresholds have the same highest bit; a lane without one repeats the first.
#[derive(Debug, Clone)]
struct Search {
    /// That bit: the thresholds that are halved after the first step.
    half: u32,
    features: [u32; LANES],
    starts: [u32; LANES],
    /// How far the first step goes, so that `half - 1` thresholds are left, the last ones.
    first_steps: [u32; LANES],
    columns: [u16; LANES],
    /// The rank of what is missing, and (all bits or none) whether NaN and zero are.
    missing: [u32; LANES],
    misses_nan: [u32; LANES],
    misses_zero: [u32; LANES],
}

impl Searches {
    /// Plans the searches of columns whose thresholds stand one column after the other.
    pub(super) fn new(columns: &[Column]) -> Searches {
        let searched = columns.iter().enumerate().filter(|(_, column)| !column.cuts.is_empty());
        let mut order: Vec<(u32, usize)> =
            searched.map(|(at, column)| (column.cuts.len().ilog2(), at)).collect();
        order.sort_unstable();
        let runs = order.chunk_by(|one, other| one.0 == other.0);
        let searches = runs.flat_map(|run| run.chunks(LANES)).map(|lanes| {
            let at: [usize; LANES] =
                std::array::from_fn(|lane| lanes.get(lane).map_or(lanes[0].1, |lane| lane.1));
            Search::new(1 << lanes[0].0, at, columns)
        });
        Searches {
            searches: searches.collect(),
            feature_count: columns.iter().map(|column| column.feature as usize + 1).max().unwrap_or(0),
            cut_count: columns.iter().map(|column| column.cuts.end).max().unwrap_or(0),
        }
    }

    /// Writes the ranks of the columns that have thresholds.
    ///
    /// # Panics
    /// On a machine without the instructions, or if the row or the thresholds are not those of the columns.
    pub(super) fn rank(
        &self,
        machine: Machine,
        library: Library,
        cuts: &[f64],
        row: &[f64],
        ranks: &mut [u16],
    ) {
        assert!(machine.gathers(), "asked by the caller");
        assert!(row.len() >= self.feature_count && cuts.len() >= self.cut_count, "of these columns");
        for search in &self.searches {
            // SAFETY: the machine was found to have every feature that the function is compiled for; features are below
            // `feature_count` and thresholds end at `cut_count` at most, and both are there.
            let found = unsafe {
                match library {
                    Library::LightGbm => search.rank::<true>(cuts, row),
                    Library::XgBoost => search.rank::<false>(cuts, row),
                }
            };
            for (column, rank) in search.columns.iter().zip(found) {
                ranks[usize::from(*column)] = rank as u16;
            }
        }
    }
}

impl Search {
    fn new(half: u32, at: [usize; LANES], columns: &[Column]) -> Search {
        let readings = at.map(|at| match columns[at].reading {
            Reading::AtMost { missing, default_left } => {
                (missing != Missing::Never, missing == Missing::Zero, default_left)
            }
            Reading::Below { default_left } => (true, false, default_left),
            // Has no thresholds and is not searched.
            Reading::Set(_) => (false, false, false),
        });
        let all_bits = |holds: bool| if holds { u32::MAX } else { 0 };
        Search {
            half,
            features: at.map(|at| columns[at].feature),
            starts: at.map(|at| columns[at].cuts.start as u32),
            first_steps: at.map(|at| columns[at].cuts.len() as u32 - half + 1),
            columns: at.map(|at| at as u16),
            missing: readings.map(|reading| if reading.2 { 0 } else { u32::from(RIGHT) }),
            misses_nan: readings.map(|reading| all_bits(reading.0)),
            misses_zero: readings.map(|reading| all_bits(reading.1)),
        }
    }

    /// # Safety
    /// The features are of the row; each lane's thresholds, `half - 1 + first_step` from its start on, are of the cuts.
    #[target_feature(enable = "avx2")]
    unsafe fn rank<const IS_LIGHTGBM: bool>(&self, cuts: &[f64], row: &[f64]) -> [u64; LANES] {
        // SAFETY: by the function's condition.
        let value = unsafe { _mm256_i64gather_pd::<8>(row.as_ptr(), long(&self.features)) };
        let magnitude = _mm256_andnot_pd(_mm256_set1_pd(-0.0), value);
        let is_zero = _mm256_cmp_pd::<_CMP_LE_OQ>(magnitude, _mm256_set1_pd(ZERO_BAND));
        // As the original's reader of rows hands it on.
        let value = if IS_LIGHTGBM {
            _mm256_andnot_pd(is_zero, value)
        } else {
            _mm256_cvtps_pd(_mm256_cvtpd_ps(value))
        };
        let is_nan = _mm256_cmp_pd::<_CMP_UNORD_Q>(value, value);
        let value = _mm256_andnot_pd(is_nan, value);
        let start = long(&self.starts);
        // Whether the value passes the last of `half` thresholds from `at` on.
        let passes = |at: __m256i, half: u32| -> __m256i {
            let last = _mm256_add_epi64(at, _mm256_set1_epi64x(i64::from(half) - 1));
            // SAFETY: the thresholds that are left, from `at` on, are `2 * half - 1`, and in the first step `half` at least.
            let cut: __m256d = unsafe { _mm256_i64gather_pd::<8>(cuts.as_ptr(), last) };
            _mm256_castpd_si256(if IS_LIGHTGBM {
                _mm256_cmp_pd::<_CMP_LT_OQ>(cut, value)
            } else {
                _mm256_cmp_pd::<_CMP_LE_OQ>(cut, value)
            })
        };
        let step = _mm256_and_si256(passes(start, self.half), long(&self.first_steps));
        let mut at = _mm256_add_epi64(start, step);
        let mut half = self.half / 2;
        while half > 0 {
            let step = _mm256_and_si256(passes(at, half), _mm256_set1_epi64x(i64::from(half)));
            at = _mm256_add_epi64(at, step);
            half /= 2;
        }
        let is_missing = _mm256_or_si256(
            _mm256_and_si256(mask(&self.misses_nan), _mm256_castpd_si256(is_nan)),
            _mm256_and_si256(mask(&self.misses_zero), _mm256_castpd_si256(is_zero)),
        );
        let rank = _mm256_blendv_epi8(_mm256_sub_epi64(at, start), long(&self.missing), is_missing);
        let mut ranks = [0; LANES];
        // SAFETY: the array has the 32 bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(ranks.as_mut_ptr().cast(), rank) };
        ranks
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn long(lanes: &[u32; LANES]) -> __m256i {
    // SAFETY: the reference is to 16 bytes that may be read; no alignment is asked for.
    _mm256_cvtepu32_epi64(unsafe { _mm_loadu_si128(std::ptr::from_ref(lanes).cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask(lanes: &[u32; LANES]) -> __m256i {
    // SAFETY: as in `long`.
    _mm256_cvtepi32_epi64(unsafe { _mm_loadu_si128(std::ptr::from_ref(lanes).cast()) })
}
