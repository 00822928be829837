//! The arguments of the commands about forecasts.

use std::time::Duration;

use clap::Args;
use klinecast::{About, Delivery, Freshness, HistoryQuery, WatchOptions};

use super::values::{bar_time, moment, span, wait};

/// What to forecast.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Pairs, for example BTCUSDT; all when none is named.
    pub(crate) symbols: Vec<String>,
    /// Only this task; may be given several times.
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
}

/// Which forecasts, and how fresh.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Only about this bar or a later one: when it ends, like 2024-01-31T12:15:00Z, or its close time in Unix milliseconds.
    #[arg(long, value_name = "TIME", value_parser = bar_time)]
    pub(crate) min_bar_time: Option<i64>,
    /// Only if the bar closed so long ago at most, for example 90s.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) max_staleness: Option<Duration>,
    /// How long the server may wait until the forecast is as fresh as that, for example 5s; 60s at most.
    #[arg(long, value_name = "SPAN", value_parser = wait)]
    pub(crate) wait: Option<Duration>,
    /// From the kline that is still forming; provisional, neither journalled nor scored.
    #[arg(long, conflicts_with_all = ["min_bar_time", "max_staleness", "wait", "at"])]
    pub(crate) nowcast: bool,
    /// What was said about the last bar that had closed then, from the journal.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "symbols", conflicts_with_all = ["min_bar_time", "max_staleness", "wait"])]
    pub(crate) at: Option<i64>,
    /// With --at: what was told first, and not what the klines say after all corrections.
    #[arg(long, requires = "at")]
    pub(crate) first_revision: bool,
    /// So many features that moved each booster's answer most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) explain: Option<u32>,
}

impl Predict {
    /// Which bar is asked about.
    pub(crate) fn about(&self) -> About {
        let freshness = Freshness {
            min_bar_time_ms: self.min_bar_time,
            max_staleness: self.max_staleness,
            wait: self.wait.unwrap_or_default(),
        };
        match freshness {
            _ if self.nowcast => About::Nowcast,
            freshness if freshness == Freshness::default() => About::Latest,
            freshness => About::Fresh(freshness),
        }
    }
}

/// Which forecast to explain.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The pair, for example BTCUSDT.
    pub(crate) symbol: String,
    /// Only this task; may be given several times.
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// How many features are shown of each booster; the others are added up.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) top: u32,
    /// In place of the latest: the forecast about the last bar that had closed then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<i64>,
}

/// Which forecasts of the journal.
#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// The first bar, by any time in it, like 2024-01-31 or 2024-01-31T12:15:00Z; the journal's first when left out.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<i64>,
    /// The last bar: it closed at or before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<i64>,
    /// Also the revisions that later ones have replaced.
    #[arg(long)]
    pub(crate) all_revisions: bool,
    /// What came true beside each forecast, as far as it has.
    #[arg(long)]
    pub(crate) outcomes: bool,
    /// Only bundles whose digest begins with this.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DIGEST")]
    pub(crate) bundle: String,
    /// So many forecasts at most, the earliest; 100 in a table and all as JSON when left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

/// How many forecasts are asked for at once: at least, because the server may leave some of a page out, and at most.
const PAGE: (u64, u64) = (100, 500);

impl History {
    /// What is asked for when so many are shown at most.
    pub(crate) fn query(&self, limit: u64) -> HistoryQuery {
        HistoryQuery {
            symbols: self.selection.symbols.clone(),
            tasks: self.selection.tasks.clone(),
            from_ms: self.from,
            until_ms: self.until,
            all_revisions: self.all_revisions,
            bundle: self.bundle.clone(),
            with_outcomes: self.outcomes,
            // One more tells whether there is more.
            page_size: u32::try_from(limit.saturating_add(1).clamp(PAGE.0, PAGE.1)).unwrap_or_default(),
        }
    }
}

