//! All stages in a row. What was interrupted goes on after the last stage that was done.

use std::path::Path;
use std::time::Instant;

use forecast::{
    CAUSALITY_FILE, CausalityCertificate, LEAKS_FILE, LeaksCertificate, PARITY_FILE, ParityCertificate,
};
use serde::Serialize;
use serde_json::json;

use super::{Klines, Pipeline};
use crate::args::{EffortArguments, RunArguments};
use crate::artefact::read_json;
use crate::audit::{self, CausalityRequest};
use crate::certificates::{Certificate, Certificates};
use crate::clock::now;
use crate::dataset::Dataset;
use crate::evaluate::Evaluation;
use crate::expectation::Suite;
use crate::gates::Gates;
use crate::ingest::Source;
use crate::lineage::Origin;
use crate::runs::{Outcome, Run, Stage, Way};
use crate::split::Split;
use crate::trained::{self, Trained};
use crate::{Result, TrainerError, promote, report, version};

/// The klines, and the rows made of them when they are needed.
struct Rows<'a> {
    pipeline: &'a Pipeline,
    klines: Klines,
    split: Split,
    dataset: Option<Dataset>,
}

impl Rows<'_> {
    fn get(&mut self) -> Result<(&mut Dataset, &Klines)> {
        if self.dataset.is_none() {
            self.dataset = Some(self.pipeline.rows(&self.klines, self.split)?);
        }
        let nothing = || TrainerError::NoKlines {
            home: self.pipeline.home.folder().to_owned(),
            interval: self.pipeline.interval,
        };
        Ok((self.dataset.as_mut().ok_or_else(nothing)?, &self.klines))
    }

    /// Lets go of the klines; the rows are made of them before.
    fn without_klines(&mut self) -> Result<&mut Dataset> {
        self.get()?;
        self.klines = Klines::new();
        Ok(self.get()?.0)
    }
}

impl Pipeline {
    /// All stages in a row.
    ///
    /// # Errors
    /// The first stage that does not finish.
    pub fn run(&self, arguments: &RunArguments) -> Result<()> {
        let started = Instant::now();
        // A file that can't be used is told before the training, not after it.
        arguments.train.effort.left_out()?;
        arguments.train.effort.effort()?;
        Suite::read(arguments.train.suite.suite.as_deref())?;
        if !arguments.no_promote {
            Gates::read(arguments.gates.gates.as_deref())?;
        }
        let mut run = Run::resume_or_begin(&self.folder(), &self.request(arguments), arguments.train.fresh)?;
        if run.is_resumed() {
            let id = run.state.id.clone();
            self.console.report("resume", started, &json!({ "run": id }), || format!("run {id} goes on\n"));
        }
        let ended = self.run_stages(arguments, &mut run);
        match &ended {
            Ok(()) => run.end(Outcome::Done)?,
            Err(TrainerError::Gates { .. }) => run.end(Outcome::Refused)?,
            Err(error) if error.is_verdict() => run.end(Outcome::Failed)?,
            // Goes on when the same is asked for again.
            Err(_) => {}
        }
        ended?;
        let total = report::Total::measure(started);
        self.console.report("run", started, &total, || total.to_string());
        Ok(())
    }

    /// All that decides what a run is to do.
    fn request(&self, arguments: &RunArguments) -> impl Serialize + use<> {
        let mut arguments = arguments.clone();
        arguments.train.fresh = false;
        arguments.train.effort.threads = None;
        format!("{:?} {} {arguments:?}", self.symbols, self.interval)
    }

