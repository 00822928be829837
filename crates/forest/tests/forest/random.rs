//! LightGBM models made at random, and values for their rows.

use std::fmt::Write as _;

use crate::seeded::Random;

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

/// One of them.
pub(crate) fn value(random: &mut Random) -> f64 {
    VALUES[random.below(VALUES.len())]
}

/// A LightGBM model of random trees over all missing kinds and default ways.
pub(crate) fn model(random: &mut Random, features: usize, trees: usize, outputs: usize) -> String {
    let names: Vec<String> = (0..features).map(|index| format!("c{index}")).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class={outputs}\nnum_tree_per_iteration={outputs}\nmax_feature_idx={}\n\
         feature_names={}\n\n",
        features - 1,
        names.join(" ")
    );
    for number in 0..trees * outputs {
        let leaves = 1 + random.below(12);
        let (mut left, mut right) = (vec![0_i32; leaves - 1], vec![0_i32; leaves - 1]);
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for split in 0..leaves - 1 {
            let leaf = random.below(parents.len());
            if let Some((parent, is_right)) = parents[leaf] {
                (if is_right { &mut right } else { &mut left })[parent] = split as i32;
            }
            (left[split], right[split]) = (!(leaf as i32), !(split as i32 + 1));
            parents[leaf] = Some((split, false));
            parents.push(Some((split, true)));
        }
        let mut list = |count: usize, pick: &mut dyn FnMut(&mut Random) -> String| {
            (0..count).map(|_| pick(random)).collect::<Vec<String>>().join(" ")
        };
        let kinds = ["0", "2", "4", "6", "8", "10"];
        let split_feature = list(leaves - 1, &mut |random| random.below(features).to_string());
        let threshold = list(leaves - 1, &mut |random| value(random).to_string());
        let decision_type = list(leaves - 1, &mut |random| kinds[random.below(6)].to_owned());
        let leaf_value = list(leaves, &mut |random| (random.below(1_000) as f64 / 7.0).to_string());
        let leaf_count: Vec<i32> = (0..leaves).map(|_| 1 + random.below(50) as i32).collect();
        let mut internal_count = vec![0_i32; leaves - 1];
        for split in (0..leaves - 1).rev() {
            let count = |child: i32| match usize::try_from(child) {
                Ok(split) => internal_count[split],
                Err(_) => leaf_count[!child as usize],
            };
            internal_count[split] = count(left[split]) + count(right[split]);
        }
        let join = |values: &[i32]| values.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
        let _ = write!(
            text,
            "Tree={number}\nnum_leaves={leaves}\nnum_cat=0\nsplit_feature={split_feature}\n\
             threshold={threshold}\ndecision_type={decision_type}\nleft_child={}\nright_child={}\n\
             leaf_value={leaf_value}\nleaf_count={}\ninternal_count={}\n\n",
            join(&left),
            join(&right),
            join(&leaf_count),
            join(&internal_count)
        );
    }
    text + "end of trees\n"
}
