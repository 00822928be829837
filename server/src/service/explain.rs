//! What moved an answer: SHAP values, made for who asks and kept.

mod kept;

use std::sync::{Arc, Mutex, PoisonError};

use forecast::{BoosterExplanation, Bundle, BundleDigest, BundleExplainer, Prediction, Task};
use tokio::sync::Semaphore;

use self::kept::{Kept, Key};
use super::Service;
use crate::reason::{Reason, Refusal};
use crate::selection::Selection;
use crate::telemetry::scope;
use crate::unhurried::Haste;

/// How many features an explanation may name.
pub const EXPLAIN_TOP_MAX: u32 = 512;

/// How many bundles' explainers are kept: the one that answers, and one that history asks about.
const BUNDLES: usize = 2;

/// How many explanations may wait; one more is refused.
const WAITING_MAX: usize = 256;

/// What moved the answers of one prediction.
#[derive(Debug, Clone)]
pub struct Explanations {
    /// How many features each explanation names.
    pub top: usize,
    /// Of each task that was asked for: LightGBM's and XGBoost's.
    pub tasks: Vec<(Task, Arc<[BoosterExplanation; 2]>)>,
}

impl Explanations {
    /// What moved a task's answers.
    #[must_use]
    pub fn of(&self, task: Task) -> Option<&[BoosterExplanation; 2]> {
        self.tasks.iter().find(|(known, _)| *known == task).map(|(_, explained)| explained.as_ref())
    }
}

/// The largest contributions of an explanation with their features' places, largest first, and the sum of the others.
#[must_use]
pub fn largest(explanation: &BoosterExplanation, top: usize) -> (Vec<(usize, f64)>, f64) {
    let mut all: Vec<(usize, f64)> = explanation.contributions.iter().copied().enumerate().collect();
    all.sort_by(|(a, x), (b, y)| y.abs().total_cmp(&x.abs()).then(a.cmp(b)));
    let rest = all.split_off(top.min(all.len()));
    (all, rest.iter().map(|(_, contribution)| contribution).sum())
}

/// Explainers and what they said.
#[derive(Debug)]
pub(super) struct Explaining {
    kept: Kept,
    /// The latest used comes last. Held only to take an explainer out or to give it back.
    idle: Mutex<Vec<(BundleDigest, Vec<BundleExplainer>)>>,
    waiting: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Explaining {
    pub(super) fn new(redis: Option<&str>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            kept: Kept::new(redis),
            idle: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            // One core is left to answer everybody else.
            working: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))),
        }
    }

    fn take(&self, bundle: &Bundle) -> Result<BundleExplainer, Refusal> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle.iter_mut().find(|(digest, _)| *digest == bundle.digest());
        if let Some(explainer) = known.and_then(|(_, explainers)| explainers.pop()) {
            return Ok(explainer);
        }
        drop(idle);
        BundleExplainer::new(bundle).map_err(|problem| {
            let message = format!("bundle {} cannot be explained: {problem}", bundle.digest().short());
            Refusal::new(Reason::Internal, message)
        })
    }

    fn give_back(&self, digest: BundleDigest, explainer: BundleExplainer) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, others): (Vec<_>, Vec<_>) = idle.drain(..).partition(|(kept, _)| *kept == digest);
        *idle = others;
        let mut explainers: Vec<_> = known.into_iter().flat_map(|(_, explainers)| explainers).collect();
        explainers.push(explainer);
        idle.push((digest, explainers));
        let beyond = idle.len().saturating_sub(BUNDLES);
        idle.drain(..beyond);
    }
}

impl Service {
    /// What moved the answers of a prediction to the selected tasks.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] for too many features, [`Reason::Busy`], [`Reason::BundleRefused`] if the prediction's bundle
    /// is not there any more, [`Reason::StoreFailed`].
    pub(super) async fn explain(
        &self,
        prediction: &Arc<Prediction>,
        selection: Selection,
        top: u32,
    ) -> Result<Arc<Explanations>, Refusal> {
        let top = check_top(top)?;
        let asked: Vec<(Task, usize)> = prediction
            .tasks
            .iter()
            .filter(|answer| selection.has(answer.task))
            .map(|answer| (answer.task, answer.ensemble.class().unwrap_or_default()))
            .collect();
        let keys: Vec<Key> = asked
            .iter()
            .map(|(task, class)| (prediction.bundle, prediction.row_hash, *task, *class))
            .collect();
        if let Some(kept) = self.explaining.kept.get(&keys).await {
            let tasks = asked.iter().map(|(task, _)| *task).zip(kept).collect();
            return Ok(Arc::new(Explanations { top, tasks }));
        }
        let busy =
            || Refusal::new(Reason::Busy, format!("{WAITING_MAX} explanations are being made already"));
        let waiting = self.explaining.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let working = self.explaining.working.clone().acquire_owned().await.map_err(|_| busy())?;
        let champion = self.shared.champion.load().bundle.clone();
        let champion = champion.filter(|champion| champion.digest() == prediction.bundle);
        let (explaining, prediction) = (self.explaining.clone(), prediction.clone());
        let tasks = self.with_store(move |stores| {
            let _permits = (waiting, working);
            let bundle = match champion {
                Some(champion) => champion,
                None => Arc::new(stores.bundle(prediction.bundle, Haste::Now)?),
            };
            let mut span = scope::child("explain");
            span.note("klinecast.tasks", i64::try_from(asked.len()).unwrap_or(i64::MAX));
            let mut explainer = explaining.take(&bundle)?;
            let mut tasks = Vec::with_capacity(asked.len());
            for (task, class) in asked {
                let Some(explained) = explainer.explain(task, class, &prediction.row) else { continue };
                let explained = Arc::new(explained);
                let key = (prediction.bundle, prediction.row_hash, task, class);
                explaining.kept.put(key, explained.clone());
                tasks.push((task, explained));
            }
            explaining.give_back(bundle.digest(), explainer);
            Ok(tasks)
        });
        Ok(Arc::new(Explanations { top, tasks: tasks.await? }))
    }
}

/// Refuses more features than an explanation may name.
pub(super) fn check_top(top: u32) -> Result<usize, Refusal> {
    if top > EXPLAIN_TOP_MAX {
        let message = format!("explain_top {top} is more than {EXPLAIN_TOP_MAX}");
        return Err(Refusal::new(Reason::MalformedRequest, message).with("explain_top", top));
    }
    Ok(top as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_the_rest_is_added_up() {
        let contributions = vec![0.5, -2.0, 0.25, 2.0, -0.25];
        let explanation = BoosterExplanation { class: 0, raw_score: 1.0, expected: 0.5, contributions };
        assert_eq!(largest(&explanation, 2), (vec![(1, -2.0), (3, 2.0)], 0.5));
        assert_eq!(largest(&explanation, 9).0.len(), 5);
        assert_eq!(largest(&explanation, 9).1, 0.0);
    }
}
