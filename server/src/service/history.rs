//! What was said before: the journal, as of a moment and page by page.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use forecast::{BundleDigest, JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval, Milliseconds, Symbol};
use moka::sync::Cache;
use store::{JournalQuery, RecordKey};

use super::predict::has_tasks;
use super::{Answered, Service};
use crate::encoded::Encoded;
use crate::prediction_id::BundlePrefix;
use crate::reason::{Reason, Refusal, shorten};
use crate::selection::Selection;
use crate::telemetry::scope::note_asked;

/// How many predictions a page has when nothing else is asked for.
const PAGE: u32 = 100;

/// How many predictions a page has at most.
pub const PAGE_MAX: u32 = 1_000;

/// How many pairs one request may name.
const SYMBOLS_MAX: usize = 1_000;

/// Pages with so many predictions together are kept: a board that many look at asks for the same ones until the next bar.
const KEPT_PREDICTIONS: u64 = 2_000;

/// Pages that name more pairs or tasks are not kept: names may be said again and again, and are a part of what is kept.
const KEPT_NAMES_MAX: usize = 16;

/// A request, the journal's end, and up to where it was dropped.
pub(super) type PageKey = (HistoryRequest, Option<i64>, Option<Milliseconds>);

/// Pages that are kept.
pub(super) fn pages() -> Cache<PageKey, HistoryPage> {
    let weigh =
        |_: &PageKey, page: &HistoryPage| u32::try_from(page.predictions.len()).unwrap_or(u32::MAX).max(1);
    Cache::builder().weigher(weigh).max_capacity(KEPT_PREDICTIONS).build()
}

/// What is asked about a moment.
#[derive(Debug, Clone, Default)]
pub struct AsOfRequest {
    /// The market; it need not be followed any more.
    pub symbol: String,
    /// The tasks; none means all.
    pub tasks: Vec<String>,
    /// The interval; empty means the one that is served.
    pub interval: String,
    /// The moment, in event time.
    pub at_ms: Milliseconds,
    /// Whether the first revision is wanted and not the last.
    pub first_revision: bool,
    /// How many features each explanation names; 0 for none.
    pub explain_top: u32,
}

/// Which journalled predictions are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HistoryRequest {
    /// The markets; none means all.
    pub symbols: Vec<String>,
    /// The tasks; none means all.
    pub tasks: Vec<String>,
    /// The interval; empty means the one that is served.
    pub interval: String,
    /// Any time of the first bar.
    pub from_ms: Option<Milliseconds>,
    /// The last bar closed at or before this time.
    pub until_ms: Option<Milliseconds>,
    /// Whether replaced revisions are wanted too.
    pub all_revisions: bool,
    /// Only bundles whose digest begins with this.
    pub bundle: String,
    /// Whether what came true is wanted too.
    pub with_outcomes: bool,
    /// How many predictions a page has at most; 0 means the usual number.
    pub page_size: u32,
    /// What the page before said; empty for the first.
    pub page_token: String,
}

/// A page.
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// The predictions, each with what came true of it.
    pub predictions: Vec<(Answered, Vec<Resolution>)>,
    /// Asks for the next page; `None` after the last.
    pub next_page_token: Option<String>,
}

/// The last record of a page, which the next page begins after.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PageToken(RecordKey);

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecordKey { bar_time, symbol, bundle, revision, .. } = &self.0;
        write!(f, "1.{bar_time}.{symbol}.{bundle}.{revision}")
    }
}

impl FromStr for PageToken {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let mut parts = text.strip_prefix("1.")?.split('.');
            let bar_time = parts.next()?.parse().ok()?;
            let symbol = parts.next()?.parse().ok()?;
            let bundle = parts.next()?.parse().ok()?;
            let revision = parts.next()?.parse().ok()?;
            let token = Self(RecordKey { bar_time, symbol, bundle, task: None, revision });
            (token.to_string() == text).then_some(token)
        };
        read().ok_or_else(|| {
            let message =
                format!("page token {:?} is none; give the one that the page before answered", shorten(text));
            Refusal::new(Reason::MalformedRequest, message).with("page_token", shorten(text))
        })
    }
}

