//! Trees walked side by side by AVX-512: 32 at once, so that one gathers while another waits.
//!
//! Answers the leaves that [`Packed::walk`](super::Packed) answers, which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_and_si256, _mm256_cmpgt_epu32_mask, _mm256_loadu_si256, _mm256_mask_add_epi32,
    _mm256_set1_epi32, _mm256_storeu_si256, _mm512_and_si512, _mm512_cvtepi64_epi32, _mm512_i32gather_epi64,
    _mm512_i64gather_epi32, _mm512_set1_epi64, _mm512_srli_epi64,
};

use super::{BLOCK, Group, LANES, Machine, Node, RankTable};

/// Groups of [`LANES`] trees that walk together.
const GROUPS: usize = 4;

/// Walks the trees of one block and notes the node of each tree's leaf by the tree's slot.
///
/// # Panics
/// On a machine without the instructions, or if a root is not one of the nodes: the packed form would not be one that [`super::Packed::new`] made.
pub(super) fn walk<const N: usize>(
    machine: Machine,
    nodes: &[Node],
    groups: &[Group],
    ranks: &RankTable<N>,
    leaves: &mut [u32; BLOCK + 1],
) {
    assert!(machine.gathers(), "asked by the caller");
    for groups in groups.chunks(GROUPS) {
        let roots = groups.iter().flat_map(|group| group.roots);
        assert!(roots.max().is_some_and(|root| (root as usize) < nodes.len()), "a root is a node");
        // SAFETY: the machine was found to have every feature that the function is compiled for. What it asks of the nodes is so: they are
        // private to `Packed`, which `lower.rs` alone makes, and there every node's `left` is a node of the same tree, and a
        // split's `left + 1` is too; a leaf's rank is the largest, so that nothing goes to its `left + 1`. The roots were
        // checked just now.
        unsafe { walk_groups(nodes, groups, ranks, leaves) }
    }
}

/// # Safety
/// The roots are nodes; every node's `left` is one, and `left + 1` too unless the node's rank is the largest.
#[target_feature(enable = "avx512f,avx512vl,avx512dq")]
unsafe fn walk_groups<const N: usize>(
    nodes: &[Node],
    groups: &[Group],
    ranks: &RankTable<N>,
    leaves: &mut [u32; BLOCK + 1],
) {
    const { assert!(size_of::<Node>() == 8 && N.is_power_of_two()) };
    let steps = groups.iter().map(|group| group.steps).max().unwrap_or(0);
    let mut at = [_mm256_set1_epi32(0); GROUPS];
    for (at, group) in at.iter_mut().zip(groups) {
        *at = load(&group.roots);
    }
    if groups.len() < GROUPS {
        at[groups.len()..].fill(load(&groups[0].roots));
    }
    let (slot, low) = (_mm512_set1_epi64(N as i64 - 1), _mm256_set1_epi32(0xffff));
    for _ in 0..steps {
        for at in &mut at {
            // SAFETY: `at` holds nodes only, by the function's condition; a node has eight bytes. It is below 2^31, since a slice
            // has at most isize::MAX bytes and the form is made only of as many nodes as i32 counts (checked in `lower.rs`).
            let node: __m512i = unsafe { _mm512_i32gather_epi64::<8>(*at, nodes.as_ptr().cast()) };
            // Little end first: column, rank, left.
            let column = _mm512_and_si512(node, slot);
            // SAFETY: a column is below N here, and four bytes from there on are within the table, which has four more than its
            // N ranks.
            let rank = unsafe { _mm512_i64gather_epi32::<2>(column, std::ptr::from_ref(ranks).cast()) };
            let rank = _mm256_and_si256(rank, low);
            let own = _mm256_and_si256(_mm512_cvtepi64_epi32(_mm512_srli_epi64::<16>(node)), low);
            let left = _mm512_cvtepi64_epi32(_mm512_srli_epi64::<32>(node));
            let right = _mm256_cmpgt_epu32_mask(rank, own);
            *at = _mm256_mask_add_epi32(left, right, left, _mm256_set1_epi32(1));
        }
    }
    for (group, at) in groups.iter().zip(at) {
        let mut reached = [0_u32; LANES];
        // SAFETY: the array has the 32 bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(reached.as_mut_ptr().cast(), at) };
        for (slot, at) in group.slots.iter().zip(reached) {
            leaves[usize::from(*slot)] = at;
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq")]
fn load(lanes: &[u32; LANES]) -> __m256i {
    // SAFETY: the reference is to 32 bytes that may be read; no alignment is asked for.
    unsafe { _mm256_loadu_si256(std::ptr::from_ref(lanes).cast()) }
}
