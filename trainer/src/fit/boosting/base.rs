//! Where a model begins. Left alone a library adds up the labels itself, in an order that depends on the number of threads, and
//! with it the model.

use crate::fit::Loss;

/// A class that hardly occurs counts as this share, so that it has a logarithm.
const SHARE_LEAST: f64 = 1e-6;

impl Loss {
    /// What a model answers before its first round, one number an output: the weighted mean of values, the share of the second of two
    /// classes, the centred logs of the shares of several.
    pub(super) fn base(self, labels: &[f32], weights: &[f32]) -> Vec<f32> {
        let rows =
            || labels.iter().zip(weights).map(|(label, weight)| (f64::from(*label), f64::from(*weight)));
        let total: f64 = rows().map(|(_, weight)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
        let mean = || rows().map(|(label, weight)| label * weight).sum::<f64>() / total;
        match self {
            Self::SquaredError => vec![mean() as f32],
            Self::BinaryLogLoss => vec![mean().clamp(SHARE_LEAST, 1.0 - SHARE_LEAST) as f32],
            Self::ClassesLogLoss(count) => {
                let mut sums = vec![0.0; count];
                for (label, weight) in rows() {
                    if let Some(sum) = sums.get_mut(label as usize) {
                        *sum += weight;
                    }
                }
                let logs: Vec<f64> =
                    sums.into_iter().map(|sum: f64| libm::log((sum / total).max(SHARE_LEAST))).collect();
                let middle = logs.iter().sum::<f64>() / count as f64;
                logs.into_iter().map(|log| (log - middle) as f32).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_weighted_mean_or_share_and_classes_are_centred() {
        assert_eq!(Loss::SquaredError.base(&[1.0, 3.0, 100.0], &[1.0, 1.0, 0.0]), [2.0]);
        assert_eq!(Loss::BinaryLogLoss.base(&[1.0, 0.0, 0.0, 0.0], &[1.0; 4]), [0.25]);
        let found = Loss::ClassesLogLoss(3).base(&[0.0, 1.0, 1.0, 2.0], &[1.0; 4]);
        let third = 2.0_f32.ln() / 3.0;
        for (found, expected) in found.iter().zip([-third, 2.0 * third, -third]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        // Nothing is known, and a class never occurs.
        assert_eq!(Loss::SquaredError.base(&[0.0], &[0.0]), [0.0]);
        assert!(Loss::ClassesLogLoss(2).base(&[1.0], &[1.0]).iter().all(|base| base.is_finite()));
    }
}
