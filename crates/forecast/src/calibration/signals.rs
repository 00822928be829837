//! What the boosters of all tasks say about the direction.
//!
//! Five models look at the same few steps from different sides: three horizons of returns, up or down, and the five
//! classes. Each is next to noise, and their noise is not the same.

use crate::{Answer, OutcomeContext, Task};

use super::logit;

/// How many signals there are.
pub(super) const SIGNALS: usize = 5;

/// The signals of one row: the logit of the direction, the three returns in units of the volatility that was expected for
/// their horizons, and the probability of the upper two of five classes less that of the lower two. NaN is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signals(pub(super) [f64; SIGNALS]);

impl Signals {
    /// The tasks that are looked at.
    pub(super) const TASKS: [Task; SIGNALS] = [
        Task::Direction4Step,
        Task::Return1Step,
        Task::Return4Step,
        Task::Return16Step,
        Task::DirectionMulti4Step,
    ];

    /// The signals of the means of every task's members; `mean` answers one, `None` if there is no such task.
    pub fn of<'a>(mean: impl Fn(Task) -> Option<&'a Answer>, context: &OutcomeContext) -> Self {
        let probability = |answer: &Answer, class: usize| {
            answer.probabilities().and_then(|all| all.get(class)).copied().unwrap_or(f64::NAN)
        };
        let scaled = |task: Task| {
            let value = mean(task).and_then(Answer::value).unwrap_or(f64::NAN);
            value / context.expected_volatility(task.horizon_steps())
        };
        let up = mean(Task::Direction4Step).map_or(f64::NAN, |answer| probability(answer, 1));
        let balance = mean(Task::DirectionMulti4Step).map_or(f64::NAN, |answer| {
            let [strong_down, down, up, strong_up] = [0, 1, 3, 4].map(|class| probability(answer, class));
            up + strong_up - down - strong_down
        });
        let [one, four, sixteen] = [Task::Return1Step, Task::Return4Step, Task::Return16Step].map(scaled);
        Self([logit(up), one, four, sixteen, balance])
    }

    /// Whether every signal is a number.
    pub(super) fn are_known(&self) -> bool {
        self.0.iter().all(|signal| signal.is_finite())
    }

    /// The sum of weights times signals.
    pub(super) fn weighted(&self, weights: &[f64; SIGNALS]) -> f64 {
        self.0.iter().zip(weights).map(|(signal, weight)| signal * weight).sum()
    }
}
