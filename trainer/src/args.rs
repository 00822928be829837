//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kline::{Interval, Symbol};
use store::{DatabaseParts, DatabaseUrl};

use crate::ingest::{Range, Source};
use crate::split::SplitRequest;
use crate::time::TimeArgument;
use crate::train::recipe::Effort;
use crate::{Result, TrainerError, audit};

/// From klines to a published bundle: each stage alone, or all of them in a row.
#[derive(Debug, Parser)]
#[command(name = "klinecast-trainer", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every stage needs.
    #[command(flatten)]
    pub common: Common,
}

/// What every stage needs.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Folder of klines, bundles and registry; the server opens the same one.
    #[arg(long, global = true, env = "KLINECAST_HOME", default_value = ".klinecast")]
    pub home: PathBuf,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArguments,
    /// Length of a step.
    #[arg(long, global = true, default_value = "15m")]
    pub interval: Interval,
    /// Markets, with commas between them; without it all that the source or the store has (an exchange: the ten pairs).
    #[arg(long, global = true, value_delimiter = ',')]
    pub symbols: Vec<Symbol>,
    /// One JSON line a stage instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// File for the stages' figures in Prometheus's text format, for a textfile collector or a push gateway.
    #[arg(long, global = true, env = "MONITORING_METRICS_FILE")]
    pub metrics_file: Option<PathBuf>,
}

/// PostgreSQL in place of the database in the home; the server is told the same.
#[derive(Clone, Default, Args)]
pub struct DatabaseArguments {
    /// postgresql://user:password@host:port/database; ?schema=NAME puts the tables elsewhere than into klinecast, sslmode and
    /// sslrootcert are libpq's.
    #[arg(
        long,
        global = true,
        env = "DB_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub database_url: String,
    /// PostgreSQL's host, where no --database-url is given.
    #[arg(long, global = true, env = "DB_HOST", default_value = "", hide_default_value = true)]
    pub database_host: String,
    /// PostgreSQL's port; 5432 if nothing is said.
    #[arg(long, global = true, env = "DB_PORT", default_value = "", hide_default_value = true)]
    pub database_port: String,
    /// PostgreSQL's user.
    #[arg(long, global = true, env = "DB_USER", default_value = "", hide_default_value = true)]
    pub database_user: String,
    /// PostgreSQL's password; better by the environment, flags are seen by others.
    #[arg(
        long,
        global = true,
        env = "DB_PASSWORD",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub database_password: String,
    /// PostgreSQL's database; klinecast if nothing is said.
    #[arg(long, global = true, env = "DB_NAME", default_value = "", hide_default_value = true)]
    pub database_name: String,
}

impl DatabaseArguments {
    /// The address that was asked for; `None` is the database in the home.
    ///
    /// # Errors
    /// When it is none.
    pub fn url(&self) -> Result<Option<DatabaseUrl>> {
        let parts = DatabaseParts {
            host: &self.database_host,
            port: &self.database_port,
            user: &self.database_user,
            password: &self.database_password,
            name: &self.database_name,
        };
        Ok(DatabaseUrl::chosen(&self.database_url, parts)?)
    }
}

impl std::fmt::Debug for DatabaseArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password may be in it.
        f.write_str("DatabaseArguments")
    }
}

/// The stages.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// All stages: ingest, quality, features, validate, version, audit causality, train, evaluate, audit
    /// parity, publish, promote.
    Run(RunArguments),
    /// Bring klines into the store.
    Ingest(SourceArguments),
    /// Examine the klines: gaps, duplicates, outliers, bars without volume.
    Quality,
    /// Make feature rows and outcomes; write them as Parquet.
    Features(FeaturesArguments),
    /// Check rows and outcomes, and that rows are made from the past alone.
    Validate(WindowArguments),
    /// Name the data: a hash of what the klines say.
    Version,
    /// Prove what the models rely on.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Train every task's boosters and fit the baselines.
    Train(TrainArguments),
    /// Score the trained boosters and the baselines on the test window, or on another later one.
    Evaluate(EvaluateAloneArguments),
    /// Build and verify the bundle, keep it, register it.
    Publish,
    /// Make a published bundle the champion.
    Promote(PromoteArguments),
    /// What the server has said, and what came of it.
    #[command(subcommand)]
    Journal(JournalCommand),
}

/// What to do with the journal.
#[derive(Debug, Clone, Subcommand)]
pub enum JournalCommand {
    /// Write the journal as Parquet, for each UTC day a file of predictions and one of outcomes. A later run writes only what has
    /// grown since. What is exported the server may drop (journal.keep_days).
    Export(ExportArguments),
}

