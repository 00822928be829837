//! What windows are summed up by: sums, moments, products of pairs, lines and extremes.

use super::sliding::{Sliding, Terms};
use super::{Comoments, Moments, Regression, ratio};

/// The plain sum.
#[derive(Debug, Clone, Copy)]
pub struct Total(f64);

impl Terms for Total {
    type Item = f64;
    const NOTHING: Self = Self(0.0);
    const UNKNOWN: Self = Self(f64::NAN);
    const UNKNOWN_ITEM: f64 = f64::NAN;

    #[inline]
    fn with(self, item: f64, _: f64, _: usize) -> Self {
        Self(self.0 + item)
    }
}

impl Sliding<Total> {
    /// The sum; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn sum(&self) -> f64 {
        let [older, newer] = self.stretches();
        older.terms.0 + newer.terms.0
    }

    /// The arithmetic mean.
    #[inline]
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum() / self.window() as f64
    }
}

/// The highest value and where it stands, the latest of equals; with `LOW` the lowest.
#[derive(Debug, Clone, Copy)]
pub struct Extreme<const LOW: bool> {
    value: f64,
    /// Its place within its block.
    place: usize,
}

/// The highest value.
pub type Highest = Extreme<false>;

/// The lowest value.
pub type Lowest = Extreme<true>;

impl<const LOW: bool> Extreme<LOW> {
    /// Whether a value is beyond another.
    #[inline]
    fn beats(value: f64, other: f64) -> bool {
        if LOW { value < other } else { value > other }
    }
}

impl<const LOW: bool> Terms for Extreme<LOW> {
    type Item = f64;
    const NOTHING: Self = Self { value: if LOW { f64::INFINITY } else { f64::NEG_INFINITY }, place: 0 };
    const UNKNOWN: Self = Self { value: f64::NAN, place: 0 };
    const UNKNOWN_ITEM: f64 = f64::NAN;

    #[inline]
    fn with(self, item: f64, _: f64, place: usize) -> Self {
        let better =
            item.is_nan() || Self::beats(item, self.value) || (item == self.value && place >= self.place);
        if better && !self.value.is_nan() { Self { value: item, place } } else { self }
    }
}

impl<const LOW: bool> Sliding<Extreme<LOW>> {
    /// The value, and how many items ago it was; NaN while the window is not full or where it holds a NaN.
    #[inline]
    fn found(&self) -> (f64, f64) {
        let [older, newer] = self.stretches();
        let (before, now) = (older.terms, newer.terms);
        if before.value.is_nan() || now.value.is_nan() {
            (f64::NAN, f64::NAN)
        } else if Extreme::<LOW>::beats(before.value, now.value) {
            (before.value, (newer.count + self.window() - 1 - before.place) as f64)
        } else {
            (now.value, (newer.count - 1 - now.place) as f64)
        }
    }

    /// How many items ago the extreme was; the latest of equals.
    #[inline]
    #[must_use]
    pub fn items_since(&self) -> f64 {
        self.found().1
    }
}

impl Sliding<Highest> {
    /// The highest value; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.found().0
    }
}

impl Sliding<Lowest> {
    /// The lowest value; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn lowest(&self) -> f64 {
        self.found().0
    }
}

/// Distances from the origin and their squares.
#[derive(Debug, Clone, Copy)]
pub struct Powers {
    sum: f64,
    squares: f64,
}

impl Terms for Powers {
    type Item = f64;
    const NOTHING: Self = Self { sum: 0.0, squares: 0.0 };
    const UNKNOWN: Self = Self { sum: f64::NAN, squares: f64::NAN };
    const UNKNOWN_ITEM: f64 = f64::NAN;

    #[inline]
    fn with(self, item: f64, origin: f64, _: usize) -> Self {
        let distance = item - origin;
        Self { sum: self.sum + distance, squares: self.squares + distance * distance }
    }
}

impl Powers {
    /// The same items measured from an origin that lies `by` below.
    #[inline]
    fn moved(self, by: f64, count: f64) -> Self {
        let (sum, squares) = (self.sum, self.squares);
        Self { sum: sum + count * by, squares: squares + by * (2.0 * sum + count * by) }
    }
}

