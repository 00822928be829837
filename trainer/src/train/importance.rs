//! What each feature has done for the boosters of the walk, and how steady that is over the folds.
//!
//! A feature's share is its part of all gain of a booster: what its splits took off the loss. Boosters of different folds have
//! learned from different times; a feature that ranks high in one and low in another is no ground to stand on.

use features::Catalogue;
use forecast::{Task, score};

use super::libraries::Libraries;
use super::library::Library;
use crate::Result;
use crate::trained::TrainedTask;
use crate::walk_report::{FeatureImportance, Importance, TaskImportance};

/// One booster's gains.
#[derive(Debug, Clone)]
pub(super) struct BoosterGains {
    pub(super) task: Task,
    pub(super) library: Library,
    /// The number of the fold.
    pub(super) fold: usize,
    /// The sum of the gains of the splits on each feature, in the catalogue's order.
    pub(super) gains: Vec<f64>,
}

/// One booster, normalised.
struct Shares<'a> {
    of: &'a BoosterGains,
    shares: Vec<f64>,
    ranks: Vec<f64>,
}

/// What the features have done in both boosters of a task.
pub(super) fn gains(libraries: &Libraries, one: &TrainedTask, fold: usize) -> Result<[BoosterGains; 2]> {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let lightgbm = libraries.lightgbm.library.model(&one.lightgbm.fit.file)?.gains()?;
    let xgboost = libraries.xgboost.library.model(&one.xgboost.fit.file)?.gains(&names)?;
    let of = |library, gains| BoosterGains { task: one.task, library, fold, gains };
    Ok([of(Library::Lightgbm, lightgbm), of(Library::Xgboost, xgboost)])
}

/// What the features have done in all of these boosters.
pub(super) fn of(boosters: &[BoosterGains]) -> Importance {
    let names: Vec<&str> = Catalogue::standard().names().collect();
    let used = |column: usize| boosters.iter().any(|booster| booster.gains[column] > 0.0);
    let unused = (0..names.len()).filter(|column| !used(*column)).map(|column| names[column].to_owned());
    let task = |task: &Task| {
        let own: Vec<Shares<'_>> =
            boosters.iter().filter(|booster| booster.task == *task).map(Shares::of).collect();
        (!own.is_empty()).then(|| task_importance(*task, &own, &names))
    };
    Importance { tasks: Task::ALL.iter().filter_map(task).collect(), unused: unused.collect() }
}

impl<'a> Shares<'a> {
    fn of(of: &'a BoosterGains) -> Self {
        let total: f64 = of.gains.iter().sum();
        // A booster of leaves alone has no gain, and no feature a share.
        let share = |gain: &f64| if total > 0.0 { gain / total } else { 0.0 };
        Self { of, shares: of.gains.iter().map(share).collect(), ranks: ranks(&of.gains) }
    }
}

/// 1 for the greatest; equals share the mean of their places.
fn ranks(gains: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..gains.len()).collect();
    order.sort_by(|a, b| gains[*b].total_cmp(&gains[*a]));
    let mut ranks = vec![0.0; gains.len()];
    let mut before = 0;
    for equals in order.chunk_by(|a, b| gains[*a].total_cmp(&gains[*b]).is_eq()) {
        let rank = before as f64 + (equals.len() + 1) as f64 / 2.0;
        for column in equals {
            ranks[*column] = rank;
        }
        before += equals.len();
    }
    ranks
}

