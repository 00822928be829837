//! The walk over a tree: down with the weights of the ways, up with the means of the leaves.
//!
//! A leaf of value v contributes to feature i of its path `v (o_i - z_i)` times the integral over t from 0 to 1
//! of the product of `z_j (1 - t) + o_j t` over the path's other features j. Here o is 1 if the row passes all
//! the path's splits of the feature and 0 otherwise, and z the product of their shares of the cover. That is
//! Shapley's formula, whose weights are the integrals of `t^a (1 - t)^b`; the integrand is a polynomial, so
//! that a Gauss-Legendre rule gives the integral exactly (Linear TreeShap, arXiv:2209.08192, has the same
//! polynomials; XGBoost 3.4 has the rule).
//!
//! At each point s = 1 - t, `down` of a split is the product of the factors of the features above it, and `up`
//! the sum of the leaves below it, each times the factors of its path below. The child to which the row goes
//! has the factor `1 - (1 - z) s`, the other one `z s`.

use super::plan::{FIRST, Plan, Repeat, Split};
use super::quadrature::{LANES_MAX, Part};

/// The row goes left.
const LEFT: u8 = 0;
/// A split whose feature has been decided against the row above: no way from it is the row's.
const OFF: u8 = 2;

/// What a walk writes on: sized for the largest tree.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    /// For each slot of a tree the points' values: on the way down `down`, and then `up` in its place.
    slots: Vec<f64>,
    /// For each split of a tree the row's way: [`LEFT`], right (1), or [`OFF`].
    ways: Vec<u8>,
}

impl Scratch {
    pub(super) fn new(plan: &Plan) -> Scratch {
        let split_count = plan.trees.iter().map(|tree| tree.split_count).max().unwrap_or(0);
        Scratch { slots: vec![0.0; (2 * split_count + 1) * LANES_MAX], ways: vec![LEFT; split_count] }
    }
}

impl Plan {
    /// Writes the contributions of rows whose values have been read into columns.
    pub(super) fn explain(&self, values: &[f64], answers: &mut [f64], scratch: &mut Scratch) {
        let width = self.feature_count + 1;
        let answer = width * self.output_count();
        answers.fill(0.0);
        for answer in answers.chunks_exact_mut(answer) {
            for (output, expected) in answer.chunks_exact_mut(width).zip(&self.expected) {
                output[width - 1] = *expected;
            }
        }
        if self.trees.is_empty() {
            return;
        }
        let (mut splits, mut leaves) = (&self.splits[..], &self.leaves[..]);
        for tree in &self.trees {
            let walk = Walk {
                splits: splits.split_off(..tree.split_count).unwrap_or_default(),
                leaves: leaves.split_off(..=tree.split_count).unwrap_or_default(),
                repeats: &self.repeats,
            };
            let quadrature = &self.quadratures[tree.quadrature];
            let rows = values.chunks_exact(self.column_count()).zip(answers.chunks_exact_mut(answer));
            for (values, answer) in rows {
                let output = &mut answer[tree.output * width..(tree.output + 1) * width];
                for part in &quadrature.parts {
                    match quadrature.lanes {
                        1 => walk.go::<1>(part, values, output, scratch),
                        2 => walk.go::<2>(part, values, output, scratch),
                        4 => walk.go::<4>(part, values, output, scratch),
                        6 => walk.go::<6>(part, values, output, scratch),
                        _ => walk.go::<LANES_MAX>(part, values, output, scratch),
                    }
                }
            }
        }
    }
}

/// One tree.
struct Walk<'a> {
    splits: &'a [Split],
    leaves: &'a [f64],
    /// Those of all trees.
    repeats: &'a [Repeat],
}

