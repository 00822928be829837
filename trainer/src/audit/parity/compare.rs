//! The forest's answers in every way that it scores, beside the library's.

use std::{panic, thread};

use forest::{Booster, Library, Model, RowError};

use super::originals::Answers;
use crate::machine::cores;

/// Fewer rows are not worth a thread.
const PART_ROWS_LEAST: usize = 128;

/// Predictions may be so many steps apart, where the C library's `exp` is not the one that is pinned.
const ULPS_MOST: u64 = 2;

/// What one comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The library's numbers.
    pub(super) cells: u64,
    /// Predictions that are not the same but near enough.
    pub(super) near: u64,
    pub(super) first: Option<Difference>,
}

/// The first number that is not the library's.
#[derive(Debug)]
pub(super) struct Difference {
    /// The way of scoring.
    pub(super) way: &'static str,
    /// The row within the batch.
    pub(super) row: usize,
    pub(super) output: usize,
    pub(super) found: f64,
    pub(super) expected: f64,
}

/// One booster's two sides.
pub(super) struct Sides<'a> {
    pub(super) model: &'a Model,
    pub(super) booster: &'a Booster,
    /// What the ensemble of all boosters predicts of this one's outputs.
    pub(super) ensemble: &'a [f64],
    pub(super) original: &'a Answers,
}

impl Sides<'_> {
    /// Scores rows in every way.
    ///
    /// # Errors
    /// When the rows are of another width.
    pub(super) fn compare(&self, rows: &[f64]) -> Result<Compared, RowError> {
        let Self { model, booster, ensemble, original } = *self;
        let room = original.margins.len();
        let (width, outputs) = (model.feature_count(), model.output_count());
        let shape = (width, outputs);
        let plain = by_parts(rows, shape, |rows, answers| {
            each_row(rows, shape, answers, |row, answer| model.margin(row, answer))
        })?;
        let single = by_parts(rows, shape, |rows, answers| {
            each_row(rows, shape, answers, |row, answer| booster.margin(row, answer))
        })?;
        let margins = by_parts(rows, shape, |rows, answers| booster.margin_batch(rows, answers))?;
        let predictions = by_parts(rows, shape, |rows, answers| booster.predict_batch(rows, answers))?;

        let mut found = Compared { cells: 2 * room as u64, ..Compared::default() };
        let ways =
            [("Model::margin", plain), ("Booster::margin", single), ("Booster::margin_batch", margins)];
        for (way, answers) in &ways {
            found.exact((way, outputs), answers, &original.margins);
        }
        found.near(model.library(), outputs, &predictions, &original.predictions);
        // Whatever the C library's exp does, the forest's ways must agree with one another.
        found.exact(("Ensemble::predict_batch", outputs), ensemble, &predictions);
        Ok(found)
    }
}

/// The answers of a scorer, row after row: rows and answers are of these widths. All cores work, each on rows one after another.
///
/// # Errors
/// When the scorer refuses the rows.
pub(super) fn by_parts(
    rows: &[f64],
    (width, outputs): (usize, usize),
    score: impl Fn(&[f64], &mut [f64]) -> Result<(), RowError> + Sync,
) -> Result<Vec<f64>, RowError> {
    let count = rows.len() / width.max(1);
    let part = count.div_ceil(cores()).max(PART_ROWS_LEAST);
    let mut answers = vec![f64::NAN; count * outputs];
    let (score, parts) = (&score, rows.chunks(part * width).zip(answers.chunks_mut(part * outputs)));
    thread::scope(|scope| {
        let mut parts: Vec<_> = parts.collect();
        let own = parts.pop();
        let others: Vec<_> =
            parts.into_iter().map(|(rows, answers)| scope.spawn(move || score(rows, answers))).collect();
        let own = own.map_or(Ok(()), |(rows, answers)| score(rows, answers));
        let joined =
            others.into_iter().map(|other| other.join().unwrap_or_else(|fault| panic::resume_unwind(fault)));
        joined.fold(own, Result::and)
    })?;
    Ok(answers)
}

fn each_row(
    rows: &[f64],
    (width, outputs): (usize, usize),
    answers: &mut [f64],
    score: impl Fn(&[f64], &mut [f64]) -> Result<(), RowError>,
) -> Result<(), RowError> {
    let mut both = rows.chunks_exact(width).zip(answers.chunks_exact_mut(outputs));
    both.try_for_each(|(row, answer)| score(row, answer))
}