/// What to follow.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Also what the klines say that are still forming; provisional, neither journalled nor scored.
    #[arg(long)]
    pub(crate) nowcasts: bool,
    /// Only the latest of each pair when the reader is slow; otherwise all, from the journal.
    #[arg(long)]
    pub(crate) conflate: bool,
    /// Goes on after the line that had this `resume_token` (--json shows it), from the journal.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) resume: Option<String>,
}

impl Watch {
    /// What is followed, and from where on.
    pub(crate) fn options(&self) -> WatchOptions {
        WatchOptions {
            symbols: self.selection.symbols.clone(),
            tasks: self.selection.tasks.clone(),
            delivery: if self.conflate { Delivery::Conflating } else { Delivery::Lossless },
            nowcasts: self.nowcasts,
            token: self.resume.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Arguments, Command};
    use super::*;

    fn parse(words: &[&str]) -> Option<Command> {
        let arguments = Arguments::try_parse_from(["klinecast"].iter().chain(words)).ok();
        arguments.map(|arguments| arguments.command)
    }

    fn predict(words: &[&str]) -> Option<Predict> {
        match parse(&[&["predict", "BTCUSDT"], words].concat()) {
            Some(Command::Predict(predict)) => Some(predict),
            _ => None,
        }
    }

    #[test]
    fn a_forecast_is_about_the_latest_bar_a_fresh_one_or_the_forming_one() {
        let about = |words: &[&str]| predict(words).map(|predict| predict.about());
        assert_eq!(about(&[]), Some(About::Latest));
        assert_eq!(about(&["--nowcast"]), Some(About::Nowcast));
        let fresh = Freshness {
            min_bar_time_ms: Some(1_706_703_299_999),
            max_staleness: Some(Duration::from_secs(90)),
            wait: Duration::from_secs(5),
        };
        let words = [
            "--min-bar-time",
            "2024-01-31T12:15:00Z",
            "--max-staleness",
            "90s",
            "--wait",
            "5s",
            "--explain",
            "3",
        ];
        assert_eq!(about(&words), Some(About::Fresh(fresh)));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for words in [
            &["--nowcast", "--wait", "5s"][..],
            &["--nowcast", "--at", "2024-01-31"],
            &["--at", "2024-01-31", "--max-staleness", "1s"],
            &["--first-revision"],
            &["--wait", "61s"],
            &["--explain", "0"],
            &["--explain", "513"],
        ] {
            assert!(predict(words).is_none(), "{words:?}");
        }
        assert!(predict(&["--at", "2024-01-31", "--first-revision", "--explain", "5"]).is_some());
        assert!(parse(&["predict", "--at", "2024-01-31"]).is_none(), "at a moment of which pair?");
    }

    #[test]
    fn a_history_asks_for_one_more_than_it_shows_and_for_neither_few_nor_many_at_once() {
        let Some(Command::History(history)) = parse(&[
            "history",
            "BTCUSDT",
            "--from",
            "2024-01-31",
            "--outcomes",
            "--all-revisions",
            "--limit",
            "20",
        ]) else {
            panic!("it is a history");
        };
        assert_eq!(history.limit, Some(20));
        let query = history.query(20);
        assert_eq!((query.page_size, query.from_ms, query.until_ms), (100, Some(1_706_659_200_000), None));
        assert!(query.with_outcomes && query.all_revisions);
        assert_eq!([200, u64::MAX].map(|limit| history.query(limit).page_size), [201, 500]);
        assert!(parse(&["history", "--limit", "0"]).is_none());
        assert!(parse(&["history", "--from", "yesterday"]).is_none());
    }

    #[test]
    fn a_watch_loses_nothing_unless_told_to() {
        let options = |words: &[&str]| match parse(&[&["watch"], words].concat()) {
            Some(Command::Watch(watch)) => Some(watch.options()),
            _ => None,
        };
        assert_eq!(options(&[]), Some(WatchOptions::default()));
        let wanted = WatchOptions {
            delivery: Delivery::Conflating,
            nowcasts: true,
            token: Some("1.2.3.4".to_owned()),
            ..Default::default()
        };
        assert_eq!(options(&["--conflate", "--nowcasts", "--resume", "1.2.3.4"]), Some(wanted));
    }
}
