//! The packed scorer against the plain one, on models and rows made at random.

use std::fmt::Write as _;

use forest::{Booster, Limits};
use proptest::prelude::*;

use crate::golden;

/// Values for thresholds and rows, so that the two often meet.
const VALUES: [f64; 14] = [
    0.0,
    -0.0,
    1e-36,
    1.000_000_018_002_509_5e-35,
    -1.000_000_018_002_509_5e-35,
    1.000_000_018_002_509_7e-35,
    0.5,
    0.500_000_000_000_000_1,
    -0.5,
    2.0,
    -1e300,
    5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// A small deterministic source of choices, seeded by proptest.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn value(&mut self) -> f64 {
        VALUES[self.below(VALUES.len())]
    }
}

/// A LightGBM model of random trees over all missing kinds and default ways.
fn model(choices: &mut Choices, features: usize, trees: usize, outputs: usize) -> String {
    let names: Vec<String> = (0..features).map(|index| format!("c{index}")).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class={outputs}\nnum_tree_per_iteration={outputs}\nmax_feature_idx={}\n\
         feature_names={}\n\n",
        features - 1,
        names.join(" ")
    );
    for number in 0..trees * outputs {
        let leaves = 1 + choices.below(12);
        let (mut left, mut right) = (vec![0_i32; leaves - 1], vec![0_i32; leaves - 1]);
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for split in 0..leaves - 1 {
            let leaf = choices.below(parents.len());
            if let Some((parent, is_right)) = parents[leaf] {
                (if is_right { &mut right } else { &mut left })[parent] = split as i32;
            }
            (left[split], right[split]) = (!(leaf as i32), !(split as i32 + 1));
            parents[leaf] = Some((split, false));
            parents.push(Some((split, true)));
        }
        let mut list = |count: usize, pick: &mut dyn FnMut(&mut Choices) -> String| {
            (0..count).map(|_| pick(choices)).collect::<Vec<String>>().join(" ")
        };
        let kinds = ["0", "2", "4", "6", "8", "10"];
        let split_feature = list(leaves - 1, &mut |choices| choices.below(features).to_string());
        let threshold = list(leaves - 1, &mut |choices| choices.value().to_string());
        let decision_type = list(leaves - 1, &mut |choices| kinds[choices.below(6)].to_owned());
        let leaf_value = list(leaves, &mut |choices| (choices.below(1_000) as f64 / 7.0).to_string());
        let join = |values: &[i32]| values.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
        let _ = write!(
            text,
            "Tree={number}\nnum_leaves={leaves}\nnum_cat=0\nsplit_feature={split_feature}\n\
             threshold={threshold}\ndecision_type={decision_type}\nleft_child={}\nright_child={}\n\
             leaf_value={leaf_value}\n\n",
            join(&left),
            join(&right)
        );
    }
    text + "end of trees\n"
}

fn check(seed: u64, features: usize, trees: usize, outputs: usize) {
    let mut choices = Choices(seed);
    let text = model(&mut choices, features, trees, outputs);
    let booster = Booster::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
    let row_count = 11;
    let rows: Vec<f64> = (0..row_count * features)
        .map(|_| if choices.below(8) == 0 { f64::NAN } else { choices.value() })
        .collect();
    let mut batch = vec![0.0; row_count * outputs];
    booster.margin_batch(&rows, &mut batch).unwrap();
    let (mut plain, mut single) = (vec![0.0; outputs], vec![0.0; outputs]);
    for (row, batch) in rows.chunks(features).zip(batch.chunks(outputs)) {
        booster.margin_by_reference(row, &mut plain).unwrap();
        booster.margin(row, &mut single).unwrap();
        assert!(golden::is_same(&single, &plain), "seed {seed}: {single:?}, plain {plain:?}");
        assert!(golden::is_same(batch, &plain), "seed {seed}: batch {batch:?}, plain {plain:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn packed_and_plain_answer_the_same_bits(seed: u64, features in 1..9_usize, trees in 0..150_usize, outputs in 1..4_usize) {
        check(seed, features, trees, outputs);
    }
}

#[test]
fn wide_models_answer_the_same_bits() {
    // Below and above each size of the packed form's ranks, and too wide to be packed.
    for (seed, features, trees) in [(1, 60, 60), (2, 200, 100), (3, 900, 300), (4, 3_000, 1_200)] {
        check(seed, features, trees, 1);
    }
}
