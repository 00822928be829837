//! Ranks by AVX-512: searches by halves, the values of eight rows or of eight sources side by side.
//!
//! Answers the ranks of the plain code in [`super`], which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512d, __m512i, _CMP_LE_OQ, _CMP_LT_OQ, _CMP_UNORD_Q, _mm_cvtsi128_si64, _mm256_loadu_si256,
    _mm512_abs_pd, _mm512_add_epi64, _mm512_castsi512_pd, _mm512_cmp_pd_mask, _mm512_cvtepi64_epi8,
    _mm512_cvtpd_ps, _mm512_cvtps_pd, _mm512_i32gather_pd, _mm512_i64gather_pd, _mm512_loadu_si512,
    _mm512_mask_add_epi64, _mm512_mask_blend_pd, _mm512_mask_mov_epi64, _mm512_maskz_mov_pd,
    _mm512_maskz_set1_epi64, _mm512_permutex2var_pd, _mm512_permutexvar_pd, _mm512_set_epi64,
    _mm512_set1_epi64, _mm512_set1_pd, _mm512_sub_epi64,
};

use super::super::{GROUP, Group, LANES_MAX, MISSING, Ranking, Ranks, SOURCES, TOP};
use crate::Library;
use crate::score::reference::ZERO_BAND;

/// Values of one vector.
const EIGHT: usize = 8;

/// Ranks the numbers of rows, one after another.
///
/// # Panics
/// On a machine without the instructions, and if rows are shorter than the ranking says.
pub(super) fn rank_rows(ranking: &Ranking, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
    assert!(ranking.machine().compares_64_bytes(), "asked by the caller");
    for (row, ranks) in rows.chunks_exact(width).zip(ranks) {
        assert!(row.len() >= ranking.width(), "as wide as the models");
        // SAFETY: the machine was found to have every feature that the function is compiled for, and the row to be wide enough.
        unsafe {
            match ranking.library() {
                Library::LightGbm => rank_row::<true, _CMP_LT_OQ>(ranking, row, ranks),
                Library::XgBoost => rank_row::<false, _CMP_LE_OQ>(ranking, row, ranks),
            }
        }
    }
}

/// Ranks the numbers of rows, source by source; the last row stands in the lanes without a row, too.
///
/// # Panics
/// On a machine without the instructions, and if there is no row or it is shorter than the ranking says.
pub(super) fn rank_columns<const LANES: usize>(
    ranking: &Ranking,
    rows: &[f64],
    width: usize,
    columns: &mut [[u8; LANES]; SOURCES],
) {
    const { assert!(LANES.is_multiple_of(EIGHT) && LANES <= LANES_MAX) };
    assert!(ranking.machine().compares_64_bytes(), "asked by the caller");
    let row_count = rows.len() / width;
    assert!(row_count > 0 && width >= ranking.width(), "rows as wide as the models");
    let offset = |lane: usize| (lane.min(row_count - 1) * width) as i64;
    let offsets = std::array::from_fn(|eight| std::array::from_fn(|lane| offset(EIGHT * eight + lane)));
    // SAFETY: the machine was found to have every feature that the functions are compiled for; at each offset begins one of
    // the rows, whose `width` values were found to be above every feature of the ranking.
    unsafe {
        match ranking.library() {
            Library::LightGbm => {
                rank_groups::<LANES, true, _CMP_LT_OQ>(ranking, rows, &offsets, columns);
            }
            Library::XgBoost => {
                rank_groups::<LANES, false, _CMP_LE_OQ>(ranking, rows, &offsets, columns);
            }
        }
    }
}

/// # Safety
/// `rows` has a value at each offset with any feature of the ranking added.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn rank_groups<const LANES: usize, const LIGHTGBM: bool, const PASSES: i32>(
    ranking: &Ranking,
    rows: &[f64],
    offsets: &[[i64; EIGHT]; LANES_MAX / EIGHT],
    columns: &mut [[u8; LANES]; SOURCES],
) {
    for (group, columns) in ranking.groups().iter().zip(columns.as_chunks_mut::<GROUP>().0) {
        for (lane, (column, feature)) in columns.iter_mut().zip(group.features).enumerate() {
            let source = Source {
                cuts: ranking.cuts(group),
                values: &rows[feature as usize..],
                never: ((group.never >> lane) & 1).wrapping_neg(),
                zero: ((group.zero >> lane) & 1).wrapping_neg(),
                lane,
            };
            // SAFETY: from a feature on, the rows' values stand at the offsets, as the caller has said.
            unsafe {
                match group.steps {
                    3 => source.rank::<LANES, LIGHTGBM, PASSES, 3>(offsets, column),
                    4 => source.rank::<LANES, LIGHTGBM, PASSES, 4>(offsets, column),
                    5 => source.rank::<LANES, LIGHTGBM, PASSES, 5>(offsets, column),
                    6 => source.rank::<LANES, LIGHTGBM, PASSES, 6>(offsets, column),
                    7 => source.rank::<LANES, LIGHTGBM, PASSES, 7>(offsets, column),
                    _ => source.rank::<LANES, LIGHTGBM, PASSES, 8>(offsets, column),
                }
            }
        }
    }
}

