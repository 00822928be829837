//! The background audit: the last bars are fetched anew, run through a machine that has seen nothing else, and compared
//! bit for bit with what was answered live.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forecast::{
    Bundle, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Prediction, Renewed, Role, Source,
};
use kline::{BarTime, Interval, Kline, Symbol};
use market::{RestClient, backfill};
use store::JournalQuery;
use tokio_util::sync::CancellationToken;

use crate::prediction_id::PredictionId;
use crate::reason::Refusal;
use crate::replay::compare;
use crate::state::Shared;
use crate::stores::Stores;
use crate::telemetry::metrics as names;
use crate::unhurried::unhurried;

/// How many of the last bars are compared.
const AUDITED_BARS: i64 = 96;

/// An audit holds all klines that answers depend on in memory; of more pairs than this it would be too many.
const SYMBOLS_MAX: usize = 400;

/// Differing numbers of one prediction that are logged.
const SHOWN_MAX: usize = 8;

/// The audit's task.
#[derive(Debug)]
pub struct ParityAudit {
    /// The exchange.
    pub client: RestClient,
    /// Klines and journal.
    pub stores: Stores,
    /// The snapshots.
    pub shared: Arc<Shared>,
    /// The step.
    pub interval: Interval,
    /// How often; zero is never.
    pub every: Duration,
}

type Series = BTreeMap<Symbol, Vec<Kline>>;
type Key = (BarTime, Symbol);

/// What one audit found.
#[derive(Debug, PartialEq, Eq)]
pub enum Audited {
    /// Every bit of so many predictions is the same.
    Same(usize),
    /// Nothing can be said, and why.
    Unclear(String),
    /// So many numbers of these predictions are not the same, or a prediction is missing.
    Differs(Vec<(String, usize)>),
}

impl ParityAudit {
    /// Audits until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        names::count_mismatches(0);
        if self.every.is_zero() {
            return;
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
            let audited = tokio::select! {
                () = stop.cancelled() => return,
                audited = self.audit() => audited,
            };
            self.tell(&audited);
        }
    }

    /// One audit.
    async fn audit(&self) -> Audited {
        let unclear = |reason: &dyn std::fmt::Display| Audited::Unclear(reason.to_string());
        let watermark = self.shared.engine.load().watermark;
        let bundle = self.shared.champion.load().bundle.clone();
        let (Some(watermark), Some(bundle)) = (watermark, bundle) else {
            return unclear(&"nothing is answered yet");
        };
        // The last bar may still be on its way to the journal.
        let until = watermark.plus(-1, self.interval);
        let from = until.plus(1 - AUDITED_BARS, self.interval);
        let symbols = self.shared.latest.load().symbols().to_vec();
        if symbols.len() > SYMBOLS_MAX {
            return Audited::Unclear(format!("more than {SYMBOLS_MAX} symbols are followed"));
        }
        let mut fetched = Series::new();
        for &symbol in &symbols {
            let (start, end) = (from.open_time(self.interval), until.milliseconds() + 1);
            match backfill(&self.client, symbol, self.interval, start, end, |_| ()).await {
                Ok(klines) => drop(fetched.insert(symbol, klines)),
                Err(error) if error.is_retryable() => return unclear(&error),
                // A symbol that the exchange does not know has no klines.
                Err(_) => drop(fetched.insert(symbol, Vec::new())),
            }
        }
        let (stores, interval) = (self.stores.clone(), self.interval);
        let work = move || audit(&stores, interval, &bundle, (from, until), &fetched);
        match tokio::task::spawn_blocking(work).await {
            Ok(_) if self.shared.latest.load().symbols() != symbols => {
                unclear(&"other symbols are followed since")
            }
            Ok(Ok(audited)) => audited,
            Ok(Err(refusal)) => unclear(&refusal),
            Err(error) => unclear(&error),
        }
    }

    fn tell(&self, audited: &Audited) {
        self.shared.parity_audits.fetch_add(1, Ordering::Relaxed);
        match audited {
            Audited::Same(predictions) => {
                names::count_parity_audit("same");
                tracing::info!(predictions, "live answers are those of a batch run, to the last bit");
            }
            Audited::Unclear(reason) => {
                names::count_parity_audit("unclear");
                tracing::info!(reason, "live answers could not be audited, it is tried again");
            }
            Audited::Differs(found) => {
                names::count_parity_audit("differs");
                let numbers: usize = found.iter().map(|(_, count)| count).sum();
                self.shared.parity_mismatches.fetch_add(numbers as u64, Ordering::Relaxed);
                names::count_mismatches(numbers);
                for (prediction, count) in found.iter().take(SHOWN_MAX) {
                    tracing::error!(
                        prediction,
                        count,
                        "a live answer is not that of a batch run; see `klinecast replay` for what differs"
                    );
                }
            }
        }
    }
}

