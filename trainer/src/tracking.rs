//! Training as MLflow's users follow it: a run of its own, with what it was told, what it measured and its files; each booster
//! as a model that MLflow's own clients load; and the bundle in the model registry.

mod figures;
mod flavour;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use forecast::{Bundle, GoldenLibrary, Task, booster_file};
use kline::Milliseconds;
use serde::{Deserialize, Serialize};
use store::{BoosterModel, Home, Mlflow, MlflowRegistry, MlflowRun, Origin, RunEnd, RunFigures};

use crate::artefact::{read_json, write_json};
use crate::clock::now;
use crate::time::readable;
use crate::{Result, TrainerError};

/// Which run follows what stands in the training folder.
const FILE: &str = "mlflow.json";
/// Says why a run did not come to its end, or its model not to be the champion.
const PROBLEM_TAG: &str = "klinecast.problem";
/// Says why a run that came to its end has no model.
const NOTE_TAG: &str = "klinecast.note";
/// Reports of the stages, beside the bundle's own files.
const REPORTS: [&str; 3] = ["evaluation.json", "quality.json", "validation.json"];

/// What a command that trains does with the run that it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trains {
    /// Nothing more: `publish` ends it.
    Only,
    /// All stages.
    AndPublishes,
}

/// The run that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Begun {
    server: String,
    run: String,
    ended: bool,
}

/// What the training folder says of runs on one server.
struct Book<'a> {
    mlflow: &'a Mlflow,
    path: PathBuf,
}

impl<'a> Book<'a> {
    fn new(registry: &'a MlflowRegistry, folder: &Path) -> Self {
        Self { mlflow: registry.mlflow(), path: folder.join(FILE) }
    }

    /// The run that was begun on this server; none if another file or none is there.
    fn begun(&self) -> Option<Begun> {
        let begun: Begun = read_json(&self.path, "train").ok()?;
        (begun.server == self.mlflow.place().to_string()).then_some(begun)
    }

    fn write(&self, run: &MlflowRun, ended: bool) -> Result<()> {
        let server = self.mlflow.place().to_string();
        write_json(&self.path, &Begun { server, run: run.id.clone(), ended })
    }

    fn begin(&self, at: Milliseconds) -> Result<MlflowRun> {
        let run = self.mlflow.begin_run(&format!("trained {}", readable(at)), at)?;
        self.write(&run, false)?;
        Ok(run)
    }

    /// Ends the run that was begun, in which nothing was left to do.
    fn end(&self, begun: &Begun) -> Result<()> {
        let Some(run) = self.mlflow.find_run(&begun.run)? else { return Ok(()) };
        let note = (NOTE_TAG.to_owned(), "what it was to publish was published before".to_owned());
        let figures = RunFigures { tags: BTreeMap::from([note]), ..RunFigures::default() };
        self.mlflow.log(&run, &figures, now())?;
        self.mlflow.end_run(&run, RunEnd::Finished, now())?;
        self.write(&run, true)
    }

    /// Says why the run that was begun came to nothing, or its model did.
    fn tell(&self, begun: &Begun, problem: &str) -> Result<()> {
        let Some(run) = self.mlflow.find_run(&begun.run)? else { return Ok(()) };
        let tags = BTreeMap::from([(PROBLEM_TAG.to_owned(), problem.to_owned())]);
        self.mlflow.log(&run, &RunFigures { tags, ..RunFigures::default() }, now())?;
        if !begun.ended {
            self.mlflow.end_run(&run, RunEnd::Failed, now())?;
            self.write(&run, true)?;
        }
        Ok(())
    }
}

/// The run that follows what stands in the training folder, if one was begun on this server.
pub(crate) fn run_of(registry: &MlflowRegistry, folder: &Path) -> Option<String> {
    Book::new(registry, folder).begun().map(|begun| begun.run)
}

