//! The stages in a row, or one of them. Alone, a stage takes what the ones before it left in the home; in a row,
//! they hand it on.

mod drift;
mod parity;
mod rows;
mod validation;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use forecast::{CAUSALITY_FILE, CausalityCertificate, PARITY_FILE};
use kline::{BarTime, Interval, Kline, Symbol};
use store::Home;

use crate::args::{
    Arguments, AuditCommand, Command, EvaluateAloneArguments, EvaluateArguments, ExportArguments,
    GateArguments, JournalCommand, RunArguments, TrainArguments, WindowArguments, cores,
};
use crate::artefact::{read_json, write_json};
use crate::audit::{self, CausalityRequest, Machine};
use crate::clock::now;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::evaluate::Evaluation;
use crate::expectation::Suite;
use crate::export::ExportRequest;
use crate::gates::{self, Gates};
use crate::ingest::{Source, kept_klines};
use crate::metrics_file::MetricsFile;
use crate::publish::Certificates;
use crate::split::{Split, SplitRequest};
use crate::time::TimeArgument;
use crate::train::recipe::Effort;
use crate::trained::{self, Trained};
use crate::{Result, TrainerError, evaluate, export, ingest, promote, publish, report, train, version};

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
    let pipeline = Pipeline {
        home: Home::open_with(&common.home, common.database.url()?.as_ref())?,
        symbols: common.symbols.clone(),
        interval: common.interval,
        console,
        metrics: MetricsFile::new(common.metrics_file.clone()),
    };
    match &arguments.command {
        Command::Run(run) => pipeline.run(run),
        Command::Ingest(source) => {
            let problem = "there is nothing to ingest from";
            let source = source.source()?.ok_or(TrainerError::Source { problem })?;
            pipeline.ingest(&source)
        }
        Command::Quality => pipeline.quality().map(drop),
        Command::Features(arguments) => pipeline.features_alone(arguments),
        Command::Validate(arguments) => pipeline.validate_alone(arguments),
        Command::Version => pipeline.version(&pipeline.klines()?).map(drop),
        Command::Audit(AuditCommand::Causality(arguments)) => {
            let klines = pipeline.klines()?;
            let data_version = version::data_version(&klines, pipeline.interval).version;
            let bars = usize::from(arguments.bars);
            let request = CausalityRequest { bars, seed: arguments.seed, data_version };
            pipeline.audit(&klines, &request).map(drop)
        }
        Command::Audit(AuditCommand::Parity(arguments)) => pipeline.audit_parity_alone(arguments),
        Command::Drift(arguments) => pipeline.drift(arguments),
        Command::Train(arguments) => pipeline.train_alone(arguments),
        Command::Evaluate(arguments) => pipeline.evaluate_alone(arguments),
        Command::Publish => pipeline.publish_alone(),
        Command::Promote(arguments) if arguments.print_gates => {
            pipeline.console.show(gates::STANDARD);
            Ok(())
        }
        Command::Promote(arguments) => {
            pipeline.promote(arguments.version, &arguments.gates, arguments.dry_run)
        }
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
    /// Where reports go.
    pub console: Console,
    /// Where figures for Prometheus go.
    pub metrics: MetricsFile,
}

/// Fewer warm bars are not divided into windows.
const SPLIT_BARS_LEAST: usize = 400;

type Klines = BTreeMap<Symbol, Vec<Kline>>;

impl Pipeline {
    /// All stages in a row.
    ///
    /// # Errors
    /// The first stage that does not finish.
    pub fn run(&self, arguments: &RunArguments) -> Result<()> {
        let started = Instant::now();
        // A file that can't be used is told before the training, not after it.
        Suite::read(arguments.train.suite.suite.as_deref())?;
        if !arguments.no_promote {
            Gates::read(arguments.gates.gates.as_deref())?;
        }
        if let Some(source) = arguments.source.source()? {
            self.ingest(&source)?;
        }
        let klines = self.klines()?;
        let quality = self.quality()?;
        let mut dataset = self.features(&klines, &arguments.train.windows)?;
        self.validate_by(&dataset, &klines, Some(&quality), &arguments.train.suite)?;
        let data_version = self.version(&klines)?;
        let bars = usize::from(audit::DEFAULT_BARS);
        let seed = arguments.train.effort.seed;
        let request = CausalityRequest { bars, seed, data_version: data_version.clone() };
        let causality = self.audit(&klines, &request)?;
        drop(klines);
        let trained = self.train(&mut dataset, data_version, arguments.train.effort.effort())?;
        let evaluation = self.evaluate(&dataset, &trained, &arguments.evaluate)?;
        let certificates = Certificates { causality, parity: self.audit_parity(&trained)? };
        let version = self.publish(&dataset, &trained, &evaluation, certificates)?;
        if !arguments.no_promote {
            self.promote(Some(version), &arguments.gates, false)?;
        }
        let total = report::Total::measure(started);
        self.console.report("run", started, &total, || total.to_string());
        Ok(())
    }

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
        Ok(kept_klines(&self.home, &self.symbols, self.interval)?.klines)
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
    #[must_use]
    pub fn dataset(&self, klines: &Klines, split: Split) -> Dataset {
        let bar = self.console.bar(klines.values().map(Vec::len).sum(), "making feature rows");
        let rows = AtomicU64::new(0);
        Dataset::build(klines, self.interval, split, cores(), || {
            let seen = rows.fetch_add(1, Ordering::Relaxed) + 1;
            if seen.is_multiple_of(4_096) {
                bar.set(seen);
            }
        })
    }

