//! The Gauss-Legendre rules by which Shapley values are integrated.

use std::f64::consts::PI;

/// The most points that one walk over a tree carries side by side.
pub(super) const LANES_MAX: usize = 8;

/// A rule, cut into the parts that one walk each carries.
#[derive(Debug, Clone)]
pub(super) struct Quadrature {
    /// How many points a part has: 1, or an even number up to [`LANES_MAX`].
    pub(super) lanes: usize,
    pub(super) parts: Vec<Part>,
}

/// Some points of a rule on the interval from 0 to 1; those beyond the rule's own weigh nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) points: [f64; LANES_MAX],
    pub(super) weights: [f64; LANES_MAX],
}

impl Quadrature {
    /// The smallest rule that is exact for trees of which no path asks more than `features` features: the
    /// integrand's degree is at most `features - 1`, and a rule of n points integrates degree 2n - 1 exactly.
    pub(super) fn for_features(features: usize) -> Quadrature {
        let count = features.div_ceil(2).max(1);
        let part_count = count.div_ceil(LANES_MAX);
        let lanes = match count.div_ceil(part_count) {
            1 => 1,
            lanes => lanes.next_multiple_of(2),
        };
        let points: Vec<(f64, f64)> = (0..count).map(|index| legendre_point(index, count)).collect();
        let parts = points.chunks(lanes).map(|points| {
            let mut part = Part { points: [0.0; LANES_MAX], weights: [0.0; LANES_MAX] };
            for (lane, (point, weight)) in points.iter().enumerate() {
                part.points[lane] = *point;
                part.weights[lane] = *weight;
            }
            part
        });
        Quadrature { lanes, parts: parts.collect() }
    }
}

/// Point and weight of the Gauss-Legendre rule of `count` points on [0, 1]: a root of the Legendre polynomial
/// by Newton's method (Abramowitz and Stegun 25.4.29 and 25.4.30).
fn legendre_point(index: usize, count: usize) -> (f64, f64) {
    let size = count as f64;
    let mut root = libm::cos(PI * (index as f64 + 0.75) / (size + 0.5));
    // The start is close enough for Newton's method to end within a few steps; the bound is for rounding.
    for _ in 0..20 {
        let (value, slope) = legendre(root, count);
        let step = value / slope;
        root -= step;
        if step.abs() < 1e-16 {
            break;
        }
    }
    let (_, slope) = legendre(root, count);
    (0.5 * (1.0 - root), 1.0 / ((1.0 - root * root) * slope * slope))
}

/// The Legendre polynomial of degree `count` and its derivative.
fn legendre(at: f64, count: usize) -> (f64, f64) {
    let (mut before, mut value) = (1.0, at);
    for degree in 2..=count {
        let degree = degree as f64;
        let next = ((2.0 * degree - 1.0) * at * value - (degree - 1.0) * before) / degree;
        (before, value) = (value, next);
    }
    (value, count as f64 * (at * value - before) / (at * at - 1.0))
}

#[cfg(test)]
mod tests {
    use super::Quadrature;

    #[test]
    fn rules_integrate_powers_exactly() {
        for features in [1, 2, 3, 6, 7, 12, 16, 17, 33, 100] {
            let rule = Quadrature::for_features(features);
            for power in [0, 1, 2, 5, 11, 16, 40, 99] {
                if power >= features {
                    continue;
                }
                let terms = rule.parts.iter().flat_map(|part| part.points.iter().zip(&part.weights));
                let sum: f64 = terms.map(|(point, weight)| weight * point.powi(power as i32)).sum();
                let error = (sum * (power + 1) as f64 - 1.0).abs();
                assert!(error < 1e-13, "{features} features, power {power}: {error}");
            }
        }
    }
}
