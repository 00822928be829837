//! Fits the stacks on the tuning window: its rows taught the boosters nothing but when to stop.

use std::ops::Range;

use forecast::{BaselineInputs, StackSample, Stacking, Task};

use crate::Result;
use crate::answers::{member_answers, to_answer};
use crate::dataset::Dataset;
use crate::trained::TrainedTask;

/// The stacks of every task that suits; none without a model of volatility.
///
/// # Errors
/// When a booster can't be read.
pub(super) fn fit(dataset: &Dataset, tasks: &[TrainedTask], tune: Range<usize>) -> Result<Stacking> {
    let mut stacking = Stacking::default();
    let Some(volatility) = tasks.iter().find(|one| one.task == Task::Volatility4Step) else {
        return Ok(stacking);
    };
    let sample = Sample::of(dataset, tune);
    let [volatility, ..] = member_answers(volatility, &sample.values, &sample.inputs)?;
    for one in tasks.iter().filter(|one| Stacking::suits(one.task)) {
        let [means, ..] = member_answers(one, &sample.values, &sample.inputs)?;
        let rows: Vec<StackSample> = means
            .rows()
            .zip(&volatility.values)
            .zip(sample.inputs.iter().zip(&sample.outcomes))
            .map(|((mean, volatility), (inputs, outcomes))| StackSample {
                mean: to_answer(one.task, mean),
                volatility: *volatility,
                context: inputs.context,
                outcome: outcomes[one.task.index()],
            })
            .collect();
        stacking.fit(one.task, &rows);
    }
    Ok(stacking)
}

/// The rows of every bar whose outcomes don't overlap with those of the bar before in the sample: more would cost time
/// and say little.
struct Sample {
    values: Vec<f64>,
    inputs: Vec<BaselineInputs>,
    outcomes: Vec<[f64; Task::COUNT]>,
}

impl Sample {
    fn of(dataset: &Dataset, range: Range<usize>) -> Self {
        let horizon = i64::from(Task::VolRegime4Step.horizon_steps());
        let mut sample = Self { values: Vec::new(), inputs: Vec::new(), outcomes: Vec::new() };
        for (index, key) in range.clone().zip(dataset.keys(range)) {
            if key.bar.index(dataset.interval).rem_euclid(horizon) == 0 {
                sample.values.extend_from_slice(dataset.row(index));
                sample.inputs.extend_from_slice(dataset.inputs(index..index + 1));
                sample.outcomes.extend_from_slice(dataset.outcomes(index..index + 1));
            }
        }
        sample
    }
}