impl Compared {
    fn exact(&mut self, (way, outputs): (&'static str, usize), answers: &[f64], expected: &[f64]) {
        self.all_within(way, outputs, answers, expected, |a, b| a.to_bits() == b.to_bits());
    }

    fn near(&mut self, library: Library, outputs: usize, answers: &[f64], expected: &[f64]) {
        let differing = answers.iter().zip(expected).filter(|(a, b)| a.to_bits() != b.to_bits());
        self.near += differing.filter(|(a, b)| steps(library, **a, **b) <= ULPS_MOST).count() as u64;
        let close = |a: f64, b: f64| steps(library, a, b) <= ULPS_MOST;
        self.all_within("Booster::predict_batch", outputs, answers, expected, close);
    }

    fn all_within(
        &mut self,
        way: &'static str,
        outputs: usize,
        answers: &[f64],
        expected: &[f64],
        same: impl Fn(f64, f64) -> bool,
    ) {
        if self.first.is_some() {
            return;
        }
        let mut pairs = answers.iter().zip(expected).enumerate();
        self.first = pairs.find(|(_, (found, expected))| !same(**found, **expected)).map(
            |(place, (found, expected))| Difference {
                way,
                row: place / outputs,
                output: place % outputs,
                found: *found,
                expected: *expected,
            },
        );
    }
}

/// How many numbers of the library's width lie between two, and one more.
fn steps(library: Library, a: f64, b: f64) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.to_bits() == b.to_bits() { 0 } else { u64::MAX };
    }
    // Floats as integers in the same order: negative ones count down from zero.
    let order = |value: f64| match library {
        Library::LightGbm => {
            let bits = value.to_bits().cast_signed();
            i128::from(if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits })
        }
        Library::XgBoost => {
            let bits = (value as f32).to_bits().cast_signed();
            i128::from(if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits })
        }
    };
    u64::try_from((order(a) - order(b)).abs()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_in_the_librarys_width_and_across_zero() {
        let (one, next) = (1.0_f32, 1.0_f32.next_up());
        assert_eq!(steps(Library::XgBoost, f64::from(one), f64::from(next)), 1);
        assert_eq!(steps(Library::LightGbm, f64::from(one), f64::from(next)), 1 << 29);
        assert_eq!(steps(Library::LightGbm, 1.0, 1.0_f64.next_down().next_down()), 2);
        assert_eq!(steps(Library::LightGbm, -f64::from_bits(1), f64::from_bits(1)), 2);
        assert_eq!(steps(Library::LightGbm, f64::NAN, 1.0), u64::MAX);
        assert_eq!(steps(Library::LightGbm, f64::NAN, f64::NAN), 0);
    }

    #[test]
    fn parts_answer_every_row_in_its_place() {
        for count in [0, 1, PART_ROWS_LEAST, 5 * PART_ROWS_LEAST + 3] {
            let rows: Vec<f64> = (0..3 * count).map(|value| value as f64).collect();
            let answers = by_parts(&rows, (3, 2), |rows, answers| {
                each_row(rows, (3, 2), answers, |row, answer| {
                    answer.copy_from_slice(&row[1..]);
                    Ok(())
                })
            });
            let expected: Vec<f64> = rows.chunks_exact(3).flat_map(|row| row[1..].to_vec()).collect();
            assert_eq!(answers.expect("answers"), expected, "{count} rows");
        }
    }

    #[test]
    fn one_row_that_is_refused_refuses_all_wherever_it_lies() {
        let count = 5 * PART_ROWS_LEAST + 3;
        let rows: Vec<f64> = (0..count).map(|value| value as f64).collect();
        for refused in [0, PART_ROWS_LEAST, count - 1] {
            let answers = by_parts(&rows, (1, 1), |rows, answers| {
                each_row(rows, (1, 1), answers, |row, _| match row[0] == refused as f64 {
                    true => Err(RowError::RowWidth { expected: 2, found: 1 }),
                    false => Ok(()),
                })
            });
            assert_eq!(answers, Err(RowError::RowWidth { expected: 2, found: 1 }), "row {refused}");
        }
    }

    #[test]
    fn predictions_may_be_two_steps_apart_and_no_more() {
        let expected = [0.5, 0.25];
        let mut found = Compared::default();
        found.near(Library::LightGbm, 1, &[0.5_f64.next_up(), 0.25], &expected);
        assert!(found.near == 1 && found.first.is_none());
        let far = 0.25_f64.next_up().next_up().next_up();
        found.near(Library::LightGbm, 1, &[0.5, far], &expected);
        assert!(found.near == 1 && found.first.is_some_and(|first| (first.row, first.found) == (1, far)));
        let mut found = Compared::default();
        found.exact(("way", 2), &[0.5, 0.25_f64.next_up()], &expected);
        assert!(found.first.is_some_and(|first| (first.row, first.output) == (0, 1)));
    }
}
