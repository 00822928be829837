//! The stages in a row, or one of them. Alone, a stage takes what the ones before it left in the home; in a row,
//! they hand it on.

mod alone;
mod datasets;
mod drift;
mod importance;
mod leaks;
mod lineage;
mod locking;
mod models;
mod parity;
mod pruning;
mod rows;
mod run;
mod scheduling;
mod search;
mod training;
mod validation;
mod versioning;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use forecast::{CAUSALITY_FILE, CausalityCertificate};
use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use store::{DatasetStore, Home};

use crate::args::{
    Arguments, AuditCommand, Command, EvaluateArguments, ExportArguments, JournalCommand, WindowArguments,
};
use crate::artefact::{write_bytes, write_json};
use crate::audit::{self, CausalityRequest, Machine};
use crate::certificates::Certificates;
use crate::clock::now;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::evaluate::Evaluation;
use crate::export::ExportRequest;
use crate::gates;
use crate::ingest::{Kept, Source, kept_klines};
use crate::looks::{Likeness, Looks, Tried};
use crate::machine::cores;
use crate::metrics_file::MetricsFile;
use crate::publish::Published;
use crate::split::{Split, SplitRequest};
use crate::time::TimeArgument;
use crate::tracking::Trains;
use crate::trained::Trained;
use crate::{Result, TrainerError, evaluate, export, ingest, publish, report, tracking, version};
use locking::Use;

/// Does what the command line says.
///
/// # Errors
/// The first stage that does not finish.
pub fn execute(arguments: &Arguments) -> Result<()> {
    execute_with(arguments, Console::new(arguments.common.json))
}

/// [`execute`] with another place for reports.
///
/// # Errors
/// The first stage that does not finish.
pub fn execute_with(arguments: &Arguments, console: Console) -> Result<()> {
    let common = &arguments.common;
    if let Command::Schedule(schedule) = &arguments.command {
        return scheduling::keep(common, schedule, console);
    }
    let pipeline = Pipeline {
        home: Home::open_with(&common.home, &common.places()?)?,
        symbols: common.symbols.clone(),
        interval: common.interval,
        klines_until: common.klines_until,
        scratch: common.scratch.clone(),
        console,
        metrics: MetricsFile::new(common.metrics_file.clone()).pushed(common.monitoring.gateway()?, console),
        datasets: common.datasets.store(&common.bundles)?,
    };
    let command = &arguments.command;
    let trains = match command {
        Command::Run(_) => Some(Trains::AndPublishes),
        Command::Train(train) => train.part.part().is_none().then_some(Trains::Only),
        _ => None,
    };
    pipeline.using(Use::of(command), || {
        tracking::followed(&pipeline.home, &pipeline.folder(), trains, || dispatch(&pipeline, command))
    })
}

fn dispatch(pipeline: &Pipeline, command: &Command) -> Result<()> {
    match command {
        Command::Run(run) => pipeline.run(run),
        Command::Ingest(source) => {
            let problem = "there is nothing to ingest from";
            let source = source.source()?.ok_or(TrainerError::Source { problem })?;
            pipeline.ingest(&source)
        }
        Command::Quality => pipeline.quality().map(drop),
        Command::Features(arguments) => pipeline.features_alone(arguments),
        Command::Validate(arguments) => pipeline.validate_alone(arguments),
        Command::Version(arguments) => pipeline.version_alone(arguments),
        Command::Restore(arguments) => pipeline.restore(&arguments.dataset),
        Command::Audit(AuditCommand::Causality(arguments)) => {
            let klines = pipeline.klines()?;
            let data_version = version::data_version(&klines, pipeline.interval).version;
            let bars = usize::from(arguments.bars);
            let request = CausalityRequest { bars, seed: arguments.seed, data_version };
            pipeline.audit(&klines, &request).map(drop)
        }
        Command::Audit(AuditCommand::Parity(arguments)) => pipeline.audit_parity_alone(arguments),
        Command::Audit(AuditCommand::Leaks(arguments)) => pipeline.audit_leaks(arguments),
        Command::Drift(arguments) => pipeline.drift(arguments),
        Command::Train(arguments) => pipeline.train_alone(arguments),
        Command::Search(arguments) => pipeline.search(arguments),
        Command::Evaluate(arguments) => pipeline.evaluate_alone(arguments),
        Command::Publish => pipeline.publish_alone(),
        Command::Lineage(arguments) => pipeline.lineage(arguments.model.as_deref()),
        Command::Promote(arguments) if arguments.print_gates => {
            pipeline.console.show(gates::STANDARD);
            Ok(())
        }
        Command::Promote(arguments) => {
            pipeline.promote(arguments.version, arguments.to.stage(), &arguments.gates, arguments.dry_run)
        }
        Command::Models => pipeline.models(),
        Command::Prune(arguments) => pipeline.prune(arguments),
        // Needs no home of its own.
        Command::Schedule(_) => Ok(()),
        Command::Journal(JournalCommand::Export(arguments)) => pipeline.export(arguments),
    }
}

