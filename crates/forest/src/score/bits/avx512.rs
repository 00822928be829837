//! Bit vectors by AVX-512 with byte permutations (VBMI): Intel from Ice Lake on, AMD from Zen 4 on.
//!
//! Answers the bits of [`super::portable`], which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512i, _CMP_LE_OQ, _CMP_LT_OQ, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_castsi512_pd,
    _mm512_castsi512_si128, _mm512_cmp_pd_mask, _mm512_cmpeq_epi8_mask, _mm512_cmpgt_epu8_mask,
    _mm512_cvtepi64_epi8, _mm512_cvtepi64_epi16, _mm512_loadu_si512, _mm512_mask_add_epi64,
    _mm512_mask_mov_epi8, _mm512_mask_or_epi32, _mm512_mask_or_epi64, _mm512_maskz_mov_epi16,
    _mm512_maskz_mov_epi32, _mm512_maskz_mov_epi64, _mm512_movepi8_mask, _mm512_or_si512,
    _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_set1_pd, _mm512_setzero_si512,
    _mm512_shuffle_i64x2, _mm512_srli_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use super::ranking::{Cuts, EIGHTS_AT_ONCE, Ranking};
use super::{BLOCK, Chunk, MISSING, Masks, ROWS, Ranks, SOURCES, Trees};
use crate::Library;
use crate::score::reference::as_read;
use crate::tree::Missing;

/// Rows whose ranks stay in registers while the trees pass.
const TOGETHER: usize = 4;

/// As [`Trees::add`].
///
/// # Panics
/// On a machine without the instructions.
pub(super) fn add(trees: &Trees, ranks: &[Ranks], outputs: usize, scores: &mut [f64]) {
    assert!(trees.machine.permutes_bytes(), "asked by the caller");
    for (ranks, scores) in ranks.chunks(TOGETHER).zip(scores.chunks_mut(TOGETHER * outputs)) {
        // SAFETY: the machine was found to have every feature that the function is compiled for.
        unsafe {
            match ranks.len() {
                1 => add_rows::<1>(trees, ranks, outputs, scores),
                2 => add_rows::<2>(trees, ranks, outputs, scores),
                3 => add_rows::<3>(trees, ranks, outputs, scores),
                _ => add_rows::<TOGETHER>(trees, ranks, outputs, scores),
            }
        }
    }
}

