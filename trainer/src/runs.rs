//! What a run has done so far: `training/runs/ID/state.json`. The same command after a kill goes on from it.
//!
//! A stage is done if it was done by the same program with the same inputs, and the files that it left are still as it left them;
//! so whatever has changed is done anew, with all that depends on it, and nothing else.

mod state;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kline::Milliseconds;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::artefact::{read_json, write_durably, write_json};
use crate::clock::now;
use crate::machine::{Code, digest, host};
use crate::time::compact;
use crate::{Result, TrainerError};

pub use state::{Outcome, Parent, RunState, StageRecord};

const STATE: &str = "state.json";
const ALONE: &str = "stages.json";

/// What was begun longer ago is not gone on with: its klines are old.
const RESUMABLE: Milliseconds = 24 * 3_600_000;

/// A run that is going on.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    /// The artefacts.
    training: PathBuf,
    resumed: bool,
    /// What it has done.
    pub state: RunState,
}

/// Every run that a folder of artefacts has a record of, the newest first. Records that can't be read are left out.
///
/// # Errors
/// When the folder can't be listed.
pub fn recorded(training: &Path) -> Result<Vec<(PathBuf, RunState)>> {
    let folder = training.join("runs");
    let failed = |source| TrainerError::Io { path: folder.clone(), act: "read", source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry.map_err(failed)?.path();
        let state = fs::read(folder.join(STATE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        found.extend(state.map(|state: RunState| (folder, state)));
    }
    found.sort_by(|a, b| (b.1.began, &b.1.id).cmp(&(a.1.began, &a.1.id)));
    Ok(found)
}

impl Run {
    /// Goes on with the newest run of the same request if that has not ended, or begins one. The request is whatever decides what
    /// the run is to do; only its digest is kept. A fresh one always begins.
    ///
    /// # Errors
    /// When records can't be read or written.
    pub fn resume_or_begin(training: &Path, request: &impl Serialize, fresh: bool) -> Result<Self> {
        let failed = |source| TrainerError::Io { path: training.to_owned(), act: "written", source };
        let (request, began) = (digest(request).map_err(failed)?, now());
        let newest = recorded(training)?.into_iter().find(|(_, state)| state.request == request);
        let open = newest.filter(|(_, state)| state.outcome.is_none() && began - state.began < RESUMABLE);
        if let Some((folder, state)) = open.filter(|_| !fresh) {
            let resumed = !state.stages.is_empty();
            return Ok(Self { folder, training: training.to_owned(), resumed, state });
        }
        let folder = |id: &str| training.join("runs").join(id);
        let mut id = format!("{}-{}", compact(began), &request[..8]);
        while folder(&id).exists() {
            id.push('b');
        }
        let folder = folder(&id);
        let state = RunState::begin(id, request, began);
        let run = Self { folder, training: training.to_owned(), resumed: false, state };
        run.write()?;
        Ok(run)
    }

    /// Whether an earlier process has done some of it.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Does a stage, or takes up what it left if it is done.
    ///
    /// # Errors
    /// Of the stage, or when records can't be written.
    pub fn stage<T>(
        &mut self,
        stage: Stage<'_, impl Serialize>,
        take_up: impl FnOnce() -> Result<T>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Way)> {
        let path = || self.folder.join(STATE);
        let failed = |source| TrainerError::Io { path: path(), act: "written", source };
        let inputs = digest(&(&Code::of_this().program, &stage.inputs)).map_err(failed)?;
        let done = self.state.stages.iter().find(|done| done.stage == stage.name);
        if done.is_some_and(|done| {
            done.inputs == inputs && self.outputs(&stage).is_ok_and(|outputs| outputs == done.outputs)
        }) {
            return Ok((take_up()?, Way::TakenUp));
        }
        let began = now();
        let found = work()?;
        let outputs =
            self.outputs(&stage).map_err(|(path, source)| TrainerError::Io { path, act: "read", source })?;
        let record = StageRecord {
            stage: stage.name.to_owned(),
            inputs,
            outputs,
            began,
            ended: now(),
            host: host(),
            program: Code::of_this(),
        };
        self.state.stages.retain(|done| done.stage != stage.name);
        self.state.stages.push(record);
        self.write()?;
        Ok((found, Way::Done))
    }

    /// All files that a stage left, with their digests.
    #[must_use]
    pub fn left_by(&self, stage: &str) -> Option<&BTreeMap<String, String>> {
        self.state.stages.iter().find(|done| done.stage == stage).map(|done| &done.outputs)
    }

    fn outputs(
        &self,
        stage: &Stage<'_, impl Serialize>,
    ) -> std::result::Result<BTreeMap<String, String>, Unreadable> {
        (stage.files)()
            .into_iter()
            .map(|name| Ok((name.clone(), file_digest(&self.training.join(name))?)))
            .collect()
    }

    /// Notes how it ended, so that the same command begins anew.
    ///
    /// # Errors
    /// When the record can't be written.
    pub fn end(&mut self, outcome: Outcome) -> Result<()> {
        self.state.outcome = Some(outcome);
        self.state.ended = Some(now());
        self.write()
    }

    /// Keeps the record as it is now.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self) -> Result<()> {
        let path = self.folder.join(STATE);
        let bytes = serde_json::to_vec_pretty(&self.state).map_err(|error| TrainerError::Io {
            path: path.clone(),
            act: "written",
            source: io::Error::other(error),
        })?;
        write_durably(&path, &bytes)
    }
}

/// The stages that were last done one by one, outside of a run.
///
/// # Errors
/// When what is noted of them is there and can't be read.
pub fn stages_alone(training: &Path) -> Result<Vec<StageRecord>> {
    match read_json(&training.join(ALONE), "run") {
        Err(TrainerError::MissingStage { .. }) => Ok(Vec::new()),
        found => found,
    }
}

/// Notes that a stage was done by itself.
///
/// # Errors
/// When that can't be written.
pub fn note_alone(training: &Path, stage: &str, files: &[String], began: Milliseconds) -> Result<()> {
    let mut outputs = BTreeMap::new();
    for name in files {
        // A stage may leave fewer, as an evaluation of another window does.
        if let Ok(digest) = file_digest(&training.join(name)) {
            outputs.insert(name.clone(), digest);
        }
    }
    let mut stages = stages_alone(training)?;
    stages.retain(|done| done.stage != stage);
    let (ended, host, program) = (now(), host(), Code::of_this());
    stages.push(StageRecord {
        stage: stage.to_owned(),
        inputs: String::new(),
        outputs,
        began,
        ended,
        host,
        program,
    });
    write_json(&training.join(ALONE), &stages)
}

/// A stage, what decides its outcome beside the program, and the files of the artefacts that it leaves.
pub struct Stage<'a, I> {
    /// Its name.
    pub name: &'a str,
    /// What decides its outcome.
    pub inputs: I,
    /// The names of its files.
    pub files: &'a dyn Fn() -> Vec<String>,
}

