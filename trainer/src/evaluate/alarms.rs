//! Skill that these tasks do not allow. On a real market it is a leak; a synthetic one may be easier.

use std::collections::BTreeMap;

use forecast::Task;

use forecast::score::Figure;

/// A figure and the level above which one should stop and look for a leak.
const LEVELS: [(Task, &str, f64); 11] = [
    (Task::Return1Step, "r2", 0.01),
    (Task::Return1Step, "ic", 0.06),
    (Task::Return4Step, "r2", 0.008),
    (Task::Return4Step, "ic", 0.08),
    (Task::Return16Step, "r2", 0.02),
    (Task::Return16Step, "ic", 0.10),
    (Task::Direction4Step, "auc", 0.56),
    (Task::Direction4Step, "accuracy", 0.545),
    (Task::DirectionMulti4Step, "skill_climatology", 0.035),
    (Task::Volatility4Step, "r2_log", 0.62),
    (Task::VolRegime4Step, "accuracy", 0.62),
];

/// One sentence for each figure of the task that is beyond its level.
#[must_use]
pub fn alarms(task: Task, figures: &BTreeMap<String, Figure>) -> Vec<String> {
    LEVELS
        .iter()
        .filter(|(of, _, _)| *of == task)
        .filter_map(|(_, name, level)| {
            let value = figures.get(*name)?.value;
            (value > *level).then(|| format!("{task} {name} is {value:.4}, above {level}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_beyond_its_level_is_told() {
        let figures = |auc| BTreeMap::from([("auc".to_owned(), Figure::plain(auc))]);
        assert!(alarms(Task::Direction4Step, &figures(0.53)).is_empty());
        assert!(alarms(Task::VolRegime4Step, &figures(0.9)).is_empty());
        let told = alarms(Task::Direction4Step, &figures(0.9));
        assert!(told.len() == 1 && told[0].contains("direction_4step auc is 0.9000"), "{told:?}");
    }
}