    fn run_stages(&self, arguments: &RunArguments, run: &mut Run) -> Result<()> {
        if run.state.stages.is_empty() {
            run.state.parent = self.champion()?;
        }
        // What can't be taken over is told before anything is done.
        self.settled(&arguments.train, run.state.parent.as_ref())?;
        if let Some(source) = arguments.source.source()? {
            let inputs = listing(&source);
            self.step(run, ("ingest", &inputs, &[]), || Ok(()), || self.ingest(&source))?;
        }
        let klines = self.klines_of(run)?;
        let data_version = version::data_version(&klines, self.interval).version;
        let split = self.split(&klines, arguments.train.windows.request())?;
        let mut rows = Rows { pipeline: self, klines, split, dataset: None };
        let suite = &arguments.train.suite;
        let of_data = (&data_version, split, format!("{:?}", Suite::read(suite.suite.as_deref())?));
        let assess = || self.quality().map(Some);
        let quality = self.step(run, ("quality", &data_version, &["quality.json"]), || Ok(None), assess)?;
        self.step(
            run,
            ("validate", &of_data, &["validation.json"]),
            || Ok(()),
            || {
                let (dataset, klines) = rows.get()?;
                self.validate_by(dataset, klines, quality.as_deref(), suite)
            },
        )?;
        self.version(&rows.klines)?;
        let causality = self.causality_of(run, arguments, &data_version, &rows.klines)?;
        let listen = || self.leaks_of(run, arguments, &data_version, &mut rows);
        let leaks = arguments.audit_leaks.then(listen).transpose()?;
        let trained = self.trained_of(run, arguments, &data_version, &mut rows)?;
        let evaluation = self.evaluation_of(run, arguments, &trained, &mut rows)?;
        let parity: ParityCertificate = self.step(
            run,
            ("audit parity", &(run_files(run, "train"), trained.plan.seed), &[PARITY_FILE]),
            || read_json(&self.folder().join(PARITY_FILE), "audit parity --trained"),
            || self.audit_parity(&trained),
        )?;
        let certificates = Certificates { causality, parity, leaks };
        let version = self.published_of(run, &trained, &evaluation, certificates, &mut rows)?;
        if arguments.no_promote {
            return Ok(());
        }
        if run.is_resumed() && self.champion()?.is_some_and(|champion| champion.version == version) {
            // It was interrupted after that; judged against itself it would say something else.
            return promote::settle(&self.home, version, now());
        }
        let gates = Gates::read(arguments.gates.gates.as_deref())?;
        let gates = if arguments.audit_leaks { gates.with(Certificate::Leaks) } else { gates };
        self.promote_by(&gates, (Some(version), store::Stage::Production), &arguments.gates, false)
    }

    /// One stage; says so if it was done before.
    fn step<T>(
        &self,
        run: &mut Run,
        (name, inputs, files): (&str, &impl Serialize, &[&str]),
        take_up: impl FnOnce() -> Result<T>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let started = Instant::now();
        let files = || files.iter().map(|file| (*file).to_owned()).collect();
        let (found, way) = run.stage(Stage { name, inputs, files: &files }, take_up, work)?;
        self.tell(name, started, way);
        Ok(found)
    }

    fn tell(&self, name: &str, started: Instant, way: Way) {
        if way == Way::TakenUp {
            self.console.report(name, started, &json!({ "taken_up": true }), || "done before\n".to_owned());
        }
    }

    /// The klines up to where the run's own end: those that came since it was interrupted are left for the next one.
    fn klines_of(&self, run: &mut Run) -> Result<Klines> {
        let before = run.state.klines_until;
        let until = self.klines_until.into_iter().chain(before).min();
        let klines = self.kept(until)?.klines;
        if before.is_none() {
            let last = klines.values().filter_map(|klines| klines.last()).map(|kline| kline.close_time).max();
            run.state.klines_until = last;
            run.write()?;
        }
        Ok(klines)
    }

    fn causality_of(
        &self,
        run: &mut Run,
        arguments: &RunArguments,
        data_version: &str,
        klines: &Klines,
    ) -> Result<CausalityCertificate> {
        let bars = usize::from(audit::DEFAULT_BARS);
        let seed = arguments.train.effort.seed;
        let request = CausalityRequest { bars, seed, data_version: data_version.to_owned() };
        let take_up = || read_json(&self.folder().join(CAUSALITY_FILE), "audit causality");
        let inputs = (data_version, bars, seed);
        self.step(run, ("audit causality", &inputs, &[CAUSALITY_FILE]), take_up, || {
            self.audit(klines, &request)
        })
    }