impl Service {
    /// What was said about the last bar that had closed at a moment.
    ///
    /// # Errors
    /// An unknown symbol, task or interval; [`Reason::NoPrediction`], [`Reason::Dropped`], [`Reason::StoreFailed`].
    pub async fn predict_as_of(&self, request: &AsOfRequest) -> Result<Answered, Refusal> {
        self.check_interval(&request.interval)?;
        let selection = Selection::named(&request.tasks)?;
        let symbol = named(&request.symbol)?;
        super::explain::check_top(request.explain_top)?;
        note_asked(1, selection.count());
        let bar = closed_by(request.at_ms, self.interval);
        // What was answered before now stands in the journal's queue before this.
        self.journaling.flush().await;
        let mut found = self.with_store(move |stores| stores.predictions_as_of(symbol, bar)).await?;
        let bundle = found.last().map(|placed| placed.prediction.bundle);
        found.retain(|placed| Some(placed.prediction.bundle) == bundle);
        let revision = |placed: &store::PlacedPrediction| placed.prediction.revision;
        let chosen = match request.first_revision {
            true => found.into_iter().min_by_key(revision),
            false => found.into_iter().max_by_key(revision),
        };
        let Some(chosen) = chosen else { return Err(self.why_nothing_as_of(symbol, request.at_ms)) };
        if !request.tasks.is_empty() {
            has_tasks(&chosen.prediction, selection)?;
        }
        let mut answered = self.said(chosen.prediction, selection);
        answered.staleness_ms = (request.at_ms - answered.prediction().bar_time.milliseconds()).max(0);
        self.explained(answered, request.explain_top).await
    }

    /// A page of the journal's predictions, in the order of bar, symbol, bundle, revision.
    ///
    /// # Errors
    /// An unknown symbol, task or interval, a token that is none; [`Reason::Dropped`], [`Reason::StoreFailed`].
    pub async fn history(&self, request: &HistoryRequest) -> Result<HistoryPage, Refusal> {
        // What was answered before now stands in the journal's queue before this.
        self.journaling.flush().await;
        let key = self.page_key(request);
        if let Some(page) = key.as_ref().and_then(|key| self.pages.get(key)) {
            return Ok(page);
        }
        let page = self.read_history(request).await?;
        if let Some(key) = key {
            self.pages.insert(key, page.clone());
        }
        Ok(page)
    }

    /// By what a page is kept: the same until the journal grows or shrinks. `None` for what is not kept: outcomes become durable
    /// without being published.
    fn page_key(&self, request: &HistoryRequest) -> Option<PageKey> {
        let names = request.symbols.len().max(request.tasks.len());
        if request.with_outcomes || names > KEPT_NAMES_MAX {
            return None;
        }
        let end = self.shared.subscribers.end().map(|end| end.number);
        let dropped = self.shared.dropped.load().as_ref().map(|dropped| dropped.before_ms);
        Some((request.clone(), end, dropped))
    }

    async fn read_history(&self, request: &HistoryRequest) -> Result<HistoryPage, Refusal> {
        self.check_interval(&request.interval)?;
        let selection = Selection::named(&request.tasks)?;
        if request.symbols.len() > SYMBOLS_MAX {
            let message = format!(
                "{} symbols were asked for at once, {SYMBOLS_MAX} are allowed",
                request.symbols.len()
            );
            return Err(Refusal::new(Reason::RequestTooLarge, message).with("symbols", request.symbols.len()));
        }
        let symbols = request.symbols.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?;
        note_asked(symbols.len(), selection.count());
        let bundle: BundlePrefix = request.bundle.parse().map_err(|error| {
            Refusal::new(Reason::MalformedRequest, error).with("bundle", shorten(&request.bundle))
        })?;
        let after = match request.page_token.as_str() {
            "" => None,
            text => Some(text.parse::<PageToken>()?.0),
        };
        let query = self.query(request, &symbols, after)?;
        let size = query.limit.unwrap_or(PAGE) as usize;
        let with_outcomes = request.with_outcomes;
        let read = self.with_store(move |stores| {
            let page = stores.predictions(&query)?;
            let outcomes = match (page.first(), page.last()) {
                (Some(first), Some(last)) if with_outcomes => stores.resolutions(&JournalQuery {
                    symbol: query.symbol,
                    from: Some(first.bar_time),
                    until: Some(last.bar_time),
                    ..JournalQuery::default()
                })?,
                _ => Vec::new(),
            };
            Ok((page, outcomes))
        });
        let (page, outcomes) = read.await?;
        let next_page_token =
            page.last().filter(|_| page.len() == size).map(|last| PageToken(key(last)).to_string());
        let mut outcomes = Outcomes::of(outcomes);
        let wanted = page.into_iter().filter(|made| {
            (symbols.is_empty() || symbols.contains(&made.symbol)) && bundle.fits(made.bundle)
        });
        let predictions = wanted.map(|made| {
            let came = outcomes.take(&made, selection);
            (self.said(made, selection), came)
        });
        Ok(HistoryPage { predictions: predictions.collect(), next_page_token })
    }

    fn query(
        &self,
        request: &HistoryRequest,
        symbols: &[Symbol],
        after: Option<RecordKey>,
    ) -> Result<JournalQuery, Refusal> {
        let dropped = self.shared.dropped.load_full();
        if let (Some(dropped), Some(until)) = (dropped, request.until_ms)
            && until < dropped.before_ms
        {
            return Err(dropped.refusal(&format_args!("everything up to {until}")).with("until", until));
        }
        // The bar that a time lies in closes after it, or with it.
        let first =
            request.from_ms.map(|from| BarTime::last_closed(from, self.interval).plus(1, self.interval));
        Ok(JournalQuery {
            symbol: match symbols {
                [only] => Some(*only),
                _ => None,
            },
            from: first,
            until: request.until_ms.map(|until| closed_by(until, self.interval)),
            limit: Some(if request.page_size == 0 { PAGE } else { request.page_size.min(PAGE_MAX) }),
            after,
            last_revisions: !request.all_revisions,
            ..JournalQuery::default()
        })
    }

