//! How good the journalled answers were, over windows of whole UTC days.

use forecast::Task;
use forecast::score::{CardDay, CardLine, CardRequest, DAY_MS};
use kline::{Milliseconds, Symbol};

use super::Service;
use crate::prediction_id::BundlePrefix;
use crate::reason::{Reason, Refusal, shorten};
use crate::score_view::ScoreView;
use crate::selection::Selection;
use crate::telemetry::scope;

/// So many scorecards are added up at once; more wait for one another, and for nothing else.
pub(super) const SCORECARDS_MAX: usize = 2;

/// The longest window, in days.
const WINDOW_DAYS_MAX: u32 = 36_600;

/// How many pairs one card may name.
const SYMBOLS_MAX: usize = 1_000;

/// How many days all lines of one card come with, so that an answer stays within some 2 MB: the latest of each.
const DAYS_MAX: usize = 65_536;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScorecardRequest {
    /// So many whole days before the newest day with an outcome, and that day; 0 means all days.
    pub window_days: u32,
    /// In place of it, any time of the first day.
    pub from_ms: Option<Milliseconds>,
    /// In place of it, any time of the last day.
    pub until_ms: Option<Milliseconds>,
    /// Whether each pair has lines of its own.
    pub by_pair: bool,
    /// Whether each bundle has lines of its own.
    pub by_bundle: bool,
    /// Only these pairs; none means all. They need not be served any more.
    pub symbols: Vec<String>,
    /// Only these tasks; none means all.
    pub tasks: Vec<String>,
    /// Only bundles whose digest begins with this.
    pub bundle: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorecard {
    /// The lines that have an outcome.
    pub lines: Vec<CardLine>,
    /// The first and the last millisecond of the days that were looked at.
    pub span_ms: Option<(Milliseconds, Milliseconds)>,
    /// Whether all of them are known.
    pub is_complete: bool,
    /// The first millisecond of the first day that retention has left; `None` if none was dropped.
    pub dropped_before_ms: Option<Milliseconds>,
}

impl Scorecard {
    /// The days that a line comes with: the latest, as many as there is room for.
    #[must_use]
    pub fn days<'a>(&self, line: &'a CardLine) -> &'a [CardDay] {
        let room = (DAYS_MAX / self.lines.len().max(1)).max(1);
        &line.days[line.days.len().saturating_sub(room)..]
    }
}

/// A checked request.
struct Asked {
    days: Days,
    symbols: Vec<Symbol>,
    tasks: Selection,
    bundle: BundlePrefix,
    by_pair: bool,
    by_bundle: bool,
}

/// Which days.
enum Days {
    All,
    /// So many before the newest, and the newest.
    Last(i64),
    /// From one to another, both included.
    Between(Option<i64>, Option<i64>),
}

impl ScorecardRequest {
    fn check(&self) -> Result<Asked, Refusal> {
        let malformed = |field: &'static str, message: String| {
            Refusal::new(Reason::MalformedRequest, message).with(field, "")
        };
        let day = |time: Option<Milliseconds>| time.map(|time| time.div_euclid(DAY_MS));
        let days = match (self.window_days, day(self.from_ms), day(self.until_ms)) {
            (0, None, None) => Days::All,
            (0, from, until) => Days::Between(from, until),
            (window @ 1..=WINDOW_DAYS_MAX, None, None) => Days::Last(i64::from(window)),
            (1..=WINDOW_DAYS_MAX, ..) => {
                let message = "a window and a time from or until exclude each other".to_owned();
                return Err(malformed("window_days", message));
            }
            (window, ..) => {
                let message = format!("a window of {window} days is too long, {WINDOW_DAYS_MAX} are allowed");
                return Err(malformed("window_days", message));
            }
        };
        if let Days::Between(Some(from), Some(until)) = days
            && from > until
        {
            return Err(malformed("from_ms", "the window ends before it begins".to_owned()));
        }
        if self.symbols.len() > SYMBOLS_MAX {
            let message =
                format!("{} symbols were asked for at once, {SYMBOLS_MAX} are allowed", self.symbols.len());
            return Err(Refusal::new(Reason::RequestTooLarge, message));
        }
        let symbol = |name: &String| {
            name.parse()
                .map_err(|error| Refusal::new(Reason::MalformedRequest, error).with("symbol", shorten(name)))
        };
        Ok(Asked {
            days,
            symbols: self.symbols.iter().map(symbol).collect::<Result<_, _>>()?,
            tasks: Selection::named(&self.tasks)?,
            bundle: self.bundle.parse().map_err(|error| {
                Refusal::new(Reason::MalformedRequest, error).with("bundle", shorten(&self.bundle))
            })?,
            by_pair: self.by_pair,
            by_bundle: self.by_bundle,
        })
    }
}

