//! Sums and means in a fixed order.

const LANES: usize = 8;

/// The sum of `term` over a window, in eight interleaved partial sums, the rest at the end: an order that depends on
/// nothing but the window's length. 0 for an empty one.
#[inline]
pub fn sum_of(window: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let chunks = window.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(*value);
        }
    }
    let mut total = fold(lanes);
    for value in rest {
        total += term(*value);
    }
    total
}

/// The sum of `term` over two windows of the same length, in the order of [`sum_of`].
#[inline]
pub(crate) fn sum_of_pairs(x: &[f64], y: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let (x_chunks, y_chunks) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let (x_rest, y_rest) = (x_chunks.remainder(), y_chunks.remainder());
    for (x_chunk, y_chunk) in x_chunks.zip(y_chunks) {
        for ((lane, x), y) in lanes.iter_mut().zip(x_chunk).zip(y_chunk) {
            *lane += term(*x, *y);
        }
    }
    let mut total = fold(lanes);
    for (x, y) in x_rest.iter().zip(y_rest) {
        total += term(*x, *y);
    }
    total
}

fn fold([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The sum of a window.
#[inline]
#[must_use]
pub fn sum(window: &[f64]) -> f64 {
    sum_of(window, |value| value)
}

/// The arithmetic mean of a window; NaN for an empty one.
#[inline]
#[must_use]
pub fn mean(window: &[f64]) -> f64 {
    sum(window) / window.len() as f64
}

/// The mean of a window with linearly growing weights, 1 for the oldest value.
///
/// Source: TA-Lib `WMA`.
#[must_use]
pub fn weighted_mean(window: &[f64]) -> f64 {
    let count = window.len() as f64;
    let mut total = 0.0;
    for (place, value) in window.iter().enumerate() {
        total += (place + 1) as f64 * value;
    }
    total / (count * (count + 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_agree_with_exact_integers(values in prop::collection::vec(-1_000_000i32..1_000_000, 0..100)) {
            let window: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
            let exact: i64 = values.iter().map(|v| i64::from(*v)).sum();
            let pairs: i64 = values.iter().map(|v| i64::from(*v) * i64::from(v % 7)).sum();
            let other: Vec<f64> = values.iter().map(|v| f64::from(v % 7)).collect();
            prop_assert_eq!(sum(&window), exact as f64);
            prop_assert_eq!(sum_of_pairs(&window, &other, |x, y| x * y), pairs as f64);
        }
    }

    #[test]
    fn a_nan_in_the_window_is_a_nan_in_the_sum() {
        assert!(sum(&[1.0, f64::NAN]).is_nan());
        assert_eq!(weighted_mean(&[1.0, 2.0, 3.0]), 14.0 / 6.0);
    }
}