impl Sliding<Powers> {
    /// The sum; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.moments().mean * self.window() as f64
    }

    /// Mean and population variance; NaN while the window is not full or where it holds a NaN. A constant has exactly
    /// its value and 0. Both origins lie in the window, so at most about its length in units of the last place is lost.
    #[inline]
    #[must_use]
    pub fn moments(&self) -> Moments {
        let [older, newer] = self.stretches();
        let older_terms = older.terms.moved(older.origin - newer.origin, older.count as f64);
        let count = self.window() as f64;
        let sum = older_terms.sum + newer.terms.sum;
        let squares = older_terms.squares + newer.terms.squares;
        Moments {
            mean: newer.origin + sum / count,
            variance: squares_about_mean(squares, sum, count) / count,
        }
    }
}

/// Distances from the origin and their second, third and fourth powers.
#[derive(Debug, Clone, Copy)]
pub struct FourPowers([f64; 4]);

impl Terms for FourPowers {
    type Item = f64;
    const NOTHING: Self = Self([0.0; 4]);
    const UNKNOWN: Self = Self([f64::NAN; 4]);
    const UNKNOWN_ITEM: f64 = f64::NAN;

    #[inline]
    fn with(self, item: f64, origin: f64, _: usize) -> Self {
        let distance = item - origin;
        let square = distance * distance;
        let [first, second, third, fourth] = self.0;
        Self([first + distance, second + square, third + square * distance, fourth + square * square])
    }
}

impl FourPowers {
    /// The same items measured from an origin that lies `by` below.
    #[inline]
    fn moved(self, by: f64, count: f64) -> [f64; 4] {
        let [first, second, third, fourth] = self.0;
        [
            first + by * count,
            second + by * (2.0 * first + by * count),
            third + by * (3.0 * second + by * (3.0 * first + by * count)),
            fourth + by * (4.0 * third + by * (6.0 * second + by * (4.0 * first + by * count))),
        ]
    }
}

impl Sliding<FourPowers> {
    /// The mean, and the second, third and fourth moment about it (each divided by the number of items); NaN while the
    /// window is not full or where it holds a NaN. Of a constant all three are exactly 0.
    #[inline]
    #[must_use]
    pub fn four_moments(&self) -> [f64; 4] {
        let [older, newer] = self.stretches();
        let count = self.window() as f64;
        let [a, b, c, d] = older.terms.moved(older.origin - newer.origin, older.count as f64);
        let [e, f, g, h] = newer.terms.0;
        let (first, second, third, fourth) =
            ((a + e) / count, (b + f) / count, (c + g) / count, (d + h) / count);
        let square = first * first;
        [
            newer.origin + first,
            second - square,
            third - first * (3.0 * second - 2.0 * square),
            fourth - first * (4.0 * third - first * (6.0 * second - 3.0 * square)),
        ]
    }
}

/// The sum of squares about the mean, from sums about an origin. What is left below 0 is rounding.
#[inline]
fn squares_about_mean(squares: f64, sum: f64, count: f64) -> f64 {
    let found = squares - sum * (sum / count);
    if found < 0.0 { 0.0 } else { found }
}

/// Distances of pairs from the origin, their squares and products.
#[derive(Debug, Clone, Copy)]
pub struct Products {
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Terms for Products {
    type Item = (f64, f64);
    const NOTHING: Self = Self { x: 0.0, y: 0.0, xx: 0.0, yy: 0.0, xy: 0.0 };
    const UNKNOWN: Self = Self { x: f64::NAN, y: f64::NAN, xx: f64::NAN, yy: f64::NAN, xy: f64::NAN };
    const UNKNOWN_ITEM: (f64, f64) = (f64::NAN, f64::NAN);

    #[inline]
    fn with(self, item: (f64, f64), origin: (f64, f64), _: usize) -> Self {
        let (x, y) = (item.0 - origin.0, item.1 - origin.1);
        Self { x: self.x + x, y: self.y + y, xx: self.xx + x * x, yy: self.yy + y * y, xy: self.xy + x * y }
    }
}

impl Sliding<Products> {
    /// The means of x and y; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn means(&self) -> [f64; 2] {
        let [older, newer] = self.stretches();
        let (count, older_count) = (self.window() as f64, older.count as f64);
        let mean = |older_sum: f64, by: f64, newer_sum: f64, origin: f64| {
            origin + ((older_sum + older_count * by) + newer_sum) / count
        };
        let (from, to) = (older.origin, newer.origin);
        [
            mean(older.terms.x, from.0 - to.0, newer.terms.x, to.0),
            mean(older.terms.y, from.1 - to.1, newer.terms.y, to.1),
        ]
    }