impl Service {
    /// How good the journalled answers were. Waits for no disk; the intervals are made on a thread of their own.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::UnknownTask`], [`Reason::RequestTooLarge`], or [`Reason::Dropped`] if nothing of the
    /// window is kept.
    pub async fn scorecard(&self, request: &ScorecardRequest) -> Result<Scorecard, Refusal> {
        let asked = request.check()?;
        if let (Days::Between(_, Some(until)), Some(dropped)) = (&asked.days, self.shared.dropped.load_full())
            && *until < dropped.first_day()
        {
            return Err(dropped.refusal(&"the whole window"));
        }
        let view = self.shared.scores.load_full();
        // An error says that the semaphore was closed, which nobody does.
        let permit = self.limits.scorecards.clone().acquire_owned().await.ok();
        let made = scope::part("scorecard", move || {
            let _permit = permit;
            Ok(card(&view, &asked))
        });
        tokio::task::spawn_blocking(made)
            .await
            .map_err(|error| Refusal::new(Reason::Internal, format!("a scorecard's task failed: {error}")))?
    }
}

fn card(view: &ScoreView, asked: &Asked) -> Scorecard {
    let newest = view.ledger.newest_day();
    let (from_day, until_day) = match asked.days {
        Days::All => (None, newest),
        Days::Last(days) => (newest.map(|newest| newest - days), newest),
        Days::Between(from, until) => (from, until),
    };
    let lines = view.ledger.card(&CardRequest {
        from_day,
        until_day,
        by_pair: asked.by_pair,
        by_bundle: asked.by_bundle,
        with_intervals: true,
        wanted: &|task: Task, symbol, bundle| {
            asked.tasks.has(task)
                && (asked.symbols.is_empty() || asked.symbols.contains(&symbol))
                && asked.bundle.fits(bundle)
        },
    });
    let first = from_day.or(view.ledger.oldest_day());
    let last = until_day.or(newest);
    let is_within =
        |day: &i64| from_day.is_none_or(|from| from <= *day) && until_day.is_none_or(|until| *day <= until);
    Scorecard {
        lines,
        span_ms: first.zip(last).map(|(first, last)| {
            (first.saturating_mul(DAY_MS), last.saturating_add(1).saturating_mul(DAY_MS).saturating_sub(1))
        }),
        is_complete: view.known_from.is_none_or(|known| from_day.is_some_and(|from| known <= from))
            && !view.damaged.iter().any(is_within)
            // Who asks for all asks for all that is kept.
            && view.dropped_before.is_none_or(|dropped| from_day.is_none_or(|from| dropped <= from)),
        dropped_before_ms: view.dropped_before.map(|day| day.saturating_mul(DAY_MS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_come_with_their_latest_days() {
        let days =
            |count| (0..count).map(|day| CardDay { day, count: 1, loss: 1.0, baseline_loss: 1.0 }).collect();
        let line = |count| CardLine {
            task: Task::Return1Step,
            symbol: None,
            bundle: None,
            count: 1,
            loss: 1.0,
            baseline_loss: 1.0,
            baselines: Vec::new(),
            skill: forecast::score::Figure::plain(0.0),
            hit_rate: 0.5,
            rank_correlation: 0.0,
            calibration_error: f64::NAN,
            days: days(count),
        };
        let card = |lines: usize| Scorecard {
            lines: vec![line(400); lines],
            span_ms: None,
            is_complete: true,
            dropped_before_ms: None,
        };
        let lengths = [1, 256, 70_000].map(|lines| {
            let card = card(lines);
            let days = card.days(&card.lines[0]);
            (days.len(), days.last().map(|day| day.day))
        });
        assert_eq!(lengths, [(400, Some(399)), (256, Some(399)), (1, Some(399))]);
    }

    #[test]
    fn requests_that_make_no_sense_are_refused_with_what_is_wrong() {
        let reason = |request: ScorecardRequest| request.check().err().map(|refusal| refusal.reason);
        let plain = ScorecardRequest::default;
        assert_eq!(reason(plain()), None);
        assert_eq!(reason(ScorecardRequest { window_days: 7, ..plain() }), None);
        let malformed = Some(Reason::MalformedRequest);
        assert_eq!(reason(ScorecardRequest { window_days: 40_000, ..plain() }), malformed);
        assert_eq!(reason(ScorecardRequest { window_days: 7, from_ms: Some(1), ..plain() }), malformed);
        let backwards = ScorecardRequest { from_ms: Some(DAY_MS), until_ms: Some(0), ..plain() };
        assert_eq!(reason(backwards), malformed);
        assert_eq!(reason(ScorecardRequest { bundle: "xyz".to_owned(), ..plain() }), malformed);
        assert_eq!(reason(ScorecardRequest { symbols: vec![String::new()], ..plain() }), malformed);
        let task = ScorecardRequest { tasks: vec!["return_2step".to_owned()], ..plain() };
        assert_eq!(reason(task), Some(Reason::UnknownTask));
        let many = ScorecardRequest { symbols: vec!["A".to_owned(); 1_001], ..plain() };
        assert_eq!(reason(many), Some(Reason::RequestTooLarge));
        let extreme = ScorecardRequest { from_ms: Some(i64::MIN), until_ms: Some(i64::MAX), ..plain() };
        let asked = extreme.check().expect("allowed");
        assert!(card(&ScoreView::default(), &asked).lines.is_empty());
    }
}
