//! The seven prediction targets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is none of the seven tasks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {name:?} is not known; use one of {known}", known = Task::list())]
pub struct UnknownTask {
    /// The name as it was given, cut after 64 characters.
    pub name: String,
}

/// What a task's answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// One number.
    Regression,
    /// The probabilities of two classes, `down` and `up`.
    Binary,
    /// The probabilities of so many classes.
    Classes(usize),
}

/// One prediction target. Horizons are counted in steps of the base interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Task {
    /// `C(t+1)/C(t) - 1`.
    Return1Step,
    /// `C(t+4)/C(t) - 1`.
    Return4Step,
    /// `C(t+16)/C(t) - 1`.
    Return16Step,
    /// 1 if the 4-step return is above zero.
    Direction4Step,
    /// The 4-step log return in units of `sigma(t) * sqrt(4)`, cut at -1, -0.25, 0.25 and 1.
    DirectionMulti4Step,
    /// The square root of the sum of the next four squared log returns.
    Volatility4Step,
    /// The 4-step volatility against its own trailing 30-day terciles known at t.
    VolRegime4Step,
}

impl Task {
    /// How many tasks there are.
    pub const COUNT: usize = 7;

    /// Every task, in the order of every table.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Return1Step,
        Self::Return4Step,
        Self::Return16Step,
        Self::Direction4Step,
        Self::DirectionMulti4Step,
        Self::Volatility4Step,
        Self::VolRegime4Step,
    ];

    /// The longest horizon of all tasks, in steps.
    pub const LONGEST_HORIZON_STEPS: u32 = 16;

    /// The name on every wire and in every file, for example `return_1step`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Return1Step => "return_1step",
            Self::Return4Step => "return_4step",
            Self::Return16Step => "return_16step",
            Self::Direction4Step => "direction_4step",
            Self::DirectionMulti4Step => "direction_multi_4step",
            Self::Volatility4Step => "volatility_4step",
            Self::VolRegime4Step => "vol_regime_4step",
        }
    }

    /// The task's place in [`Task::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What the task's answer is.
    #[must_use]
    pub const fn kind(self) -> TaskKind {
        match self {
            Self::Return1Step | Self::Return4Step | Self::Return16Step | Self::Volatility4Step => {
                TaskKind::Regression
            }
            Self::Direction4Step => TaskKind::Binary,
            Self::DirectionMulti4Step => TaskKind::Classes(5),
            Self::VolRegime4Step => TaskKind::Classes(3),
        }
    }

    /// How many classes the task has; 0 for a regression.
    #[must_use]
    pub const fn class_count(self) -> usize {
        match self.kind() {
            TaskKind::Regression => 0,
            TaskKind::Binary => 2,
            TaskKind::Classes(count) => count,
        }
    }

    /// How many steps after t the outcome is known.
    #[must_use]
    pub const fn horizon_steps(self) -> u32 {
        match self {
            Self::Return1Step => 1,
            Self::Return16Step => 16,
            _ => 4,
        }
    }

    /// The classes' names in the order of the probabilities; empty for a regression.
    #[must_use]
    pub const fn class_names(self) -> &'static [&'static str] {
        match self {
            Self::Direction4Step => &["down", "up"],
            Self::DirectionMulti4Step => &["strong_down", "down", "flat", "up", "strong_up"],
            Self::VolRegime4Step => &["low", "normal", "high"],
            _ => &[],
        }
    }

    /// One sentence for people: what the outcome is.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Return1Step => "return over the next step, C(t+1)/C(t) - 1",
            Self::Return4Step => "return over the next 4 steps, C(t+4)/C(t) - 1",
            Self::Return16Step => "return over the next 16 steps, C(t+16)/C(t) - 1",
            Self::Direction4Step => "whether the return over the next 4 steps is above zero",
            Self::DirectionMulti4Step => {
                "log return over the next 4 steps in units of sigma(t)*sqrt(4), cut at -1, -0.25, 0.25 and 1"
            }
            Self::Volatility4Step => "square root of the sum of the next 4 squared log returns",
            Self::VolRegime4Step => {
                "volatility over the next 4 steps against its own trailing 30-day terciles"
            }
        }
    }

    /// All names, for messages.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(text: &str) -> Result<Self, UnknownTask> {
        Self::ALL
            .into_iter()
            .find(|task| task.name() == text)
            .ok_or_else(|| UnknownTask { name: text.chars().take(64).collect() })
    }
}

impl From<Task> for String {
    fn from(task: Task) -> Self {
        task.name().to_owned()
    }
}

impl TryFrom<String> for Task {
    type Error = UnknownTask;

    fn try_from(text: String) -> Result<Self, UnknownTask> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_reads_back_and_has_as_many_names_as_classes() {
        for (index, task) in Task::ALL.into_iter().enumerate() {
            assert_eq!(task.name().parse::<Task>().as_ref(), Ok(&task));
            assert_eq!(task.index(), index);
            assert_eq!(task.class_count(), task.class_names().len());
            assert!(task.horizon_steps() <= Task::LONGEST_HORIZON_STEPS);
        }
    }

    #[test]
    fn an_unknown_task_is_told_the_known_ones() {
        let message = "return_2step".parse::<Task>().map_err(|error| error.to_string());
        assert!(
            message.is_err_and(|text| text.contains("return_2step") && text.contains("vol_regime_4step"))
        );
    }
}