    /// Population variances and covariance; NaN while the window is not full or where it holds a NaN.
    #[inline]
    #[must_use]
    pub fn comoments(&self) -> Comoments {
        let [older, newer] = self.stretches();
        let (dx, dy) = (older.origin.0 - newer.origin.0, older.origin.1 - newer.origin.1);
        let (o, n, older_count) = (older.terms, newer.terms, older.count as f64);
        let count = self.window() as f64;
        let (x, y) = ((o.x + older_count * dx) + n.x, (o.y + older_count * dy) + n.y);
        let xx = (o.xx + dx * (2.0 * o.x + older_count * dx)) + n.xx;
        let yy = (o.yy + dy * (2.0 * o.y + older_count * dy)) + n.yy;
        let xy = (o.xy + dx * o.y + dy * (o.x + older_count * dx)) + n.xy;
        Comoments {
            variance_x: squares_about_mean(xx, x, count) / count,
            variance_y: squares_about_mean(yy, y, count) / count,
            covariance: (xy - x * (y / count)) / count,
        }
    }
}

/// Distances from the origin, their squares, and their products with the places.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    powers: Powers,
    placed: f64,
}

impl Terms for Line {
    type Item = f64;
    const NOTHING: Self = Self { powers: Powers::NOTHING, placed: 0.0 };
    const UNKNOWN: Self = Self { powers: Powers::UNKNOWN, placed: f64::NAN };
    const UNKNOWN_ITEM: f64 = f64::NAN;

    #[inline]
    fn with(self, item: f64, origin: f64, place: usize) -> Self {
        let placed = self.placed + place as f64 * (item - origin);
        Self { powers: self.powers.with(item, origin, place), placed }
    }
}

