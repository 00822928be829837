//! How many threads a training may take, and work on values that no other value has a part in, divided between threads: the number of
//! them changes no bit.

use std::thread;

/// Fewer values are not worth a thread.
const VALUES_LEAST: usize = 8_192;

/// How many threads a training may take.
#[derive(Clone, Copy)]
pub struct Threads<'a> {
    /// The most that it ever may.
    pub most: usize,
    /// How many it may take now, asked before each round.
    pub now: &'a dyn Fn() -> usize,
}

impl Threads<'_> {
    /// How many it may take now: at least one, at most what was said.
    pub(super) fn now(self) -> usize {
        (self.now)().clamp(1, self.most.max(1))
    }
}

/// Has `work` fill all values in units of `width` of them, of which the last may be shorter: it gets the number of the first unit of
/// a run of them, and their values.
pub(super) fn by_units<T: Send>(
    values: &mut [T],
    width: usize,
    threads: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let units = values.len().div_ceil(width.max(1));
    if threads < 2 || values.len() < VALUES_LEAST {
        return work(0, values);
    }
    let share = units.div_ceil(threads);
    let (own, others) = values.split_at_mut((share * width).min(values.len()));
    thread::scope(|scope| {
        let work = &work;
        for (number, values) in others.chunks_mut(share * width).enumerate() {
            scope.spawn(move || work((number + 1) * share, values));
        }
        work(0, own);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_worked_on_once() {
        for (values, width, threads) in [
            (0, 2, 3),
            (2, 2, 3),
            (VALUES_LEAST, 2, 1),
            (VALUES_LEAST + 3, 2, 3),
            (20_001, 64, 7),
            (9_000, 9_000, 2),
        ] {
            let mut filled = vec![0; values];
            by_units(&mut filled, width, threads, |first, values| {
                for (unit, values) in values.chunks_mut(width).enumerate() {
                    values.iter_mut().for_each(|value| *value += first + unit + 1);
                }
            });
            assert!(filled.iter().enumerate().all(|(place, value)| *value == place / width + 1));
        }
    }
}