fn task_importance(task: Task, boosters: &[Shares<'_>], names: &[&str]) -> TaskImportance {
    let folds = boosters.iter().map(|booster| booster.of.fold + 1).max().unwrap_or(0);
    let find = |library: Library, fold: usize| {
        boosters.iter().find(|booster| booster.of.library == library && booster.of.fold == fold)
    };
    let correlation = |a: Option<&Shares<'_>>, b: Option<&Shares<'_>>| {
        a.zip(b).map(|(a, b)| score::spearman(&a.shares, &b.shares)).filter(|found| !found.is_nan())
    };
    let steadiness = Library::ALL.map(|library| {
        mean((1..folds).filter_map(|fold| correlation(find(library, fold - 1), find(library, fold))))
    });
    let [lightgbm, xgboost] = Library::ALL;
    let agreement =
        mean((0..folds).filter_map(|fold| correlation(find(lightgbm, fold), find(xgboost, fold))));
    let feature = |(column, name): (usize, &&str)| {
        let share_where = |wanted: &dyn Fn(&BoosterGains) -> bool| {
            let own = boosters.iter().filter(|booster| wanted(booster.of));
            mean(own.map(|booster| booster.shares[column])).unwrap_or(0.0)
        };
        FeatureImportance {
            feature: (*name).to_owned(),
            share: share_where(&|_| true),
            library_shares: Library::ALL.map(|library| share_where(&|booster| booster.library == library)),
            fold_shares: (0..folds).map(|fold| share_where(&|booster| booster.fold == fold)).collect(),
            rank: mean(boosters.iter().map(|booster| booster.ranks[column])).unwrap_or(0.0),
            boosters: boosters.iter().filter(|booster| booster.of.gains[column] > 0.0).count(),
        }
    };
    let mut features: Vec<FeatureImportance> = names.iter().enumerate().map(feature).collect();
    // Stable: equals stay in the catalogue's order.
    features.sort_by(|a, b| b.share.total_cmp(&a.share));
    TaskImportance { task, steadiness, agreement, features }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booster(library: Library, fold: usize, gains: &[(usize, f64)]) -> BoosterGains {
        let mut all = vec![0.0; Catalogue::standard().len()];
        for (column, gain) in gains {
            all[*column] = *gain;
        }
        BoosterGains { task: Task::Return1Step, library, fold, gains: all }
    }

    #[test]
    fn shares_are_of_each_boosters_own_gain_and_ranks_share_equal_places() {
        let [lightgbm, xgboost] = Library::ALL;
        // A booster's gain has its own unit: what counts is its share.
        let found = of(&[
            booster(lightgbm, 0, &[(3, 6.0), (5, 2.0)]),
            booster(xgboost, 0, &[(3, 50.0), (7, 50.0)]),
            booster(lightgbm, 1, &[(3, 1.0)]),
            booster(xgboost, 1, &[(5, 10.0)]),
        ]);
        let names: Vec<&str> = Catalogue::standard().names().collect();
        let task = &found.tasks[0];
        let best = &task.features[0];
        assert_eq!((best.feature.as_str(), best.boosters), (names[3], 3));
        assert_eq!((best.share, best.library_shares), ((0.75 + 0.5 + 1.0) / 4.0, [0.875, 0.25]));
        assert_eq!(best.fold_shares, [0.625, 0.5]);
        // First, equal first, first, and one of all the rest that only the second place is above.
        let rest = (2.0 + names.len() as f64) / 2.0;
        assert_eq!(best.rank, (1.0 + 1.5 + 1.0 + rest) / 4.0);
        assert_eq!(task.features.iter().map(|one| one.share).sum::<f64>(), 1.0);
        assert_eq!(found.unused.len(), names.len() - 3);
        assert!(!found.unused.contains(&names[5].to_owned()));
        assert!(task.steadiness.iter().all(Option::is_some) && task.agreement.is_some());
    }

    #[test]
    fn the_same_order_in_all_folds_is_steady_and_another_is_not() {
        let [lightgbm, xgboost] = Library::ALL;
        let falling: Vec<(usize, f64)> = (0..40).map(|at| (at, 100.0 - at as f64)).collect();
        let rising: Vec<(usize, f64)> = (0..40).map(|at| (at, 1.0 + at as f64)).collect();
        let found = of(&[
            booster(lightgbm, 0, &falling),
            booster(lightgbm, 1, &falling),
            booster(xgboost, 0, &falling),
            booster(xgboost, 1, &rising),
        ]);
        let [same, other] = found.tasks[0].steadiness.map(|found| found.expect("two folds"));
        assert!((same - 1.0).abs() < 1e-12 && other < 0.97, "{same} {other}");
    }

    #[test]
    fn what_is_weak_everywhere_is_named_in_the_catalogues_order() {
        let [lightgbm, _] = Library::ALL;
        let mut other = booster(lightgbm, 0, &[(1, 1.0)]);
        other.task = Task::Volatility4Step;
        let found = of(&[booster(lightgbm, 0, &[(0, 999.0), (2, 1.0), (4, 1000.0)]), other]);
        let names: Vec<&str> = Catalogue::standard().names().collect();
        let weak = found.weak(0.01);
        assert!(weak.contains(&names[2]) && !weak.contains(&names[0]) && !weak.contains(&names[1]));
        assert_eq!(weak.len(), names.len() - 3);
        assert_eq!(found.weak(0.0), [""; 0]);
    }
}