    fn features(&self, klines: &Klines, windows: &WindowArguments) -> Result<Dataset> {
        let started = Instant::now();
        let dataset = self.dataset(klines, self.split(klines, windows.request())?);
        let found = report::Rows::of(&dataset);
        self.metrics.features(&dataset)?;
        self.console.report("features", started, &found, || found.to_string());
        Ok(dataset)
    }

    fn version(&self, klines: &Klines) -> Result<String> {
        let started = Instant::now();
        let found = version::data_version(klines, self.interval);
        self.console
            .report("version", started, &found, || format!("{} ({} klines)\n", found.version, found.klines));
        Ok(found.version)
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

    fn train(&self, dataset: &mut Dataset, data_version: String, effort: Effort) -> Result<Trained> {
        let started = Instant::now();
        let trained = train::train(dataset, data_version, effort, &self.console)?;
        trained::save(&trained, &self.folder())?;
        let found = trained.report();
        self.metrics.training(&found)?;
        self.console.report("train", started, &found, || report::training(&found));
        Ok(trained)
    }

    fn evaluate(
        &self,
        dataset: &Dataset,
        trained: &Trained,
        arguments: &EvaluateArguments,
    ) -> Result<Evaluation> {
        let started = Instant::now();
        let found = evaluate::evaluate(dataset, trained, arguments.resamples, &self.console)?;
        // What is published are the figures of the window that training had set aside.
        if dataset.split == trained.plan.split {
            write_json(&self.folder().join("evaluation.json"), &found)?;
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
    ) -> Result<u32> {
        let started = Instant::now();
        let found = publish::publish(&self.home, dataset, trained, evaluation, certificates, now())?;
        self.console.report("publish", started, &found, || {
            let megabytes = found.bytes as f64 / 1e6;
            let (bundle, version, rows) = (found.bundle, found.version, found.golden_rows);
            format!("bundle {bundle}, version {version}, {megabytes:.1} MB, {rows} golden rows verified\n")
        });
        Ok(found.version)
    }

    fn promote(&self, version: Option<u32>, arguments: &GateArguments, dry_run: bool) -> Result<()> {
        let started = Instant::now();
        let gates = Gates::read(arguments.gates.as_deref())?;
        let bar = self.console.spinner("judging the model by the gates");
        let trial = promote::judge(&self.home, version, &gates, cores())?;
        bar.finish_and_clear();
        self.console.report("judge", started, &trial, || report::trial(&trial));
        if dry_run {
            return trial.check(arguments.force).map(drop);
        }
        let started = Instant::now();
        let found = promote::promote(&self.home, &trial, arguments.force, now())?;
        for failed in &found.forced_past {
            self.console.warn(&format!("promoted by force past: {failed}"));
        }
        self.console.report("promote", started, &found, || match found.before {
            Some(before) => format!("version {} is the champion, before it {before}\n", found.version),
            None => format!("version {} is the champion\n", found.version),
        });
        Ok(())
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

    fn train_alone(&self, arguments: &TrainArguments) -> Result<()> {
        let klines = self.klines()?;
        let mut dataset = self.dataset(&klines, self.split(&klines, arguments.windows.request())?);
        self.validate_by(&dataset, &klines, None, &arguments.suite)?;
        let version = version::data_version(&klines, self.interval).version;
        drop(klines);
        self.train(&mut dataset, version, arguments.effort.effort()).map(drop)
    }

    fn evaluate_alone(&self, arguments: &EvaluateAloneArguments) -> Result<()> {
        let EvaluateAloneArguments { evaluate, test_from, test_until } = arguments;
        let (dataset, trained) = if test_from.is_none() && test_until.is_none() {
            self.trained()?
        } else {
            let trained = trained::load(&self.folder())?;
            let klines = self.klines()?;
            let split = trained.plan.split;
            let bars = klines.values().filter_map(|klines| Some(klines.last()?.bar_time(self.interval)));
            let last = bars.max().unwrap_or(split.test.until);
            let split = split.with_test(*test_from, *test_until, last, self.interval)?;
            (self.dataset(&klines, split), trained)
        };
        self.evaluate(&dataset, &trained, evaluate).map(drop)
    }

    fn publish_alone(&self) -> Result<()> {
        let evaluation = read_json(&self.folder().join("evaluation.json"), "evaluate")?;
        let causality = read_json(&self.folder().join(CAUSALITY_FILE), "audit causality")?;
        let parity = read_json(&self.folder().join(PARITY_FILE), "audit parity --trained")?;
        let (dataset, trained) = self.trained()?;
        self.publish(&dataset, &trained, &evaluation, Certificates { causality, parity }).map(drop)
    }

    /// What training left, and the rows that it used.
    fn trained(&self) -> Result<(Dataset, Trained)> {
        let trained = trained::load(&self.folder())?;
        let klines = self.klines()?;
        trained.require_data(&version::data_version(&klines, self.interval).version)?;
        Ok((self.dataset(&klines, trained.plan.split), trained))
    }

    fn folder(&self) -> PathBuf {
        self.home.folder().join("training")
    }
}
