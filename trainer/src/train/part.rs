//! One task's boosters of one library alone, into the same place in which the whole training looks for them: what a task of
//! Airflow or a Job of Kubernetes does, beside others of its kind.

use forecast::Task;
use serde::Serialize;

use super::boosters;
use super::course::Course;
use super::lesson::Lesson;
use super::library::Library;
use super::rounds;
use super::walk_forward::{final_lesson, lessons};
use crate::dataset::Dataset;
use crate::{Result, TrainerError};

/// Which boosters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The task.
    pub task: Task,
    /// The library.
    pub library: Library,
    /// One fold of the walk, from 1 on; without it all of them, and the final booster after them.
    pub fold: Option<usize>,
}

/// One booster of a part.
#[derive(Debug, Clone, Serialize)]
pub struct FittedPart {
    /// What it has learned from: a fold, or all.
    pub lesson: String,
    /// The rounds that it is best with.
    pub rounds: usize,
    /// Size of the model file with all its rounds.
    pub bytes: usize,
    /// How long it took, now or when it was fitted before.
    pub seconds: f64,
}

impl Part {
    /// How many parts without folds there are.
    pub const COUNT: usize = Task::COUNT * Library::ALL.len();

    /// The part of a number below [`Part::COUNT`], as an indexed Job counts: tasks in their order, of each LightGBM first.
    #[must_use]
    pub fn numbered(number: usize) -> Option<Self> {
        let task = Task::ALL.get(number / Library::ALL.len())?;
        Some(Self { task: *task, library: Library::ALL[number % Library::ALL.len()], fold: None })
    }
}

/// Fits a part's boosters, those that are not kept yet, and keeps them.
///
/// # Errors
/// When a library is missing or refuses, there is no such fold, or a booster can't be kept.
pub fn train_part(dataset: &Dataset, course: &Course<'_>, part: Part) -> Result<Vec<FittedPart>> {
    let lessons = lessons(dataset, course.effort)?;
    let fit = |lesson: &Lesson| boosters::alone(dataset, lesson, (part.task, part.library), course);
    let mut members = Vec::new();
    if let Some(number) = part.fold {
        let no_fold = || TrainerError::NoFold { fold: number, folds: lessons.len() };
        let (_, lesson) = number.checked_sub(1).and_then(|at| lessons.get(at)).ok_or_else(no_fold)?;
        members.extend(fit(lesson)?);
    } else {
        for (_, lesson) in &lessons {
            members.extend(fit(lesson)?);
        }
        let best: Vec<usize> = members.iter().map(|member| member.fit.rounds).collect();
        let mut counts = vec![1; Task::COUNT];
        counts[part.task.index()] = rounds::of_all(&best);
        members.extend(fit(&final_lesson(dataset, counts))?);
    }
    let lessons = lessons.into_iter().map(|(_, lesson)| lesson.name).chain(["final".to_owned()]);
    let skipped = part.fold.map_or(0, |number| number - 1);
    let fitted = lessons.skip(skipped).zip(&members).map(|(lesson, member)| FittedPart {
        lesson,
        rounds: member.fit.rounds,
        bytes: member.fit.file.len(),
        seconds: member.seconds,
    });
    Ok(fitted.collect())
}
