//! The command line.

mod forecasts;
mod values;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use klinecast::{Settings, wire};

pub(crate) use self::forecasts::{Explain, History, Predict, Watch};
pub(crate) use crate::credentials::CredentialArguments;

/// Live forecasts from a klinecast server.
#[derive(Debug, Parser)]
#[command(name = "klinecast", version, max_term_width = 110)]
pub(crate) struct Arguments {
    /// The server's gRPC address.
    #[arg(long, global = true, env = "KLINECAST_SERVER", default_value = Settings::DEFAULT_SERVER, value_name = "URL")]
    pub(crate) server: String,
    /// JSON in place of tables: one document, or one line an item where there are several.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The time that one call may take, in seconds.
    #[arg(long, global = true, default_value = "5", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) credentials: CredentialArguments,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The latest forecast of some pairs, or of all; as fresh as asked for, from the forming kline, or as of a moment.
    Predict(Predict),
    /// What moved a forecast: each booster's features with what they added.
    Explain(Explain),
    /// Forecasts that were made before, and what came true of them.
    History(History),
    /// Forecasts as they are made, until stopped.
    Watch(Watch),
    /// The latest feature row of a pair.
    Features(Features),
    /// The models of the registry, which one answers, and each one's way through the stages.
    Models,
    /// The seven tasks.
    Tasks,
    /// How the server is, pair by pair, with each task's live score.
    Status,
    /// Whether the server serves; fails if it does not.
    Health(Health),
    /// Every bar that was found missing, and what became of it.
    Gaps(Gaps),
    /// Lets the server follow more pairs from now on, also after a restart.
    Follow(Pairs),
    /// Lets the server follow pairs no longer.
    Unfollow(Pairs),
    /// How good the forecasts were, beside the best baseline, over days of what was journalled.
    Skill(Skill),
    /// Makes a journalled forecast again from the stored klines and compares every bit; fails if one differs.
    Replay(Replay),
    /// The record of predictions and outcomes.
    #[command(subcommand)]
    Journal(Journal),
    /// Sets a model's stage or alias; a new champion answers from then on.
    Promote(Promote),
    /// Makes the model the champion again that was it before; twice leads back.
    Rollback,
    /// Makes the server take up the registry's champion now.
    Reload,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Checks that every record is as it was written; fails if one is not.
    Verify,
}

/// Which forecasts to score, and how.
#[derive(Debug, Args)]
pub(crate) struct Skill {
    /// So many whole UTC days before the newest day with an outcome, and that day, for example 7d; or all.
    #[arg(long, default_value = "30d", value_name = "DAYS", value_parser = window)]
    pub(crate) window: Window,
    /// In place of a window: the first day, for example 2024-01-31.
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with = "window")]
    pub(crate) from: Option<i64>,
    /// In place of a window: the last day.
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with = "window")]
    pub(crate) until: Option<i64>,
    /// One line for each task, pair and task, or bundle and task; may be given several times.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Vec<Group>,
    /// Only this pair; may be given several times.
    #[arg(long = "symbol", value_name = "PAIR")]
    pub(crate) symbols: Vec<String>,
    /// Only this task; may be given several times.
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Only bundles whose digest begins with this.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DIGEST")]
    pub(crate) bundle: String,
}

/// So many days; all when 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window(pub(crate) u32);

/// What the lines are apart by, besides the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Task,
    Pair,
    Bundle,
}

/// Which forecast to make again.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The forecast's id, as `klinecast predict` shows it: SYMBOL:BAR_TIME_MS:BUNDLE:REVISION; the last revision without it.
    pub(crate) id: String,
}

/// Which features.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// The pair, for example BTCUSDT.
    pub(crate) symbol: String,
    /// Only this feature; may be given several times.
    #[arg(long = "name", value_name = "FEATURE")]
    pub(crate) names: Vec<String>,
}

/// Which pairs.
#[derive(Debug, Args)]
pub(crate) struct Pairs {
    /// Pairs, for example BTCUSDT.
    #[arg(required = true)]
    pub(crate) symbols: Vec<String>,
}

/// Whose health.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// One service, for example klinecast.v1.StatusService, which answers as long as the server runs [default: the whole].
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) service: String,
}

/// Which gaps.
#[derive(Debug, Args)]
pub(crate) struct Gaps {
    /// Only this pair, for example BTCUSDT.
    pub(crate) symbol: Option<String>,
    /// Leaves out what has been filled.
    #[arg(long)]
    pub(crate) unfilled: bool,
}

/// Which model, and to what.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The model's version in the registry; `klinecast models` lists them.
    pub(crate) version: u64,
    /// The stage to set; production makes it the champion.
    #[arg(long, value_enum, required_unless_present = "alias")]
    pub(crate) stage: Option<Stage>,
    /// The alias to point at it.
    #[arg(long, value_enum)]
    pub(crate) alias: Option<Alias>,
}

/// A model's place in its life.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Stage {
    None,
    Staging,
    Production,
    Archived,
}

/// A name that points at one model.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Alias {
    Champion,
    Challenger,
}

impl From<Stage> for wire::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::None => Self::None,
            Stage::Staging => Self::Staging,
            Stage::Production => Self::Production,
            Stage::Archived => Self::Archived,
        }
    }
}

impl From<Alias> for wire::Alias {
    fn from(alias: Alias) -> Self {
        match alias {
            Alias::Champion => Self::Champion,
            Alias::Challenger => Self::Challenger,
        }
    }
}

impl From<Group> for wire::ScoreGroup {
    fn from(group: Group) -> Self {
        match group {
            Group::Task => Self::Task,
            Group::Pair => Self::Pair,
            Group::Bundle => Self::Bundle,
        }
    }
}

fn window(text: &str) -> Result<Window, String> {
    if text == "all" {
        return Ok(Window(0));
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    days.map(Window).ok_or_else(|| "write 7d for seven days, or all".to_owned())
}

fn day(text: &str) -> Result<i64, String> {
    let time: Result<jiff::Timestamp, _> = format!("{text}T00:00:00Z").parse();
    time.map(jiff::Timestamp::as_millisecond).map_err(|_| "write a day like 2024-01-31".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let duration =
        Duration::try_from_secs_f64(seconds).map_err(|_| "not a time that can be waited".to_owned())?;
    if duration.is_zero() { Err("must be more than 0".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_promotion_needs_a_stage_or_an_alias() {
        let parse = |words: &[&str]| Arguments::try_parse_from(["klinecast"].iter().chain(words));
        assert!(parse(&["promote", "3"]).is_err());
        assert!(parse(&["promote", "3", "--alias", "champion"]).is_ok());
        assert!(parse(&["promote", "three", "--stage", "staging"]).is_err());
    }

    #[test]
    fn a_window_is_days_or_all_and_excludes_days_of_its_own() {
        assert_eq!((window("7d"), window("all")), (Ok(Window(7)), Ok(Window(0))));
        assert!(["0d", "7", "d", "-1d", "1h"].iter().all(|text| window(text).is_err()));
        assert_eq!(day("2024-01-31"), Ok(1_706_659_200_000));
        assert!(day("31.1.2024").is_err());
        let parse = |words: &[&str]| Arguments::try_parse_from(["klinecast", "skill"].iter().chain(words));
        assert!(parse(&["--by", "pair", "--by", "bundle", "--from", "2024-01-31"]).is_ok());
        assert!(parse(&["--window", "7d", "--from", "2024-01-31"]).is_err());
    }

    #[test]
    fn a_timeout_is_a_positive_number_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "nan", "1e300", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
