//! Whether a seed ended right: the same klines as the exchange, the same bits as a clean run, a journal without holes
//! and doubles.

use std::collections::BTreeMap;

use exchange_sim::{FaultKind, VirtualExchange};
use forecast::{Effect, Event, JournalRecord, Role, Source};
use kline::{BarTime, Kline, Milliseconds, Symbol};

use crate::node::Setting;
use crate::past::{INTERVAL, last_bar};
use crate::record::Record;

/// Most problems that are told of one seed.
const PROBLEMS_MAX: usize = 8;

/// The last bars of a seed, which are not judged.
const UNDERWAY_BARS: Milliseconds = 2;

/// What came of a seed.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What is wrong; empty is right.
    pub problems: Vec<String>,
    /// Faults that were injected, by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// How many predictions were compared.
    pub predictions: u64,
    /// How many predictions were journalled, revisions included.
    pub journalled: u64,
    /// How many klines were made of trades.
    pub from_trades: u64,
    /// How many outcomes were compared.
    pub outcomes: u64,
    /// For each fault that is over: how long after its end the last kline that it may have touched was right, in
    /// milliseconds; 0 where it was right before.
    pub recoveries: Vec<(FaultKind, Milliseconds)>,
}

/// Judges what stands in the record about the bars that closed from `start` to `end`.
pub(crate) fn judge(
    setting: &Setting,
    exchange: &VirtualExchange,
    record: &Record,
    start: Milliseconds,
    end: Milliseconds,
) -> Verdict {
    let (journalled, from_trades) = (record.journalled, record.from_trades);
    let mut verdict = Verdict { journalled, from_trades, ..Verdict::default() };
    // The last bars may still be on their way.
    let end = end - UNDERWAY_BARS * INTERVAL.milliseconds();
    let truth: BTreeMap<Symbol, Vec<Kline>> = setting
        .exchange
        .symbols
        .iter()
        .map(|symbol| (*symbol, exchange.truth(*symbol, start, INTERVAL.floor(end))))
        .collect();
    klines(&mut verdict, record, &truth, start);
    let mut clean = clean_run(setting, record, &truth, start);
    // What the last bar of history is told at the start of the clean run is what the node was told at its start.
    clean.faults.clear();
    compare(&mut verdict, record, &clean, (start, end));
    verdict.problems.extend(record.faults.iter().cloned());
    verdict.problems.truncate(PROBLEMS_MAX);
    for entry in exchange.log() {
        *verdict.faults.entry(entry.kind).or_default() += 1;
        if entry.end < end {
            verdict.recoveries.push((entry.kind, recovery(record, entry.symbol, entry.start, entry.end)));
        }
    }
    verdict
}

/// Whether the stored klines are those that the exchange has in the end.
fn klines(verdict: &mut Verdict, record: &Record, truth: &BTreeMap<Symbol, Vec<Kline>>, start: Milliseconds) {
    for (symbol, expected) in truth {
        let found = record.klines_from(*symbol, last_bar(start).plus(1, INTERVAL));
        let mut found = found.iter().peekable();
        for kline in expected {
            while found.next_if(|found| found.open_time < kline.open_time).is_some() {
                verdict
                    .problems
                    .push(format!("{symbol} has a kline before {} that the exchange lacks", kline.open_time));
            }
            match found.next_if(|found| found.open_time == kline.open_time) {
                Some(found) if found.same_bits(kline) => {}
                Some(_) => {
                    verdict.problems.push(format!("{symbol} has another kline at {}", kline.open_time));
                }
                None => verdict.problems.push(format!("{symbol} lacks the kline at {}", kline.open_time)),
            }
        }
    }
}

/// What a process says that sees nothing but the final klines, in order.
fn clean_run(
    setting: &Setting,
    record: &Record,
    truth: &BTreeMap<Symbol, Vec<Kline>>,
    start: Milliseconds,
) -> Record {
    let mut forecaster = setting.forecaster();
    let last = last_bar(start);
    let history = setting.exchange.symbols.iter().map(|symbol| {
        let mut klines = record.klines_from(*symbol, BarTime::last_closed(0, INTERVAL));
        klines.retain(|kline| kline.bar_time(INTERVAL) <= last);
        (*symbol, klines)
    });
    let mut effects = Vec::new();
    forecaster.warm_up(&history.collect(), &mut effects);
    let bundle = std::sync::Arc::clone(&setting.bundle);
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
    let mut by_bar: BTreeMap<BarTime, Vec<Event>> = BTreeMap::new();
    for (&symbol, klines) in truth {
        for &kline in klines {
            let event = Event::Kline { symbol, kline, closed: true, source: Source::Replay, heard: None };
            by_bar.entry(kline.bar_time(INTERVAL)).or_default().push(event);
        }
    }
    for (bar, mut events) in by_bar {
        // So late that a bar without some of its klines is sealed all the same.
        events.push(Event::Time(bar.milliseconds() + 60_000));
        forecaster.apply_all(events, &mut effects);
    }
    let mut clean = Record::default();
    for effect in effects {
        if let Effect::Journal(entry) = effect {
            clean.journal(match entry {
                JournalRecord::Prediction(prediction) => JournalRecord::Prediction(prediction),
                JournalRecord::Resolution(resolution) => JournalRecord::Resolution(resolution),
            });
        }
    }
    clean
}

/// Compares what was said last, prediction by prediction and outcome by outcome.
fn compare(
    verdict: &mut Verdict,
    record: &Record,
    clean: &Record,
    (start, end): (Milliseconds, Milliseconds),
) {
    let until = last_bar(end);
    let first = last_bar(start).plus(1, INTERVAL);
    for (key, expected) in &clean.predictions {
        let (bar, symbol, _) = key;
        if *bar < first {
            continue;
        }
        verdict.predictions += 1;
        match record.predictions.get(key) {
            None => verdict.problems.push(format!("{symbol} at {bar} was not predicted")),
            Some(found) if !found.same_bits(expected) => {
                verdict.problems.push(format!("{symbol} at {bar} was predicted with other bits"));
            }
            Some(_) => {}
        }
    }
    for (bar, symbol, _) in record.predictions.keys().filter(|key| !clean.predictions.contains_key(*key)) {
        if (first..=until).contains(bar) {
            verdict.problems.push(format!("{symbol} at {bar} was predicted although it has no kline"));
        }
    }
    for (key, expected) in &clean.resolutions {
        let (bar, symbol, _, task) = key;
        if *bar < first {
            continue;
        }
        verdict.outcomes += 1;
        let found = record.resolutions.get(key);
        let same = found.is_some_and(|found| {
            found.outcome.to_bits() == expected.outcome.to_bits()
                && found.loss.to_bits() == expected.loss.to_bits()
                && found.baseline_loss.to_bits() == expected.baseline_loss.to_bits()
        });
        if !same {
            let what = if found.is_some() { "has another outcome" } else { "has no outcome" };
            verdict.problems.push(format!("{} of {symbol} at {bar} {what}", task.name()));
        }
    }
}

/// How long after a fault's end the last of the bars that ended while it lasted was stored as it is in the end.
fn recovery(record: &Record, symbol: Option<Symbol>, start: Milliseconds, end: Milliseconds) -> Milliseconds {
    let (from, to) = (last_bar(start), last_bar(end).plus(1, INTERVAL));
    let touched = record
        .klines
        .iter()
        .filter(|(of, _)| symbol.is_none_or(|symbol| symbol == **of))
        .flat_map(|(_, series)| series.range(from..=to));
    touched.map(|(bar, stored)| stored.at - end.max(bar.milliseconds())).max().unwrap_or(0).max(0)
}
