//! A whole block's trees walked side by side by AVX2: 64 at once, so that many loads are under way while one waits.
//!
//! Answers the leaves that [`Packed::walk`](super::Packed) answers, which tests compare it with.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_castsi256_si128,
    _mm256_cmpgt_epi32, _mm256_extracti128_si256, _mm256_i32gather_epi32, _mm256_i32gather_epi64,
    _mm256_loadu_si256, _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_shuffle_ps, _mm256_srli_epi32,
    _mm256_storeu_si256, _mm256_sub_epi32,
};

use super::{BLOCK, Group, LANES, Machine, Node, RankTable};

/// Groups of [`LANES`] trees that walk together: with fewer than these, gathers are no faster than plain code.
pub(super) const GROUPS: usize = BLOCK / LANES;

/// Walks the trees of one full block and notes the node of each tree's leaf by the tree's slot.
///
/// # Panics
/// On a machine without the instructions, or if a root is not one of the nodes: the packed form would not be one that [`super::Packed::new`] made.
pub(super) fn walk<const N: usize>(
    machine: Machine,
    nodes: &[Node],
    groups: &[Group; GROUPS],
    ranks: &RankTable<N>,
    leaves: &mut [u32; BLOCK + 1],
) {
    assert!(machine.gathers(), "asked by the caller");
    let roots = groups.iter().flat_map(|group| group.roots);
    assert!(roots.max().is_some_and(|root| (root as usize) < nodes.len()), "a root is a node");
    // SAFETY: the machine was found to have every feature that the function is compiled for. What it asks of the nodes is so: they are
    // private to `Packed`, which `lower.rs` alone makes, and there every node's `left` is a node of the same tree, and a
    // split's `left + 1` is too; a leaf's rank is the largest, so that nothing goes to its `left + 1`. The roots were
    // checked just now.
    unsafe { walk_groups(nodes, groups, ranks, leaves) }
}

/// # Safety
/// The roots are nodes; every node's `left` is one, and `left + 1` too unless the node's rank is the largest.
#[target_feature(enable = "avx2")]
unsafe fn walk_groups<const N: usize>(
    nodes: &[Node],
    groups: &[Group; GROUPS],
    ranks: &RankTable<N>,
    leaves: &mut [u32; BLOCK + 1],
) {
    const { assert!(size_of::<Node>() == 8 && N.is_power_of_two() && N <= 1 << 16) };
    let steps = groups.iter().map(|group| group.steps).max().unwrap_or(0);
    let mut at = [_mm256_set1_epi32(0); GROUPS];
    for (at, group) in at.iter_mut().zip(groups) {
        *at = load(&group.roots);
    }
    let (slot, low) = (_mm256_set1_epi32(N as i32 - 1), _mm256_set1_epi32(0xffff));
    for _ in 0..steps {
        for at in &mut at {
            let (near, far) = (_mm256_castsi256_si128(*at), _mm256_extracti128_si256::<1>(*at));
            // SAFETY: `at` holds nodes only, by the function's condition; a node has eight bytes. It is below 2^31, since
            // the form is made only of as many nodes as i32 counts (checked in `lower.rs`).
            let (near, far): (__m256i, __m256i) = unsafe {
                let nodes = nodes.as_ptr().cast();
                (_mm256_i32gather_epi64::<8>(nodes, near), _mm256_i32gather_epi64::<8>(nodes, far))
            };
            // Little end first: column, rank, left. The lanes come in the order 0, 1, 4, 5, 2, 3, 6, 7.
            let (near, far) = (_mm256_castsi256_ps(near), _mm256_castsi256_ps(far));
            let head = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(near, far));
            let left = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(near, far));
            let column = _mm256_and_si256(head, slot);
            // SAFETY: a column is below N here, and four bytes from there on are within the table, which has four more than its
            // N ranks.
            let rank = unsafe { _mm256_i32gather_epi32::<2>(std::ptr::from_ref(ranks).cast(), column) };
            let right = _mm256_cmpgt_epi32(_mm256_and_si256(rank, low), _mm256_srli_epi32::<16>(head));
            // True is minus one.
            *at = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_sub_epi32(left, right));
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
#[target_feature(enable = "avx2")]
fn load(lanes: &[u32; LANES]) -> __m256i {
    // SAFETY: the reference is to 32 bytes that may be read; no alignment is asked for.
    unsafe { _mm256_loadu_si256(std::ptr::from_ref(lanes).cast()) }
}