    /// Before the training, which a leak makes vain.
    fn leaks_of(
        &self,
        run: &mut Run,
        arguments: &RunArguments,
        data_version: &str,
        rows: &mut Rows<'_>,
    ) -> Result<LeaksCertificate> {
        let effort = &arguments.train.effort;
        let inputs = (data_version, rows.split, told(effort)?);
        let take_up = || read_json(&self.folder().join(LEAKS_FILE), "audit leaks");
        self.step(run, ("audit leaks", &inputs, &[LEAKS_FILE]), take_up, || {
            self.listen(rows.get()?.0, data_version.to_owned(), effort)
        })
    }

    fn trained_of(
        &self,
        run: &mut Run,
        arguments: &RunArguments,
        data_version: &str,
        rows: &mut Rows<'_>,
    ) -> Result<Trained> {
        let started = Instant::now();
        let settled = self.settled(&arguments.train, run.state.parent.as_ref())?;
        let walk_of = settled.as_ref().and(run.state.parent.as_ref()).map(|parent| parent.bundle);
        let inputs = (data_version, rows.split, told(&arguments.train.effort)?, walk_of);
        let stage = Stage { name: "train", inputs, files: &trained::files };
        let (trained, way) = run.stage(
            stage,
            || trained::load(&self.folder()),
            || self.train(rows.without_klines()?, data_version, &arguments.train, settled.as_ref()),
        )?;
        self.tell("train", started, way);
        Ok(trained)
    }

    fn evaluation_of(
        &self,
        run: &mut Run,
        arguments: &RunArguments,
        trained: &Trained,
        rows: &mut Rows<'_>,
    ) -> Result<Evaluation> {
        let evaluate = &arguments.evaluate;
        let inputs = (run_files(run, "train"), evaluate.resamples, evaluate.strict);
        let take_up = || read_json(&self.folder().join("evaluation.json"), "evaluate");
        self.step(run, ("evaluate", &inputs, &["evaluation.json", "evaluation.html"]), take_up, || {
            self.evaluate(rows.get()?.0, trained, evaluate)
        })
    }

    fn published_of(
        &self,
        run: &mut Run,
        trained: &Trained,
        evaluation: &Evaluation,
        certificates: Certificates,
        rows: &mut Rows<'_>,
    ) -> Result<u32> {
        let kept = self.home.objects().list()?;
        let known = run.state.version.zip(run.state.bundle).filter(|(_, bundle)| kept.contains(bundle));
        if known.is_none() {
            run.state.stages.retain(|done| done.stage != "publish");
        }
        let before = ["train", "evaluate", "audit causality", "audit parity", "audit leaks"];
        let inputs = before.map(|stage| run_files(run, stage));
        let unknown = || TrainerError::MissingStage { path: self.folder().join("runs"), stage: "publish" };
        let (version, bundle) = self.step(
            run,
            ("publish", &inputs, &[]),
            || known.ok_or_else(unknown),
            || {
                let found = self.publish(rows.get()?.0, trained, evaluation, certificates)?;
                Ok((found.version, found.bundle))
            },
        )?;
        run.state.version = Some(version);
        run.state.bundle = Some(bundle);
        run.write()?;
        let (id, parent, stages) = (run.state.id.clone(), run.state.parent, run.state.stages.clone());
        self.keep_origin(bundle, &Origin { run: Some(id), parent, ..self.origin(stages) })?;
        Ok(version)
    }
}

/// What an effort says about the models, and nothing about the machine.
fn told(effort: &EffortArguments) -> Result<impl Serialize + use<>> {
    let left_out = effort.left_out()?.names();
    let effort = effort.effort()?;
    let shapes = format!("{:?}", effort.shapes);
    Ok((effort.seed, effort.rounds_max, effort.folds, shapes, effort.half_life, left_out))
}

fn run_files(run: &Run, stage: &str) -> Vec<(String, String)> {
    let files = run.left_by(stage).into_iter().flatten();
    files.map(|(name, digest)| (name.clone(), digest.clone())).collect()
}

/// What can be seen of a source without reading it: of a folder its files, their sizes and times.
fn listing(source: &Source) -> Vec<String> {
    let folder = match source {
        Source::Folder(folder) => folder.as_path(),
        Source::Archive { place, .. } => Path::new(place),
        Source::Exchange { .. } => return Vec::new(),
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some(format!("{:?} {} {:?}", entry.file_name(), about.len(), about.modified().ok()))
        })
        .collect();
    files.sort_unstable();
    files
}