/// Compares what was journalled about the bars with what comes out of the stored klines, if those are what was fetched.
fn audit(
    stores: &Stores,
    interval: Interval,
    bundle: &Arc<Bundle>,
    (from, until): (BarTime, BarTime),
    fetched: &Series,
) -> Result<Audited, Refusal> {
    let first = from.plus(-(Forecaster::HISTORY_BARS as i64), interval);
    let read = || -> Result<Series, Refusal> {
        fetched.keys().map(|&symbol| Ok((symbol, stores.klines(symbol, interval, first, until)?))).collect()
    };
    let journal = || -> Result<BTreeMap<Key, Arc<Prediction>>, Refusal> {
        let mut journalled = last_revisions(stores, bundle, from, until)?;
        // About what is not followed any more nothing is made again.
        journalled.retain(|(_, symbol), _| fetched.contains_key(symbol));
        Ok(journalled)
    };
    let stored = read()?;
    let renewed = match stores.kept_renewed(bundle.digest(), interval) {
        Ok(renewed) => renewed.unwrap_or_default(),
        // They are made anew at the latest when the next block's are.
        Err(problem) => return Ok(Audited::Unclear(problem.to_string())),
    };
    if let Some(problem) = difference(&stored, fetched, from, interval) {
        return Ok(Audited::Unclear(problem));
    }
    let made = unhurried(|| batch(bundle, interval, &stored, renewed, from))?;
    let journalled = journal()?;
    let found = compare_all(&journalled, &made);
    if found.is_empty() {
        return Ok(Audited::Same(journalled.len()));
    }
    // A kline that was corrected meanwhile is in the store before its amendments are in the journal.
    let again = journal()?;
    if read()? != stored || again.len() != journalled.len() {
        return Ok(Audited::Unclear("klines were corrected meanwhile".to_owned()));
    }
    Ok(match compare_all(&again, &made) {
        found if found.is_empty() => Audited::Same(again.len()),
        found => Audited::Differs(found),
    })
}

/// The last revisions of the bundle's predictions about the bars.
fn last_revisions(
    stores: &Stores,
    bundle: &Bundle,
    from: BarTime,
    until: BarTime,
) -> Result<BTreeMap<Key, Arc<Prediction>>, Refusal> {
    let query = JournalQuery {
        bundle: Some(bundle.digest()),
        from: Some(from),
        until: Some(until),
        last_revisions: true,
        ..JournalQuery::default()
    };
    let last = stores.predictions(&query)?.into_iter();
    Ok(last.map(|prediction| ((prediction.bar_time, prediction.symbol), prediction)).collect())
}

/// Where the stored klines are not those that were fetched; the market's own audit mends that.
fn difference(stored: &Series, fetched: &Series, from: BarTime, interval: Interval) -> Option<String> {
    for (symbol, fetched) in fetched {
        let stored = stored.get(symbol).map(Vec::as_slice).unwrap_or_default();
        let begin = stored.partition_point(|kline| kline.bar_time(interval) < from);
        let stored = &stored[begin..];
        let differs = stored.len() != fetched.len()
            || stored.iter().zip(fetched).any(|(stored, fetched)| !stored.same_bits(fetched));
        if differs {
            return Some(format!("the exchange has other klines of {symbol} than those that were used"));
        }
    }
    None
}

