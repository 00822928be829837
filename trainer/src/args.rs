//! The command line.

mod audits;
mod bundles;
mod database;
mod datasets;
mod drift;
mod features;
mod journal;
mod lineage;
mod mlflow;
mod monitoring;
mod promotion;
mod prune;
mod schedule;
mod source;
mod training;
mod validation;
mod version;
mod windows;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kline::{Interval, Milliseconds, Symbol};

use crate::clock::now;
use crate::machine::VERSION;
use crate::time::TimeArgument;

pub use audits::{AuditCommand, CausalityArguments, LeaksArguments, ParityArguments};
pub use bundles::BundlesArguments;
pub use database::DatabaseArguments;
pub use datasets::{DatasetsArguments, RestoreArguments};
pub use drift::DriftArguments;
pub use features::{FeaturesArguments, LeaveOutArguments, RankArguments};
pub use journal::{ExportArguments, JournalCommand};
pub use lineage::LineageArguments;
pub use mlflow::MlflowArguments;
pub use monitoring::MonitoringArguments;
pub use promotion::{GateArguments, PromoteArguments};
pub use prune::PruneArguments;
pub use schedule::ScheduleArguments;
pub use source::SourceArguments;
pub use training::{
    EffortArguments, EvaluateAloneArguments, EvaluateArguments, PartArguments, SearchArguments,
    TrainAloneArguments, TrainArguments,
};
pub use validation::{SuiteArguments, ValidateArguments};
pub use version::VersionArguments;
pub use windows::WindowArguments;

/// From klines to a published bundle: each stage alone, or all of them in a row.
#[derive(Debug, Parser)]
#[command(name = "klinecast-trainer", version = VERSION, about, max_term_width = 100, after_help = STATUSES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every stage needs.
    #[command(flatten)]
    pub common: Common,
}

const STATUSES: &str = "Exit status: 0 done; 1 not done, the error says why; 2 a command line that can't be read; \
3 the model does not pass its gates, the champion goes on; 4 another trainer works on the same home.";

/// What every stage needs.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Folder of klines, bundles and registry; the server opens the same one.
    #[arg(long, global = true, env = "KLINECAST_HOME", default_value = ".klinecast")]
    pub home: PathBuf,
    /// Folder for feature rows while a command works on them, 1.6 GB for ten pairs and four years [default: the home's]. A disk of the
    /// machine's own is better than one that is shared.
    #[arg(long, global = true, env = "KLINECAST_SCRATCH", value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArguments,
    /// The bundles.
    #[command(flatten)]
    pub bundles: BundlesArguments,
    /// The datasets.
    #[command(flatten)]
    pub datasets: DatasetsArguments,
    /// Runs and registry.
    #[command(flatten)]
    pub mlflow: MlflowArguments,
    /// Length of a step.
    #[arg(long, global = true, default_value = "15m")]
    pub interval: Interval,
    /// Markets, with commas between them; without it all that the source or the store has (an exchange: the ten pairs).
    #[arg(long, global = true, value_delimiter = ',')]
    pub symbols: Vec<Symbol>,
    /// Leave klines out that end later (2024-09-06, 2024-09-06T12:00Z, Unix milliseconds, or midnight: the last one, UTC), so that
    /// stages one by one and on several machines work on the same ones while a server brings in more.
    #[arg(long, global = true, env = "KLINECAST_KLINES_UNTIL", value_parser = until)]
    pub klines_until: Option<Milliseconds>,
    /// One JSON line a stage instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// File for the stages' figures in Prometheus's text format, for a textfile collector.
    #[arg(long, global = true, env = "MONITORING_METRICS_FILE")]
    pub metrics_file: Option<PathBuf>,
    /// The push gateway.
    #[command(flatten)]
    pub monitoring: MonitoringArguments,
}

impl Common {
    /// What is kept elsewhere than in the home's folder.
    ///
    /// # Errors
    /// When an address is none.
    pub fn places(&self) -> crate::Result<store::Places> {
        let (database, bundles) = (self.database.url()?, self.bundles.place()?);
        Ok(store::Places { database, bundles, registry: self.mlflow.place()? })
    }

    /// Home and database as another process of this program takes them from its environment; what is not said stays as it is.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, OsString)> + use<> {
        let database = &self.database;
        let texts = [
            ("DB_URL", &database.database_url),
            ("DB_HOST", &database.database_host),
            ("DB_PORT", &database.database_port),
            ("DB_USER", &database.database_user),
            ("DB_PASSWORD", &database.database_password),
            ("DB_NAME", &database.database_name),
        ];
        let mut variables = vec![("KLINECAST_HOME", self.home.clone().into_os_string())];
        variables.extend(
            texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.into())),
        );
        variables.into_iter()
    }
}

/// The stages.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// All stages: ingest, quality, features, validate, version, audit causality, (audit leaks,) train, evaluate,
    /// audit parity, publish, promote. What was interrupted, however that was, goes on when the same is asked for again.
    Run(RunArguments),
    /// Bring klines into the store.
    Ingest(SourceArguments),
    /// Score the klines by symbol and UTC day: holes, duplicates, stale bars, outliers, lone spikes, bars without volume, ...
    Quality,
    /// Make feature rows and outcomes; write them as Parquet. Or rank the features by what they did in the last training.
    Features(FeaturesArguments),
    /// Check klines, rows and outcomes by a suite of expectations, and that rows are made from the past alone.
    Validate(ValidateArguments),
    /// Name the data: a hash of what the klines say; keep them where --datasets says; commit them for DVC.
    Version(VersionArguments),
    /// Bring the klines of a kept data version back into the store: of the one that a model was trained on, as lineage names it.
    Restore(RestoreArguments),
    /// Prove what the models rely on.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Compare the rows of the last days with those that the champion has learned from, column by column: JSON, an HTML page, and
    /// Parquet that Evidently reads.
    Drift(DriftArguments),
    /// Train every task's boosters and fit the baselines; or one task's of one library, to be taken up by a whole training.
    Train(TrainAloneArguments),
    /// Search a better shape of a task's boosters on the folds; goes on where it was, several at once share the work.
    Search(SearchArguments),
    /// Score the trained boosters and the baselines on the test window, or on another later one.
    Evaluate(EvaluateAloneArguments),
    /// Build and verify the bundle, keep it, register it.
    Publish,
    /// Move a published bundle to production as the champion, or to staging first, if it passes the gates.
    Promote(PromoteArguments),
    /// The registered versions: the stage of each, since when, and by what and whom it came there.
    Models,
    /// Why this model: its data, program, parameters and windows, the champion before it, what was done when and where, and how
    /// it came to be promoted.
    Lineage(LineageArguments),
    /// Remove records of old runs, and bundles and datasets that nothing refers to any more, from a bucket too; and what broken-off
    /// publications have left in MLflow.
    Prune(PruneArguments),
    /// Run a command again and again, at the times of a cron expression.
    Schedule(ScheduleArguments),
    /// What the server has said, and what came of it.
    #[command(subcommand)]
    Journal(JournalCommand),
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
    /// Let the canaries of audit leaks sing before anything is trained (four small models), and have promotion demand their
    /// certificate.
    #[arg(long)]
    pub audit_leaks: bool,
}

fn until(text: &str) -> crate::Result<Milliseconds> {
    let day = 86_400_000;
    if text == "midnight" {
        return Ok(now().div_euclid(day) * day - 1);
    }
    text.parse().map(TimeArgument::end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Source;
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
