//! What training leaves on disk for the stages after it.

use std::path::Path;

use forecast::{
    Bands, BaselineName, Baselines, Calibration, LightGbmShare, Stacking, TargetTransform, Task,
    VarianceModel,
};
use serde::{Deserialize, Serialize};

use super::{Member, Plan, Trained, TrainedTask};
use crate::Result;
use crate::artefact::{read_bytes, read_json, write_bytes, write_json};
use crate::fit::{Fit, Parameters};
use crate::walk_report::{Importance, WalkReport};

const STAGE: &str = "train";
const PLAN: &str = "plan.json";
const IMPORTANCE: &str = "importance.json";

#[derive(Serialize, Deserialize)]
struct SavedPlan {
    plan: Plan,
    baselines: Baselines,
    stacking: Stacking,
    calibration: Calibration,
    bands: Bands,
    #[serde(default)]
    variance: Option<VarianceModel>,
    walk: WalkReport,
    tasks: Vec<SavedTask>,
}

#[derive(Serialize, Deserialize)]
struct SavedTask {
    task: Task,
    transform: TargetTransform,
    best_baseline: BaselineName,
    lightgbm: SavedMember,
    xgboost: SavedMember,
    lightgbm_share: Option<LightGbmShare>,
}

#[derive(Serialize, Deserialize)]
struct SavedMember {
    file: String,
    rounds: usize,
    rounds_trained: usize,
    tune_loss: Option<f64>,
    parameters: Parameters,
    seconds: f64,
}

fn lightgbm_file(task: Task) -> String {
    format!("{task}.lightgbm.txt")
}

fn xgboost_file(task: Task) -> String {
    format!("{task}.xgboost.ubj")
}

/// The names of what [`save`] writes.
#[must_use]
pub fn files() -> Vec<String> {
    let boosters = Task::ALL.into_iter().flat_map(|task| [lightgbm_file(task), xgboost_file(task)]);
    boosters.chain([IMPORTANCE, PLAN].map(str::to_owned)).collect()
}

/// Writes boosters, baselines and plan into a folder; the plan last, so that what it names is there.
///
/// # Errors
/// When a file can't be written.
pub fn save(trained: &Trained, folder: &Path) -> Result<()> {
    let mut tasks = Vec::with_capacity(trained.tasks.len());
    for one in &trained.tasks {
        let task = one.task;
        tasks.push(SavedTask {
            task,
            transform: one.transform,
            best_baseline: one.best_baseline,
            lightgbm: save_member(folder, &lightgbm_file(task), &one.lightgbm)?,
            xgboost: save_member(folder, &xgboost_file(task), &one.xgboost)?,
            lightgbm_share: one.lightgbm_share,
        });
    }
    let plan = SavedPlan {
        plan: trained.plan.clone(),
        baselines: trained.baselines.clone(),
        stacking: trained.stacking.clone(),
        calibration: trained.calibration.clone(),
        bands: trained.bands.clone(),
        variance: trained.variance,
        walk: trained.walk.clone(),
        tasks,
    };
    write_json(&folder.join(IMPORTANCE), &trained.importance)?;
    write_json(&folder.join(PLAN), &plan)
}

fn save_member(folder: &Path, file: &str, member: &Member) -> Result<SavedMember> {
    write_bytes(&folder.join(file), &member.fit.file)?;
    Ok(SavedMember {
        file: file.to_owned(),
        rounds: member.fit.rounds,
        rounds_trained: member.fit.rounds_trained,
        tune_loss: Some(member.fit.tune_loss).filter(|loss| loss.is_finite()),
        parameters: member.parameters.clone(),
        seconds: member.seconds,
    })
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// When training did not run, or a file is malformed.
pub fn load(folder: &Path) -> Result<Trained> {
    let saved: SavedPlan = read_json(&folder.join(PLAN), STAGE)?;
    let mut tasks = Vec::with_capacity(saved.tasks.len());
    for one in saved.tasks {
        tasks.push(TrainedTask {
            task: one.task,
            transform: one.transform,
            best_baseline: one.best_baseline,
            lightgbm: load_member(folder, one.lightgbm)?,
            xgboost: load_member(folder, one.xgboost)?,
            lightgbm_share: one.lightgbm_share,
        });
    }
    Ok(Trained {
        plan: saved.plan,
        baselines: saved.baselines,
        stacking: saved.stacking,
        calibration: saved.calibration,
        bands: saved.bands,
        variance: saved.variance,
        walk: saved.walk,
        importance: load_importance(folder)?,
        tasks,
    })
}

/// Reads what the features have done in the last training.
///
/// # Errors
/// When training did not run, or the file is malformed.
pub fn load_importance(folder: &Path) -> Result<Importance> {
    read_json(&folder.join(IMPORTANCE), STAGE)
}

fn load_member(folder: &Path, saved: SavedMember) -> Result<Member> {
    let file = read_bytes(&folder.join(&saved.file), STAGE)?;
    let fit = Fit {
        file,
        rounds: saved.rounds,
        rounds_trained: saved.rounds_trained,
        tune_loss: saved.tune_loss.unwrap_or(f64::NAN),
    };
    Ok(Member { fit, parameters: saved.parameters, seconds: saved.seconds })
}