    fn said(&self, prediction: Arc<Prediction>, selection: Selection) -> Answered {
        let encoded = Arc::new(Encoded::new(prediction, self.interval));
        Answered { encoded, selection, staleness_ms: 0, explanations: None }
    }

    fn why_nothing_as_of(&self, symbol: Symbol, at_ms: Milliseconds) -> Refusal {
        if let Some(dropped) = self.shared.dropped.load_full()
            && at_ms < dropped.before_ms
        {
            return dropped.refusal(&format_args!("what was said about {symbol} at {at_ms}"));
        }
        let message = format!("nothing was predicted about {symbol} up to {at_ms}");
        Refusal::new(Reason::NoPrediction, message).with("symbol", symbol).with("at_ms", at_ms)
    }
}

/// The last bar that closed before a time or with it.
fn closed_by(time: Milliseconds, interval: Interval) -> BarTime {
    BarTime::last_closed(time.saturating_add(1), interval)
}

/// The last outcomes, by what they are outcomes of.
struct Outcomes(HashMap<(Symbol, BarTime, BundleDigest), HashMap<Task, Resolution>>);

impl Outcomes {
    fn of(resolutions: Vec<Resolution>) -> Self {
        let mut last: HashMap<_, HashMap<Task, Resolution>> = HashMap::new();
        // In the order of their revisions: the last one stays.
        for resolution in resolutions {
            let key = (resolution.symbol, resolution.bar_time, resolution.bundle);
            last.entry(key).or_default().insert(resolution.task, resolution);
        }
        Self(last)
    }

    /// What came true of a prediction's revision, in the order of the tasks.
    fn take(&mut self, prediction: &Prediction, selection: Selection) -> Vec<Resolution> {
        let Some(of_bar) = self.0.get_mut(&(prediction.symbol, prediction.bar_time, prediction.bundle))
        else {
            return Vec::new();
        };
        let is_its = |task: &Task| {
            of_bar.get(task).is_some_and(|came| came.prediction_revision == prediction.revision)
        };
        let tasks: Vec<Task> = selection.tasks().filter(is_its).collect();
        tasks.into_iter().filter_map(|task| of_bar.remove(&task)).collect()
    }
}

fn key(prediction: &Arc<Prediction>) -> RecordKey {
    RecordKey::of(&JournalRecord::Prediction(prediction.clone()))
}

/// The symbol of a name, whether it is followed or not.
fn named(name: &str) -> Result<Symbol, Refusal> {
    name.parse().map_err(|error| {
        Refusal::new(Reason::UnknownSymbol, format!("symbol {:?} is none: {error}", shorten(name)))
            .with("symbol", shorten(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscribers::Published;
    use crate::testing::{encoded, prediction};

    #[test]
    fn a_page_token_reads_back_and_anything_else_is_refused() {
        let token = PageToken(key(&Arc::new(prediction("BTCUSDT", 3, 2))));
        assert_eq!(token.to_string().parse(), Ok(token.clone()));
        let text = token.to_string();
        let long = "1.".repeat(9_999);
        for wrong in
            ["", "1", "x", &text[2..], &format!("{text}."), &text.replace("BTC", "btc"), &long, "1.1.A.00.1"]
        {
            let refused = wrong.parse::<PageToken>();
            assert!(refused.is_err_and(|refusal| refusal.reason == Reason::MalformedRequest), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_page_is_kept_until_something_is_published() {
        let folder = tempfile::tempdir().expect("a folder");
        let service = crate::testing::service(folder.path());
        let home = store::Home::open(folder.path()).expect("opens");
        let write = |bar| {
            let encoded = encoded("A", bar, 1);
            let record = forecast::JournalRecord::Prediction(encoded.prediction.clone());
            let kept = home.journal().keep(&[record]).expect("kept");
            Arc::new(Published::journalled(encoded, kept[0].place.expect("a place")))
        };
        let ask = async |with_outcomes| {
            let request = HistoryRequest { with_outcomes, ..HistoryRequest::default() };
            service.history(&request).await.expect("a page").predictions.len()
        };
        service.shared().subscribers.publish(write(1));
        assert_eq!((ask(false).await, ask(true).await), (1, 1));
        let second = write(2);
        assert_eq!((ask(false).await, ask(true).await), (1, 2), "only the one without outcomes is kept");
        service.shared().subscribers.publish(second);
        assert_eq!((ask(false).await, ask(true).await), (2, 2));
    }
}
