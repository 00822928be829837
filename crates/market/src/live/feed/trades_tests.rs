use std::time::Duration;

use kline::{Kline, KlineFields, Symbol};
use tokio::time::Instant;

use super::super::{Action, Input, LineId};
use super::*;
use crate::live::Repair;
use crate::{ExchangeSettings, KlineSource, MarketEvent, TradeIds};

const STEP: i64 = 900_000;

/// What the exchange answers about bars of the klines endpoint, and about their trades.
struct World {
    feed: Feed,
    now: Instant,
    time: i64,
    symbol: Symbol,
    klines: fn(Missing) -> Result<Vec<Kline>, MarketError>,
    trades: fn(TradedBar) -> Result<Option<TradedKline>, MarketError>,
    asked: Vec<TradedBar>,
    told: Vec<MarketEvent>,
}

fn kline(bar: BarTime) -> Kline {
    let open_time = bar.open_time(Interval::M15);
    Kline::new(Interval::M15, KlineFields::flat(open_time, 2.0)).expect("valid by construction")
}

fn traded(wanted: TradedBar) -> Result<Option<TradedKline>, MarketError> {
    let first = wanted.bar.index(Interval::M15) * 3;
    Ok(Some(TradedKline { kline: kline(wanted.bar), trade_ids: TradeIds { first, last: first + 2 } }))
}

fn nothing(_: Missing) -> Result<Vec<Kline>, MarketError> {
    Ok(Vec::new())
}

fn failing(_: Missing) -> Result<Vec<Kline>, MarketError> {
    Err(MarketError::Server { request: "/api/v3/klines".to_owned(), status: 503 })
}

impl World {
    /// A feed of one pair that knows bar 10, with open lines; the exchange's clock stands in bar 11.
    fn new(
        trades_use: TradesUse,
        klines: fn(Missing) -> Result<Vec<Kline>, MarketError>,
        trades: fn(TradedBar) -> Result<Option<TradedKline>, MarketError>,
    ) -> Self {
        let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
        let mut settings = ExchangeSettings::at("http://x", "ws://x", vec![symbol], Interval::M15);
        settings.limits.trades = trades_use;
        settings.limits.audit_bars = 0;
        let now = Instant::now();
        let known = BarTime::from_open(10 * STEP, Interval::M15).expect("on the grid");
        let repair = Repair::new(Interval::M15, &[symbol], &[(symbol, known)].into());
        let feed = Feed::new(&settings, repair, now, 1);
        let (asked, told) = (Vec::new(), Vec::new());
        let mut world = Self { feed, now, time: 11 * STEP + 5, symbol, klines, trades, asked, told };
        world.take(Input::Wake);
        world
    }

    /// Gives an input and answers what the feed asks for.
    fn take(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.feed.take(self.now, input, &mut actions);
        while !actions.is_empty() {
            let answer = match actions.remove(0) {
                Action::Connect(line) => Input::Opened(line),
                Action::AskTime => Input::Told(Ok(self.time)),
                Action::Fetch(ranges) => Input::Fetched(ranges.into_iter().map(self.klines).collect()),
                Action::FetchTrades(bars) => {
                    self.asked.extend(&bars);
                    Input::Traded(bars.into_iter().map(self.trades).collect())
                }
                Action::Tell(event) => {
                    self.told.push(event);
                    continue;
                }
                Action::Close(_) | Action::Send(..) => continue,
            };
            self.feed.take(self.now, answer, &mut actions);
        }
    }

    /// Lets so long pass; the exchange's clock goes with it, and the sockets' pings.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            let next = self.feed.wake_at().clamp(self.now + Duration::from_millis(1), end);
            self.time += i64::try_from((next - self.now).as_millis()).expect("seconds");
            self.now = next;
            for line in 0..2 {
                let generation = self.feed.lines[line].generation;
                self.take(Input::Alive(LineId { line, generation }));
            }
            self.take(Input::Wake);
        }
    }

    /// The closed klines that were delivered: bar and source.
    fn closed(&self) -> Vec<(i64, KlineSource)> {
        let closed = |event: &MarketEvent| match event {
            MarketEvent::Kline(one) if one.closed => Some((one.kline.open_time / STEP, one.source)),
            MarketEvent::Late(late) => late.first().map(|one| (one.kline.open_time / STEP, one.source)),
            _ => None,
        };
        self.told.iter().filter_map(closed).collect()
    }

    fn gaps(&self) -> usize {
        self.told.iter().filter(|event| matches!(event, MarketEvent::Gap { .. })).count()
    }
}

