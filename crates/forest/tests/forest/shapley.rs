//! Explanations against Shapley's formula itself: the sum over all sets of features, on small random models.

use forest::{Limits, Model};
use proptest::prelude::*;

use crate::random::{model, value};
use crate::seeded::Random;
use crate::text::Tree;

impl Tree {
    fn count(&self, node: i32) -> f64 {
        match usize::try_from(node) {
            Ok(split) => self.get("internal_count", split),
            Err(_) => self.get("leaf_count", !node as usize),
        }
    }

    /// The score if only the features of a set are known; at others both ways are gone, by their counts.
    fn score(&self, node: i32, row: &[f64], known: usize) -> f64 {
        let Ok(split) = usize::try_from(node) else { return self.get("leaf_value", !node as usize) };
        let children = ["left_child", "right_child"].map(|key| self.get(key, split) as i32);
        let feature = self.get("split_feature", split) as usize;
        if known >> feature & 1 == 1 {
            let goes_left = self.goes_left(split, row[feature]);
            return self.score(children[usize::from(!goes_left)], row, known);
        }
        let parts = children.map(|child| self.score(child, row, known) * self.count(child));
        (parts[0] + parts[1]) / self.count(node)
    }

    fn goes_left(&self, split: usize, value: f64) -> bool {
        let kind = self.get("decision_type", split) as u8;
        let band = f64::from(1e-35_f32);
        let value = if value.abs() <= band { 0.0 } else { value };
        let is_missing = match kind >> 2 {
            0 => false,
            1 => value.is_nan() || value == 0.0,
            _ => value.is_nan(),
        };
        if is_missing {
            return kind & 2 == 2;
        }
        (if value.is_nan() { 0.0 } else { value }) <= self.get("threshold", split)
    }
}

/// Shapley values and, last, the expected score, of the trees of one output.
fn shapley(trees: &[&Tree], row: &[f64]) -> Vec<f64> {
    let count = row.len();
    let root = |tree: &Tree| if tree.get("num_leaves", 0) == 1.0 { -1 } else { 0 };
    let scores: Vec<f64> = (0..1_usize << count)
        .map(|known| trees.iter().map(|tree| tree.score(root(tree), row, known)).sum())
        .collect();
    let factorial = |number: usize| (1..=number).map(|factor| factor as f64).product::<f64>();
    let mut values = vec![0.0; count + 1];
    for (known, score) in scores.iter().enumerate() {
        let size = known.count_ones() as usize;
        for feature in (0..count).filter(|feature| known >> feature & 1 == 0) {
            let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
            values[feature] += weight * (scores[known | 1 << feature] - score);
        }
    }
    values[count] = scores[0];
    values
}

fn check(seed: u64, features: usize, iterations: usize, outputs: usize) {
    let mut random = Random(seed);
    let text = model(&mut random, features, iterations, outputs);
    let explained = Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
    let mut explainer = explained.explainer().unwrap();
    let trees = Tree::all(&text);
    for _ in 0..3 {
        let row: Vec<f64> =
            (0..features).map(|_| if random.below(8) == 0 { f64::NAN } else { value(&mut random) }).collect();
        let mut ours = vec![0.0; explainer.contribution_count()];
        explainer.contributions(&row, &mut ours).unwrap();
        for (output, ours) in ours.chunks(features + 1).enumerate() {
            let trees: Vec<&Tree> = trees.iter().skip(output).step_by(outputs).collect();
            for (ours, theirs) in ours.iter().zip(shapley(&trees, &row)) {
                // Leaves are up to 143; the reference's own sums round, too.
                let error = (ours - theirs).abs();
                assert!(
                    error < 1e-11 * (1 + iterations) as f64,
                    "seed {seed}, row {row:?}: {ours}, {theirs}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn explanations_are_shapley_values(seed: u64, features in 1..9_usize, iterations in 0..4_usize, outputs in 1..3_usize) {
        check(seed, features, iterations, outputs);
    }
}
