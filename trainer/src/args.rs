//! The command line.

mod audits;
mod database;
mod drift;
mod journal;
mod promotion;
mod source;
mod training;
mod validation;
mod windows;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kline::{Interval, Symbol};

pub use audits::{AuditCommand, CausalityArguments, ParityArguments};
pub use database::DatabaseArguments;
pub use drift::DriftArguments;
pub use journal::{ExportArguments, JournalCommand};
pub use promotion::{GateArguments, PromoteArguments};
pub use source::SourceArguments;
pub use training::{
    EffortArguments, EvaluateAloneArguments, EvaluateArguments, FeaturesArguments, TrainArguments,
};
pub use validation::{SuiteArguments, ValidateArguments};
pub use windows::WindowArguments;

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

/// The stages.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// All stages: ingest, quality, features, validate, version, audit causality, train, evaluate, audit
    /// parity, publish, promote.
    Run(RunArguments),
    /// Bring klines into the store.
    Ingest(SourceArguments),
    /// Score the klines by symbol and UTC day: holes, duplicates, stale bars, outliers, lone spikes, bars without volume, ...
    Quality,
    /// Make feature rows and outcomes; write them as Parquet.
    Features(FeaturesArguments),
    /// Check klines, rows and outcomes by a suite of expectations, and that rows are made from the past alone.
    Validate(ValidateArguments),
    /// Name the data: a hash of what the klines say.
    Version,
    /// Prove what the models rely on.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Compare the rows of the last days with those that the champion has learned from, column by column: JSON, an HTML page, and
    /// Parquet that Evidently reads.
    Drift(DriftArguments),
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

/// How many threads the machine runs at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
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
