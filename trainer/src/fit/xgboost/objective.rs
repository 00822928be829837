//! What is minimised: gradients for the library to grow trees from, and the loss, by its own formulas
//! (`src/objective/regression_loss.h`, `multiclass_obj.cu`, `src/metric/elementwise_metric.cu`, `multiclass_metric.cu`).

use forest::elementary::{expf, logf};

use super::threads::by_rows;
use crate::fit::Loss;

/// The least hessian of a class, and the least probability that has a logarithm (`kRtEps`, and the metrics' `eps`).
const LEAST: f32 = 1e-16;

/// What is learned of some rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lessons<'a> {
    pub(super) labels: &'a [f32],
    pub(super) weights: &'a [f32],
}

impl Loss {
    /// The library's names of objective and metric.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::SquaredError => ("reg:squarederror", "rmse"),
            Self::BinaryLogLoss => ("binary:logistic", "logloss"),
            Self::ClassesLogLoss(_) => ("multi:softprob", "mlogloss"),
        }
    }

    /// Raw scores of a row.
    pub(super) const fn outputs(self) -> usize {
        match self {
            Self::SquaredError | Self::BinaryLogLoss => 1,
            Self::ClassesLogLoss(classes) => classes,
        }
    }

    /// The raw score of a base score.
    pub(super) fn raw(self, base_score: f32) -> f32 {
        match self {
            Self::SquaredError | Self::ClassesLogLoss(_) => base_score,
            Self::BinaryLogLoss => -logf(1.0 / base_score - 1.0),
        }
    }

    /// Whether a label is one that can be learned.
    pub(super) fn knows(self, label: f32) -> bool {
        match self {
            Self::SquaredError => label.is_finite(),
            Self::BinaryLogLoss => (0.0..=1.0).contains(&label),
            Self::ClassesLogLoss(classes) => {
                label >= 0.0 && label.fract() == 0.0 && (label as usize) < classes
            }
        }
    }

    /// Gradient and hessian by raw scores, row after row, one pair an output.
    pub(super) fn gradients(
        self,
        scores: &[f32],
        lessons: Lessons<'_>,
        pairs: &mut [[f32; 2]],
        threads: usize,
    ) {
        let outputs = self.outputs();
        by_rows(pairs, outputs, threads, |first, pairs| {
            let scores = scores[first * outputs..].chunks_exact(outputs);
            let known = lessons.labels[first..].iter().zip(&lessons.weights[first..]);
            for ((pairs, scores), (label, weight)) in pairs.chunks_exact_mut(outputs).zip(scores).zip(known) {
                self.row(scores, *label, *weight, pairs);
            }
        });
    }

    fn row(self, scores: &[f32], label: f32, weight: f32, pairs: &mut [[f32; 2]]) {
        match self {
            Self::SquaredError => pairs[0] = [(scores[0] - label) * weight, weight],
            Self::BinaryLogLoss => {
                let probability = sigmoid(scores[0]);
                let hessian = (probability * (1.0 - probability)).max(LEAST);
                pairs[0] = [(probability - label) * weight, hessian * weight];
            }
            Self::ClassesLogLoss(_) => {
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for (pair, score) in pairs.iter_mut().zip(scores) {
                    pair[0] = expf(score - most);
                }
                let sum: f32 = pairs.iter().map(|[exp, _]| exp).sum();
                for (class, pair) in pairs.iter_mut().enumerate() {
                    let probability = pair[0] / sum;
                    let hit = f32::from(u8::from(class == label as usize));
                    let hessian = (2.0 * probability * (1.0 - probability)).max(LEAST);
                    *pair = [(probability - hit) * weight, hessian * weight];
                }
            }
        }
    }

    /// The weighted loss by raw scores, as the library's metric has it; NaN without a weight.
    pub(super) fn mean(self, scores: &[f32], lessons: Lessons<'_>, threads: usize) -> f64 {
        let outputs = self.outputs();
        let mut losses = vec![0.0; lessons.labels.len()];
        by_rows(&mut losses, 1, threads, |first, losses| {
            let rows = scores[first * outputs..].chunks_exact(outputs).zip(&lessons.labels[first..]);
            losses.iter_mut().zip(rows).for_each(|(loss, (scores, label))| *loss = self.of(scores, *label));
        });
        // One after another, whatever the number of threads.
        let weights = || lessons.weights.iter().map(|weight| f64::from(*weight));
        let loss: f64 = losses.iter().zip(weights()).map(|(loss, weight)| loss * weight).sum();
        let weight: f64 = weights().sum();
        match self {
            Self::SquaredError => (loss / weight).sqrt(),
            Self::BinaryLogLoss | Self::ClassesLogLoss(_) => loss / weight,
        }
    }

    fn of(self, scores: &[f32], label: f32) -> f64 {
        match self {
            Self::SquaredError => f64::from(scores[0] - label).powi(2),
            Self::BinaryLogLoss => {
                let probability = sigmoid(scores[0]);
                let log = |probability: f32| f64::from(logf(probability.max(LEAST)));
                let label = f64::from(label);
                -(label * log(probability) + (1.0 - label) * log(1.0 - probability))
            }
            Self::ClassesLogLoss(_) => {
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = scores.iter().map(|score| expf(score - most)).sum();
                let probability = expf(scores[label as usize] - most) / sum;
                f64::from(-logf(probability.max(LEAST)))
            }
        }
    }
}

fn sigmoid(score: f32) -> f32 {
    1.0 / (1.0 + expf(-score))
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
            for loss in LOSSES {
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
                loss.gradients(&scores, lessons, &mut pairs, threads);
                // The library's squared error is half of it, and its hessian of classes twice the curvature.
                let (half, twice) = match loss {
                    Loss::SquaredError => (0.5, 1.0),
                    Loss::BinaryLogLoss => (1.0, 1.0),
                    Loss::ClassesLogLoss(_) => (1.0, 2.0),
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
                        prop_assert!((f64::from(*hessian) - twice * bend).abs() < 1e-4, "{loss:?} {hessian} {bend}");
                    }
                    sums = [sums[0] + weight * defined(loss, &own, label), sums[1] + weight];
                }
                prop_assume!(sums[1] > 0.1);
                let mean = sums[0] / sums[1];
                let expected = if loss == Loss::SquaredError { mean.sqrt() } else { mean };
                let found = loss.mean(&scores, lessons, threads);
                prop_assert!((found - expected).abs() < 1e-5 * expected.max(1.0), "{loss:?} {found} {expected}");
            }
        }
    }

    #[test]
    fn a_base_score_is_where_its_loss_begins_and_labels_without_a_place_are_not_known() {
        assert_eq!(Loss::SquaredError.raw(3.0), 3.0);
        assert!((sigmoid(Loss::BinaryLogLoss.raw(0.2)) - 0.2).abs() < 1e-6);
        let [squared, binary, classes] = LOSSES;
        assert!(squared.knows(-9.5) && binary.knows(0.3) && classes.knows(2.0));
        for (loss, label) in [(squared, f32::NAN), (binary, 1.5), (binary, f32::NAN), (classes, 3.0)] {
            assert!(!loss.knows(label), "{loss:?} {label}");
        }
        assert!(!classes.knows(-1.0) && !classes.knows(0.5) && !classes.knows(f32::NAN));
    }
}