/// `journal export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArguments {
    /// Folder of the files; made if it is not there.
    #[arg(long)]
    pub to: PathBuf,
    /// The first day (2024-09-06, or any time in it) [default: the first that is kept].
    #[arg(long)]
    pub from: Option<TimeArgument>,
    /// The last day [default: the last one; its files grow with the next export].
    #[arg(long)]
    pub until: Option<TimeArgument>,
}

/// The audits.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Change klines after, before and at some bars, and compare bits: no feature looks ahead, every declared input
    /// matters and no other, outcomes look only ahead. Publishing needs the certificate.
    Causality(CausalityArguments),
    /// Stand on every split of every booster, exactly and one step beside, with NaN, infinities, zeros and subnormal
    /// numbers, and ask the original libraries and our own scorer: they must answer the same bits. Publishing needs the
    /// certificate.
    Parity(ParityArguments),
}

/// `audit causality`.
#[derive(Debug, Clone, Args)]
pub struct CausalityArguments {
    /// Bars at which history is cut.
    #[arg(long, default_value_t = audit::DEFAULT_BARS, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub bars: u16,
    /// Seed of cut bars and changes; a run audits with its own.
    #[arg(long, default_value_t = audit::DEFAULT_SEED)]
    pub seed: u64,
}

/// `audit parity`.
#[derive(Debug, Clone, Default, Args)]
pub struct ParityArguments {
    /// A kept bundle: its digest, or the beginning of it [default: the champion].
    #[arg(conflicts_with = "trained")]
    pub bundle: Option<String>,
    /// Audit the boosters that training left behind instead; `publish` takes up the certificate.
    #[arg(long)]
    pub trained: bool,
}

/// Where klines come from.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArguments {
    /// REST address of an exchange, for example https://data-api.binance.vision; beside --archive for what that lacks.
    #[arg(long, conflicts_with = "klines")]
    pub rest_url: Option<String>,
    /// Address of an archive, for example https://data.binance.vision, or a folder of its files, in its layout or flat.
    #[arg(long, conflicts_with = "klines")]
    pub archive: Option<String>,
    /// Folder of recorded kline files (BTCUSDT-15m.csv.gz).
    #[arg(long)]
    pub klines: Option<PathBuf>,
    /// From an exchange or archive: so many days before the end [default: 180].
    #[arg(long, conflicts_with = "from")]
    pub days: Option<u32>,
    /// From an exchange or archive: the first bar (2024-09-06, 2024-09-06T12:00Z or Unix milliseconds).
    #[arg(long)]
    pub from: Option<TimeArgument>,
    /// From an exchange or archive: the last bar [default: now, by the exchange's clock].
    #[arg(long)]
    pub until: Option<TimeArgument>,
    /// Ask again for old bars that the source did not have at an earlier run.
    #[arg(long)]
    pub ask_again: bool,
}

/// The windows. A date is a whole UTC day: `until` includes it.
#[derive(Debug, Clone, Default, Args)]
pub struct WindowArguments {
    /// First bar to train on [default: the first that is warm].
    #[arg(long)]
    pub train_from: Option<TimeArgument>,
    /// Last bar to train on [default: after 70 % of the time].
    #[arg(long)]
    pub train_until: Option<TimeArgument>,
    /// Last bar to tune on [default: after 85 % of the time].
    #[arg(long)]
    pub tune_until: Option<TimeArgument>,
    /// First bar to test on [default: the embargo after the tuning window].
    #[arg(long)]
    pub test_from: Option<TimeArgument>,
    /// Last bar to test on [default: the last bar].
    #[arg(long)]
    pub test_until: Option<TimeArgument>,
}

/// How hard to try.
#[derive(Debug, Clone, Args)]
pub struct EffortArguments {
    /// Seed of everything random: the same data and seed give the same bundle.
    #[arg(long, default_value_t = audit::DEFAULT_SEED)]
    pub seed: u64,
    /// The most rounds of any booster [default: each task's own bound].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Threads of the libraries; the bundle does not depend on it [default: all cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// `features`.
#[derive(Debug, Clone, Default, Args)]
pub struct FeaturesArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// Write rows and outcomes to this file.
    #[arg(long)]
    pub parquet: Option<PathBuf>,
}

/// `train`.
#[derive(Debug, Clone, Args)]
pub struct TrainArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// How hard to try.
    #[command(flatten)]
    pub effort: EffortArguments,
}

/// `evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArguments {
    /// How often days are drawn again for the intervals.
    #[arg(long, default_value_t = 500)]
    pub resamples: usize,
    /// Stop when a figure is beyond what the task allows on a real market.
    #[arg(long)]
    pub strict: bool,
}

