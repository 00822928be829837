//! Walk-forward folds: each is answered by boosters that have learned from what came before it.

use kline::Interval;

use crate::split::{EMBARGO_BARS, Split, Window};
use crate::walk_report::Fold;

/// The last part of the training window that is walked over, beside the tuning window.
const WALKED_SHARE: f64 = 0.35;

/// A fold is not shorter than this.
const FOLD_BARS_LEAST: i64 = 96;

/// At most `count` folds, at least one: the last share of the training window and the tuning window in parts of the same
/// length, one after the other.
#[must_use]
pub fn folds(split: &Split, count: usize, interval: Interval) -> Vec<Fold> {
    let learnable = split.train.until.steps_since(split.train.from, interval);
    let from = split.train.until.plus(-((learnable as f64 * WALKED_SHARE) as i64), interval);
    let bars = split.tune.until.steps_since(from, interval);
    let most = usize::try_from(bars / FOLD_BARS_LEAST).unwrap_or(0).max(1);
    let count = count.clamp(1, most) as i64;
    let start = |fold: i64| from.plus(1 + bars * fold / count, interval);
    (0..count)
        .map(|fold| {
            let answered = Window { from: start(fold), until: start(fold + 1).plus(-1, interval) };
            let until = answered.from.plus(-1 - i64::from(EMBARGO_BARS), interval);
            Fold { learned: Window { from: split.train.from, until }, answered }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::SplitRequest;
    use forecast::Task;
    use kline::BarTime;
    use proptest::prelude::*;

    const STEP: Interval = Interval::M15;

    fn bar(index: i64) -> BarTime {
        BarTime::last_closed((index + 1) * STEP.milliseconds(), STEP)
    }

    proptest! {
        #[test]
        fn no_fold_learns_from_what_it_answers(bars in 400i64..200_000, count in 0usize..12) {
            let split = Split::new(&SplitRequest::default(), bar(0), bar(bars), STEP).expect("long enough");
            let found = folds(&split, count, STEP);
            prop_assert!(!found.is_empty() && found.len() <= count.max(1));
            for fold in &found {
                let distance = fold.answered.from.steps_since(fold.learned.until, STEP);
                prop_assert!(distance > i64::from(Task::LONGEST_HORIZON_STEPS));
                prop_assert_eq!(fold.learned.from, split.train.from);
                // The first has more than half of the training window to learn from.
                let learned = fold.learned.until.steps_since(fold.learned.from, STEP);
                prop_assert!(2 * learned > split.train.until.steps_since(split.train.from, STEP));
            }
            for pair in found.windows(2) {
                prop_assert_eq!(pair[1].answered.from, pair[0].answered.until.plus(1, STEP));
            }
            prop_assert_eq!(found.last().map(|fold| fold.answered.until), Some(split.tune.until));
        }
    }
}
