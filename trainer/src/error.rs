//! What can end a stage.

use std::path::PathBuf;

use kline::{BarTime, Interval, Symbol};

use crate::certificates::Certificate;
use crate::fit;
use crate::json_lines::JsonLinesError;

/// Why a stage did not finish. Each message names the thing, the value and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// A time on the command line.
    #[error(
        "time {text:?} is neither a date (2024-09-06), nor a time (2024-09-06T12:00Z), nor Unix milliseconds"
    )]
    Time {
        /// As it was given.
        text: String,
    },
    /// A source of klines on the command line.
    #[error(
        "{problem}; give --rest-url URL of an exchange, --archive URL or DIR, or --klines DIR with recorded files"
    )]
    Source {
        /// What is wrong with what was given.
        problem: &'static str,
    },
    /// The kline files can't be used.
    #[error(transparent)]
    Files(#[from] market::FileError),
    /// The exchange can't be used.
    #[error(transparent)]
    Market(#[from] market::MarketError),
    /// The archive can't be used.
    #[error(transparent)]
    Archive(#[from] market::archive::ArchiveError),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// There is nothing to work on.
    #[error("there are no {interval} klines in {home}; run `klinecast-trainer ingest` first")]
    NoKlines {
        /// The store.
        home: PathBuf,
        /// The interval that was asked for.
        interval: Interval,
    },
    /// The klines don't reach far enough.
    #[error("{window} has {rows} usable rows, but at least {needed} are needed: {remedy}")]
    TooLittle {
        /// Which window.
        window: &'static str,
        /// How many rows it has.
        rows: usize,
        /// How many it should have.
        needed: usize,
        /// What to do.
        remedy: String,
    },
    /// The windows overlap or are out of order.
    #[error(
        "the {later} window ends at {end}, not after the {earlier} window at {start}; move --{later}-until later"
    )]
    Order {
        /// The window before.
        earlier: &'static str,
        /// The window after.
        later: &'static str,
        /// The earlier window's end.
        start: String,
        /// The later window's end.
        end: String,
    },
    /// The rows are not fit to learn from.
    #[error("the rows are not fit to train on: {}", problems.join("; "))]
    Invalid {
        /// What was found.
        problems: Vec<String>,
    },
    /// The file of expectations can't be used.
    #[error(
        "the expectations of {path} can't be used: {problem}; start from `klinecast-trainer validate --print-suite`"
    )]
    SuiteFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A stage needs what another one leaves behind.
    #[error("{path} is missing; run `klinecast-trainer {stage}` first")]
    MissingStage {
        /// The file.
        path: PathBuf,
        /// The stage that writes it.
        stage: &'static str,
    },
    /// A stage's file is not what this build reads.
    #[error("{path} is malformed: {source}; run `klinecast-trainer {stage}` again")]
    Artefact {
        /// The file.
        path: PathBuf,
        /// The stage that writes it.
        stage: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The klines changed between two stages.
    #[error(
        "the klines are version {found}, but training used {expected}; run `klinecast-trainer train` again"
    )]
    DataChanged {
        /// Of the store now.
        found: String,
        /// Recorded by training.
        expected: String,
    },
    /// What an earlier training settled can't be taken over.
    #[error("the walk of the champion can't be taken over: {problem}; train without --refit")]
    Refit {
        /// What is in the way.
        problem: String,
    },
    /// The feature rows can't be kept on the disk while they are used.
    #[error(
        "the feature rows can't be written to a file in {folder}: {source}; they take about {megabytes} MB there until the program ends: make room, or name another folder with --scratch"
    )]
    FeatureRows {
        /// The folder.
        folder: PathBuf,
        /// What all of them take, as far as they were made.
        megabytes: usize,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file can't be read or written.
    #[error("{path} can't be {act}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        act: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of JSON lines can't be used.
    #[error(transparent)]
    Lines(#[from] JsonLinesError),
    /// The Parquet writer failed.
    #[error("{path} can't be written as Parquet: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The writer's reason.
        source: parquet::errors::ParquetError,
    },
    /// An original library failed.
    #[error(transparent)]
    Fit(#[from] fit::FitError),
    /// A feature has a value that can't be learned from.
    #[error(
        "no booster can learn from {feature} of {symbol} at {bar}, which is {value}: that is beyond single precision; mend the klines up to that bar, or leave the feature out"
    )]
    Value {
        /// The value.
        value: f64,
        /// The feature's name.
        feature: &'static str,
        /// The market.
        symbol: Symbol,
        /// The bar.
        bar: BarTime,
    },
    /// The audit found offenders.
    #[error("causality does not hold: {}; mend what is named, nothing is trained or published before", offences.join("; "))]
    Causality {
        /// One sentence an offender.
        offences: Vec<String>,
    },
    /// A file of shapes says what can't be trained with.
    #[error("the shapes of {}: {problem}; `klinecast-trainer search` writes such a file", path.display())]
    ShapesFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Features that can't be left out.
    #[error("the features to leave out: {problem}; FEATURES.md lists them all")]
    LeftOut {
        /// What is wrong.
        problem: String,
    },
    /// A canary was not as it has to be.
    #[error(
        "a leak, or an alarm that is not heard: {canaries}; look for rows that are learned from and answered, then for features that look ahead (audit causality)"
    )]
    Leak {
        /// Which, with their tasks.
        canaries: String,
    },
    /// The certificate is not one for these klines and features.
    #[error("the causality certificate {problem}; run `klinecast-trainer audit causality` first")]
    Certificate {
        /// What is wrong with it.
        problem: String,
    },
    /// The forest and an original library differ.
    #[error(
        "parity does not hold: {}; nothing is published before our scorer is mended", differences.join("; ")
    )]
    Parity {
        /// One sentence a booster.
        differences: Vec<String>,
    },
    /// The certificate is not one for these boosters.
    #[error("the parity certificate {problem}; run `klinecast-trainer audit parity --trained` first")]
    ParityCertificate {
        /// What is wrong with it.
        problem: String,
    },
    /// Not exactly one bundle is meant.
    #[error(
        "{found} bundles in {home} have a digest that begins with {text:?}, one is needed; its folder of bundles lists them"
    )]
    BundleName {
        /// As it was given.
        text: String,
        /// How many fit.
        found: usize,
        /// The home.
        home: PathBuf,
    },
    /// No bundle was named and there is no champion.
    #[error("there is no champion in {home}; name a bundle, or run `klinecast-trainer promote` first")]
    NoChampion {
        /// The home.
        home: PathBuf,
    },
    /// The baselines can't be fitted.
    #[error("the baselines can't be fitted: {0}")]
    Baselines(#[from] forecast::FitError),
    /// The bundle does not hold.
    #[error(transparent)]
    Bundle(#[from] forecast::BundleError),
    /// A booster can't be read by our own reader.
    #[error("the {library} booster of {task} can't be scored: {problem}")]
    Booster {
        /// The task.
        task: forecast::Task,
        /// The library.
        library: &'static str,
        /// The reader's words.
        problem: String,
    },
    /// The file of gates can't be used.
    #[error(
        "the gates of {path} can't be used: {problem}; start from `klinecast-trainer promote --print-gates`"
    )]
    GatesFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The evidence does not suffice.
    #[error(
        "version {version} does not pass: {}; what was the champion before goes on. Train on more or better data; --force promotes it all the same, which is recorded", failed.join("; ")
    )]
    Gates {
        /// The model.
        version: u32,
        /// One sentence a gate.
        failed: Vec<String>,
    },
    /// A bundle lacks a certificate.
    #[error(
        "version {version} does not pass: {gate}: {problem}; what was the champion before goes on, and --force does not help: no server takes such a bundle"
    )]
    Uncertified {
        /// The model.
        version: u32,
        /// The certificate.
        gate: Certificate,
        /// What is wrong.
        problem: Box<forecast::BundleError>,
    },
    /// Another trainer works on the same artefacts.
    #[error(
        "{path} is held by {holder}; wait until that has ended, or end it: what is left of a trainer that was killed holds nobody up"
    )]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A Parquet file has no klines of the interval.
    #[error("{path} can't be used: {problem}; write it with `klinecast-trainer version --dvc`, or remove it")]
    KlineFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// DVC's remote. Nothing of it is repeated: a password may be in it.
    #[error("DVC's remote can't be used: {problem}; give --dvc-remote-url /a/folder or s3://bucket/path")]
    DvcRemote {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not exactly one dataset is meant.
    #[error(
        "{found} datasets in {place} have a name that begins with {text:?}, one is needed; `klinecast-trainer lineage` says a model's data version"
    )]
    DatasetName {
        /// As it was given.
        text: String,
        /// How many fit.
        found: usize,
        /// Where they lie.
        place: String,
    },
    /// The database has no statistics of features.
    #[error(
        "the database of {home} has no statistics of the features of {data_version}; run `klinecast-trainer validate` first"
    )]
    NoStatistics {
        /// The data version, as it was given.
        data_version: String,
        /// The home.
        home: PathBuf,
    },
    /// The push gateway. Nothing secret of it is repeated.
    #[error("the figures can't be pushed: {problem}; check --push-metrics")]
    PushGateway {
        /// What is wrong.
        problem: String,
    },
    /// The figures can't be answered at an address.
    #[error("the figures can't be answered at {address}: {source}; give another --metrics-address")]
    MetricsAddress {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Another process keeps the schedule.
    #[error("{path} is kept by {holder}; end that one, or give --status FILE for another schedule beside it")]
    ScheduleKept {
        /// The status file.
        path: PathBuf,
        /// Who keeps it.
        holder: String,
    },
    /// No place of datasets was named.
    #[error("there is no place of datasets; give --datasets s3://bucket/folder, or a folder")]
    NoDatasets,
    /// A dataset's files are whole, but say other klines than its name does.
    #[error("dataset {expected} in {place} has the klines of {found}; remove it there and keep it again")]
    OtherDataset {
        /// The data version that was asked for.
        expected: String,
        /// Where it lies.
        place: String,
        /// The data version of its klines.
        found: String,
    },
    /// Git is missing or refuses.
    #[error("the repository {folder} can't be used: {problem}")]
    Git {
        /// The repository.
        folder: PathBuf,
        /// What went wrong.
        problem: String,
    },
    /// A time of a schedule.
    #[error(transparent)]
    Cron(#[from] crate::schedule::CronError),
    /// What is to be run at these times.
    #[error(
        "what is scheduled can't be run: {problem}; after -- stands a command of klinecast-trainer, as run --days 1095"
    )]
    Scheduled {
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such fold.
    #[error("there is no fold {fold}, only 1 to {folds}; with more history or --folds there are more")]
    NoFold {
        /// As it was asked for.
        fold: usize,
        /// How many there are.
        folds: usize,
    },
    /// The evaluation raised alarms and `--strict` was given.
    #[error("skill beyond what these tasks allow, most likely a leak: {}", alarms.join("; "))]
    Alarm {
        /// One sentence an alarm.
        alarms: Vec<String>,
    },
}

impl TrainerError {
    /// The program's exit status: 3 for a model that does not pass its gates, 4 for artefacts that another trainer holds, 1 for
    /// all else. (2 is a command line that can't be read.)
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Gates { .. } | Self::Uncertified { .. } => 3,
            Self::Locked { .. } | Self::ScheduleKept { .. } => 4,
            _ => 1,
        }
    }

    /// Whether the same again would end the same: what was begun is then over, and not gone on with.
    #[must_use]
    pub const fn is_verdict(&self) -> bool {
        matches!(
            self,
            Self::Gates { .. }
                | Self::Uncertified { .. }
                | Self::Alarm { .. }
                | Self::Invalid { .. }
                | Self::TooLittle { .. }
                | Self::Order { .. }
                | Self::NoKlines { .. }
                | Self::Causality { .. }
                | Self::Parity { .. }
                | Self::Leak { .. }
                | Self::Source { .. }
                | Self::Files(_)
        )
    }
}

/// The result of a stage.
pub type Result<T> = std::result::Result<T, TrainerError>;
