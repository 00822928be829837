//! Trees as LightGBM writes them (text, version 4; `Tree::ToString` of its `src/io/tree.cpp`), and as a model over values has them.
//!
//! The library has learned from the numbers of bins. A threshold between two of them becomes the one that parts the same values, and what
//! is missing goes left, where the least values go.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::fit::bins::Columns;
use crate::fit::boosting::{Grown, Told};

/// No category; what is missing (not a number) goes left.
const DECISION: &str = "10";

/// A tree of a model.
#[derive(Debug)]
pub(super) struct Tree {
    /// Its lines, without the one that numbers it.
    pub(super) text: String,
    /// The columns of its splits.
    pub(super) columns: Vec<usize>,
}

impl Tree {
    /// A tree by its lines, which adds so much more to all rows, and as rows are followed through it, without what is more; nothing
    /// if the lines are not of the form that the library writes.
    pub(super) fn read(text: &str, columns: &Columns, output: usize, more: f64) -> Option<(Self, Grown)> {
        let value = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
        };
        let leaves: usize = value("num_leaves")?.parse().ok()?;
        let splits = leaves.checked_sub(1)?;
        let of: Vec<usize> = numbers(value("split_feature")?, splits)?;
        let below: Vec<f64> = numbers(value("threshold")?, splits)?;
        let [left, right] = ["left_child", "right_child"].map(|key| numbers::<i64>(value(key)?, splits));
        let (left, right) = (left?, right?);
        let values: Vec<f64> = numbers(value("leaf_value")?, leaves)?;

        // The number of a bin is one more than how many are below it.
        let below: Vec<u8> = below.into_iter().map(|threshold| threshold.floor() as u8).collect();
        // Leaves come after all splits, and are listed by the complement of their number.
        let child = |child: i64| usize::try_from(if child < 0 { splits as i64 + !child } else { child }).ok();
        let split = |at: usize| {
            Some(Told::Split {
                column: of[at],
                below: below[at],
                next: [child(left[at])?, child(right[at])?],
            })
        };
        let nodes = (0..splits).map(split).chain(values.iter().map(|value| Some(Told::Leaf(*value as f32))));
        let grown = Grown::new(&nodes.collect::<Option<Vec<_>>>()?, columns.count(), output)?;

        let threshold = |(column, below): (&usize, &u8)| {
            let place = usize::from(*below).checked_sub(1)?;
            Some(highest_below(*columns.get(*column)?.edges.get(place)?).to_string())
        };
        let thresholds = of.iter().zip(&below).map(threshold).collect::<Option<Vec<_>>>()?.join(" ");
        let decisions = vec![DECISION; splits].join(" ");
        let mut told = String::with_capacity(text.len() + 16 * leaves);
        for line in text.lines() {
            let Some((key, _)) = line.split_once('=') else { continue };
            let changed = match key {
                "Tree" => continue,
                "threshold" => writeln!(told, "threshold={thresholds}"),
                "decision_type" => writeln!(told, "decision_type={decisions}"),
                "leaf_value" if more != 0.0 => writeln!(told, "leaf_value={}", listed(&values, more)),
                "internal_value" if more != 0.0 => {
                    writeln!(told, "internal_value={}", listed(&numbers(value(key)?, splits)?, more))
                }
                // What was added is not shrunken.
                "shrinkage" if more != 0.0 => writeln!(told, "shrinkage=1"),
                _ => writeln!(told, "{line}"),
            };
            changed.ok()?;
        }
        Some((Self { text: told, columns: of }, grown))
    }
}

fn numbers<T: FromStr>(text: &str, count: usize) -> Option<Vec<T>> {
    let found: Option<Vec<T>> = text.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
    found.filter(|found| found.len() == count)
}

fn listed(values: &[f64], more: f64) -> String {
    values.iter().map(|value| (value + more).to_string()).collect::<Vec<_>>().join(" ")
}

