//! From a frame's text to all tasks' predictions, on one core: the feed and the Forecaster as the server runs them, without
//! its threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use exchange_sim::synthetic;
use forecast::testkit::tiny_bundle;
use forecast::{Bundle, Effect, Event, Forecaster, ForecasterSettings, Role, Source};
use kline::{BarTime, Interval, Kline, Symbol};
use market::live::{Action, Feed, Input, LineId, Repair};
use market::{ExchangeSettings, MarketEvent};

use super::{Options, combined};
use crate::forest::subject::newest_bundle;
use crate::household::read_bundle;
use crate::latencies::Latencies;
use crate::report::{Goal, Measure};

/// Bars that are measured.
const BARS: usize = 400;

/// 2024-01-01 00:00 UTC.
const FROM: i64 = 1_704_067_200_000;

/// Ten pairs, and more if asked for.
pub(super) fn measure(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    let (last_frame, replay) = ten_pairs(options)?;
    let milliseconds =
        |per_mille| last_frame.quantile(per_mille).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3);
    measures.push(Measure::plain("last frame of ten to predictions, p50", "ms", milliseconds(500)));
    measures.push(Measure::plain("the same, p99", "ms", milliseconds(990)).with_goal(Goal::AtMost(1.0)));
    measures
        .push(Measure::plain("ten pairs, times real time", "", replay).with_goal(Goal::AtLeast(10_000.0)));
    if options.many > 0 {
        measures.extend(many_pairs(options.many)?);
    }
    Ok(measures)
}

/// The time from the last frame of each bar to its predictions, and how much faster than real time all of it ran.
fn ten_pairs(options: &Options) -> Result<(Latencies, f64)> {
    let market = synthetic::generate(7, Interval::M15, FROM, Forecaster::HISTORY_BARS + BARS)?;
    let mut machine = Machine::start(&market, bundle(options, &market)?)?;
    let mut latencies = Latencies::default();
    let begun = Instant::now();
    for bar in 0..BARS {
        let frames = machine.frames(&market, bar);
        let (last, others) = frames.split_last().context("there are pairs")?;
        for frame in others {
            machine.hear(frame);
        }
        let sent = Instant::now();
        let published = machine.hear(last);
        anyhow::ensure!(published == market.len(), "bar {bar}: {published} predictions of {}", market.len());
        latencies.push(sent.elapsed());
    }
    let took = begun.elapsed().as_secs_f64();
    let mut sorted = Latencies::default();
    sorted.append(latencies);
    sorted.sort();
    let market_seconds = BARS as f64 * Interval::M15.milliseconds() as f64 / 1e3;
    Ok((sorted, market_seconds / took))
}

/// What one bar of so many pairs costs, and what they hold.
fn many_pairs(pairs: usize) -> Result<Vec<Measure>> {
    const MANY_BARS: usize = 8;
    let ten = synthetic::generate(7, Interval::M15, FROM, Forecaster::HISTORY_BARS + MANY_BARS)?;
    let series: Vec<&Vec<Kline>> = ten.values().collect();
    let name = |number: usize| format!("S{number:04}USDT").parse::<Symbol>();
    let names = (0..pairs).map(name).collect::<Result<Vec<_>, _>>().context("a name of a pair")?;
    let market: BTreeMap<Symbol, Vec<Kline>> =
        names.iter().enumerate().map(|(at, name)| (*name, series[at % series.len()].clone())).collect();
    let before = resident_bytes();
    let bundle: Arc<Bundle> = Arc::new(tiny_bundle(5, &names, Interval::M15).build()?);
    let mut machine = Machine::start(&market, bundle)?;
    let held = resident_bytes().saturating_sub(before);
    let mut bars = Vec::new();
    for bar in 0..MANY_BARS {
        let frames = machine.frames(&market, bar);
        let begun = crate::clock::now();
        let published: usize = frames.iter().map(|frame| machine.hear(frame)).sum();
        anyhow::ensure!(published == pairs, "{published} predictions of {pairs}");
        bars.push((crate::clock::now() - begun).as_secs_f64());
    }
    let bar = crate::clock::median(bars);
    Ok(vec![
        Measure::plain(format!("one bar of {pairs} pairs"), "ms", bar * 1e3),
        Measure::plain("share of a core at 15m", "%", bar / 900.0 * 100.0),
        Measure::plain("share of a core at 1m", "%", bar / 60.0 * 100.0),
        Measure::plain("memory of a pair, history apart", "KiB", held as f64 / pairs as f64 / 1024.0),
    ])
}

