//! What is known about each row, whether it was served or scored now.

use std::sync::Arc;

use forecast::{Answer, Bundle, BundleDigest, MemberAnswers, Task};

use super::super::{Answered, Service};
use super::inputs::Inputs;
use super::model::{InferModel, ServedModel};
use super::outputs::Member;
use super::together::FeatureRows;
use crate::reason::{Reason, Refusal};
use crate::selection::Selection;

/// So few rows are scored with those of other requests where they are answered; more on a thread for what takes long.
const ROWS_AT_ONCE: usize = 16;

/// The rows of an answer.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// The latest predictions about symbols.
    Served(Vec<Answered>),
    /// Feature rows that a bundle was asked about.
    Scored {
        bundle: Arc<Bundle>,
        answers: Vec<Vec<MemberAnswers>>,
        /// Whether the regime's cuts were given.
        has_cuts: bool,
    },
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Served(rows) => rows.len(),
            Self::Scored { answers, .. } => answers.len(),
        }
    }

    /// What a row says about a task; `None` if its bundle does not have the task.
    pub(super) fn answer(&self, row: usize, task: Task, member: Member) -> Option<&Answer> {
        match self {
            Self::Served(rows) => rows.get(row)?.prediction().task(task).map(|said| match member {
                Member::Ensemble => &said.ensemble,
                Member::LightGbm => &said.lightgbm,
                Member::XgBoost => &said.xgboost,
            }),
            Self::Scored { answers, .. } => {
                let said = answers.get(row)?.iter().find(|answer| answer.task == task)?;
                Some(match member {
                    Member::Ensemble => &said.ensemble,
                    Member::LightGbm => &said.lightgbm,
                    Member::XgBoost => &said.xgboost,
                })
            }
        }
    }

    /// The bundle that answered all rows; `None` if there were several.
    pub(super) fn digest(&self) -> Option<BundleDigest> {
        match self {
            Self::Served(rows) => {
                let first = rows.first()?.prediction().bundle;
                rows.iter().all(|row| row.prediction().bundle == first).then_some(first)
            }
            Self::Scored { bundle, .. } => Some(bundle.digest()),
        }
    }
}

impl Service {
    /// What the rows of a request are answered with.
    pub(super) async fn infer_rows(&self, served: &ServedModel, inputs: Inputs) -> Result<Rows, Refusal> {
        match inputs {
            Inputs::Symbols(symbols) => {
                let (selection, strict) = match served.model {
                    InferModel::Task(task) => (Selection::of([task]), true),
                    InferModel::All => (Selection::ALL, false),
                };
                let row = |(at, symbol): (usize, &String)| {
                    self.latest(symbol, selection, strict).map_err(|refusal| refusal.with("row", at))
                };
                symbols.iter().enumerate().map(row).collect::<Result<_, _>>().map(Rows::Served)
            }
            Inputs::Rows { features, cuts } => self.score_rows(served, features, cuts).await,
        }
    }

    async fn score_rows(
        &self,
        served: &ServedModel,
        features: Vec<f64>,
        cuts: Option<Vec<Option<[f64; 2]>>>,
    ) -> Result<Rows, Refusal> {
        let Some(bundle) = served.champion().bundle.clone() else {
            let message = self.infer_problem(served).unwrap_or_else(|| "no bundle is loaded".to_owned());
            return Err(Refusal::new(Reason::NoBundle, message).with("model", served.model.name()));
        };
        if let InferModel::Task(task) = served.model
            && bundle.manifest().task(task).is_none()
        {
            let message = format!("task {task} is not answered by bundle {}", bundle.digest().short());
            return Err(Refusal::new(Reason::TaskNotInBundle, message).with("task", task));
        }
        let has_cuts = cuts.is_some();
        let rows = features.len() / features::Catalogue::standard().len().max(1);
        let cuts = cuts.unwrap_or_else(|| vec![None; rows]);
        let answers = if rows <= ROWS_AT_ONCE {
            let rows = FeatureRows { bundle: bundle.clone(), features, cuts };
            self.together.score(rows).await.unwrap_or_default()
        } else {
            // Whoever waits here holds a place among the requests or streams.
            let turn = self.limits.scorings.clone().acquire_owned().await;
            let scored = bundle.clone();
            let work = move || {
                let answers = scored.answer_rows(&features, &cuts);
                drop(turn);
                answers
            };
            tokio::task::spawn_blocking(work).await.unwrap_or_default()
        };
        if answers.len() != rows {
            return Err(Refusal::new(Reason::Internal, "feature rows were not scored"));
        }
        Ok(Rows::Scored { bundle, answers, has_cuts })
    }
}
