//! Trains every task's two boosters on one range of rows, with the original libraries.

use std::panic;
use std::thread;
use std::time::Instant;

use forecast::Task;

use super::bins::LastBins;
use super::cores::{AtWork, Cores};
use super::course::Course;
use super::lesson::{Lesson, labels, learned_labels};
use super::libraries::{Boosting, Versioned};
use super::library::Library;
use crate::Result;
use crate::dataset::Dataset;
use crate::fit::{LightGbm, Taught, Threads, XgBoost};
use crate::trained::Member;

/// All tasks' boosters of both libraries, LightGBM's lesson and XGBoost's: side by side where there are cores for it.
pub(super) fn both(
    dataset: &Dataset,
    [lightgbm, xgboost]: [&Lesson; 2],
    course: &Course<'_>,
) -> Result<[Vec<Member>; 2]> {
    let (cores, bins) = (Cores::new(course.effort.threads), &LastBins::default());
    if !cores.are_several() {
        return Ok([
            fitted::<LightGbm>(
                dataset,
                lightgbm,
                &Task::ALL,
                course,
                (&cores.begin(Library::Lightgbm), bins),
            )?,
            fitted::<XgBoost>(dataset, xgboost, &Task::ALL, course, (&cores.begin(Library::Xgboost), bins))?,
        ]);
    }
    // Both are at work before either asks for threads.
    let [first, second] = Library::ALL.map(|library| cores.begin(library));
    thread::scope(|scope| {
        let first =
            scope.spawn(move || fitted::<LightGbm>(dataset, lightgbm, &Task::ALL, course, (&first, bins)));
        let xgboost = fitted::<XgBoost>(dataset, xgboost, &Task::ALL, course, (&second, bins));
        drop(second);
        let lightgbm = first.join().unwrap_or_else(|fault| panic::resume_unwind(fault));
        Ok([lightgbm?, xgboost?])
    })
}

/// One library's boosters of some tasks, with all cores.
pub(super) fn alone(
    dataset: &Dataset,
    lesson: &Lesson,
    (task, library): (Task, Library),
    course: &Course<'_>,
) -> Result<Vec<Member>> {
    let cores = Cores::new(course.effort.threads);
    let shared = (&cores.begin(library), &LastBins::default());
    match library {
        Library::Lightgbm => fitted::<LightGbm>(dataset, lesson, &[task], course, shared),
        Library::Xgboost => fitted::<XgBoost>(dataset, lesson, &[task], course, shared),
    }
}

/// A library's boosters of some tasks, in their order; all rounds that were trained. Kept ones are taken up: the rows are binned
/// only when one is fitted. Ends early, with fewer, when the other library has failed.
fn fitted<L: Boosting>(
    dataset: &Dataset,
    lesson: &Lesson,
    tasks: &[Task],
    course: &Course<'_>,
    shared: (&AtWork<'_>, &LastBins),
) -> Result<Vec<Member>> {
    let found = try_fitted::<L>(dataset, lesson, tasks, course, shared);
    if found.is_err() {
        shared.0.fail();
    }
    found
}

fn try_fitted<L: Boosting>(
    dataset: &Dataset,
    lesson: &Lesson,
    tasks: &[Task],
    course: &Course<'_>,
    (at_work, bins): (&AtWork<'_>, &LastBins),
) -> Result<Vec<Member>> {
    let Versioned { library, version } = L::find()?;
    let (effort, name) = (course.effort, &lesson.name);
    let mut held = None;
    let mut members = Vec::with_capacity(tasks.len());
    for &task in tasks {
        if at_work.is_in_vain() {
            break;
        }
        let parameters = lesson.parameters(L::LIBRARY, task, effort);
        let key = course.key(dataset, lesson, (task, &version), &parameters)?;
        if let Some(member) = course.checkpoints.get(&key)? {
            members.push(member);
            continue;
        }
        let (rows, followed) = match &held {
            Some(held) => held,
            None => {
                // Whoever else is at work waits for the same.
                let bins = bins.of(dataset, lesson, effort.threads, course.console)?;
                let bar =
                    course.console.spinner(&format!("{name}: {} takes the rows", L::LIBRARY.own_name()));
                let rows = library.rows(&bins.learned, at_work.threads())?;
                bar.finish_and_clear();
                held.insert((rows, bins.followed))
            }
        };
        let started = Instant::now();
        let (targets, weights) = learned_labels(dataset, task, lesson.learned.clone(), effort);
        let learned = Taught { rows, labels: &targets, weights: &weights };
        let (targets, weights) = labels(dataset, task, lesson.followed().unwrap_or_default());
        let followed = followed.as_deref().map(|rows| Taught { rows, labels: &targets, weights: &weights });
        let schedule = lesson.schedule(task, effort);
        let bar =
            course.console.bar(schedule.rounds_max, &format!("{name}: {} {task}", L::LIBRARY.own_name()));
        let fit = library.fit(
            (&learned, followed.as_ref()),
            task,
            &parameters,
            (schedule, Threads { most: effort.threads, now: &|| at_work.threads() }),
            &mut |_, loss| bar.advance(loss),
        )?;
        let member = Member { fit, parameters, seconds: started.elapsed().as_secs_f64() };
        course.checkpoints.put(&key, &member)?;
        members.push(member);
    }
    Ok(members)
}
