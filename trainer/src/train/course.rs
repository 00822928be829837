//! What all lessons of a training share, and how single boosters are kept.

use std::ops::Range;

use forecast::Task;
use serde::Serialize;

use super::lesson::Lesson;
use super::recipe::{self, Effort};
use crate::Result;
use crate::checkpoints::{BoosterKey, Checkpoints};
use crate::console::Console;
use crate::dataset::Dataset;
use crate::fit::{Parameters, Schedule};
use crate::half_life::HalfLife;
use crate::machine::Code;

/// What all lessons of a training share.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// The content hash of the klines.
    pub data_version: &'a str,
    /// How hard to try.
    pub effort: Effort,
    /// Where boosters are kept as they are fitted.
    pub checkpoints: &'a Checkpoints,
    /// Where progress is shown.
    pub console: &'a Console,
}

/// All that one booster depends on, but for the threads, which it does not depend on.
#[derive(Serialize)]
struct Dependencies<'a> {
    program: String,
    library: &'a str,
    catalogue: String,
    data_version: &'a str,
    interval: kline::Interval,
    task: Task,
    parameters: &'a Parameters,
    loss: crate::fit::Loss,
    schedule: Schedule,
    learned: Rows,
    followed: Option<Rows>,
    half_life_days: Option<HalfLife>,
    left_out: Vec<String>,
}

/// A range of rows by the bars of its ends.
#[derive(Serialize)]
struct Rows {
    from: i64,
    until: i64,
    rows: usize,
}

impl Rows {
    fn of(dataset: &Dataset, range: &Range<usize>) -> Self {
        let bar = |at: usize| dataset.keys(at..at + 1)[0].bar.milliseconds();
        let rows = range.len();
        let (from, until) = if rows == 0 { (0, 0) } else { (bar(range.start), bar(range.end - 1)) };
        Self { from, until, rows }
    }
}

impl Course<'_> {
    /// The name under which a booster is kept.
    pub(super) fn key(
        &self,
        dataset: &Dataset,
        lesson: &Lesson,
        (task, library): (Task, &str),
        parameters: &Parameters,
    ) -> Result<BoosterKey> {
        BoosterKey::of(&Dependencies {
            program: Code::of_this().program,
            library,
            catalogue: features::Catalogue::standard().hash().to_string(),
            data_version: self.data_version,
            interval: dataset.interval,
            task,
            parameters,
            loss: recipe::loss(task),
            schedule: lesson.schedule(task, self.effort),
            learned: Rows::of(dataset, &lesson.learned),
            followed: lesson.followed().map(|rows| Rows::of(dataset, &rows)),
            half_life_days: self.effort.half_life,
            left_out: dataset.left_out().names(),
        })
    }
}