/// One source of several rows.
struct Source<'a> {
    /// Its group's search trees, and which of them is its own.
    cuts: &'a [[f64; 8]],
    lane: usize,
    /// All values from the first row's on.
    values: &'a [f64],
    /// All bits set if NaN counts as 0, or 0 as missing.
    never: u8,
    zero: u8,
}

impl Source<'_> {
    /// # Safety
    /// `values` has a value at each offset.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn rank<const LANES: usize, const LIGHTGBM: bool, const PASSES: i32, const STEPS: u32>(
        &self,
        offsets: &[[i64; EIGHT]; LANES_MAX / EIGHT],
        column: &mut [u8; LANES],
    ) {
        let size = (1 << STEPS) / 8;
        let cuts = &self.cuts[self.lane * size..][..size];
        for (offsets, ranks) in offsets.iter().zip(column.as_chunks_mut::<EIGHT>().0) {
            // SAFETY: the offsets are 64 bytes that may be read, and the caller has said that there are values.
            let values = unsafe {
                let offsets = _mm512_loadu_si512(offsets.as_ptr().cast());
                _mm512_i64gather_pd::<8>(offsets, self.values.as_ptr())
            };
            let (values, missing) = read::<LIGHTGBM>(values, self.never, self.zero);
            *ranks = ranks_of::<STEPS>(search::<PASSES, STEPS>(cuts, values), missing);
        }
    }
}

/// The places that values come to in one search tree, whose last level's first place is counted too.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn search<const PASSES: i32, const STEPS: u32>(cuts: &[[f64; 8]], values: __m512d) -> __m512i {
    let mut places = _mm512_set1_epi64(1);
    // The last three answers choose among the vectors of a level that has more than two.
    let mut passed = [0_u8; 8];
    for step in 0..STEPS as usize {
        let thresholds = match step {
            0 => _mm512_set1_pd(cuts[0][1]),
            1 | 2 => _mm512_permutexvar_pd(places, vector(&cuts[0])),
            3 => _mm512_permutexvar_pd(places, vector(&cuts[1])),
            4 => pair(&cuts[2..4], places),
            5 => _mm512_mask_blend_pd(passed[0], pair(&cuts[4..6], places), pair(&cuts[6..8], places)),
            6 => quarter(&cuts[8..16], places, passed[0], passed[1]),
            _ => _mm512_mask_blend_pd(
                passed[0],
                quarter(&cuts[16..24], places, passed[1], passed[2]),
                quarter(&cuts[24..32], places, passed[1], passed[2]),
            ),
        };
        passed[step] = _mm512_cmp_pd_mask::<PASSES>(thresholds, values);
        places = next(places, passed[step]);
    }
    places
}

/// The thresholds of sixteen places of a level.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn pair(cuts: &[[f64; 8]], places: __m512i) -> __m512d {
    _mm512_permutex2var_pd(vector(&cuts[0]), places, vector(&cuts[1]))
}

/// The thresholds of sixty-four places of a level: two answers say which sixteen.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn quarter(cuts: &[[f64; 8]], places: __m512i, upper_half: u8, upper_pair: u8) -> __m512d {
    let half = |cuts: &[[f64; 8]]| {
        _mm512_mask_blend_pd(upper_pair, pair(&cuts[..2], places), pair(&cuts[2..], places))
    };
    _mm512_mask_blend_pd(upper_half, half(&cuts[..4]), half(&cuts[4..]))
}

/// Ranks one row, a group of sources side by side.
///
/// # Safety
/// Every feature of the ranking is below the length of `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn rank_row<const LIGHTGBM: bool, const PASSES: i32>(
    ranking: &Ranking,
    row: &[f64],
    ranks: &mut Ranks,
) {
    let groups = ranking.groups().iter().zip(ranking.tops());
    for ((group, top), ranks) in groups.zip(ranks.as_chunks_mut::<GROUP>().0) {
        // SAFETY: the group's features are the ranking's.
        *ranks = unsafe {
            match group.steps {
                3 => rank_sources::<LIGHTGBM, PASSES, 3>(ranking, group, top, row),
                4 => rank_sources::<LIGHTGBM, PASSES, 4>(ranking, group, top, row),
                5 => rank_sources::<LIGHTGBM, PASSES, 5>(ranking, group, top, row),
                6 => rank_sources::<LIGHTGBM, PASSES, 6>(ranking, group, top, row),
                7 => rank_sources::<LIGHTGBM, PASSES, 7>(ranking, group, top, row),
                _ => rank_sources::<LIGHTGBM, PASSES, 8>(ranking, group, top, row),
            }
        };
    }
}

