//! Runs: what a training was told, what it measured, and its files.

use std::collections::BTreeMap;

use kline::Milliseconds;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Mlflow;
use super::fault::MlflowFault;
use crate::StoreError;

/// What one request may carry of parameters and tags, and of figures.
const NAMES_MAX: usize = 100;
const FIGURES_MAX: usize = 1_000;
/// By which name the trainer says that a run is its own.
const PROGRAM: &str = "klinecast-trainer";
/// Runs that one answer may have, and answers that are read.
const PAGE: u32 = 1_000;
const PAGES_MAX: usize = 100;
/// Longer values of parameters and tags are cut; older servers take no longer ones.
const VALUE_CHARS_MAX: usize = 500;

/// A run that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlflowRun {
    /// Its name in MLflow's addresses.
    pub id: String,
    /// Where its files are: `mlflow-artifacts:/…`.
    pub artifacts: String,
}

/// A run as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunRun {
    /// Its name in MLflow's addresses.
    pub id: String,
    /// When it began, Unix milliseconds.
    pub began_at: Milliseconds,
    /// Whether nobody has ended it.
    pub is_open: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// It did what it was for.
    Finished,
    /// It broke off.
    Failed,
}

/// What is said about a run. Figures that are no numbers are left out, MLflow has no place for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFigures {
    /// What it was told; a name's value never changes.
    pub parameters: BTreeMap<String, String>,
    /// What it measured.
    pub metrics: BTreeMap<String, f64>,
    /// What it belongs to.
    pub tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RunAnswer {
    run: Run,
}

#[derive(Deserialize)]
struct Run {
    info: RunInfo,
}

#[derive(Deserialize)]
struct RunInfo {
    run_id: String,
    artifact_uri: String,
    #[serde(default)]
    lifecycle_stage: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    start_time: Milliseconds,
}

impl From<RunInfo> for MlflowRun {
    fn from(info: RunInfo) -> Self {
        Self { id: info.run_id, artifacts: info.artifact_uri }
    }
}