/// What every stage works with.
#[derive(Debug)]
pub struct Pipeline {
    /// The store.
    pub home: Home,
    /// The wanted symbols; empty means all.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// Klines that end later are left out.
    pub klines_until: Option<Milliseconds>,
    /// Where feature rows lie meanwhile; without it in the home.
    pub scratch: Option<PathBuf>,
    /// Where reports go.
    pub console: Console,
    /// Where figures for Prometheus go.
    pub metrics: MetricsFile,
    /// Where the klines of each data version are kept, if anywhere.
    pub datasets: Option<Box<dyn DatasetStore>>,
}

/// Fewer warm bars are not divided into windows.
const SPLIT_BARS_LEAST: usize = 400;

type Klines = BTreeMap<Symbol, Vec<Kline>>;

impl Pipeline {
    /// Brings klines into the store.
    ///
    /// # Errors
    /// When the source can't be read or the store not be written.
    pub fn ingest(&self, source: &Source) -> Result<()> {
        let started = Instant::now();
        let found = ingest::ingest(&self.home, source, &self.symbols, self.interval, &self.console)?;
        self.console.report("ingest", started, &found, || report::ingested(&found));
        Ok(())
    }

    /// The kept klines of the wanted symbols.
    ///
    /// # Errors
    /// When there is none.
    pub fn klines(&self) -> Result<Klines> {
        Ok(self.kept(self.klines_until)?.klines)
    }

    /// What is kept, up to a closing time.
    pub(super) fn kept(&self, until: Option<Milliseconds>) -> Result<Kept> {
        let mut kept = kept_klines(&self.home, &self.symbols, self.interval)?;
        let Some(until) = until else { return Ok(kept) };
        for series in kept.klines.values_mut() {
            series.truncate(series.partition_point(|kline| kline.close_time <= until));
        }
        kept.klines.retain(|_, series| !series.is_empty());
        if kept.klines.is_empty() {
            return Err(TrainerError::NoKlines {
                home: self.home.folder().to_owned(),
                interval: self.interval,
            });
        }
        Ok(kept)
    }

    /// The windows: as asked for, the rest from the klines. Without dates, the time before any row can be warm
    /// does not count.
    ///
    /// # Errors
    /// When a window would be empty.
    pub fn split(&self, klines: &Klines, request: SplitRequest) -> Result<Split> {
        let bars = |kline: Option<&Kline>| kline.map(|kline| kline.bar_time(self.interval));
        let first = klines.values().filter_map(|klines| bars(klines.first())).min();
        let last = klines.values().filter_map(|klines| bars(klines.last())).max();
        let nothing =
            || TrainerError::NoKlines { home: self.home.folder().to_owned(), interval: self.interval };
        let (first, last) = first.zip(last).ok_or_else(nothing)?;
        let warm = self.first_warm(first);
        let bars = usize::try_from(last.steps_since(warm, self.interval)).unwrap_or(0);
        if bars < SPLIT_BARS_LEAST && (request.train_until.is_none() || request.tune_until.is_none()) {
            let warm_up = warm.steps_since(first, self.interval);
            let remedy = format!("features take {warm_up} bars to be warm, so give it more history");
            return Err(TrainerError::TooLittle {
                window: "the data",
                rows: bars,
                needed: SPLIT_BARS_LEAST,
                remedy,
            });
        }
        let start = if request.train_until.is_none() { warm.min(last) } else { first };
        Split::new(&request, start, last, self.interval)
    }

    fn first_warm(&self, first: BarTime) -> BarTime {
        let definitions = features::Catalogue::standard().definitions();
        let warm_up = definitions.iter().map(|definition| definition.warm_up_bars).max().unwrap_or(0);
        first.plus(i64::from(warm_up), self.interval)
    }