/// The ranks of one group's sources for one row: a byte each.
///
/// # Safety
/// Every feature of the group is below the length of `row`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn rank_sources<const LIGHTGBM: bool, const PASSES: i32, const STEPS: u32>(
    ranking: &Ranking,
    group: &Group,
    top: &[[f64; GROUP]; TOP],
    row: &[f64],
) -> [u8; GROUP] {
    // SAFETY: the features are 32 bytes that may be read, and the caller has said that the row has them.
    let values = unsafe {
        let features = _mm256_loadu_si256(group.features.as_ptr().cast());
        _mm512_i32gather_pd::<8>(features, row.as_ptr())
    };
    let (values, missing) = read::<LIGHTGBM>(values, group.never, group.zero);
    let cuts = ranking.cuts(group).as_flattened();
    let size = 1_i64 << STEPS;
    assert!(cuts.len() >= GROUP << STEPS);
    let trees = _mm512_set_epi64(7 * size, 6 * size, 5 * size, 4 * size, 3 * size, 2 * size, size, 0);
    let mut places = first_steps::<PASSES>(top, values);
    for _ in 3..STEPS {
        // SAFETY: after n steps a place is below two to the n + 1, so at each of `STEPS` steps it lies in a tree of `size`
        // places, and eight such trees were found to be there.
        let thresholds = unsafe { _mm512_i64gather_pd::<8>(_mm512_add_epi64(trees, places), cuts.as_ptr()) };
        places = next(places, _mm512_cmp_pd_mask::<PASSES>(thresholds, values));
    }
    ranks_of::<STEPS>(places, missing)
}

/// Where three steps lead, in eight search trees.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn first_steps<const PASSES: i32>(top: &[[f64; GROUP]; TOP], values: __m512d) -> __m512i {
    let either =
        |passed, place: usize| _mm512_mask_blend_pd(passed, vector(&top[place - 1]), vector(&top[place]));
    let first = _mm512_cmp_pd_mask::<PASSES>(vector(&top[0]), values);
    let second = _mm512_cmp_pd_mask::<PASSES>(either(first, 2), values);
    let third = _mm512_mask_blend_pd(first, either(second, 4), either(second, 6));
    let third = _mm512_cmp_pd_mask::<PASSES>(third, values);
    let places = _mm512_maskz_set1_epi64(third, 1);
    let places = _mm512_mask_add_epi64(places, second, places, _mm512_set1_epi64(2));
    let places = _mm512_mask_add_epi64(places, first, places, _mm512_set1_epi64(4));
    _mm512_add_epi64(places, _mm512_set1_epi64(8))
}

/// Values as the original's trees read them, and which are missing; `never` has a bit for each lane where NaN counts as
/// 0, `zero` for each where 0 is missing.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn read<const LIGHTGBM: bool>(values: __m512d, never: u8, zero: u8) -> (__m512d, u8) {
    let no_number = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(values, values);
    if !LIGHTGBM {
        return (_mm512_cvtps_pd(_mm512_cvtpd_ps(values)), no_number);
    }
    let is_zero = _mm512_cmp_pd_mask::<_CMP_LE_OQ>(_mm512_abs_pd(values), _mm512_set1_pd(ZERO_BAND));
    let values = _mm512_maskz_mov_pd(!(is_zero | no_number & never), values);
    (values, no_number & !never | is_zero & zero)
}

/// The places of the next level.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn next(places: __m512i, passed: u8) -> __m512i {
    let left = _mm512_add_epi64(places, places);
    _mm512_mask_add_epi64(left, passed, left, _mm512_set1_epi64(1))
}

/// The ranks that places of the last level stand for.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn ranks_of<const STEPS: u32>(places: __m512i, missing: u8) -> [u8; EIGHT] {
    let ranks = _mm512_sub_epi64(places, _mm512_set1_epi64(1 << STEPS));
    let ranks = _mm512_mask_mov_epi64(ranks, missing, _mm512_set1_epi64(i64::from(MISSING)));
    _mm_cvtsi128_si64(_mm512_cvtepi64_epi8(ranks)).to_le_bytes()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(eight: &[f64; 8]) -> __m512d {
    // SAFETY: the reference is to 64 bytes that may be read; the load asks for no alignment.
    _mm512_castsi512_pd(unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) })
}
