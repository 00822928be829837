//! What is minimised: gradients for a library to grow trees from, and the loss, by their own formulas (XGBoost's
//! `src/objective/regression_loss.h`, `multiclass_obj.cu`, `src/metric/elementwise_metric.cu`, `multiclass_metric.cu`, LightGBM's
//! `src/objective/regression_objective.hpp`, `binary_objective.hpp`, `multiclass_objective.hpp`).

mod rows;

use forest::elementary::logf;

use crate::fit::threads::by_units;
use crate::fit::{FitError, Loss};

/// What is learned of some rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lessons<'a> {
    pub(super) labels: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// A loss, as a library minimises it.
#[derive(Debug, Clone, Copy)]
pub(in crate::fit) struct Objective {
    pub(in crate::fit) loss: Loss,
    /// The libraries' hessian of one of several classes is as many times `p (1 - p)`: what the other classes do is in it.
    pub(in crate::fit) class_hessian: f32,
}

impl Loss {
    /// Raw scores of a row.
    pub(in crate::fit) const fn outputs(self) -> usize {
        match self {
            Self::SquaredError | Self::BinaryLogLoss => 1,
            Self::ClassesLogLoss(classes) => classes,
        }
    }

    /// The raw score of a base score.
    pub(in crate::fit) fn raw(self, base_score: f32) -> f32 {
        match self {
            Self::SquaredError | Self::ClassesLogLoss(_) => base_score,
            Self::BinaryLogLoss => -logf(1.0 / base_score - 1.0),
        }
    }

    /// Whether a label is one that can be learned.
    fn knows(self, label: f32) -> bool {
        match self {
            Self::SquaredError => label.is_finite(),
            Self::BinaryLogLoss => (0.0..=1.0).contains(&label),
            Self::ClassesLogLoss(classes) => {
                label >= 0.0 && label.fract() == 0.0 && (label as usize) < classes
            }
        }
    }

    /// What it is called.
    const fn name(self) -> &'static str {
        match self {
            Self::SquaredError => "squared error",
            Self::BinaryLogLoss => "the log loss of two classes",
            Self::ClassesLogLoss(_) => "the log loss of several classes",
        }
    }

    /// That all labels can be learned.
    ///
    /// # Errors
    /// When one can't.
    pub(super) fn check(self, labels: &[f32]) -> Result<(), FitError> {
        let wrong = labels.iter().find(|label| !self.knows(**label));
        wrong.map_or(Ok(()), |label| Err(FitError::Label { label: *label, loss: self.name() }))
    }
}

impl Objective {
    /// Gradient and hessian by raw scores, row after row, one pair an output.
    pub(super) fn gradients(
        self,
        scores: &[f32],
        lessons: Lessons<'_>,
        pairs: &mut [[f32; 2]],
        threads: usize,
    ) {
        let outputs = self.loss.outputs();
        by_units(pairs, outputs, threads, |first, pairs| {
            rows::gradients(self, &scores[first * outputs..], lessons.from(first), pairs);
        });
    }

    /// The weighted loss by raw scores, as XGBoost's metric has it (of the squared error its root); NaN without a weight.
    pub(super) fn mean(self, scores: &[f32], lessons: Lessons<'_>, threads: usize) -> f64 {
        let outputs = self.loss.outputs();
        let mut losses = vec![0.0; lessons.labels.len()];
        by_units(&mut losses, 1, threads, |first, losses| {
            rows::losses(self.loss, &scores[first * outputs..], lessons.from(first), losses);
        });
        // One after another, whatever the number of threads.
        let weights = || lessons.weights.iter().map(|weight| f64::from(*weight));
        let loss: f64 = losses.iter().zip(weights()).map(|(loss, weight)| loss * weight).sum();
        let weight: f64 = weights().sum();
        match self.loss {
            Loss::SquaredError => (loss / weight).sqrt(),
            Loss::BinaryLogLoss | Loss::ClassesLogLoss(_) => loss / weight,
        }
    }
}

