//! `schedule`.

use std::path::PathBuf;

use clap::Args;

use crate::schedule::Cron;

/// `schedule`.
#[derive(Debug, Clone, Args)]
pub struct ScheduleArguments {
    /// When: minute, hour, day of the month, month, day of the week, in UTC; with six fields the second stands first.
    #[arg(long, value_name = "EXPRESSION", default_value = "30 1 * * 0")]
    pub cron: String,
    /// Begin later by up to so many seconds, each time otherwise: for many machines at one exchange.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=86_400))]
    pub jitter: u32,
    /// File that says what was and what comes, as JSON [default: schedule.json in the home].
    #[arg(long, value_name = "FILE")]
    pub status: Option<PathBuf>,
    /// Answer the figures of the stages to Prometheus at this address, for example 127.0.0.1:9101, under /metrics.
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_address: Option<std::net::SocketAddr>,
    /// What to run, after `--`: for example `run --rest-url https://data-api.binance.vision --days 1095`.
    #[arg(last = true, required = true, num_args = 1..)]
    pub command: Vec<String>,
}

impl ScheduleArguments {
    /// The expression.
    ///
    /// # Errors
    /// When it is none.
    pub fn times(&self) -> crate::Result<Cron> {
        Ok(self.cron.parse()?)
    }
}
