//! Outcomes that came true, their losses, and the live score.

use super::Forecaster;
use crate::score::{loss, ratio_skill};
use crate::{
    BaselineName, Bundle, BundleDigest, Effect, JournalRecord, Outcome, Prediction, Resolution, Task,
};

/// How one task of one bundle has done on what has been resolved since the process began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskSkill {
    /// The bundle.
    pub bundle: BundleDigest,
    /// The task.
    pub task: Task,
    /// How many outcomes were resolved.
    pub resolved: u64,
    /// The ensemble's mean loss; NaN before the first outcome.
    pub loss: f64,
    /// The task's best baseline, by the bundle's manifest.
    pub baseline: BaselineName,
    /// That baseline's mean loss over the same outcomes.
    pub baseline_loss: f64,
    /// `1 - loss/baseline_loss`; NaN if there is nothing to compare.
    pub skill: f64,
}

/// Sums of losses by bundle and task.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals(Vec<(BundleDigest, [Total; Task::COUNT])>);

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    resolved: u64,
    loss: f64,
    baseline_loss: f64,
}

impl Totals {
    fn add(&mut self, resolution: &Resolution) {
        let place = self.0.iter().position(|(bundle, _)| *bundle == resolution.bundle).unwrap_or_else(|| {
            self.0.push((resolution.bundle, Default::default()));
            self.0.len() - 1
        });
        let total = &mut self.0[place].1[resolution.task.index()];
        total.resolved += 1;
        total.loss += resolution.loss;
        total.baseline_loss += resolution.baseline_loss;
    }

    fn of(&self, bundle: BundleDigest, task: Task) -> Total {
        let found = self.0.iter().find(|(digest, _)| *digest == bundle);
        found.map(|(_, totals)| totals[task.index()]).unwrap_or_default()
    }
}

impl Forecaster {
    /// The champion's live score, one entry a task.
    #[must_use]
    pub fn skill(&self) -> Vec<TaskSkill> {
        self.champion().map(|bundle| self.skill_by(bundle)).unwrap_or_default()
    }

    /// The live score of a bundle that answers or has lately answered, one entry a task.
    #[must_use]
    pub fn skill_of(&self, bundle: BundleDigest) -> Vec<TaskSkill> {
        let answering = self.history.records().iter().rev().flat_map(|record| &record.answering);
        let bundles = self.roster.bundles();
        let found = bundles.iter().chain(answering).find(|other| other.digest() == bundle);
        found.map(|bundle| self.skill_by(bundle)).unwrap_or_default()
    }

    fn skill_by(&self, bundle: &Bundle) -> Vec<TaskSkill> {
        let entries = bundle.manifest().tasks.iter();
        entries
            .map(|entry| {
                let total = self.state.totals.of(bundle.digest(), entry.task);
                let count = total.resolved as f64;
                TaskSkill {
                    bundle: bundle.digest(),
                    task: entry.task,
                    resolved: total.resolved,
                    loss: total.loss / count,
                    baseline: entry.best_baseline,
                    baseline_loss: total.baseline_loss / count,
                    skill: ratio_skill(total.loss, total.baseline_loss),
                }
            })
            .collect()
    }

    /// Scores every prediction whose outcome the last step has resolved. What has other bits than when it was last
    /// journalled is journalled as the next revision.
    pub(super) fn resolve(&mut self, effects: &mut Vec<Effect>) {
        let outcomes = std::mem::take(&mut self.work.outcomes);
        for (index, outcome) in &outcomes {
            let Some(at) = self.history.find(outcome.bar).filter(|_| !outcome.is_missing()) else { continue };
            for kept in &mut self.history.record_mut(at).announced[*index] {
                let Some(mut resolution) = resolution_of(&kept.prediction, outcome) else { continue };
                self.state.totals.add(&resolution);
                match kept.resolutions.iter_mut().find(|before| before.task == outcome.task) {
                    Some(before) if same_bits(before, &resolution) => continue,
                    Some(before) => {
                        resolution.revision = before.revision.saturating_add(1);
                        before.clone_from(&resolution);
                    }
                    None => kept.resolutions.push(resolution.clone()),
                }
                effects.push(Effect::Journal(JournalRecord::Resolution(resolution)));
            }
        }
        self.work.outcomes = outcomes;
    }
}

/// The first resolution of a prediction's task; `None` if one of the answers is missing.
fn resolution_of(prediction: &Prediction, outcome: &Outcome) -> Option<Resolution> {
    let answer = prediction.task(outcome.task)?;
    let baseline = answer.compared_with;
    let ours = loss(outcome.task, &answer.ensemble, outcome.value);
    let theirs = loss(outcome.task, answer.baseline(baseline)?, outcome.value);
    if ours.is_nan() || theirs.is_nan() {
        return None;
    }
    Some(Resolution {
        symbol: prediction.symbol,
        bar_time: prediction.bar_time,
        bundle: prediction.bundle,
        revision: 1,
        prediction_revision: prediction.revision,
        task: outcome.task,
        outcome: outcome.value,
        loss: ours,
        baseline,
        baseline_loss: theirs,
    })
}

/// Whether two resolutions say the same, whatever their own revision.
fn same_bits(a: &Resolution, b: &Resolution) -> bool {
    a.prediction_revision == b.prediction_revision
        && a.baseline == b.baseline
        && a.outcome.to_bits() == b.outcome.to_bits()
        && a.loss.to_bits() == b.loss.to_bits()
        && a.baseline_loss.to_bits() == b.baseline_loss.to_bits()
}