impl Lessons<'_> {
    /// Those of a row and all after it.
    fn from(self, row: usize) -> Self {
        Self { labels: &self.labels[row..], weights: &self.weights[row..] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOSSES: [Loss; 3] = [Loss::SquaredError, Loss::BinaryLogLoss, Loss::ClassesLogLoss(3)];

    /// A row's loss in double precision, by the definition.
    fn defined(loss: Loss, scores: &[f64], label: f64) -> f64 {
        match loss {
            Loss::SquaredError => (scores[0] - label).powi(2),
            Loss::BinaryLogLoss => {
                let probability = 1.0 / (1.0 + (-scores[0]).exp());
                -(label * probability.ln() + (1.0 - label) * (1.0 - probability).ln())
            }
            Loss::ClassesLogLoss(_) => {
                scores.iter().map(|score| score.exp()).sum::<f64>().ln() - scores[label as usize]
            }
        }
    }

    proptest! {
        #[test]
        fn gradients_are_the_losss_slopes_and_losses_are_as_they_are_defined(
            rows in prop::collection::vec((prop::array::uniform3(-4.0_f32..4.0), 0_u8..6, 0.0_f32..2.0), 1..40),
            threads in 1_usize..4,
        ) {
            for (loss, class_hessian) in LOSSES.into_iter().flat_map(|loss| [(loss, 2.0), (loss, 1.5)]) {
                let objective = Objective { loss, class_hessian };
                let outputs = loss.outputs();
                let labels: Vec<f32> = rows.iter().map(|(_, label, _)| match loss {
                    Loss::SquaredError => f32::from(*label) - 2.5,
                    Loss::BinaryLogLoss => f32::from(label % 2),
                    Loss::ClassesLogLoss(_) => f32::from(label % 3),
                }).collect();
                let weights: Vec<f32> = rows.iter().map(|(_, _, weight)| *weight).collect();
                let scores: Vec<f32> = rows.iter().flat_map(|(scores, ..)| scores[..outputs].to_vec()).collect();
                let lessons = Lessons { labels: &labels, weights: &weights };
                let mut pairs = vec![[0.0; 2]; scores.len()];
                objective.gradients(&scores, lessons, &mut pairs, threads);
                // The libraries' squared error is half of it, and their hessian of classes more than the curvature.
                let (half, times) = match loss {
                    Loss::SquaredError => (0.5, 1.0),
                    Loss::BinaryLogLoss => (1.0, 1.0),
                    Loss::ClassesLogLoss(_) => (1.0, f64::from(class_hessian)),
                };
                let mut sums = [0.0; 2];
                for (row, (label, weight)) in labels.iter().zip(&weights).enumerate() {
                    let (label, weight) = (f64::from(*label), f64::from(*weight));
                    let own: Vec<f64> = scores[row * outputs..][..outputs].iter().map(|x| f64::from(*x)).collect();
                    let at = |output: usize, by: f64| {
                        let mut moved = own.clone();
                        moved[output] += by;
                        half * weight * defined(loss, &moved, label)
                    };
                    for (output, [gradient, hessian]) in pairs[row * outputs..][..outputs].iter().enumerate() {
                        let step = 1e-3;
                        let slope = (at(output, step) - at(output, -step)) / (2.0 * step);
                        let bend = (at(output, step) - 2.0 * at(output, 0.0) + at(output, -step)) / (step * step);
                        prop_assert!((f64::from(*gradient) - slope).abs() < 1e-5, "{loss:?} {gradient} {slope}");
                        prop_assert!((f64::from(*hessian) - times * bend).abs() < 1e-4, "{loss:?} {hessian} {bend}");
                    }
                    sums = [sums[0] + weight * defined(loss, &own, label), sums[1] + weight];
                }
                prop_assume!(sums[1] > 0.1);
                let mean = sums[0] / sums[1];
                let expected = if loss == Loss::SquaredError { mean.sqrt() } else { mean };
                let found = objective.mean(&scores, lessons, threads);
                prop_assert!((found - expected).abs() < 1e-5 * expected.max(1.0), "{loss:?} {found} {expected}");
            }
        }
    }

    #[test]
    fn a_base_score_is_where_its_loss_begins_and_labels_without_a_place_are_not_known() {
        assert_eq!(Loss::SquaredError.raw(3.0), 3.0);
        let raw = Loss::BinaryLogLoss.raw(0.2);
        assert!((1.0 / (1.0 + (-raw).exp()) - 0.2).abs() < 1e-6);
        let [squared, binary, classes] = LOSSES;
        assert!(squared.knows(-9.5) && binary.knows(0.3) && classes.knows(2.0));
        for (loss, label) in [(squared, f32::NAN), (binary, 1.5), (binary, f32::NAN), (classes, 3.0)] {
            assert!(!loss.knows(label), "{loss:?} {label}");
        }
        assert!(!classes.knows(-1.0) && !classes.knows(0.5) && !classes.knows(f32::NAN));
    }
}