/// How a stage came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It was done.
    Done,
    /// It was done before.
    TakenUp,
}

type Unreadable = (PathBuf, io::Error);

fn file_digest(path: &Path) -> std::result::Result<String, Unreadable> {
    let bytes = fs::read(path).map_err(|error| (path.to_owned(), error))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(folder: &Path) -> Run {
        Run::resume_or_begin(folder, &"run --seed 7", false).expect("a run")
    }

    /// Does a stage that writes its input to a file; answers how.
    fn stage(run: &mut Run, folder: &Path, input: &str) -> Way {
        let files = || vec!["out".to_owned()];
        let stage = Stage { name: "train", inputs: input, files: &files };
        let work = || crate::artefact::write_bytes(&folder.join("out"), input.as_bytes());
        run.stage(stage, || Ok(()), work).expect("done").1
    }

    #[test]
    fn the_same_request_goes_on_and_what_changed_is_done_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let mut run = begin(folder);
        assert_eq!((run.is_resumed(), stage(&mut run, folder, "a")), (false, Way::Done));
        let mut again = begin(folder);
        assert_eq!((&again.state.id, again.is_resumed()), (&run.state.id, true));
        assert_eq!(stage(&mut again, folder, "a"), Way::TakenUp);
        assert_eq!(stage(&mut again, folder, "b"), Way::Done, "another input");
        std::fs::write(folder.join("out"), "c").expect("written");
        assert_eq!(stage(&mut again, folder, "b"), Way::Done, "another file");
        std::fs::remove_file(folder.join("out")).expect("removed");
        assert_eq!(stage(&mut again, folder, "b"), Way::Done, "no file");
    }

    #[test]
    fn an_ended_an_old_and_another_run_are_not_gone_on_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = begin(folder.path());
        let other = Run::resume_or_begin(folder.path(), &"run --seed 8", false).expect("a run");
        assert_ne!(other.state.request, run.state.request);
        stage(&mut run, folder.path(), "a");
        run.state.began -= RESUMABLE + 1;
        run.write().expect("written");
        let young = begin(folder.path());
        assert!(!young.is_resumed());
        assert_eq!(begin(folder.path()).state, young.state);
        let mut ended = begin(folder.path());
        ended.end(Outcome::Done).expect("written");
        assert!(begin(folder.path()).state.outcome.is_none());
    }
}
