//! The live source against the project's simulated exchange, whose encoder is not ours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use exchange_sim::{Exchange, ExchangeConfig, MarketSource, synthetic};
use market::kline::{BarTime, Interval, Kline, KlineFields, Symbol};
use market::{ExchangeSettings, LiveSource, MarketEvent, RestClient, backfill};
use tokio::sync::mpsc;

const STEP: i64 = 900_000;
/// Early in the synthetic market: the way there takes time.
const START: i64 = synthetic::GENESIS + 40 * 86_400_000;

fn open(steps: i64) -> i64 {
    START + steps * STEP
}

async fn next(events: &mut mpsc::Receiver<MarketEvent>) -> MarketEvent {
    let waiting = tokio::time::timeout(Duration::from_secs(20), events.recv());
    waiting.await.expect("an event in time").expect("the source lives")
}

/// Receives until `enough`, gathering closed klines.
async fn gather(
    events: &mut mpsc::Receiver<MarketEvent>,
    closed: &mut BTreeMap<Symbol, Vec<Kline>>,
    mut enough: impl FnMut(&MarketEvent, &BTreeMap<Symbol, Vec<Kline>>) -> bool,
) {
    loop {
        let event = next(events).await;
        assert!(!matches!(event, MarketEvent::Gap { .. }), "{event:?}");
        if let MarketEvent::Kline(k) = &event
            && k.closed
        {
            closed.entry(k.symbol).or_default().push(k.kline);
        }
        if enough(&event, closed) {
            return;
        }
    }
}

/// Whether two series are the same to the last bit; a message says where they part.
fn same(found: &[Kline], expected: &[Kline]) -> Result<(), String> {
    let opens =
        |klines: &[Kline]| -> Vec<i64> { klines.iter().map(|k| (k.open_time - START) / STEP).collect() };
    if opens(found) != opens(expected) {
        return Err(format!("bars {:?}, expected {:?}", opens(found), opens(expected)));
    }
    match found.iter().zip(expected).find(|(a, b)| !a.same_bits(b)) {
        Some((a, b)) => Err(format!("{a:?} is not {b:?}")),
        None => Ok(()),
    }
}

#[tokio::test]
async fn it_follows_through_a_restart_and_every_bar_is_the_markets_own_once() {
    let mut config = ExchangeConfig::synthetic(7);
    config.start = START;
    config.market = MarketSource::Synthetic { seed: 7, history_days: 20 };
    config.speed = 1_800.0;
    let exchange = Exchange::start(config.clone()).await.expect("a free port");
    let symbols: Vec<Symbol> =
        synthetic::generate(7, Interval::M15, START, 1).expect("pairs").into_keys().collect();
    let settings =
        ExchangeSettings::at(&exchange.rest_url(), &exchange.websocket_url(), symbols.clone(), Interval::M15);
    let bind: SocketAddr = exchange.rest_url().trim_start_matches("http://").parse().expect("an address");
    let known = BarTime::from_open(open(-50), Interval::M15).expect("on the grid");
    let from = symbols.iter().map(|symbol| (*symbol, known)).collect();
    let (sender, mut events) = mpsc::channel(256);
    let client = RestClient::new(&settings).expect("valid settings");
    let source = LiveSource::spawn(settings, client, &from, sender).expect("valid settings");

    let mut closed = BTreeMap::new();
    gather(&mut events, &mut closed, |event, _| *event == MarketEvent::Connected).await;
    let bars = |closed: &BTreeMap<Symbol, Vec<Kline>>| closed.values().map(Vec::len).min().unwrap_or(0);
    let connected_at = bars(&closed);
    gather(&mut events, &mut closed, |_, closed| bars(closed) >= connected_at + 3).await;

    // The same market on the same port, six bars later.
    let now = exchange.now();
    exchange.shutdown().await;
    config.start = now + 6 * STEP;
    config.bind = bind;
    let again = Exchange::start(config).await.expect("the same port");
    let mut reconnecting = 0;
    gather(&mut events, &mut closed, |event, _| {
        reconnecting += usize::from(matches!(event, MarketEvent::Reconnecting { .. }));
        *event == MarketEvent::Connected
    })
    .await;
    assert!(reconnecting >= 1);
    let connected_at = bars(&closed);
    gather(&mut events, &mut closed, |_, closed| bars(closed) >= connected_at + 3).await;
    source.stop(Duration::from_secs(5)).await;

    assert_eq!(closed.len(), 10);
    let bars = closed.values().map(Vec::len).max().expect("ten series");
    let market = synthetic::generate(7, Interval::M15, open(-49), bars).expect("the same market");
    for (symbol, found) in &closed {
        same(found, &market[symbol][..found.len()]).unwrap_or_else(|problem| panic!("{symbol}: {problem}"));
    }
    again.shutdown().await;
}