/// The highest value that is below an edge in single precision, in which rows are binned: the highest that rounds to less.
fn highest_below(edge: f32) -> f64 {
    let middle = f64::midpoint(f64::from(edge.next_down()), f64::from(edge));
    // Halfway it rounds to the even one of the two.
    if (middle as f32) < edge { middle } else { middle.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::bins::Tile;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_below_an_edge_where_they_are_not_above_its_threshold(bits in any::<u32>(), steps in -3_i8..4) {
            let edge = f32::from_bits(bits);
            prop_assume!(edge.is_finite() && edge.next_down().is_finite());
            let threshold = highest_below(edge);
            let mut value = threshold;
            for _ in 0..steps.abs() {
                value = if steps < 0 { value.next_down() } else { value.next_up() };
            }
            prop_assert_eq!((value as f32) < edge, value <= threshold, "{} {}", edge, value);
            prop_assert!((threshold as f32) < edge && threshold.next_up() as f32 >= edge);
            prop_assert_eq!(threshold.to_string().parse::<f64>().expect("a number"), threshold);
        }
    }

    const TEXT: &str = "Tree=3\nnum_leaves=3\nnum_cat=0\nsplit_feature=1 0\nsplit_gain=9 4\n\
        threshold=2.5000000000000004 1.5\ndecision_type=2 2\nleft_child=1 -1\nright_child=-2 -3\n\
        leaf_value=1 2 4\nleaf_weight=5 5 5\nleaf_count=5 5 5\ninternal_value=0.5 0.25\n\
        internal_weight=15 10\ninternal_count=15 10\nis_linear=0\nshrinkage=0.1\n\n";

    #[test]
    fn bins_become_values_and_the_first_tree_has_what_the_model_begins_with() {
        let columns = Columns::between(&[vec![0.0, 1.0], vec![5.0, 6.0, 7.0]]);
        let (tree, grown) = Tree::read(TEXT, &columns, 0, 0.0).expect("a tree");
        assert_eq!(tree.columns, [1, 0]);
        let mut answers = [0.0; 4];
        let rows: [[u8; 2]; 4] = [[0, 1], [1, 0], [0, 2], [1, 3]];
        grown.add(
            Tile::of(&[0, 1].map(|column| std::array::from_fn(|row| rows[row % 4][column]))),
            1,
            &mut answers,
        );
        assert_eq!(answers, [1.0, 4.0, 2.0, 2.0]);
        let has = |text: &str, line: &str| text.lines().any(|other| other == line);
        let thresholds = [6.0, 0.0].map(|edge| highest_below(edge).to_string()).join(" ");
        assert!(has(&tree.text, &format!("threshold={thresholds}")), "{}", tree.text);
        for line in ["decision_type=10 10", "leaf_value=1 2 4", "internal_value=0.5 0.25", "shrinkage=0.1"] {
            assert!(has(&tree.text, line), "{line}: {}", tree.text);
        }
        assert!(!tree.text.contains("Tree="));
        let (first, _) = Tree::read(TEXT, &columns, 0, 0.5).expect("a tree");
        for line in ["leaf_value=1.5 2.5 4.5", "internal_value=1 0.75", "shrinkage=1", "leaf_count=5 5 5"] {
            assert!(has(&first.text, line), "{line}: {}", first.text);
        }
    }

    #[test]
    fn lines_that_lead_nowhere_are_none() {
        let columns = Columns::between(&[vec![0.0, 1.0], vec![5.0, 6.0, 7.0]]);
        for (whole, spoiled) in [
            ("num_leaves=3", "num_leaves=4"),
            ("num_leaves=3", "num_leaves=0"),
            ("split_feature=1 0", "split_feature=2 0"),
            ("threshold=2.5", "threshold=4.5"),
            ("threshold=2.5", "threshold=0.5"),
            ("left_child=1", "left_child=0"),
            ("right_child=-2", "right_child=-9"),
            ("leaf_value=1 2 4", "leaf_value=1 2"),
            ("leaf_value=1 2 4", "leaf_value=1 2 a"),
        ] {
            assert!(TEXT.contains(whole));
            assert!(Tree::read(&TEXT.replacen(whole, spoiled, 1), &columns, 0, 0.0).is_none(), "{spoiled}");
        }
        assert!(Tree::read("", &columns, 0, 0.0).is_none());
    }
}