/// The bundle that was named, or the newest trained one that knows these pairs, or a few stumps.
fn bundle(options: &Options, market: &BTreeMap<Symbol, Vec<Kline>>) -> Result<Arc<Bundle>> {
    let folder = match &options.bundle {
        Some(folder) => Some(folder.clone()),
        None => newest_bundle().ok(),
    };
    let symbols: Vec<Symbol> = market.keys().copied().collect();
    let Some(folder) = folder else {
        println!("no trained bundle: a few stumps answer");
        return Ok(Arc::new(tiny_bundle(5, &symbols, Interval::M15).build()?));
    };
    println!("bundle {}", folder.display());
    read_bundle(&folder)
}

/// The feed and the Forecaster of one server.
struct Machine {
    feed: Feed,
    forecaster: Forecaster,
    now: tokio::time::Instant,
    line: LineId,
    actions: Vec<Action>,
    effects: Vec<Effect>,
}

impl Machine {
    /// Warm, with a champion, one socket and nothing missing.
    fn start(market: &BTreeMap<Symbol, Vec<Kline>>, bundle: Arc<Bundle>) -> Result<Self> {
        let symbols: Vec<Symbol> = market.keys().copied().collect();
        let interval = Interval::M15;
        let settings = ForecasterSettings { symbols: symbols.clone(), interval, max_lateness_ms: 30_000 };
        let mut forecaster = Forecaster::new(settings);
        let mut effects = Vec::new();
        let history: BTreeMap<Symbol, Vec<Kline>> = market
            .iter()
            .map(|(symbol, klines)| (*symbol, klines[..Forecaster::HISTORY_BARS].to_vec()))
            .collect();
        forecaster.warm_up(&history, &mut effects);
        forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
        effects.clear();
        let last = history.values().filter_map(|klines| klines.last()).map(|kline| kline.bar_time(interval));
        let last = last.max().context("an empty market")?;
        let from: BTreeMap<Symbol, BarTime> = symbols.iter().map(|symbol| (*symbol, last)).collect();
        let mut exchange =
            ExchangeSettings::at("http://127.0.0.1", "ws://127.0.0.1", symbols.clone(), interval);
        exchange.limits.lines = 1;
        let now = tokio::time::Instant::now();
        let mut feed = Feed::new(&exchange, Repair::new(interval, &symbols, &from), now, 1);
        let mut actions = Vec::new();
        feed.take(now, Input::Wake, &mut actions);
        let line = actions.iter().find_map(|action| match action {
            Action::Connect(line) => Some(*line),
            _ => None,
        });
        let line = line.context("the feed connects")?;
        feed.take(now, Input::Opened(line), &mut actions);
        feed.take(now, Input::Told(Ok(last.milliseconds() + 1)), &mut actions);
        actions.clear();
        Ok(Self { feed, forecaster, now, line, actions, effects })
    }

    /// The closing frames of one bar after the history.
    fn frames(&self, market: &BTreeMap<Symbol, Vec<Kline>>, bar: usize) -> Vec<String> {
        let kline = |klines: &Vec<Kline>| klines[Forecaster::HISTORY_BARS + bar];
        market.iter().map(|(symbol, klines)| combined(*symbol, &kline(klines))).collect()
    }

    /// Takes one frame; how many predictions came of it.
    fn hear(&mut self, frame: &str) -> usize {
        self.now += Duration::from_millis(1);
        self.feed.take(self.now, Input::Text(self.line, frame.as_bytes()), &mut self.actions);
        let mut published = 0;
        for action in self.actions.drain(..) {
            let Action::Tell(MarketEvent::Kline(received)) = action else { continue };
            let (symbol, kline, closed, heard) =
                (received.symbol, received.kline, received.closed, received.event_time);
            let event = Event::Kline { symbol, kline, closed, source: Source::Socket, heard };
            self.forecaster.apply(event, &mut self.effects);
            let is_published = |effect: &Effect| usize::from(matches!(effect, Effect::Publish(_)));
            published += self.effects.drain(..).map(|effect| is_published(&effect)).sum::<usize>();
        }
        published
    }
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
