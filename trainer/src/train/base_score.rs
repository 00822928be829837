//! Where XGBoost begins. Left alone it adds up the labels itself, in an order that depends on the number of threads, and
//! with it the model; so it is told.

use forecast::{Task, TaskKind};

/// A class that hardly occurs counts as this share, so that it has a logarithm.
const SHARE_LEAST: f64 = 1e-6;

/// XGBoost's `base_score` for a task's weighted labels: the mean of a regression, the share of the second of two classes,
/// the centred logs of the shares of several.
pub(super) fn base_score(task: Task, labels: &[f32], weights: &[f32]) -> String {
    let rows = || labels.iter().zip(weights).map(|(label, weight)| (f64::from(*label), f64::from(*weight)));
    let total: f64 = rows().map(|(_, weight)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let mean = rows().map(|(label, weight)| label * weight).sum::<f64>() / total;
    match task.kind() {
        TaskKind::Regression => number(mean),
        TaskKind::Binary => number(mean.clamp(SHARE_LEAST, 1.0 - SHARE_LEAST)),
        TaskKind::Classes(count) => {
            let mut sums = vec![0.0; count];
            for (label, weight) in rows() {
                if let Some(sum) = sums.get_mut(label as usize) {
                    *sum += weight;
                }
            }
            let logs: Vec<f64> =
                sums.into_iter().map(|sum: f64| libm::log((sum / total).max(SHARE_LEAST))).collect();
            let middle = logs.iter().sum::<f64>() / count as f64;
            let centred: Vec<String> = logs.into_iter().map(|log| number(log - middle)).collect();
            format!("[{}]", centred.join(","))
        }
    }
}

/// The shortest decimal that reads back as the same f32.
fn number(value: f64) -> String {
    format!("{:e}", value as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_weighted_mean_or_share_and_classes_are_centred() {
        let (labels, weights) = ([1.0, 3.0, 100.0], [1.0, 1.0, 0.0]);
        assert_eq!(base_score(Task::Volatility4Step, &labels, &weights), "2e0");
        assert_eq!(base_score(Task::Direction4Step, &[1.0, 0.0, 0.0, 0.0], &[1.0; 4]), "2.5e-1");
        let found = base_score(Task::VolRegime4Step, &[0.0, 1.0, 1.0, 2.0], &[1.0; 4]);
        let found: Vec<f64> = serde_json::from_str(&found).expect("numbers");
        let third = 2.0_f64.ln() / 3.0;
        for (found, expected) in found.iter().zip([-third, 2.0 * third, -third]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