    /// Rows and outcomes of the windows.
    ///
    /// # Errors
    /// When the rows can't be kept on the disk.
    pub fn dataset(&self, klines: &Klines, split: Split) -> Result<Dataset> {
        let bar = self.console.bar(klines.values().map(Vec::len).sum(), "making feature rows");
        let rows = AtomicU64::new(0);
        let folder = self.scratch.clone().unwrap_or_else(|| self.folder());
        Dataset::build(klines, self.interval, split, (cores(), &folder), || {
            let seen = rows.fetch_add(1, Ordering::Relaxed) + 1;
            if seen.is_multiple_of(4_096) {
                bar.set(seen);
            }
        })
    }

    fn features(&self, klines: &Klines, windows: &WindowArguments) -> Result<Dataset> {
        self.rows(klines, self.split(klines, windows.request())?)
    }

    fn rows(&self, klines: &Klines, split: Split) -> Result<Dataset> {
        let started = Instant::now();
        let dataset = self.dataset(klines, split)?;
        let found = report::Rows::of(&dataset);
        self.metrics.features(&dataset)?;
        self.console.report("features", started, &found, || found.to_string());
        Ok(dataset)
    }

    /// Audits causality; keeps the certificate, a failed one too, so that nothing is published with an older one.
    fn audit(&self, klines: &Klines, request: &CausalityRequest) -> Result<CausalityCertificate> {
        let started = Instant::now();
        let found = audit::audit_causality(&Machine, klines, self.interval, request, self.console)?;
        write_json(&self.folder().join(CAUSALITY_FILE), &found)?;
        self.console.report("audit", started, &found, || audit::causality_table(&found));
        if found.passed {
            return Ok(found);
        }
        Err(TrainerError::Causality { offences: found.offences.iter().map(ToString::to_string).collect() })
    }

    fn evaluate(
        &self,
        dataset: &Dataset,
        trained: &Trained,
        arguments: &EvaluateArguments,
    ) -> Result<Evaluation> {
        let started = Instant::now();
        // Noted before it is looked at: who breaks off has looked.
        let looks = Looks::of(&self.folder());
        let other_models = looks.note(&Likeness::of_trained(trained)?, dataset.split.test, now())?;
        let tried = Tried { other_models, shapes: trained.plan.shapes_tried.clone() };
        let found = evaluate::evaluate(dataset, trained, tried, arguments.resamples, &self.console)?;
        // What is published are the figures of the window that training had set aside.
        if dataset.split == trained.plan.split {
            write_json(&self.folder().join("evaluation.json"), &found)?;
            write_bytes(&self.folder().join("evaluation.html"), evaluate::page(&found, trained).as_bytes())?;
            self.metrics.evaluation(&found)?;
        }
        self.console.report("evaluate", started, &found, || report::evaluation(&found));
        for alarm in &found.alarms {
            self.console.warn(&format!("{alarm}: beyond what a real market allows, look for a leak"));
        }
        if arguments.strict && !found.alarms.is_empty() {
            return Err(TrainerError::Alarm { alarms: found.alarms });
        }
        Ok(found)
    }

    fn publish(
        &self,
        dataset: &Dataset,
        trained: &Trained,
        evaluation: &Evaluation,
        certificates: Certificates,
    ) -> Result<Published> {
        let started = Instant::now();
        let found = publish::publish(&self.home, dataset, trained, evaluation, certificates, now())?;
        self.console.report("publish", started, &found, || {
            let megabytes = found.bytes as f64 / 1e6;
            let (bundle, version, rows) = (found.bundle, found.version, found.golden_rows);
            format!("bundle {bundle}, version {version}, {megabytes:.1} MB, {rows} golden rows verified\n")
        });
        Ok(found)
    }

    fn export(&self, arguments: &ExportArguments) -> Result<()> {
        let started = Instant::now();
        let request = ExportRequest {
            to: arguments.to.clone(),
            from: arguments.from.map(TimeArgument::start),
            until: arguments.until.map(TimeArgument::end),
        };
        let found = export::export(&self.home, &request, &self.console)?;
        self.console.report("journal export", started, &found, || report::exported(&found));
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.home.folder().join("training")
    }
}