/// Two symbols; one lacks the columns from quote volume on. Bar 310 is missing in both.
fn recording(bars: i64) -> BTreeMap<Symbol, Vec<Kline>> {
    let kline = |index: i64, price: f64, whole: bool| {
        let mut fields = KlineFields::flat(open(index), price + index as f64 / 128.0);
        if !whole {
            (fields.quote_volume, fields.trades) = (None, None);
            (fields.taker_base, fields.taker_quote) = (None, None);
        }
        Kline::new(Interval::M15, fields).expect("valid by construction")
    };
    [("BTCUSDT", 30_000.0, true), ("MATICUSDT", 0.75, false)]
        .map(|(name, price, whole)| {
            let klines = (0..bars).filter(|index| *index != 310).map(|index| kline(index, price, whole));
            (name.parse().expect("a symbol"), klines.collect())
        })
        .into()
}

#[tokio::test]
async fn a_replay_at_full_speed_loses_nothing_and_keeps_missing_columns_missing() {
    let klines = recording(1_500);
    let mut config = ExchangeConfig::recorded(klines.clone(), open(200));
    config.speed = 0.0;
    let exchange = Exchange::start(config).await.expect("a free port");
    let symbols: Vec<Symbol> = klines.keys().copied().collect();
    let settings =
        ExchangeSettings::at(&exchange.rest_url(), &exchange.websocket_url(), symbols.clone(), Interval::M15);
    let client = RestClient::new(&settings).expect("valid settings");
    for (symbol, expected) in &klines {
        let history = backfill(&client, *symbol, Interval::M15, open(0), open(200), |_| ()).await;
        same(&history.expect("history"), &expected[..200]).expect("the recording's bits");
    }

    let known = BarTime::from_open(open(199), Interval::M15).expect("on the grid");
    let from = symbols.iter().map(|symbol| (*symbol, known)).collect();
    let (sender, mut events) = mpsc::channel(4);
    let source = LiveSource::spawn(settings, client, &from, sender).expect("valid settings");
    let mut closed: BTreeMap<Symbol, Vec<Kline>> = BTreeMap::new();
    let mut gaps = Vec::new();
    while closed.values().map(Vec::len).min() != Some(1_299) {
        match next(&mut events).await {
            MarketEvent::Kline(k) if k.closed => closed.entry(k.symbol).or_default().push(k.kline),
            MarketEvent::Gap { symbol, from, to } => gaps.push((symbol, from, to)),
            MarketEvent::Reconnecting { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
    source.stop(Duration::from_secs(5)).await;
    for (symbol, found) in &closed {
        same(found, &klines[symbol][200..]).unwrap_or_else(|problem| panic!("{symbol}: {problem}"));
    }
    let lost = BarTime::from_open(open(310), Interval::M15).expect("on the grid");
    assert_eq!(gaps, symbols.iter().map(|symbol| (*symbol, lost, lost)).collect::<Vec<_>>());
    exchange.shutdown().await;
}
