//! Makes the rows, some at a time.

use forecast::ParityRowKind;
use forest::{Model, Split};

use super::BATCH_ROWS;
use super::pool::{INFINITE_EVERY, Pool, SHUFFLES};
use crate::Result;
use crate::random::Random;

const SPLIT: u64 = 0x5b117;
const MIXED: u64 = 0x313ed;

/// Rows one after another.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) values: Vec<f64>,
    /// One a row.
    pub(super) kinds: Vec<ParityRowKind>,
}

/// How many splits were stood on, and how many no row can stand on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stood {
    pub(super) on: u64,
    pub(super) out_of_reach: u64,
}

impl Batch {
    pub(super) fn push(&mut self, kind: ParityRowKind, row: &[f64]) {
        self.values.extend_from_slice(row);
        self.kinds.push(kind);
    }

    fn clear(&mut self) {
        self.values.clear();
        self.kinds.clear();
    }
}

/// Rows in which every feature goes through its values, each in its own order, so that every value stands in some row
/// and neighbours differ from shuffle to shuffle.
pub(super) fn mixed(
    pool: &Pool,
    kind: ParityRowKind,
    seed: u64,
    emit: &mut dyn FnMut(&Batch) -> Result<()>,
) -> Result<()> {
    let count = match kind {
        ParityRowKind::Infinite => pool.infinite_rows(),
        ParityRowKind::Mixed | ParityRowKind::Split => pool.mixed_rows(),
    };
    let mut random = Random::of(seed, &[MIXED, kind as u64]);
    let (mut finite, mut infinite) = (pool.finite().to_vec(), pool.infinite().to_vec());
    let (mut batch, mut row) = (Batch::default(), vec![0.0; pool.width()]);
    let shuffle_rows = (count / SHUFFLES).max(1);
    for index in 0..count {
        if index % shuffle_rows == 0 {
            finite.iter_mut().chain(&mut infinite).for_each(|values| shuffle(values, &mut random));
        }
        let at = index % shuffle_rows;
        for (feature, value) in row.iter_mut().enumerate() {
            // Every feature has its turn, and in its turns goes through all of its infinite values.
            let large = kind == ParityRowKind::Infinite && (at + feature).is_multiple_of(INFINITE_EVERY);
            let (values, at) =
                if large { (&infinite[feature], at / INFINITE_EVERY) } else { (&finite[feature], at) };
            *value = values[at % values.len()];
        }
        batch.push(kind, &row);
        if batch.kinds.len() == BATCH_ROWS || index + 1 == count {
            emit(&batch)?;
            batch.clear();
        }
    }
    Ok(())
}

/// Rows that come to each split of a model and stand on it and beside it. `emit` hears of how many splits a batch is.
pub(super) fn split_rows(
    (member, model): (usize, &Model),
    pool: &Pool,
    seed: u64,
    emit: &mut dyn FnMut(&Batch, usize) -> Result<()>,
) -> Result<Stood> {
    let (mut batch, mut stood, mut splits) = (Batch::default(), Stood::default(), 0);
    for (index, split) in model.splits().enumerate() {
        let random = Random::of(seed, &[SPLIT, member as u64, index as u64]);
        match push_split(&split, pool, random, &mut batch) {
            true => stood.on += 1,
            false => stood.out_of_reach += 1,
        }
        splits += 1;
        if batch.kinds.len() >= BATCH_ROWS {
            emit(&batch, splits)?;
            batch.clear();
            splits = 0;
        }
    }
    if !batch.kinds.is_empty() {
        emit(&batch, splits)?;
    }
    Ok(stood)
}

/// The rows of one split. What is not on the way is drawn, the same for all of them, so that nothing but the step
/// decides. Answers whether one of them stands exactly on the split.
pub(super) fn push_split(split: &Split<'_>, pool: &Pool, mut random: Random, batch: &mut Batch) -> bool {
    let drawn: Vec<f64> = pool.finite().iter().map(|values| values[random.below(values.len())]).collect();
    let mut exactly = false;
    for (place, value) in split.stands().into_iter().enumerate() {
        let mut row = drawn.clone();
        if split.reach(value, &mut row) {
            exactly |= place == 0;
            batch.push(ParityRowKind::Split, &row);
        }
    }
    exactly
}

/// Fisher and Yates's.
fn shuffle(values: &mut [f64], random: &mut Random) {
    for end in (1..values.len()).rev() {
        values.swap(end, random.below(end + 1));
    }
}