/// What the bundle says about the bars from `from` on, by a machine that has seen nothing but these klines
/// and what was renewed.
fn batch(
    bundle: &Arc<Bundle>,
    interval: Interval,
    klines: &Series,
    renewed: Renewed,
    from: BarTime,
) -> BTreeMap<Key, Arc<Prediction>> {
    let symbols = klines.keys().copied().collect();
    let mut forecaster = Forecaster::new(ForecasterSettings { symbols, interval, max_lateness_ms: 0 });
    let mut effects = Vec::new();
    let past = klines.iter().map(|(symbol, klines)| {
        let end = klines.partition_point(|kline| kline.bar_time(interval) < from);
        (*symbol, klines[..end].to_vec())
    });
    forecaster.warm_up(&past.collect(), &mut effects);
    forecaster.apply(Event::Renew { bundle: bundle.digest(), renewed }, &mut effects);
    let event = Event::TakeUp { role: Role::Champion, bundle: Arc::clone(bundle) };
    forecaster.apply(event, &mut effects);
    effects.clear();
    let mut bars: BTreeMap<BarTime, Vec<Event>> = BTreeMap::new();
    for (&symbol, klines) in klines {
        for &kline in klines.iter().filter(|kline| kline.bar_time(interval) >= from) {
            let event = Event::Kline { symbol, kline, closed: true, source: Source::Store, heard: None };
            bars.entry(kline.bar_time(interval)).or_default().push(event);
        }
    }
    for (bar, mut events) in bars {
        events.push(Event::Time(bar.milliseconds() + 1));
        forecaster.apply_all(events, &mut effects);
    }
    let prediction = |effect| match effect {
        Effect::Journal(JournalRecord::Prediction(made)) if made.bar_time >= from => {
            Some(((made.bar_time, made.symbol), made))
        }
        _ => None,
    };
    effects.into_iter().filter_map(prediction).collect()
}

/// The predictions that are not the same, each with how many of its numbers; one that is missing counts as one.
fn compare_all(
    journalled: &BTreeMap<Key, Arc<Prediction>>,
    made: &BTreeMap<Key, Arc<Prediction>>,
) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (key, journalled) in journalled {
        let count = match made.get(key) {
            Some(made) if made.same_bits(journalled) => continue,
            Some(made) => compare(journalled, made).differences.len().max(1),
            None => 1,
        };
        found.push((PredictionId::of(journalled).to_string(), count));
    }
    // The bundle answers from some bar on; from then on no bar may be missing.
    let first = journalled.keys().next().map(|(bar, _)| *bar);
    for (key, made) in made {
        if first.is_some_and(|first| key.0 > first) && !journalled.contains_key(key) {
            found.push((PredictionId::of(made).to_string(), 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prediction;

    fn table(predictions: Vec<Prediction>) -> BTreeMap<Key, Arc<Prediction>> {
        predictions.into_iter().map(|made| ((made.bar_time, made.symbol), Arc::new(made))).collect()
    }

    #[test]
    fn a_wrong_bit_and_a_missing_prediction_are_found() {
        let good = || vec![prediction("A", 1, 1), prediction("A", 2, 1), prediction("A", 3, 1)];
        assert_eq!(compare_all(&table(good()), &table(good())), []);
        let mut wrong = good();
        wrong[1].close = f64::from_bits(wrong[1].close.to_bits() + 1);
        let found = compare_all(&table(wrong), &table(good()));
        assert_eq!(found.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1]);
        let mut lost = good();
        lost.remove(2);
        assert_eq!(compare_all(&table(lost), &table(good())).len(), 1);
        // What the bundle had not been there for is not missed.
        assert_eq!(compare_all(&table(good().split_off(1)), &table(good())), []);
    }
}
