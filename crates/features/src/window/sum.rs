//! Sums and means in a fixed order.

const LANES: usize = 8;

const PAIR_LANES: usize = 4;

/// The sum of `term` over a window, in eight interleaved partial sums, the rest at the end: an order that depends on
/// nothing but the window's length. 0 for an empty one.
#[inline]
pub fn sum_of(window: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = window.as_chunks::<LANES>();
    let mut lanes = [0.0f64; LANES];
    for chunk in chunks {
        // Written out, so that it becomes vector code in every build profile.
        lanes[0] += term(chunk[0]);
        lanes[1] += term(chunk[1]);
        lanes[2] += term(chunk[2]);
        lanes[3] += term(chunk[3]);
        lanes[4] += term(chunk[4]);
        lanes[5] += term(chunk[5]);
        lanes[6] += term(chunk[6]);
        lanes[7] += term(chunk[7]);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let mut total = ((a + b) + (c + d)) + ((e + f) + (g + h));
    for value in rest {
        total += term(*value);
    }
    total
}

/// The sums of several terms over two windows of the same length at once, each in four interleaved partial sums.
#[inline]
pub(crate) fn sums_of_pairs<const TERMS: usize>(
    x: &[f64],
    y: &[f64],
    term: impl Fn(f64, f64) -> [f64; TERMS],
) -> [f64; TERMS] {
    let ((x_chunks, x_rest), (y_chunks, y_rest)) = (x.as_chunks::<PAIR_LANES>(), y.as_chunks::<PAIR_LANES>());
    let mut lanes = [[0.0f64; PAIR_LANES]; TERMS];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        let terms = [term(x[0], y[0]), term(x[1], y[1]), term(x[2], y[2]), term(x[3], y[3])];
        for (place, lane) in lanes.iter_mut().enumerate() {
            lane[0] += terms[0][place];
            lane[1] += terms[1][place];
            lane[2] += terms[2][place];
            lane[3] += terms[3][place];
        }
    }
    let mut totals = lanes.map(|[a, b, c, d]| (a + b) + (c + d));
    for (x, y) in x_rest.iter().zip(y_rest) {
        for (total, term) in totals.iter_mut().zip(term(*x, *y)) {
            *total += term;
        }
    }
    totals
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
            prop_assert_eq!(sums_of_pairs(&window, &other, |x, y| [x, x * y]), [exact as f64, pairs as f64]);
        }
    }

    #[test]
    fn a_nan_in_the_window_is_a_nan_in_the_sum() {
        assert!(sum(&[1.0, f64::NAN]).is_nan());
        assert_eq!(weighted_mean(&[1.0, 2.0, 3.0]), 14.0 / 6.0);
    }
}
