//! Which tasks a request asks for.

use forecast::Task;

use crate::reason::{Reason, Refusal, shorten};

/// A set of tasks, held in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection(u8);

impl Selection {
    /// Every task.
    pub const ALL: Self = Self((1 << Task::COUNT) - 1);

    /// These tasks.
    #[must_use]
    pub fn of(tasks: impl IntoIterator<Item = Task>) -> Self {
        Self(tasks.into_iter().fold(0, |set, task| set | (1 << task.index())))
    }

    /// How many tasks they are.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The tasks of these names; none means all.
    ///
    /// # Errors
    /// [`Reason::UnknownTask`] for the first name that is none.
    pub fn named<Name: AsRef<str>>(names: &[Name]) -> Result<Self, Refusal> {
        if names.is_empty() {
            return Ok(Self::ALL);
        }
        let mut tasks = Vec::with_capacity(Task::COUNT);
        for name in names {
            let name = name.as_ref();
            tasks.push(name.parse::<Task>().map_err(|error| {
                Refusal::new(Reason::UnknownTask, error)
                    .with("task", shorten(name))
                    .with("known", Task::list())
            })?);
        }
        Ok(Self::of(tasks))
    }

    /// Whether a task is in the set.
    #[must_use]
    pub const fn has(self, task: Task) -> bool {
        self.0 & (1 << task.index()) != 0
    }

    /// The set's tasks, in the order of every table.
    pub fn tasks(self) -> impl Iterator<Item = Task> {
        Task::ALL.into_iter().filter(move |task| self.has(*task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_named_means_all_and_a_wrong_name_is_told_the_known_ones() {
        assert_eq!(Selection::named::<&str>(&[]), Ok(Selection::ALL));
        let some = Selection::named(&["vol_regime_4step", "return_1step", "return_1step"]);
        let tasks: Vec<Task> = some.map(|some| some.tasks().collect()).unwrap_or_default();
        assert_eq!(tasks, [Task::Return1Step, Task::VolRegime4Step]);
        let refusal = Selection::named(&["return_2step"]).err();
        assert!(refusal.is_some_and(|refusal| {
            refusal.reason == Reason::UnknownTask && refusal.facts[1].1.contains("return_16step")
        }));
    }
}