/// Does `work`; if it trains and MLflow is set, in a run of its own that ends with it, unless publishing has ended it already, or
/// will: a training alone leaves it open for that.
///
/// # Errors
/// Of `work`; or when MLflow is set and can't be reached before.
pub fn followed(
    home: &Home,
    folder: &Path,
    trains: Option<Trains>,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let (Some(registry), Some(trains)) = (home.mlflow(), trains) else { return work() };
    let ends = trains == Trains::AndPublishes;
    let book = Book::new(registry, folder);
    if let Some(begun) = book.begun().filter(|begun| !begun.ended) {
        book.tell(&begun, "it was broken off")?;
    }
    book.begin(now())?;
    let outcome = work();
    match (&outcome, book.begun()) {
        (Err(error), Some(begun)) => {
            // The error itself matters more than that it can't be told there, too.
            let _ = book.tell(&begun, &error.to_string());
        }
        // Nothing was published in it: an earlier run's publication was taken up. What is done is done, also if that can't be told
        // now: whoever trains next ends what is open.
        (Ok(()), Some(begun)) if ends && !begun.ended => {
            let _ = book.end(&begun);
        }
        _ => {}
    }
    outcome
}

/// Tells a run about its bundle, registers the boosters and then the bundle; its version. What was done before is not done
/// again, so that the same call completes what was broken off.
///
/// # Errors
/// When MLflow can't be reached or refuses.
pub fn publish(
    registry: &MlflowRegistry,
    folder: &Path,
    bundle: &Bundle,
    headline: &BTreeMap<String, f64>,
    at: Milliseconds,
) -> Result<u32> {
    let (book, mlflow) = (Book::new(registry, folder), registry.mlflow());
    let begun = match book.begun() {
        Some(begun) => mlflow.find_run(&begun.run)?,
        None => None,
    };
    let run = match begun {
        Some(run) => run,
        None => book.begin(at)?,
    };
    mlflow.log(&run, &figures::of(bundle), at)?;
    for (name, bytes) in bundle.files() {
        mlflow.put_artifact(&run, &format!("bundle/{name}"), bytes)?;
    }
    for name in REPORTS {
        let path = folder.join(name);
        if path.exists() {
            let bytes = fs::read(&path).map_err(|source| TrainerError::Io { path, act: "read", source })?;
            mlflow.put_artifact(&run, &format!("reports/{name}"), &bytes)?;
        }
    }
    let models = put_models(mlflow, &run, bundle, at)?;
    let boosters: Vec<BoosterModel<'_>> = models
        .iter()
        .map(|(name, source)| BoosterModel {
            name,
            bundle: bundle.digest(),
            origin: Origin { run: &run.id, source },
        })
        .collect();
    mlflow.register_boosters(&boosters)?;
    let source = format!("{}/bundle", run.artifacts);
    let origin = Origin { run: &run.id, source: &source };
    let model = registry.register_from(Some(origin), bundle.digest(), headline, at)?;
    mlflow.link_boosters(bundle.digest(), model.version)?;
    let version = BTreeMap::from([("klinecast.version".to_owned(), model.version.to_string())]);
    mlflow.log(&run, &RunFigures { tags: version, ..RunFigures::default() }, at)?;
    mlflow.end_run(&run, RunEnd::Finished, at)?;
    book.write(&run, true)?;
    Ok(model.version)
}

/// Sends each booster in MLflow's own layout; the names and the addresses of their folders.
fn put_models(
    mlflow: &Mlflow,
    run: &MlflowRun,
    bundle: &Bundle,
    at: Milliseconds,
) -> Result<Vec<(String, String)>> {
    let mut models = Vec::new();
    for task in Task::ALL {
        for library in [GoldenLibrary::LightGbm, GoldenLibrary::XgBoost] {
            let Some(model) = bundle.files().get(&booster_file(task, library)) else { continue };
            let name = format!("{task}-{}", flavour::name(library));
            let folder = format!("models/{name}");
            let made = flavour::Flavour { task, library, manifest: bundle.manifest(), run: &run.id, at };
            for (file, bytes) in made.files(&folder, model) {
                mlflow.put_artifact(run, &format!("{folder}/{file}"), &bytes)?;
            }
            models.push((name, format!("{}/{folder}", run.artifacts)));
        }
    }
    Ok(models)
}
