//! What a window's summary is, in double-double arithmetic: some 32 decimal places, from error-free transformations.
//!
//! Sources: T. J. Dekker, "A floating-point technique for extending the available precision", 1971; D. E. Knuth, "The Art of
//! Computer Programming" 2, section 4.2.2.

use std::ops::{Add, Mul, Sub};

/// An unevaluated sum of two doubles, the second no more than half a unit in the last place of the first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exact(f64, f64);

/// The sum and what its rounding lost.
fn two_sum(a: f64, b: f64) -> Exact {
    let sum = a + b;
    let part = sum - a;
    Exact(sum, (a - (sum - part)) + (b - part))
}

/// The product and what its rounding lost, each factor cut into halves whose products are exact.
fn two_product(a: f64, b: f64) -> Exact {
    let halves = |value: f64| {
        let shifted = 134_217_729.0 * value;
        let high = shifted - (shifted - value);
        (high, value - high)
    };
    let (product, (ah, al), (bh, bl)) = (a * b, halves(a), halves(b));
    Exact(product, ((ah * bh - product) + ah * bl + al * bh) + al * bl)
}

impl From<f64> for Exact {
    fn from(value: f64) -> Self {
        Self(value, 0.0)
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.0, other.0), two_sum(self.1, other.1));
        let sum = two_sum(high.0, high.1 + low.0);
        two_sum(sum.0, sum.1 + low.1)
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + Self(-other.0, -other.1)
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let Self(high, low) = two_product(self.0, other.0);
        two_sum(high, low + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Exact {
    pub(super) const fn value(self) -> f64 {
        self.0
    }

    /// One correction step is enough for what is compared here.
    fn over(self, divisor: f64) -> Self {
        let quotient = self.0 / divisor;
        let rest = self - two_product(quotient, divisor);
        two_sum(quotient, rest.0 / divisor)
    }

    /// The distance of a value from this one as a share of `scale`; where that is 0, only this very value has none.
    pub(super) fn error(self, found: f64, scale: f64) -> f64 {
        let distance = (Self::from(found) - self).0.abs();
        if distance == 0.0 { 0.0 } else { distance / scale }
    }
}

fn sum(values: impl Iterator<Item = Exact>) -> Exact {
    values.fold(Exact::default(), Add::add)
}

/// The summary of a window, computed from nothing but the window.
pub(super) struct Fresh {
    pub(super) sum: Exact,
    /// The sum of the sizes.
    pub(super) sizes: f64,
    pub(super) mean: Exact,
    /// The second, third and fourth moment about the mean.
    pub(super) moments: [Exact; 3],
}

impl Fresh {
    pub(super) fn of(items: &[f64]) -> Self {
        let count = items.len() as f64;
        let total = sum(items.iter().map(|item| Exact::from(*item)));
        let mean = total.over(count);
        let mut moments = [Exact::default(); 3];
        for item in items {
            let distance = Exact::from(*item) - mean;
            let square = distance * distance;
            let powers = [square, square * distance, square * square];
            moments = std::array::from_fn(|place| moments[place] + powers[place]);
        }
        let sizes = items.iter().map(|item| item.abs()).sum();
        Self { sum: total, sizes, mean, moments: moments.map(|moment| moment.over(count)) }
    }

    pub(super) fn deviation(&self) -> f64 {
        self.moments[0].value().sqrt()
    }
}

fn covariance(x: &[f64], y: &[f64], mean_x: Exact, mean_y: Exact) -> Exact {
    let product = |(x, y): (&f64, &f64)| (Exact::from(*x) - mean_x) * (Exact::from(*y) - mean_y);
    sum(x.iter().zip(y).map(product)).over(x.len() as f64)
}

/// Errors of both variances, relative to themselves, and of the covariance, relative to the product of the deviations.
pub(super) fn comoments_errors(x: &[f64], y: &[f64], [variance_x, variance_y, found]: [f64; 3]) -> [f64; 3] {
    let (fresh_x, fresh_y) = (Fresh::of(x), Fresh::of(y));
    let [second_x, second_y] = [fresh_x.moments[0], fresh_y.moments[0]];
    [
        second_x.error(variance_x, second_x.value()),
        second_y.error(variance_y, second_y.value()),
        covariance(x, y, fresh_x.mean, fresh_y.mean).error(found, fresh_x.deviation() * fresh_y.deviation()),
    ]
}

/// Errors of the slope, relative to the deviation, and of the share of the variance.
pub(super) fn line_errors(items: &[f64], [slope, r_squared]: [f64; 2]) -> [f64; 2] {
    let places: Vec<f64> = (0..items.len()).map(|place| place as f64).collect();
    let (fresh, line) = (Fresh::of(items), Fresh::of(&places));
    let both = covariance(&places, items, line.mean, fresh.mean);
    let (xx, yy) = (line.moments[0].value(), fresh.moments[0].value());
    let share = if yy == 0.0 { 0.0 } else { (both.value() / xx) * (both.value() / yy) };
    [both.over(xx).error(slope, fresh.deviation()), Exact::from(share).error(r_squared, 1.0)]
}

#[test]
fn the_transformations_lose_nothing() {
    assert_eq!(two_sum(1e16, 1.0).1, 1.0);
    assert_eq!(two_sum(1.0, 1e-20).1, 1e-20);
    let Exact(product, rest) = two_product(134_217_729.0, 134_217_731.0);
    assert_eq!(product as i128 + rest as i128, 134_217_729 * 134_217_731);
    let third = Exact::from(1.0).over(3.0);
    assert!((third * Exact::from(3.0) - Exact::from(1.0)).0.abs() < 1e-31);
    let moments = Fresh::of(&[1e9, 1e9 + 1.0, 1e9 + 2.0]).moments;
    assert!(moments[0].error(2.0 / 3.0, 1.0) < 1e-16 && moments[1].0.abs() < 1e-20);
}
