//! The features' ranking as tables.

use crate::console::table;
use crate::walk_report::{Importance, TaskImportance};

/// So many features of a task are shown.
const SHOWN: usize = 15;

/// The best features of every task, and those that nothing uses.
#[must_use]
pub(crate) fn importance(found: &Importance) -> String {
    let mut text: Vec<String> = found.tasks.iter().map(task_table).collect();
    let unused = match found.unused.as_slice() {
        [] => "every feature is split on by some booster\n".to_owned(),
        names => format!("{} features that no booster splits on: {}\n", names.len(), names.join(", ")),
    };
    text.push(unused);
    text.join("\n")
}

fn task_table(task: &TaskImportance) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let boosters = 2 * task.features.first().map_or(0, |one| one.fold_shares.len());
    let rows = task.features.iter().take(SHOWN).map(|one| {
        let [lightgbm, xgboost] = one.library_shares.map(percent);
        let folds: Vec<String> =
            one.fold_shares.iter().map(|share| format!("{:.2}", 100.0 * share)).collect();
        let used = format!("{} of {boosters}", one.boosters);
        vec![
            one.feature.clone(),
            percent(one.share),
            lightgbm,
            xgboost,
            folds.join(" "),
            format!("{:.1}", one.rank),
            used,
        ]
    });
    let title = task.task.to_string();
    let header = [title.as_str(), "of the gain", "LightGBM", "XGBoost", "of folds", "mean rank", "boosters"];
    let correlation =
        |found: Option<f64>| found.map_or_else(|| "-".to_owned(), |found| format!("{found:.2}"));
    let [lightgbm, xgboost] = task.steadiness.map(correlation);
    format!(
        "{}\nfrom fold to fold the ranks correlate by {lightgbm} (LightGBM) and {xgboost} (XGBoost), between both by {}\n",
        table(&header, rows),
        correlation(task.agreement)
    )
}