/// `evaluate` on its own.
#[derive(Debug, Clone, Args)]
pub struct EvaluateAloneArguments {
    /// How to evaluate.
    #[command(flatten)]
    pub evaluate: EvaluateArguments,
    /// Another first bar to test on, after the tuning window; the figures are then printed only.
    #[arg(long)]
    pub test_from: Option<TimeArgument>,
    /// Another last bar to test on; the klines may have grown since training.
    #[arg(long)]
    pub test_until: Option<TimeArgument>,
}

/// `promote`.
#[derive(Debug, Clone, Default, Args)]
pub struct PromoteArguments {
    /// The version in the registry [default: the newest].
    #[arg(long)]
    pub version: Option<u32>,
    /// What it has to pass.
    #[command(flatten)]
    pub gates: GateArguments,
    /// Judge it, fail if it does not pass, and leave the champion as it is.
    #[arg(long)]
    pub dry_run: bool,
    /// Print the standard gates, as a file to start from.
    #[arg(long, exclusive = true)]
    pub print_gates: bool,
}

/// What a model has to pass before it becomes the champion.
#[derive(Debug, Clone, Default, Args)]
pub struct GateArguments {
    /// File of gates [default: the standard ones, see promote --print-gates].
    #[arg(long, value_name = "FILE")]
    pub gates: Option<PathBuf>,
    /// Promote it even if it does not pass; the registry keeps which gates it did not.
    #[arg(long)]
    pub force: bool,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Where klines come from; without it the store's own are used.
    #[command(flatten)]
    pub source: SourceArguments,
    /// The windows and how hard to try.
    #[command(flatten)]
    pub train: TrainArguments,
    /// The evaluation.
    #[command(flatten)]
    pub evaluate: EvaluateArguments,
    /// What the model has to pass before it becomes the champion.
    #[command(flatten)]
    pub gates: GateArguments,
    /// Publish, but leave the champion as it is.
    #[arg(long)]
    pub no_promote: bool,
}

impl SourceArguments {
    /// The source, or `None` if none was named.
    ///
    /// # Errors
    /// When a range was given for a folder.
    pub fn source(&self) -> Result<Option<Source>> {
        let ranged = self.days.is_some() || self.from.is_some() || self.until.is_some();
        let range = Range {
            days: self.days,
            from: self.from.map(TimeArgument::start),
            until: self.until.map(|time| time.end() + 1),
            ask_again: self.ask_again,
        };
        if let Some(place) = &self.archive {
            let (place, rest_url) = (place.clone(), self.rest_url.clone());
            return Ok(Some(Source::Archive { place, rest_url, range }));
        }
        match (&self.rest_url, &self.klines) {
            (Some(rest_url), _) => Ok(Some(Source::Exchange { rest_url: rest_url.clone(), range })),
            (None, Some(_)) if ranged => Err(TrainerError::Source {
                problem: "--days, --from and --until are for an exchange or an archive, a folder is read as a whole",
            }),
            (None, Some(folder)) => Ok(Some(Source::Folder(folder.clone()))),
            (None, None) if ranged => {
                Err(TrainerError::Source { problem: "there is no exchange to fetch from" })
            }
            (None, None) => Ok(None),
        }
    }
}

impl WindowArguments {
    /// The windows as they were asked for.
    #[must_use]
    pub const fn request(&self) -> SplitRequest {
        SplitRequest {
            train_from: self.train_from,
            train_until: self.train_until,
            tune_until: self.tune_until,
            test_from: self.test_from,
            test_until: self.test_until,
        }
    }
}

/// How many threads the machine runs at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl EffortArguments {
    /// The effort, with all cores if no number of threads was given.
    #[must_use]
    pub fn effort(&self) -> Effort {
        Effort {
            seed: self.seed,
            threads: self.threads.map_or_else(cores, usize::from),
            rounds_max: self.rounds.map(|rounds| rounds as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_range_needs_an_exchange() {
        let parse = |words: &[&str]| {
            let arguments = Arguments::try_parse_from(words).expect("well formed");
            match arguments.command {
                Command::Ingest(source) => source.source(),
                _ => Ok(None),
            }
        };
        assert!(parse(&["t", "ingest", "--klines", "a", "--days", "3"]).is_err());
        assert!(parse(&["t", "ingest", "--days", "3"]).is_err());
        let archive = parse(&["t", "ingest", "--archive", "a", "--rest-url", "http://127.0.0.1:1"]);
        assert!(matches!(archive, Ok(Some(Source::Archive { rest_url: Some(_), .. }))));
        assert!(matches!(parse(&["t", "ingest", "--klines", "a"]), Ok(Some(Source::Folder(_)))));
        let exchange = parse(&["t", "ingest", "--rest-url", "http://127.0.0.1:1", "--until", "1970-01-01"]);
        assert!(
            matches!(exchange, Ok(Some(Source::Exchange { range, .. })) if range.until == Some(86_400_000))
        );
    }
}
