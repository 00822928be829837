//! Which rows a bundle keeps.

use forecast::ParityRowKind;
use forest::Model;

use super::pool::Pool;
use super::rows::{Batch, mixed, push_split};
use crate::Result;
use crate::random::Random;

/// So many rows of mixed values, and with infinite ones.
const MIXED: [(ParityRowKind, usize); 2] = [(ParityRowKind::Mixed, 3), (ParityRowKind::Infinite, 2)];

const SAMPLE: u64 = 0x5a_31e1;

/// Rows of every kind, of splits one a booster.
pub(super) fn rows(models: &[Model], pool: &Pool, seed: u64) -> Result<Batch> {
    let mut sample = Batch::default();
    for (kind, wanted) in MIXED {
        let count = if kind == ParityRowKind::Infinite { pool.infinite_rows() } else { pool.mixed_rows() };
        let every = (count / wanted).max(1);
        let mut seen = 0;
        mixed(pool, kind, seed, &mut |batch| {
            for row in batch.values.chunks_exact(pool.width()) {
                if seen % every == every / 2 {
                    sample.push(kind, row);
                }
                seen += 1;
            }
            Ok(())
        })?;
    }
    for (member, model) in models.iter().enumerate() {
        let mut random = Random::of(seed, &[SAMPLE, member as u64]);
        let wanted = random.below(model.splits().count());
        let mut stands = Batch::default();
        if let Some(split) = model.splits().nth(wanted) {
            push_split(&split, pool, random, &mut stands);
        }
        let count = stands.kinds.len().max(1);
        if let Some(row) = stands.values.chunks_exact(pool.width()).nth(member / 2 % count) {
            sample.push(ParityRowKind::Split, row);
        }
    }
    Ok(sample)
}