/// Ranks the numbers of up to [`ROWS`] rows.
///
/// # Panics
/// On a machine without the instructions.
pub(super) fn rank(ranking: &Ranking, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
    assert!(ranking.machine().permutes_bytes(), "asked by the caller");
    // SAFETY: the machine was found to have every feature that the function is compiled for.
    unsafe {
        match ranking.library() {
            Library::LightGbm if ranks.len() == ROWS => {
                rank_together::<_CMP_LT_OQ>(ranking, rows, width, ranks);
            }
            Library::XgBoost if ranks.len() == ROWS => {
                rank_together::<_CMP_LE_OQ>(ranking, rows, width, ranks);
            }
            Library::LightGbm => rank_rows::<_CMP_LT_OQ>(ranking, rows, width, ranks),
            Library::XgBoost => rank_rows::<_CMP_LE_OQ>(ranking, rows, width, ranks),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,popcnt")]
fn rank_rows<const PASSES: i32>(ranking: &Ranking, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
    let numbers = ranking.numbers();
    for (row, ranks) in rows.chunks_exact(width).zip(ranks) {
        let mut values = [0.0; SOURCES];
        for (number, value) in numbers.iter().zip(&mut values) {
            *value = as_read(ranking.library(), row[number.feature as usize]);
        }
        let mut ranked = 0;
        for run in ranking.runs() {
            ranked = run.numbers.end;
            let (values, ranks) = (&values[run.numbers.clone()], &mut ranks[run.numbers]);
            match run.eights {
                1 => rank_run::<PASSES, 1>(run.cuts, values, ranks),
                2 => rank_run::<PASSES, 2>(run.cuts, values, ranks),
                3 => rank_run::<PASSES, 3>(run.cuts, values, ranks),
                _ => rank_run::<PASSES, EIGHTS_AT_ONCE>(run.cuts, values, ranks),
            }
        }
        for (at, number) in numbers.iter().enumerate().skip(ranked) {
            ranks[at] = count::<PASSES>(ranking.cuts(number), values[at]);
        }
        for (at, number) in numbers.iter().enumerate() {
            if number.missing == Missing::NotANumber {
                ranks[at] |= u8::from(values[at].is_nan()).wrapping_neg();
            } else if number.is_missing(values[at]) {
                ranks[at] = MISSING;
            } else if values[at].is_nan() {
                ranks[at] = count::<PASSES>(ranking.cuts(number), 0.0);
            }
        }
    }
}

/// Ranks [`ROWS`] rows, a lane each: every threshold is compared with all of them.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,popcnt")]
fn rank_together<const PASSES: i32>(ranking: &Ranking, rows: &[f64], width: usize, ranks: &mut [Ranks]) {
    let one = _mm512_set1_epi64(1);
    for (at, number) in ranking.numbers().iter().enumerate().take(SOURCES) {
        let mut values = [0.0; ROWS];
        for (value, row) in values.iter_mut().zip(rows.chunks_exact(width)) {
            *value = as_read(ranking.library(), row[number.feature as usize]);
        }
        let missing = values.map(|value| number.is_missing(value));
        if number.missing != Missing::NotANumber {
            // NaN that is not missing counts as 0; it passes nothing otherwise.
            values = values.map(|value| if value.is_nan() { 0.0 } else { value });
        }
        let values = _mm512_castsi512_pd(load(&values));
        let mut passed = _mm512_setzero_si512();
        for threshold in ranking.thresholds(number) {
            let passes = _mm512_cmp_pd_mask::<PASSES>(_mm512_set1_pd(*threshold), values);
            passed = _mm512_mask_add_epi64(passed, passes, passed, one);
        }
        let passed = _mm_cvtsi128_si64(_mm512_cvtepi64_epi8(passed)).to_le_bytes();
        for ((ranks, passed), missing) in ranks.iter_mut().zip(passed).zip(missing) {
            ranks[at] = passed | u8::from(missing).wrapping_neg();
        }
    }
}

/// Ranks numbers of `EIGHTS` eights each; NaN passes nothing.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,popcnt")]
fn rank_run<const PASSES: i32, const EIGHTS: usize>(cuts: &[[f64; 8]], values: &[f64], ranks: &mut [u8]) {
    for ((cuts, value), rank) in cuts.as_chunks::<EIGHTS>().0.iter().zip(values).zip(ranks) {
        let value = _mm512_set1_pd(*value);
        let passed =
            |eight| _mm512_cmp_pd_mask::<PASSES>(_mm512_castsi512_pd(load(eight)), value).count_ones();
        *rank = cuts.iter().map(passed).sum::<u32>() as u8;
    }
}

/// How many thresholds a value passes: first the eight is found, then the place in it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,popcnt")]
fn count<const PASSES: i32>(cuts: Cuts<'_>, value: f64) -> u8 {
    let value = _mm512_set1_pd(value);
    let passed =
        |eight: &[f64; 8]| _mm512_cmp_pd_mask::<PASSES>(_mm512_castsi512_pd(load(eight)), value).count_ones();
    if cuts.pivots.is_empty() {
        return cuts.eights.iter().map(passed).sum::<u32>() as u8;
    }
    let whole: u32 = cuts.pivots.iter().map(passed).sum();
    // A value that passes all of the last eight passes its pivot too.
    cuts.eights.get(whole as usize).map_or(8 * whole, |eight| 8 * whole + passed(eight)) as u8
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn add_rows<const COUNT: usize>(trees: &Trees, ranks: &[Ranks], outputs: usize, scores: &mut [f64]) {
    let mut tables = [[_mm512_setzero_si512(); 4]; COUNT];
    let mut any_missing = false;
    for (table, ranks) in tables.iter_mut().zip(ranks) {
        for (part, bytes) in table.iter_mut().zip(ranks.as_chunks::<64>().0) {
            *part = load(bytes);
            any_missing |= _mm512_cmpeq_epi8_mask(*part, _mm512_set1_epi8(MISSING.cast_signed())) != 0;
        }
    }
    if any_missing {
        add_blocks::<COUNT, true>(trees, &tables, outputs, scores);
    } else {
        add_blocks::<COUNT, false>(trees, &tables, outputs, scores);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn add_blocks<const COUNT: usize, const ANY_MISSING: bool>(
    trees: &Trees,
    tables: &[[__m512i; 4]; COUNT],
    outputs: usize,
    scores: &mut [f64],
) {
    let mut first_tree = 0;
    for block in &trees.blocks {
        // One slot more, for the places of a chunk without a tree.
        let mut leaves = [[0.0; BLOCK + 1]; COUNT];
        for chunk in &trees.chunks[block.chunks.clone()] {
            for (table, leaves) in tables.iter().zip(&mut leaves) {
                let right = right::<ANY_MISSING>(chunk, table);
                let mut put = |tree: usize, ruled_out: u64| {
                    let (first, slot) = chunk.trees[tree];
                    let leaf = ruled_out.trailing_ones() as usize;
                    leaves[usize::from(slot)] = trees.values[first as usize + leaf];
                };
                match &chunk.masks {
                    Masks::Four(masks) => {
                        for (tree, ruled_out) in four(masks, right).into_iter().enumerate() {
                            put(tree, ruled_out);
                        }
                    }
                    Masks::Two(masks) => {
                        for (tree, ruled_out) in two(masks, right).into_iter().enumerate() {
                            put(tree, ruled_out);
                        }
                    }
                    Masks::One(masks) => put(0, one(masks, right)),
                }
            }
        }
        for (leaves, scores) in leaves.iter().zip(scores.chunks_exact_mut(outputs)) {
            trees.sum(&leaves[..block.tree_count], first_tree, scores);
        }
        first_tree += block.tree_count;
    }
}

/// A bit for each split that sends the row right.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn right<const ANY_MISSING: bool>(chunk: &Chunk, table: &[__m512i; 4]) -> u64 {
    let sources = load(&chunk.sources);
    let low = _mm512_permutex2var_epi8(table[0], sources, table[1]);
    let high = _mm512_permutex2var_epi8(table[2], sources, table[3]);
    let found = _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(sources), high);
    let right = _mm512_cmpgt_epu8_mask(found, load(&chunk.ranks));
    if !ANY_MISSING {
        return right;
    }
    let missing = _mm512_cmpeq_epi8_mask(found, _mm512_set1_epi8(MISSING.cast_signed()));
    right & !(missing & chunk.left_if_missing)
}

/// The leaves that four trees have ruled out.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn four(masks: &[u16; 64], right: u64) -> [u64; 4] {
    let halves = masks.as_chunks::<32>().0;
    let a = _mm512_maskz_mov_epi16(right as u32, load(&halves[0]));
    let b = _mm512_maskz_mov_epi16((right >> 32) as u32, load(&halves[1]));
    // Quadwords: trees 0, 2, 0, 2, 1, 3, 1, 3.
    let both = _mm512_or_si512(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let both = _mm512_or_si512(both, _mm512_shuffle_i64x2::<0b10_11_00_01>(both, both));
    let both = _mm512_or_si512(both, _mm512_srli_epi64::<32>(both));
    let both = _mm512_or_si512(both, _mm512_srli_epi64::<16>(both));
    let words = _mm512_cvtepi64_epi16(both);
    let low = _mm_cvtsi128_si64(words).cast_unsigned();
    let high = _mm_extract_epi64::<1>(words).cast_unsigned();
    [low, high, low >> 16, high >> 16]
}

/// The leaves that two trees have ruled out.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn two(masks: &[u32; 64], right: u64) -> [u64; 2] {
    let parts = masks.as_chunks::<16>().0;
    let part = |at: usize| _mm512_maskz_mov_epi32((right >> (16 * at)) as u16, load(&parts[at]));
    let also = |all, at: usize| _mm512_mask_or_epi32(all, (right >> (16 * at)) as u16, all, load(&parts[at]));
    let (a, b) = (also(part(0), 1), also(part(2), 3));
    let both = _mm512_or_si512(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let both = _mm512_or_si512(both, _mm512_shuffle_i64x2::<0b10_11_00_01>(both, both));
    let both = _mm512_or_si512(both, _mm512_shuffle_i64x2::<0b01_00_11_10>(both, both));
    let both = _mm512_or_si512(both, _mm512_srli_epi64::<32>(both));
    let words = _mm512_castsi512_si128(both);
    [_mm_cvtsi128_si64(words).cast_unsigned(), _mm_extract_epi64::<1>(words).cast_unsigned()]
}

/// The leaves that one tree has ruled out.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn one(masks: &[u64; 64], right: u64) -> u64 {
    let parts = masks.as_chunks::<8>().0;
    let part = |at: usize| _mm512_maskz_mov_epi64((right >> (8 * at)) as u8, load(&parts[at]));
    let also = |all, at: usize| _mm512_mask_or_epi64(all, (right >> (8 * at)) as u8, all, load(&parts[at]));
    let (a, b) = (also(also(also(part(0), 1), 2), 3), also(also(also(part(4), 5), 6), 7));
    let all = _mm512_or_si512(a, b);
    let all = _mm512_or_si512(all, _mm512_shuffle_i64x2::<0b01_00_11_10>(all, all));
    let all = _mm512_or_si512(all, _mm512_shuffle_i64x2::<0b10_11_00_01>(all, all));
    let words = _mm512_castsi512_si128(all);
    (_mm_cvtsi128_si64(words) | _mm_extract_epi64::<1>(words)).cast_unsigned()
}

/// A register's worth of memory.
#[inline]
#[target_feature(enable = "avx512f")]
fn load<T, const N: usize>(part: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == size_of::<__m512i>()) };
    // SAFETY: the reference is to 64 bytes that may be read, checked just above; the load asks for no alignment. Every bit
    // pattern is a vector of whole numbers, and callers pass whole numbers, which have no padding.
    unsafe { _mm512_loadu_si512(std::ptr::from_ref(part).cast()) }
}
