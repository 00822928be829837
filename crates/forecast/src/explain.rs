//! Why the boosters of a bundle answered what they did: exact SHAP values of their raw scores.

use std::sync::Arc;

use forest::{Booster, Explainer};

use crate::bundle::load_models;
use crate::{Bundle, BundleError, Task};

/// Explains what one bundle's boosters answer. Holds forms of the models of its own, some tens of megabytes, so make it when
/// it is first needed. A clone shares them and has working memory of its own, for another thread.
#[derive(Debug, Clone)]
pub struct BundleExplainer {
    tasks: Vec<(Task, [Member; 2])>,
}

#[derive(Debug, Clone)]
struct Member {
    booster: Arc<Booster>,
    explainer: Explainer,
}

/// Why one booster's raw score of a row is what it is. The expected value and the contributions add up to the raw score, up to
/// rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct BoosterExplanation {
    /// The class whose raw score is explained; 0 for a regression and for a binary task.
    pub class: usize,
    /// The raw score: before the link function and the target's transformation.
    pub raw_score: f64,
    /// Its expected value over the training data.
    pub expected: f64,
    /// What each feature adds, in catalogue order.
    pub contributions: Vec<f64>,
}

impl BundleExplainer {
    /// Reads the bundle's boosters once more.
    ///
    /// # Errors
    /// A booster whose file says nothing about how often its nodes were passed in training.
    pub fn new(bundle: &Bundle) -> Result<Self, BundleError> {
        let mut tasks = Vec::with_capacity(bundle.manifest().tasks.len());
        for entry in &bundle.manifest().tasks {
            let models = load_models(entry, bundle.manifest(), bundle.files())?;
            let member = |model: &forest::Model, name: &str| {
                let explainer = model.explainer().map_err(|problem| BundleError::Booster {
                    name: name.to_owned(),
                    task: entry.task,
                    problem: problem.to_string(),
                })?;
                Ok::<_, BundleError>(Member { booster: Arc::new(Booster::new(model)), explainer })
            };
            let [lightgbm, xgboost] = &models;
            let members = [member(lightgbm, &entry.lightgbm.file)?, member(xgboost, &entry.xgboost.file)?];
            tasks.push((entry.task, members));
        }
        Ok(Self { tasks })
    }

    /// Why LightGBM and XGBoost answered a row as they did, for one class of a task with several; `None` if the bundle does not
    /// answer the task or the row is not one of its catalogue.
    pub fn explain(&mut self, task: Task, class: usize, row: &[f64]) -> Option<[BoosterExplanation; 2]> {
        let (_, members) = self.tasks.iter_mut().find(|(known, _)| *known == task)?;
        let [lightgbm, xgboost] = members;
        Some([lightgbm.explain(class, row)?, xgboost.explain(class, row)?])
    }
}

impl Member {
    fn explain(&mut self, class: usize, row: &[f64]) -> Option<BoosterExplanation> {
        let outputs = self.booster.output_count();
        // A binary task has one raw score, that of class 1.
        let output = if outputs == 1 { 0 } else { class };
        let mut scores = vec![0.0; outputs];
        self.booster.margin(row, &mut scores).ok()?;
        let mut all = vec![0.0; self.explainer.contribution_count()];
        self.explainer.contributions(row, &mut all).ok()?;
        let of_output = all.chunks_exact(row.len() + 1).nth(output)?;
        let (expected, contributions) = of_output.split_last()?;
        Some(BoosterExplanation {
            class: output,
            raw_score: *scores.get(output)?,
            expected: *expected,
            contributions: contributions.to_vec(),
        })
    }
}
