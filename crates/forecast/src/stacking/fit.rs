//! Fits a stack by Newton's method on the penalised likelihood (Hastie, Tibshirani and Friedman 2009, section 4.4.1).

use super::{INPUTS, Stack, Stacking, inputs};
use crate::score::class_index;
use crate::{Answer, OutcomeContext, Task, cholesky};

/// One row to fit a stack on.
#[derive(Debug, Clone)]
pub struct StackSample {
    /// The mean of the task's members.
    pub mean: Answer,
    /// The volatility ensemble's answer.
    pub volatility: f64,
    /// What was known.
    pub context: OutcomeContext,
    /// The class that came true; NaN if missing.
    pub outcome: f64,
}

/// The most classes of a task, less the one that the others are measured against.
const LOGITS: usize = 4;

/// Weights of all logits in a row. A task with fewer classes leaves the rest unused.
const WEIGHTS: usize = LOGITS * INPUTS;

/// How strongly each weight is held at the one with which the stack answers the mean, in rows.
const RIDGE: f64 = 10.0;

/// Newton's steps at most; five to eight are usual.
const STEPS_MOST: usize = 50;

/// A step that betters the penalised loss by less than this share of it is the last.
const BETTER: f64 = 1e-12;

type Weights = [f64; WEIGHTS];

/// A row's inputs and the class that came true.
struct Row {
    inputs: [f64; INPUTS],
    class: usize,
}

pub(super) fn fit(task: Task, samples: &[StackSample]) -> Option<Stack> {
    if !Stacking::suits(task) {
        return None;
    }
    let classes = task.class_count();
    let rows: Vec<Row> = samples
        .iter()
        .filter_map(|sample| {
            let mean = sample.mean.probabilities()?;
            let inputs = inputs(task, mean, sample.volatility, &sample.context)?;
            class_index(sample.outcome).filter(|class| *class < classes).map(|class| Row { inputs, class })
        })
        .collect();
    let prior = prior(classes);
    let weights = minimise(&rows, classes, &prior);
    Some(Stack { weights: weights.as_chunks::<INPUTS>().0[..classes - 1].to_vec() })
}

/// The weights with which the stack answers the mean: the logit of a class is the log of its probability minus the log
/// of the last one's.
fn prior(classes: usize) -> Weights {
    let mut weights = [0.0; WEIGHTS];
    for logit in 0..classes - 1 {
        weights[logit * INPUTS + logit] = 1.0;
        weights[logit * INPUTS + classes - 1] = -1.0;
    }
    weights
}

fn minimise(rows: &[Row], classes: usize, prior: &Weights) -> Weights {
    let mut weights = *prior;
    let mut derivatives = Derivatives::at(&weights, rows, classes, prior);
    for _ in 0..STEPS_MOST {
        let step = cholesky::solve(&derivatives.second, &derivatives.first, &[RIDGE; WEIGHTS]);
        // The loss is convex, but far from its minimum a whole step may overshoot.
        let mut share = 1.0;
        let better = loop {
            let mut tried = weights;
            for (weight, step) in tried.iter_mut().zip(&step) {
                *weight -= share * step;
            }
            let found = Derivatives::at(&tried, rows, classes, prior);
            if found.loss <= derivatives.loss {
                break Some((tried, found));
            }
            share /= 2.0;
            if share < 1e-6 {
                break None;
            }
        };
        let Some((tried, found)) = better else { break };
        let enough = derivatives.loss - found.loss <= BETTER * derivatives.loss.abs();
        (weights, derivatives) = (tried, found);
        if enough {
            break;
        }
    }
    weights
}

/// The penalised loss, its gradient, and the second derivatives of the loss without the penalty.
struct Derivatives {
    loss: f64,
    first: Weights,
    second: Box<[Weights; WEIGHTS]>,
}

impl Derivatives {
    fn at(weights: &Weights, rows: &[Row], classes: usize, prior: &Weights) -> Self {
        let mut found =
            Self { loss: 0.0, first: [0.0; WEIGHTS], second: Box::new([[0.0; WEIGHTS]; WEIGHTS]) };
        let stack = Stack { weights: weights.as_chunks::<INPUTS>().0[..classes - 1].to_vec() };
        for row in rows {
            found.push(row, &stack.probabilities(&row.inputs));
        }
        for at in 0..WEIGHTS {
            let distance = weights[at] - prior[at];
            found.loss += 0.5 * RIDGE * distance * distance;
            found.first[at] += RIDGE * distance;
        }
        found
    }

