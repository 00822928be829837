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

use super::plan::{Branch, FIRST, Plan, Repeat, Split, Twig};
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
    /// For each branch of a tree the row's way: [`LEFT`], right (1), or [`OFF`].
    ways: Vec<u8>,
}

impl Scratch {
    pub(super) fn new(plan: &Plan) -> Scratch {
        let slots = plan.trees.iter().map(|tree| tree.branch_count + tree.twig_count + tree.leaf_count).max();
        let branches = plan.trees.iter().map(|tree| tree.branch_count).max();
        Scratch { slots: vec![0.0; slots.unwrap_or(0) * LANES_MAX], ways: vec![LEFT; branches.unwrap_or(0)] }
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
        let (mut branches, mut twigs, mut leaves) = (&self.branches[..], &self.twigs[..], &self.leaves[..]);
        for tree in &self.trees {
            let walk = Walk {
                branches: branches.split_off(..tree.branch_count).unwrap_or_default(),
                twigs: twigs.split_off(..tree.twig_count).unwrap_or_default(),
                leaves: leaves.split_off(..tree.leaf_count).unwrap_or_default(),
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
    branches: &'a [Branch],
    twigs: &'a [Twig],
    leaves: &'a [f64],
    /// Those of all trees.
    repeats: &'a [Repeat],
}

impl Walk<'_> {
    /// Adds the tree's contributions at some of its rule's points.
    #[inline(never)]
    fn go<const LANES: usize>(&self, part: &Part, values: &[f64], output: &mut [f64], scratch: &mut Scratch) {
        let mut points = [0.0; LANES];
        points.copy_from_slice(&part.points[..LANES]);
        let (slots, _) = scratch.slots.as_chunks_mut::<LANES>();
        let ways = &mut scratch.ways[..self.branches.len()];
        slots[0].copy_from_slice(&part.weights[..LANES]);
        self.down(&points, values, slots, ways);
        let (_, others) = slots.split_at_mut(self.branches.len());
        let (twigs, leaves) = others.split_at_mut(self.twigs.len());
        self.turn(&points, values, output, twigs, ways);
        for (slot, value) in leaves.iter_mut().zip(self.leaves) {
            *slot = [*value; LANES];
        }
        self.up(&points, output, slots, ways);
    }

    fn down<const LANES: usize>(
        &self,
        points: &[f64; LANES],
        values: &[f64],
        slots: &mut [[f64; LANES]],
        ways: &mut [u8],
    ) {
        for (number, branch) in self.branches.iter().enumerate() {
            let split = &branch.split;
            let down = slots[number];
            let side = split.side(values);
            let on = branch.children[side] as usize;
            let off = branch.children[1 - side] as usize;
            let mut rest = 1.0 - split.shares[side];
            let mut share = split.shares[1 - side];
            let mut lost = [0.0; LANES];
            ways[number] = side as u8;
            if split.repeat == FIRST {
                for lane in 0..LANES {
                    lost[lane] = points[lane] * down[lane];
                }
            } else {
                let edge = self.repeats[split.repeat as usize];
                if ways[edge.branch as usize] != edge.side {
                    ways[number] = OFF;
                    for (child, share) in branch.children.iter().zip(split.shares) {
                        slots[*child as usize] = down.map(|value| share * value);
                    }
                    continue;
                }
                rest *= edge.share;
                share *= edge.share;
                for lane in 0..LANES {
                    lost[lane] = points[lane] * down[lane] / factor(&edge, points[lane]);
                }
            }
            let (to_on, to_off) = (&mut slots[on], share);
            for lane in 0..LANES {
                to_on[lane] = down[lane] - rest * lost[lane];
            }
            slots[off] = lost.map(|lost| to_off * lost);
        }
    }

    /// The way down to a twig and up from it again, in one step.
    fn turn<const LANES: usize>(
        &self,
        points: &[f64; LANES],
        values: &[f64],
        output: &mut [f64],
        slots: &mut [[f64; LANES]],
        ways: &[u8],
    ) {
        for (twig, slot) in self.twigs.iter().zip(slots) {
            let split = &twig.split;
            let side = split.side(values);
            let (on, off) = (twig.leaves[side], twig.leaves[1 - side]);
            let gain = (1.0 - split.shares[side]) * on - split.shares[1 - side] * off;
            let down = *slot;
            if split.repeat == FIRST {
                for lane in 0..LANES {
                    slot[lane] = on - points[lane] * gain;
                }
                output[split.feature as usize] += gain * dot(&down, &[1.0; LANES]);
                continue;
            }
            let edge = self.repeats[split.repeat as usize];
            if ways[edge.branch as usize] != edge.side {
                *slot = [split.shares[side] * on + split.shares[1 - side] * off; LANES];
                continue;
            }
            let gain = edge.share * gain;
            let mut squares = [0.0; LANES];
            for lane in 0..LANES {
                let inverse = 1.0 / factor(&edge, points[lane]);
                slot[lane] = on - points[lane] * inverse * gain;
                squares[lane] = inverse * inverse;
            }
            output[split.feature as usize] += gain * dot(&down, &squares);
        }
    }

    fn up<const LANES: usize>(
        &self,
        points: &[f64; LANES],
        output: &mut [f64],
        slots: &mut [[f64; LANES]],
        ways: &[u8],
    ) {
        for (number, branch) in self.branches.iter().enumerate().rev() {
            let (split, way, down) = (&branch.split, ways[number], slots[number]);
            let side = usize::from(way & 1);
            let on = &slots[branch.children[side] as usize];
            let off = &slots[branch.children[1 - side] as usize];
            let mut up = [0.0; LANES];
            if way == OFF {
                for lane in 0..LANES {
                    up[lane] = split.shares[0] * on[lane] + split.shares[1] * off[lane];
                }
                slots[number] = up;
                continue;
            }
            let rest = 1.0 - split.shares[side];
            let share = split.shares[1 - side];
            let mut gain = [0.0; LANES];
            for lane in 0..LANES {
                gain[lane] = rest * on[lane] - share * off[lane];
            }
            if split.repeat == FIRST {
                for lane in 0..LANES {
                    up[lane] = on[lane] - points[lane] * gain[lane];
                }
            } else {
                // What the edge above has given to the feature counted its old factor. The difference to the
                // new one has that factor twice in its denominator.
                let edge = self.repeats[split.repeat as usize];
                for lane in 0..LANES {
                    let inverse = 1.0 / factor(&edge, points[lane]);
                    let part = edge.share * gain[lane] * inverse;
                    up[lane] = on[lane] - points[lane] * part;
                    gain[lane] = part * inverse;
                }
            }
            slots[number] = up;
            output[split.feature as usize] += dot(&down, &gain);
        }
    }
}

impl Split {
    /// The side to which a row goes: 0 is left. What is NaN goes right.
    fn side(&self, values: &[f64]) -> usize {
        1 - usize::from(values[self.column as usize] <= self.threshold)
    }
}

/// The factor, at a point, of a feature that the row has passed up to an edge.
fn factor(edge: &Repeat, point: f64) -> f64 {
    1.0 - (1.0 - edge.share) * point
}

/// The sum of the products: even lanes, odd lanes, and both, as vector units like it.
fn dot<const LANES: usize>(left: &[f64; LANES], right: &[f64; LANES]) -> f64 {
    let mut sums = [0.0; 2];
    for lane in 0..LANES {
        sums[lane % 2] += left[lane] * right[lane];
    }
    sums[0] + sums[1]
}