impl Sliding<Line> {
    /// The least-squares line on the places 0, 1, 2 ... (oldest first); NaN while the window is not full or where it holds
    /// a NaN.
    #[inline]
    #[must_use]
    pub fn regression(&self) -> Regression {
        let [older, newer] = self.stretches();
        let (older_count, newer_count) = (older.count as f64, newer.count as f64);
        let count = older_count + newer_count;
        let by = older.origin - newer.origin;
        let moved = older.terms.powers.moved(by, older_count);
        // The older stretch begins at the place in its block at which the newer one ends.
        let older_placed = older.terms.placed - newer_count * older.terms.powers.sum
            + by * (older_count * (older_count - 1.0) / 2.0);
        let newer_placed = newer.terms.placed + older_count * newer.terms.powers.sum;
        let sum = moved.sum + newer.terms.powers.sum;
        let squares = moved.squares + newer.terms.powers.squares;
        let xy = (older_placed + newer_placed) - (count - 1.0) / 2.0 * sum;
        let (xx, yy) = (count * (count * count - 1.0) / 12.0, squares_about_mean(squares, sum, count));
        let slope = ratio(xy, xx);
        Regression { slope, r_squared: ratio(slope * xy, yy).clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{bars_since_highest, bars_since_lowest, highest, lowest, sum};
    use proptest::prelude::*;

    /// Pushes a series whose first item has the index `first`, and shows the state after each item.
    fn follow<T: Terms>(
        items: &[T::Item],
        first: i64,
        window: usize,
        mut seen: impl FnMut(usize, &Sliding<T>),
    ) {
        let mut sliding = Sliding::<T>::new(window);
        for at in 0..items.len() {
            sliding.push(first + at as i64, |ago| if ago <= at { items[at - ago] } else { T::UNKNOWN_ITEM });
            seen(at, &sliding);
        }
    }

    fn close(found: f64, expected: f64, scale: f64) -> bool {
        (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= 1e-11 * scale
    }

    fn tail(values: &[f64], at: usize, window: usize) -> Vec<f64> {
        (0..window).rev().map(|ago| if ago <= at { values[at - ago] } else { f64::NAN }).collect()
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        let item = prop_oneof![8 => -1e3f64..1e3, 1 => Just(1e9), 1 => Just(1e-8), 1 => Just(f64::NAN), 2 => Just(7.5)];
        prop::collection::vec(item, 1..120)
    }

    proptest! {
        #[test]
        fn every_summary_is_that_of_the_window(values in values(), first in -50i64..50, window in 1usize..40) {
            follow::<Total>(&values, first, window, |at, sliding| {
                let tail = tail(&values, at, window);
                let scale = tail.iter().map(|value| value.abs()).sum::<f64>();
                assert!(close(sliding.sum(), sum(&tail), scale), "{} {}", sliding.sum(), sum(&tail));
            });
            follow::<Highest>(&values, first, window, |at, sliding| {
                let tail = tail(&values, at, window);
                let known = !tail.iter().any(|value| value.is_nan());
                assert_eq!(sliding.highest().is_nan(), !known);
                assert!(!known || sliding.highest() == highest(&tail));
                assert!(!known || sliding.items_since() == bars_since_highest(&tail), "{tail:?}");
            });
            follow::<Lowest>(&values, first, window, |at, sliding| {
                let tail = tail(&values, at, window);
                let known = !tail.iter().any(|value| value.is_nan());
                assert!(if known { sliding.lowest() == lowest(&tail) } else { sliding.lowest().is_nan() });
                assert!(!known || sliding.items_since() == bars_since_lowest(&tail), "{tail:?}");
            });
            follow::<Powers>(&values, first, window, |at, sliding| {
                let (found, expected) = (sliding.moments(), Moments::of(&tail(&values, at, window)));
                let spread = expected.standard_deviation();
                assert!(close(found.mean, expected.mean, spread + expected.mean.abs()), "{found:?} {expected:?}");
                assert!(close(found.variance, expected.variance, expected.variance), "{found:?} {expected:?}");
            });
            follow::<FourPowers>(&values, first, window, |at, sliding| {
                let tail = tail(&values, at, window);
                let count = window as f64;
                let mean = Moments::of(&tail).mean;
                let moment = |power| tail.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / count;
                let [_, second, third, fourth] = sliding.four_moments();
                let spread = moment(2).sqrt();
                assert!(close(second, moment(2), moment(2)), "{second} {}", moment(2));
                assert!(close(third, moment(3), 10.0 * count * spread.powi(3)), "{third} {}", moment(3));
                assert!(close(fourth, moment(4), 10.0 * count * spread.powi(4)), "{fourth} {}", moment(4));
            });
            follow::<Line>(&values, first, window, |at, sliding| {
                let tail = tail(&values, at, window);
                let (found, expected) = (sliding.regression(), Regression::of(&tail));
                let spread = Moments::of(&tail).standard_deviation();
                assert!(close(found.slope, expected.slope, spread), "{found:?} {expected:?}");
                assert!(spread == 0.0 || close(found.r_squared, expected.r_squared, 1.0), "{found:?} {expected:?}");
            });
        }

        #[test]
        fn pairs_are_those_of_the_window(
            pairs in prop::collection::vec((-9f64..9.0, -1e3f64..1e3), 1..120), first in -50i64..50, window in 1usize..40,
        ) {
            follow::<Products>(&pairs, first, window, |at, sliding| {
                let x: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
                let y: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
                let (found, expected) = (sliding.comoments(), Comoments::of(&tail(&x, at, window), &tail(&y, at, window)));
                let scale = (expected.variance_x * expected.variance_y).sqrt();
                assert!(close(found.covariance, expected.covariance, scale), "{found:?} {expected:?}");
                assert!(close(found.variance_x, expected.variance_x, expected.variance_x), "{found:?} {expected:?}");
                assert!(close(found.variance_y, expected.variance_y, expected.variance_y), "{found:?} {expected:?}");
            });
        }

        #[test]
        fn neither_the_start_nor_a_rebuild_changes_a_bit(values in values(), first in -50i64..50, window in 1usize..40) {
            let bits = |sliding: &Sliding<Powers>| {
                let moments = sliding.moments();
                [moments.mean, moments.variance].map(f64::to_bits)
            };
            let mut whole = Vec::new();
            follow::<Powers>(&values, first, window, |_, sliding| whole.push(bits(sliding)));
            let later = values.len() / 3;
            follow::<Powers>(&values[later..], first + later as i64, window, |at, sliding| {
                if at + 1 >= window {
                    assert_eq!(bits(sliding), whole[later + at]);
                }
            });
            let last = values.len() - 1;
            let mut rebuilt = Sliding::<Powers>::new(window);
            rebuilt.rebuild(first + last as i64, |ago| if ago <= last { values[last - ago] } else { f64::NAN });
            prop_assert_eq!(bits(&rebuilt), whole[last]);
        }
    }

    #[test]
    fn a_constant_has_no_variance_and_a_past_outlier_leaves_no_trace() {
        let values: Vec<f64> = [954e6].into_iter().chain([0.1; 40]).collect();
        let mut last = None;
        follow::<Powers>(&values, 3, 16, |_, sliding| last = Some(sliding.moments()));
        assert_eq!(last, Some(Moments { mean: 0.1, variance: 0.0 }));
        follow::<Products>(&[(0.1, 5.0); 40], 3, 16, |at, sliding| {
            let found = sliding.comoments();
            assert!(at < 15 || (found.variance_x, found.covariance) == (0.0, 0.0), "{found:?}");
        });
    }
}