#[test]
fn a_bar_that_nobody_tells_is_made_of_its_trades_once_its_end_has_passed() {
    let mut world = World::new(TradesUse::Fallback, nothing, traded);
    world.pass(890);
    assert_eq!((world.closed(), world.asked.len()), (Vec::new(), 0), "bar 11 has not ended");
    world.pass(60);
    assert_eq!(world.closed(), [(11, KlineSource::Trades)]);
    assert_eq!((world.asked.len(), world.gaps()), (1, 0));
    let late = world.told.iter().find_map(|event| match event {
        MarketEvent::Kline(one) => one.event_time,
        _ => None,
    });
    assert!(late.is_some_and(|at| (12 * STEP + 2_000..12 * STEP + 20_000).contains(&at)), "{late:?}");
    world.pass(900);
    assert_eq!(world.closed(), [(11, KlineSource::Trades), (12, KlineSource::Trades)]);
    // What is known of the bar before is the next one's proof.
    assert_eq!(world.asked[1].after, Some(11 * 3 + 2));
    let reconnected = world.told.iter().any(|event| matches!(event, MarketEvent::Reconnecting { .. }));
    assert!(!reconnected, "it is not the lines that keep klines back");
}

#[test]
fn an_endpoint_that_fails_is_stood_in_for_by_trades() {
    let mut world = World::new(TradesUse::Fallback, failing, traded);
    world.pass(960);
    assert_eq!(world.closed(), [(11, KlineSource::Trades)]);
    assert_eq!(world.gaps(), 0);
}

#[test]
fn a_later_frame_corrects_what_was_made_of_trades() {
    let mut world = World::new(TradesUse::Fallback, nothing, traded);
    world.pass(960);
    let frame = |price: &str| {
        format!(
            r#"{{"e":"kline","E":{},"s":"BTCUSDT","k":{{"t":{},"T":{},"s":"BTCUSDT","i":"15m","f":33,"L":35,"o":"{price}","c":"{price}","h":"{price}","l":"{price}","v":"0","n":0,"x":true,"q":"0","V":"0","Q":"0","B":"0"}}}}"#,
            world.time,
            11 * STEP,
            12 * STEP - 1
        )
    };
    let (same, other) = (frame("2"), frame("3"));
    let line = LineId { line: 0, generation: world.feed.lines[0].generation };
    world.take(Input::Text(line, same.as_bytes()));
    assert_eq!(world.closed(), [(11, KlineSource::Trades)], "the same bits are no news");
    world.take(Input::Text(line, other.as_bytes()));
    assert_eq!(world.closed(), [(11, KlineSource::Trades), (11, KlineSource::Socket)]);
}

#[test]
fn without_a_kline_of_trades_the_bar_is_a_gap_as_before() {
    let holed = |wanted: TradedBar| {
        let source = crate::trades::TradeFault::End;
        Err(MarketError::Trades { symbol: wanted.symbol, bar: wanted.bar, source })
    };
    for trades in [holed as fn(TradedBar) -> _, |_| Ok(None)] {
        let mut world = World::new(TradesUse::Fallback, nothing, trades);
        world.pass(960);
        assert_eq!((world.closed(), world.asked.len(), world.gaps()), (Vec::new(), 1, 1));
    }
    let mut never = World::new(TradesUse::Never, nothing, traded);
    never.pass(960);
    assert_eq!((never.closed(), never.asked.len(), never.gaps()), (Vec::new(), 0, 1));
}

#[test]
fn only_the_last_bars_are_made_of_trades() {
    let mut world = World::new(TradesUse::Fallback, nothing, traded);
    // The owner misses bars of long ago and the newest one.
    let bar = |index: i64| BarTime::from_open(index * STEP, Interval::M15).expect("on the grid");
    world.time = 40 * STEP + 60_000;
    world.take(Input::Wanted(Missing { symbol: world.symbol, from: bar(2), to: bar(39) }));
    world.pass(5);
    // Once for the owner, once for the order of delivery.
    let asked: BTreeSet<i64> = world.asked.iter().map(|wanted| wanted.bar.index(Interval::M15)).collect();
    assert_eq!(asked, (36..=39).collect());
}
