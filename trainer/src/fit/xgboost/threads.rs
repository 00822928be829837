//! Work on rows that no other row has a part in, divided between threads: the number of them changes no bit.

use std::thread;

/// Fewer rows are not worth a thread.
const ROWS_LEAST: usize = 4_096;

/// Has `work` fill the values of all rows, `width` a row: it gets the first row of a run of them, and their values.
pub(super) fn by_rows<T: Send>(
    values: &mut [T],
    width: usize,
    threads: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let rows = values.len() / width.max(1);
    if threads < 2 || rows < ROWS_LEAST {
        return work(0, values);
    }
    let share = rows.div_ceil(threads);
    let (own, others) = values.split_at_mut(share * width);
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
    fn every_row_is_worked_on_once() {
        for (rows, threads) in [(0, 3), (1, 3), (ROWS_LEAST, 1), (ROWS_LEAST + 1, 3), (10_000, 7)] {
            let mut values = vec![0; rows * 2];
            by_rows(&mut values, 2, threads, |first, values| {
                for (row, pair) in values.chunks_exact_mut(2).enumerate() {
                    pair.iter_mut().for_each(|value| *value += first + row + 1);
                }
            });
            assert!(values.chunks_exact(2).enumerate().all(|(row, pair)| pair == [row + 1; 2]));
        }
    }
}
