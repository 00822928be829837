//! Bit vectors by AVX-512 with byte permutations (VBMI): Intel from Ice Lake on, AMD from Zen 4 on.
//!
//! Answers the bits of [`super::portable`], which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask,
    _mm512_cmpgt_epu8_mask, _mm512_cvtepi64_epi16, _mm512_loadu_si512, _mm512_mask_mov_epi8,
    _mm512_mask_or_epi32, _mm512_mask_or_epi64, _mm512_maskz_mov_epi16, _mm512_maskz_mov_epi32,
    _mm512_maskz_mov_epi64, _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_set1_epi8,
    _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_srli_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

use super::{BLOCK, Chunk, Leaves, MISSING, Masks, Ranks, Scores, Trees};

/// Rows whose ranks stay in registers while the trees pass.
const TOGETHER: usize = 4;

/// As [`Trees::add`].
///
/// # Panics
/// On a machine without the instructions.
pub(super) fn add(trees: &Trees, ranks: &[Ranks], all: &Leaves, mut scores: Scores<'_>) {
    assert!(trees.machine.permutes_bytes(), "asked by the caller");
    for ranks in ranks.chunks(TOGETHER) {
        let (now, then) = scores.split_at(ranks.len());
        scores = then;
        // SAFETY: the machine was found to have every feature that the function is compiled for.
        unsafe {
            match ranks.len() {
                1 => add_rows::<1>(trees, ranks, all, now),
                2 => add_rows::<2>(trees, ranks, all, now),
                3 => add_rows::<3>(trees, ranks, all, now),
                _ => add_rows::<TOGETHER>(trees, ranks, all, now),
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn add_rows<const COUNT: usize>(trees: &Trees, ranks: &[Ranks], all: &Leaves, scores: Scores<'_>) {
    let mut tables = [[_mm512_setzero_si512(); 4]; COUNT];
    let mut any_missing = false;
    for (table, ranks) in tables.iter_mut().zip(ranks) {
        for (part, bytes) in table.iter_mut().zip(ranks.as_chunks::<64>().0) {
            *part = load(bytes);
            any_missing |= _mm512_cmpeq_epi8_mask(*part, _mm512_set1_epi8(MISSING.cast_signed())) != 0;
        }
    }
    if any_missing {
        add_blocks::<COUNT, true>(trees, &tables, all, scores);
    } else {
        add_blocks::<COUNT, false>(trees, &tables, all, scores);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1")]
fn add_blocks<const COUNT: usize, const ANY_MISSING: bool>(
    trees: &Trees,
    tables: &[[__m512i; 4]; COUNT],
    all: &Leaves,
    mut scores: Scores<'_>,
) {
    let values = all.values();
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
                    leaves[usize::from(slot)] = values[first as usize + leaf];
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
        for (leaves, scores) in leaves.iter().zip(scores.rows()) {
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
