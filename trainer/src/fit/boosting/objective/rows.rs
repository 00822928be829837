//! The formulas, row by row: with the processor's fused multiply-adds where it has them, which changes no bit.

use forest::elementary::{expf_by, logf_by};

use super::{Lessons, Objective};
use crate::fit::Loss;

/// The least hessian of a class, and the least probability that has a logarithm (`kRtEps`, and the metrics' `eps`).
const LEAST: f32 = 1e-16;

/// `a * b + c`, rounded once.
trait Fused: Fn(f64, f64, f64) -> f64 + Copy {}
impl<F: Fn(f64, f64, f64) -> f64 + Copy> Fused for F {}

/// Gradient and hessian of each row, one pair an output.
pub(super) fn gradients(objective: Objective, scores: &[f32], lessons: Lessons<'_>, pairs: &mut [[f32; 2]]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { gradients_fused(objective, scores, lessons, pairs) };
    }
    gradients_by(objective, scores, lessons, pairs, libm::fma);
}

/// The loss of each row.
pub(super) fn losses(loss: Loss, scores: &[f32], lessons: Lessons<'_>, losses: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { losses_fused(loss, scores, lessons, losses) };
    }
    losses_by(loss, scores, lessons, losses, libm::fma);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn gradients_fused(objective: Objective, scores: &[f32], lessons: Lessons<'_>, pairs: &mut [[f32; 2]]) {
    gradients_by(objective, scores, lessons, pairs, f64::mul_add);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn losses_fused(loss: Loss, scores: &[f32], lessons: Lessons<'_>, losses: &mut [f64]) {
    losses_by(loss, scores, lessons, losses, f64::mul_add);
}

#[inline(always)]
fn gradients_by(
    objective: Objective,
    scores: &[f32],
    lessons: Lessons<'_>,
    pairs: &mut [[f32; 2]],
    fused: impl Fused,
) {
    let outputs = objective.loss.outputs();
    let rows = pairs.chunks_exact_mut(outputs).zip(scores.chunks_exact(outputs));
    for ((pairs, scores), (label, weight)) in rows.zip(lessons.labels.iter().zip(lessons.weights)) {
        row(objective, scores, *label, *weight, pairs, fused);
    }
}

#[inline(always)]
fn losses_by(loss: Loss, scores: &[f32], lessons: Lessons<'_>, losses: &mut [f64], fused: impl Fused) {
    let rows = scores.chunks_exact(loss.outputs()).zip(lessons.labels);
    losses.iter_mut().zip(rows).for_each(|(found, (scores, label))| *found = of(loss, scores, *label, fused));
}

#[inline(always)]
fn row(
    objective: Objective,
    scores: &[f32],
    label: f32,
    weight: f32,
    pairs: &mut [[f32; 2]],
    fused: impl Fused,
) {
    match objective.loss {
        Loss::SquaredError => pairs[0] = [(scores[0] - label) * weight, weight],
        Loss::BinaryLogLoss => {
            let probability = sigmoid(scores[0], fused);
            let hessian = (probability * (1.0 - probability)).max(LEAST);
            pairs[0] = [(probability - label) * weight, hessian * weight];
        }
        Loss::ClassesLogLoss(_) => {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (pair, score) in pairs.iter_mut().zip(scores) {
                pair[0] = expf_by(score - most, fused);
            }
            let sum: f32 = pairs.iter().map(|[exp, _]| exp).sum();
            for (class, pair) in pairs.iter_mut().enumerate() {
                let probability = pair[0] / sum;
                let hit = f32::from(u8::from(class == label as usize));
                let hessian = (objective.class_hessian * probability * (1.0 - probability)).max(LEAST);
                *pair = [(probability - hit) * weight, hessian * weight];
            }
        }
    }
}

#[inline(always)]
fn of(loss: Loss, scores: &[f32], label: f32, fused: impl Fused) -> f64 {
    match loss {
        Loss::SquaredError => f64::from(scores[0] - label).powi(2),
        Loss::BinaryLogLoss => {
            let probability = sigmoid(scores[0], fused);
            let log = |probability: f32| f64::from(logf_by(probability.max(LEAST), fused));
            let label = f64::from(label);
            -(label * log(probability) + (1.0 - label) * log(1.0 - probability))
        }
        Loss::ClassesLogLoss(_) => {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = scores.iter().map(|score| expf_by(score - most, fused)).sum();
            let probability = expf_by(scores[label as usize] - most, fused) / sum;
            f64::from(-logf_by(probability.max(LEAST), fused))
        }
    }
}

#[inline(always)]
fn sigmoid(score: f32, fused: impl Fused) -> f32 {
    1.0 / (1.0 + expf_by(-score, fused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_processors_fused_operations_change_no_bit(
            rows in prop::collection::vec((prop::array::uniform3(-90.0_f32..90.0), 0_u8..2, 0.0_f32..2.0), 1..40),
        ) {
            for loss in [Loss::SquaredError, Loss::BinaryLogLoss, Loss::ClassesLogLoss(3)] {
                let scores: Vec<f32> =
                    rows.iter().flat_map(|(scores, ..)| scores[..loss.outputs()].to_vec()).collect();
                let labels: Vec<f32> = rows.iter().map(|(_, label, _)| f32::from(*label)).collect();
                let weights: Vec<f32> = rows.iter().map(|(.., weight)| *weight).collect();
                let lessons = Lessons { labels: &labels, weights: &weights };
                let objective = Objective { loss, class_hessian: 1.5 };
                let mut pairs = [vec![[0.0; 2]; scores.len()], vec![[0.0; 2]; scores.len()]];
                gradients(objective, &scores, lessons, &mut pairs[0]);
                gradients_by(objective, &scores, lessons, &mut pairs[1], libm::fma);
                prop_assert_eq!(&pairs[0], &pairs[1]);
                let mut found = [vec![0.0; rows.len()], vec![0.0; rows.len()]];
                losses(loss, &scores, lessons, &mut found[0]);
                losses_by(loss, &scores, lessons, &mut found[1], libm::fma);
                prop_assert_eq!(&found[0], &found[1]);
            }
        }
    }
}