    fn push(&mut self, row: &Row, probabilities: &[f64]) {
        self.loss -= libm::log(probabilities[row.class].max(f64::MIN_POSITIVE));
        for one in 0..probabilities.len() - 1 {
            let error = probabilities[one] - f64::from(u8::from(row.class == one));
            for (first, input) in self.first[one * INPUTS..].iter_mut().zip(&row.inputs) {
                *first += error * input;
            }
            for other in 0..=one {
                let same = f64::from(u8::from(one == other));
                let curvature = probabilities[one] * (same - probabilities[other]);
                for (i, input) in row.inputs.iter().enumerate() {
                    let scaled = curvature * input;
                    let line = &mut self.second[one * INPUTS + i][other * INPUTS..];
                    for (second, input) in line.iter_mut().zip(&row.inputs) {
                        *second += scaled * input;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose regime follows a known logistic law on the distance to the cuts, and a mean that says nothing.
    fn samples(count: usize) -> (Vec<StackSample>, Vec<Vec<f64>>) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let truth = Stack {
            weights: vec![
                [0.0, 0.0, 0.0, -1.5, -1.0, 0.1, 0.0, 0.2],
                [0.0, 0.0, 0.0, 0.3, -1.5, -0.2, 0.1, 0.6],
            ],
        };
        let mut laws = Vec::new();
        let samples = (0..count)
            .map(|_| {
                let volatility = libm::exp(-6.0 + 1.5 * uniform());
                let context = OutcomeContext {
                    sigma: 0.002,
                    regime_cuts: Some([0.003, 0.003 * (1.2 + uniform())]),
                    ..OutcomeContext::unknown()
                };
                let mean = Answer::Probabilities(vec![1.0 / 3.0; 3]);
                let third = [1.0 / 3.0; 3];
                let law = inputs(Task::VolRegime4Step, &third, volatility, &context)
                    .map(|inputs| truth.probabilities(&inputs))
                    .expect("all is known");
                let drawn = uniform();
                let outcome =
                    if drawn < law[0] { 0.0 } else { 1.0 + f64::from(u8::from(drawn >= law[0] + law[1])) };
                laws.push(law);
                StackSample { mean, volatility, context, outcome }
            })
            .collect();
        (samples, laws)
    }

    #[test]
    fn a_known_law_is_found() {
        let (samples, laws) = samples(20_000);
        let mut stacking = Stacking::default();
        stacking.fit(Task::VolRegime4Step, &samples).expect("suits");
        let mut farthest = 0.0_f64;
        for (sample, law) in samples.iter().zip(&laws) {
            let answer = stacking.answer(
                Task::VolRegime4Step,
                sample.mean.clone(),
                sample.volatility,
                &sample.context,
            );
            for (found, expected) in answer.as_slice().iter().zip(law) {
                farthest = farthest.max((found - expected).abs());
            }
        }
        assert!(farthest < 0.04, "a probability is off by {farthest}");
    }

    #[test]
    fn the_fit_is_a_minimum_of_the_penalised_loss() {
        let (samples, _) = samples(2_000);
        let stack = fit(Task::VolRegime4Step, &samples).expect("suits");
        let rows: Vec<Row> = samples
            .iter()
            .map(|sample| Row {
                inputs: inputs(Task::VolRegime4Step, &[1.0 / 3.0; 3], sample.volatility, &sample.context)
                    .expect("all is known"),
                class: sample.outcome as usize,
            })
            .collect();
        let mut weights = [0.0; WEIGHTS];
        weights[..2 * INPUTS].copy_from_slice(stack.weights.as_flattened());
        let found = Derivatives::at(&weights, &rows, 3, &prior(3));
        assert!(found.first.iter().all(|slope| slope.abs() < 1e-3), "{:?}", found.first);
    }

    #[test]
    fn rows_with_something_missing_are_left_out() {
        let (mut samples, _) = samples(500);
        let whole = fit(Task::VolRegime4Step, &samples);
        let mut missing = samples[0].clone();
        missing.outcome = f64::NAN;
        samples.push(missing.clone());
        missing.outcome = 1.0;
        missing.context.regime_cuts = None;
        samples.push(missing);
        assert_eq!(fit(Task::VolRegime4Step, &samples), whole);
        assert_eq!(fit(Task::Return1Step, &samples), None);
    }
}
