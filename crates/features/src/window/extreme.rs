//! Highest and lowest value of a window.

/// The highest value; NaN for an empty window or one whose oldest value is NaN (a window that is not full).
#[inline]
#[must_use]
pub fn highest(window: &[f64]) -> f64 {
    extreme(window, f64::NEG_INFINITY, |best, value| if value > best { value } else { best })
}

/// The lowest value; NaN for an empty window or one whose oldest value is NaN (a window that is not full).
#[inline]
#[must_use]
pub fn lowest(window: &[f64]) -> f64 {
    extreme(window, f64::INFINITY, |best, value| if value < best { value } else { best })
}

#[inline]
fn extreme(window: &[f64], start: f64, better: impl Fn(f64, f64) -> f64) -> f64 {
    match window.first() {
        Some(oldest) if !oldest.is_nan() => {}
        _ => return f64::NAN,
    }
    let (chunks, rest) = window.as_chunks::<4>();
    let mut lanes = [start; 4];
    for chunk in chunks {
        lanes[0] = better(lanes[0], chunk[0]);
        lanes[1] = better(lanes[1], chunk[1]);
        lanes[2] = better(lanes[2], chunk[2]);
        lanes[3] = better(lanes[3], chunk[3]);
    }
    let best = lanes.into_iter().fold(start, &better);
    rest.iter().fold(best, |best, value| better(best, *value))
}

/// How many bars ago the highest value was; the latest of equals. NaN where the window is not full.
#[must_use]
pub fn bars_since_highest(window: &[f64]) -> f64 {
    bars_since(window, |value, best| value > best)
}

/// How many bars ago the lowest value was; the latest of equals. NaN where the window is not full.
#[must_use]
pub fn bars_since_lowest(window: &[f64]) -> f64 {
    bars_since(window, |value, best| value < best)
}

fn bars_since(window: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    match window {
        [oldest, .., newest] if !oldest.is_nan() => {
            let (mut best, mut at) = (*newest, 0);
            for (back, value) in window.iter().rev().enumerate() {
                if better(*value, best) {
                    (best, at) = (*value, back);
                }
            }
            at as f64
        }
        [only] if !only.is_nan() => 0.0,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_latest_of_equals_counts_and_a_window_that_is_not_full_is_nan() {
        assert_eq!(bars_since_highest(&[3.0, 1.0, 3.0, 2.0]), 1.0);
        assert_eq!(bars_since_lowest(&[3.0, 1.0, 3.0, 2.0]), 2.0);
        assert!(highest(&[f64::NAN, 1.0]).is_nan() && bars_since_highest(&[f64::NAN, 1.0]).is_nan());
        assert!(lowest(&[]).is_nan());
    }

    proptest! {
        #[test]
        fn extremes_agree_with_a_fold(window in prop::collection::vec(-9i32..9, 1..40)) {
            let values: Vec<f64> = window.iter().map(|v| f64::from(*v)).collect();
            let (most, least) = (*window.iter().max().expect("not empty"), *window.iter().min().expect("not empty"));
            prop_assert_eq!(highest(&values), f64::from(most));
            prop_assert_eq!(lowest(&values), f64::from(least));
            let back = window.iter().rev().position(|v| *v == most).expect("it is there");
            prop_assert_eq!(bars_since_highest(&values), back as f64);
        }
    }
}