impl Walk<'_> {
    /// Adds the tree's contributions at some of its rule's points.
    fn go<const LANES: usize>(&self, part: &Part, values: &[f64], output: &mut [f64], scratch: &mut Scratch) {
        let mut points = [0.0; LANES];
        points.copy_from_slice(&part.points[..LANES]);
        let (slots, _) = scratch.slots.as_chunks_mut::<LANES>();
        slots[0].copy_from_slice(&part.weights[..LANES]);
        self.down(&points, values, slots, &mut scratch.ways);
        for (slot, value) in slots[self.splits.len()..].iter_mut().zip(self.leaves) {
            *slot = [*value; LANES];
        }
        self.up(&points, output, slots, &scratch.ways);
    }

    fn down<const LANES: usize>(
        &self,
        points: &[f64; LANES],
        values: &[f64],
        slots: &mut [[f64; LANES]],
        ways: &mut [u8],
    ) {
        for (number, split) in self.splits.iter().enumerate() {
            let side = usize::from(!(values[split.column as usize] <= split.threshold));
            let down = slots[number];
            let (on, off) = (split.children[side] as usize, split.children[1 - side] as usize);
            ways[number] = side as u8;
            if split.repeat == FIRST {
                let rest = 1.0 - split.shares[side];
                let share = split.shares[1 - side];
                let lost: [f64; LANES] = std::array::from_fn(|lane| points[lane] * down[lane]);
                slots[on] = std::array::from_fn(|lane| down[lane] - rest * lost[lane]);
                slots[off] = std::array::from_fn(|lane| share * lost[lane]);
                continue;
            }
            let above = self.repeats[split.repeat as usize];
            if ways[above.split as usize] != above.side {
                ways[number] = OFF;
                for (child, share) in split.children.iter().zip(split.shares) {
                    slots[*child as usize] = down.map(|value| share * value);
                }
                continue;
            }
            let rest = above.share * (1.0 - split.shares[side]);
            let share = above.share * split.shares[1 - side];
            let lost: [f64; LANES] =
                std::array::from_fn(|lane| points[lane] * down[lane] / factor(&above, points[lane]));
            slots[on] = std::array::from_fn(|lane| down[lane] - rest * lost[lane]);
            slots[off] = std::array::from_fn(|lane| share * lost[lane]);
        }
    }

    fn up<const LANES: usize>(
        &self,
        points: &[f64; LANES],
        output: &mut [f64],
        slots: &mut [[f64; LANES]],
        ways: &[u8],
    ) {
        for (number, split) in self.splits.iter().enumerate().rev() {
            let way = ways[number];
            if way == OFF {
                let [left, right] = split.children.map(|child| slots[child as usize]);
                let [left_share, right_share] = split.shares;
                slots[number] =
                    std::array::from_fn(|lane| left_share * left[lane] + right_share * right[lane]);
                continue;
            }
            let side = usize::from(way & 1);
            let down = slots[number];
            let on = slots[split.children[side] as usize];
            let off = slots[split.children[1 - side] as usize];
            let mut rest = 1.0 - split.shares[side];
            let mut share = split.shares[1 - side];
            if split.repeat == FIRST {
                let gain: [f64; LANES] = std::array::from_fn(|lane| rest * on[lane] - share * off[lane]);
                slots[number] = std::array::from_fn(|lane| on[lane] - points[lane] * gain[lane]);
                output[split.feature as usize] += dot(&down, &gain);
                continue;
            }
            // What the edges above gave to the feature counted its factor once; what is missing has the
            // derivative of the new factor's quotient by the old one, hence the second division.
            let above = self.repeats[split.repeat as usize];
            rest *= above.share;
            share *= above.share;
            let factors: [f64; LANES] = std::array::from_fn(|lane| 1.0 / factor(&above, points[lane]));
            let gain: [f64; LANES] =
                std::array::from_fn(|lane| factors[lane] * (rest * on[lane] - share * off[lane]));
            slots[number] = std::array::from_fn(|lane| on[lane] - points[lane] * gain[lane]);
            let gain = std::array::from_fn(|lane| factors[lane] * gain[lane]);
            output[split.feature as usize] += dot(&down, &gain);
        }
    }
}

/// The factor, at a point, of a feature that the row has passed up to an edge.
fn factor(edge: &Repeat, point: f64) -> f64 {
    1.0 - (1.0 - edge.share) * point
}

/// The sum of the products, added pair by pair as vector units like it.
fn dot<const LANES: usize>(left: &[f64; LANES], right: &[f64; LANES]) -> f64 {
    let mut terms: [f64; LANES] = std::array::from_fn(|lane| left[lane] * right[lane]);
    let mut count = LANES;
    while count > 1 {
        let half = count.div_ceil(2);
        for lane in 0..count - half {
            terms[lane] += terms[lane + half];
        }
        count = half;
    }
    terms[0]
}