impl Mlflow {
    /// Begins a run in the experiment, which is made if it is not there.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn begin_run(&self, name: &str, at: Milliseconds) -> Result<MlflowRun, StoreError> {
        let action = "beginning a run";
        let tags = json!([
            { "key": "mlflow.source.name", "value": PROGRAM },
            { "key": "mlflow.source.type", "value": "LOCAL" },
            { "key": "mlflow.user", "value": "klinecast" },
        ]);
        let experiment = self.experiment(action)?;
        let body = json!({ "experiment_id": experiment, "run_name": name, "start_time": at, "tags": tags });
        let answer: RunAnswer = self.parsed(action, self.post(action, "runs/create", body)?)?;
        Ok(answer.run.info.into())
    }

    fn experiment(&self, action: &'static str) -> Result<String, StoreError> {
        #[derive(Deserialize)]
        struct Made {
            experiment_id: String,
        }
        #[derive(Deserialize)]
        struct Found {
            experiment: Made,
        }
        let name = self.place().experiment();
        match self.post(action, "experiments/create", json!({ "name": name }))? {
            Err(refusal) if refusal.is_there_already() => {
                let found = self.get(action, "experiments/get-by-name", &[("experiment_name", name)])?;
                Ok(self.parsed::<Found>(action, found)?.experiment.experiment_id)
            }
            answer => Ok(self.parsed::<Made>(action, answer)?.experiment_id),
        }
    }

    /// A run by its name; `None` if the server has none, or has deleted it.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn find_run(&self, id: &str) -> Result<Option<MlflowRun>, StoreError> {
        let action = "finding a run";
        let answer: RunAnswer = match self.get(action, "runs/get", &[("run_id", id)])? {
            Err(refusal) if refusal.is_missing() => return Ok(None),
            answer => self.parsed(action, answer)?,
        };
        let info = answer.run.info;
        Ok((info.lifecycle_stage != "deleted").then(|| info.into()))
    }

    /// The runs of the experiment that the trainer began and that nobody has deleted, the newest first.
    pub(super) fn begun_runs(&self) -> Result<Vec<BegunRun>, StoreError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            runs: Vec<Run>,
            #[serde(default)]
            next_page_token: String,
        }
        let action = "looking for runs";
        let experiment = self.experiment(action)?;
        let (mut runs, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let body = json!({
                "experiment_ids": [experiment], "max_results": PAGE, "page_token": token, "run_view_type": "ACTIVE_ONLY",
                "filter": format!("tags.`mlflow.source.name` = '{PROGRAM}'"), "order_by": ["attributes.start_time DESC"],
            });
            let found: Found = self.parsed(action, self.post(action, "runs/search", body)?)?;
            runs.extend(found.runs.into_iter().map(|Run { info }| BegunRun {
                id: info.run_id,
                began_at: info.start_time,
                is_open: info.status == "RUNNING",
            }));
            if found.next_page_token.is_empty() {
                return Ok(runs);
            }
            token = found.next_page_token;
        }
        Err(self.failed(action, MlflowFault::Failed, "there is no end of runs".to_owned()))
    }

    /// Deletes a run, which can be restored until MLflow collects its garbage; one that is not there is no fault.
    pub(super) fn delete_run(&self, id: &str) -> Result<(), StoreError> {
        let action = "deleting a run";
        match self.post(action, "runs/delete", json!({ "run_id": id }))? {
            Err(refusal) if refusal.is_missing() => Ok(()),
            answer => answer.map(drop).map_err(|refusal| self.refused(action, refusal)),
        }
    }

    /// Says what a run was told and measured; the same again changes nothing.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn log(&self, run: &MlflowRun, figures: &RunFigures, at: Milliseconds) -> Result<(), StoreError> {
        let action = "logging a run";
        let cut = |text: &String| text.chars().take(VALUE_CHARS_MAX).collect::<String>();
        let pairs = |of: &BTreeMap<String, String>| {
            of.iter().map(|(key, value)| json!({ "key": key, "value": cut(value) })).collect::<Vec<Value>>()
        };
        let metrics: Vec<Value> = figures
            .metrics
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(key, value)| json!({ "key": key, "value": value, "timestamp": at, "step": 0 }))
            .collect();
        let batches = [
            ("params", pairs(&figures.parameters), NAMES_MAX),
            ("tags", pairs(&figures.tags), NAMES_MAX),
            ("metrics", metrics, FIGURES_MAX),
        ];
        for (kind, all, most) in &batches {
            for some in all.chunks(*most) {
                let mut body = json!({ "run_id": run.id });
                body[*kind] = json!(some);
                let answer = self.post(action, "runs/log-batch", body)?;
                answer.map_err(|refusal| self.refused(action, refusal))?;
            }
        }
        Ok(())
    }

    /// Puts a file beside a run, at a path with `/` between its parts; one that is there is replaced.
    ///
    /// # Errors
    /// When the server can't be reached, refuses, or does not pass artifacts on.
    pub fn put_artifact(&self, run: &MlflowRun, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let action = "sending a file";
        let place = run.artifacts.strip_prefix("mlflow-artifacts:").map(|rest| {
            // Some servers name themselves before the path.
            rest.strip_prefix("//").and_then(|rest| rest.split_once('/')).map_or(rest, |(_, path)| path)
        });
        let Some(folder) = place else {
            let problem = format!("its artifacts lie at {}", run.artifacts);
            return Err(self.failed(action, MlflowFault::Artifacts, problem));
        };
        self.put_file(action, &format!("{}/{path}", folder.trim_matches('/')), bytes)
    }

    /// Ends a run.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub fn end_run(&self, run: &MlflowRun, end: RunEnd, at: Milliseconds) -> Result<(), StoreError> {
        let action = "ending a run";
        let status = match end {
            RunEnd::Finished => "FINISHED",
            RunEnd::Failed => "FAILED",
        };
        let body = json!({ "run_id": run.id, "status": status, "end_time": at });
        let answer = self.post(action, "runs/update", body)?;
        answer.map(drop).map_err(|refusal| self.refused(action, refusal))
    }
}
