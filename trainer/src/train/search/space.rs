//! What is searched: a booster's shape as a point of the unit cube.

use serde::{Deserialize, Serialize};

use crate::train::recipe::{COUNT_MOST, Shape};

/// How many numbers a point has.
pub const DIMENSIONS: usize = 6;

/// A point; each number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Point(pub [f64; DIMENSIONS]);

/// The ends of each dimension, and whether steps along it multiply.
const RANGES: [(f64, f64, bool); DIMENSIONS] = [
    (0.02, 0.25, true),
    (6.0, 160.0, true),
    (100.0, 6_000.0, true),
    (0.3, 0.95, false),
    (0.1, 0.7, false),
    (0.1, 200.0, true),
];

impl Point {
    /// The shape at a point; rounds and patience are those of `standard`, whose rate they were made for: a slower one gets
    /// more of both.
    #[must_use]
    pub fn shape(&self, standard: &Shape) -> Shape {
        let value = |at: usize| {
            let (low, high, multiplies) = RANGES[at];
            let share = self.0[at].clamp(0.0, 1.0);
            if multiplies {
                low * libm::exp(share * libm::log(high / low))
            } else {
                low + share * (high - low)
            }
        };
        let rate = value(0);
        let longer = |count: usize| {
            ((count as f64 * (standard.rate / rate).max(0.5)).ceil() as usize).clamp(1, COUNT_MOST)
        };
        Shape {
            rounds_max: longer(standard.rounds_max),
            patience: longer(standard.patience),
            rate,
            leaves: value(1).round() as usize,
            leaf_rows: value(2).round() as usize,
            rows_share: value(3),
            columns_share: value(4),
            ridge: value(5),
        }
    }

    /// The point of a shape; what lies beyond an end counts as the end.
    #[must_use]
    pub fn of(shape: &Shape) -> Self {
        let values = [
            shape.rate,
            shape.leaves as f64,
            shape.leaf_rows as f64,
            shape.rows_share,
            shape.columns_share,
            shape.ridge,
        ];
        let mut point = [0.0; DIMENSIONS];
        for ((place, value), (low, high, multiplies)) in point.iter_mut().zip(values).zip(RANGES) {
            let share = if multiplies {
                libm::log(value / low) / libm::log(high / low)
            } else {
                (value - low) / (high - low)
            };
            *place = share.clamp(0.0, 1.0);
        }
        Self(point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::recipe::Shapes;
    use forecast::Task;

    #[test]
    fn a_standard_shape_comes_back_from_its_point() {
        for task in Task::ALL {
            let standard = Shapes::default().of(task);
            let back = Point::of(&standard).shape(&standard);
            assert_eq!((back.leaves, back.leaf_rows), (standard.leaves, standard.leaf_rows), "{task}");
            for (found, expected) in [
                (back.rate, standard.rate),
                (back.rows_share, standard.rows_share),
                (back.columns_share, standard.columns_share),
                (back.ridge, standard.ridge),
            ] {
                assert!((found / expected - 1.0).abs() < 1e-9, "{task} {found} {expected}");
            }
        }
    }

    #[test]
    fn a_slower_rate_has_more_rounds() {
        let standard = Shapes::default().of(Task::Volatility4Step);
        let slow = Point([0.0, 0.5, 0.5, 0.5, 0.5, 0.5]).shape(&standard);
        assert!(slow.rate < standard.rate && slow.rounds_max > standard.rounds_max);
    }
}
