//! How much each member of a task counts, fitted on the walk's answers; kept only where it beats the plain mean on the last
//! third of the walk, which its trial fit has not seen.

use std::ops::Range;

use forecast::{Answer, LightGbmShare, Task, combined, combined_number, score};

use crate::answers::to_answer;
use crate::walk_report::Choice;

/// A share is a whole number of these parts, so that what is in the bundle is short and exact.
const PARTS: u32 = 64;

/// The first look is at every so many parts, the second at each around the best.
const STRIDE: u32 = 8;

/// What both members of a task said about the walk's rows, and what came true.
#[derive(Debug)]
pub(super) struct BothMembers {
    pub(super) task: Task,
    /// The numbers of an answer.
    pub(super) width: usize,
    /// LightGBM's answers, row after row.
    pub(super) lightgbm: Vec<f64>,
    /// XGBoost's.
    pub(super) xgboost: Vec<f64>,
    /// What came true, a row each; NaN if missing.
    pub(super) outcomes: Vec<f64>,
    /// The number of each row's bar.
    pub(super) bars: Vec<i64>,
}

impl BothMembers {
    /// The share with which the members are served, if it is better than the mean, and how it compares, if it does on any row.
    pub(super) fn choose(&self) -> (Option<LightGbmShare>, Option<Choice>) {
        let all = self.outcomes.len();
        let cut = all * 2 / 3;
        let trial = self.fit(0..cut);
        let [loss_without, loss_with] = self.losses([None, Some(trial)], cut..all, |_| true);
        let kept = loss_with < loss_without;
        let what = format!("shares {:.3} and {:.3}", trial.get(), 1.0 - trial.get());
        let choice = Choice { task: self.task, what, loss_without, loss_with, kept };
        (kept.then(|| self.fit(0..all)), choice.if_judged())
    }

    /// The members' answers as one, a row each.
    pub(super) fn combined(&self, share: Option<LightGbmShare>) -> Vec<Answer> {
        let rows = self.lightgbm.chunks_exact(self.width).zip(self.xgboost.chunks_exact(self.width));
        rows.map(|(a, b)| combined(share, &to_answer(self.task, a), &to_answer(self.task, b))).collect()
    }

    /// The share with the least loss. It is fitted on bars whose outcomes don't overlap: more would cost time and say little.
    fn fit(&self, places: Range<usize>) -> LightGbmShare {
        let horizon = i64::from(self.task.horizon_steps());
        let apart = |place: usize| self.bars[place].rem_euclid(horizon) == 0;
        let best = |parts: &mut dyn Iterator<Item = u32>| {
            let losses = parts.map(|parts| {
                let [loss] = self.losses([Some(share(parts))], places.clone(), apart);
                (parts, loss)
            });
            // Without a known outcome every loss is NaN, and the halves stay.
            let known = losses.filter(|(_, loss)| !loss.is_nan());
            known.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(PARTS / 2, |(parts, _)| parts)
        };
        let near = best(&mut (0..=PARTS / STRIDE).map(|step| step * STRIDE));
        share(best(&mut (near.saturating_sub(STRIDE - 1)..=PARTS.min(near + STRIDE - 1))))
    }

    /// The mean losses with some shares over the places that are wanted and for which all have one.
    fn losses<const N: usize>(
        &self,
        shares: [Option<LightGbmShare>; N],
        places: Range<usize>,
        is_wanted: impl Fn(usize) -> bool,
    ) -> [f64; N] {
        let (mut sums, mut count) = ([0.0; N], 0_u32);
        let mut answer = vec![0.0; self.width];
        for place in places.filter(|place| is_wanted(*place)) {
            let numbers = place * self.width..(place + 1) * self.width;
            let (lightgbm, xgboost) = (&self.lightgbm[numbers.clone()], &self.xgboost[numbers]);
            let losses = shares.map(|share| {
                for ((found, a), b) in answer.iter_mut().zip(lightgbm).zip(xgboost) {
                    *found = combined_number(share, *a, *b);
                }
                score::loss_of(self.task, &answer, self.outcomes[place])
            });
            if losses.iter().all(|loss| !loss.is_nan()) {
                for (sum, loss) in sums.iter_mut().zip(losses) {
                    *sum += loss;
                }
                count += 1;
            }
        }
        sums.map(|sum| sum / f64::from(count))
    }
}

fn share(parts: u32) -> LightGbmShare {
    LightGbmShare::nearest(f64::from(parts) / f64::from(PARTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two members whose errors have these sizes, independent of each other.
    fn members(errors: [f64; 2]) -> BothMembers {
        let mut state = 9_u64;
        let mut normal = || {
            let mut sum = 0.0;
            for _ in 0..6 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sum += (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            }
            sum * 2.0_f64.sqrt()
        };
        let outcomes: Vec<f64> = (0..60_000).map(|_| normal()).collect();
        let [lightgbm, xgboost] =
            errors.map(|error| outcomes.iter().map(|outcome| outcome + error * normal()).collect());
        let bars = (0..60_000).collect();
        BothMembers { task: Task::Return1Step, width: 1, lightgbm, xgboost, outcomes, bars }
    }

    #[test]
    fn the_better_member_counts_more_by_the_inverse_of_its_variance() {
        let (share, choice) = members([1.0, 2.0]).choose();
        let choice = choice.expect("judged");
        assert!(choice.kept && choice.loss_with < choice.loss_without, "{choice:?}");
        // 1/1 against 1/4.
        let found = share.expect("kept").get();
        assert!((found - 0.8).abs() < 0.02, "{found}");
        let (share, _) = members([2.0, 1.0]).choose();
        assert!((share.expect("kept").get() - 0.2).abs() < 0.02, "{share:?}");
    }

    #[test]
    fn a_share_that_does_not_hold_out_of_sample_is_left() {
        // LightGBM is the better one at first, XGBoost on the last third.
        let (mut early, late) = (members([0.5, 2.0]), members([2.0, 0.5]));
        for place in 40_000..60_000 {
            early.lightgbm[place] = late.lightgbm[place];
            early.xgboost[place] = late.xgboost[place];
        }
        let (share, choice) = early.choose();
        let choice = choice.expect("judged");
        assert!(share.is_none() && !choice.kept && choice.loss_with > choice.loss_without, "{choice:?}");
    }

    #[test]
    fn rows_without_an_outcome_say_nothing() {
        let mut members = members([1.0, 2.0]);
        let expected = members.choose();
        members.outcomes.extend([f64::NAN; 3]);
        members.bars.extend([60_000, 60_001, 60_002]);
        for answers in [&mut members.lightgbm, &mut members.xgboost] {
            answers.extend([1e9; 3]);
        }
        assert_eq!(members.choose().0, expected.0);
        members.outcomes.fill(f64::NAN);
        let (share, choice) = members.choose();
        assert!(share.is_none() && choice.is_none());
    }
}
