//! The gap ledger outlives the process: what was missing, and how it was filled in the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, synthetic};
use kline::{BarTime, Interval, Kline, Symbol};
use serde_json::{Value, json};
use store::testkit::TestPostgres;
use store::{DatabaseUrl, Hole, HoleState, Home, Places};

use crate::harness::{PATIENCE, Server, publish_champion_into, symbols};

const STEP: Interval = Interval::M15;

/// Bars of each symbol; the last ones are still to come.
const BARS: usize = 4_200;

/// A recorded exchange that stands still in the middle of a bar.
async fn exchange(klines: BTreeMap<Symbol, Vec<Kline>>) -> Exchange {
    let start = ExchangeConfig::DEFAULT_START + (BARS as i64 - 10) * STEP.milliseconds() + 1_000;
    Exchange::start(ExchangeConfig::recorded(klines, start)).await.expect("the exchange starts")
}

/// What the server says is or was missing, once it says what is asked for.
async fn gaps(server: &Server, path: &str, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let (status, body) = server.get(path).await;
        let found = body["gaps"].as_array().expect("a list").clone();
        assert_eq!(status, 200, "{body}");
        if is_there(&found) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{body}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn open(home: &Path, database: Option<&str>) -> Home {
    let url = database.map(|text| text.parse::<DatabaseUrl>().expect("an address"));
    let places = Places { database: url, ..Places::default() };
    Home::open_with(home, &places).expect("the home opens")
}

/// Waits until the store has so many holes of a symbol that fit.
async fn kept(home: &Home, symbol: Symbol, count: usize, fits: impl Fn(&HoleState) -> bool) {
    let began = Instant::now();
    loop {
        let holes = home.gaps().holes(symbol, STEP, BarTime::last_closed(0, STEP), 100).expect("readable");
        if holes.iter().filter(|hole| fits(&hole.state)).count() == count {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{holes:?} are kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn outlives_kills(database: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = open(folder.path(), database);
    publish_champion_into(&home, 1);
    let [bnb, btc, eth] = symbols()[..] else { panic!("three symbols") };
    let mut klines =
        synthetic::generate(7, STEP, ExchangeConfig::DEFAULT_START, BARS).expect("a synthetic market");
    klines.retain(|symbol, _| symbols().contains(symbol));
    let bar = |place: usize| klines[&btc][place].bar_time(STEP);
    let mut lacking = klines.clone();
    for (symbol, places) in [(btc, 4_000..4_003), (eth, 3_900..3_901)] {
        let lost: Vec<i64> = places.map(|place| klines[&symbol][place].open_time).collect();
        lacking.get_mut(&symbol).expect("there").retain(|kline| !lost.contains(&kline.open_time));
    }
    let incomplete = exchange(lacking).await;
    let story =
        |gap: &Value| (gap["symbol"].clone(), gap["from_bar_time"].clone(), gap["noticed_at"].clone());

    let server = Server::start_on(&incomplete, folder.path(), database).await;
    let first = gaps(&server, "/gaps", |gaps| gaps.len() == 2).await;
    assert!(first.iter().all(|gap| gap["state"] == "lacking"), "{first:?}");
    assert_eq!((&first[0]["symbol"], &first[0]["bar_count"]), (&json!("BTCUSDT"), &json!(3)));
    let is_lacking = |state: &HoleState| matches!(state, HoleState::Lacking { .. });
    kept(&home, btc, 3, is_lacking).await;
    kept(&home, eth, 1, is_lacking).await;
    // Killed without a word; in the store is what a process leaves that dies between a kline and the ledger.
    drop(server);
    let hole = Hole { symbol: bnb, bar: bar(4_100), noticed_at_ms: 5, state: HoleState::Open };
    home.gaps().write(STEP, &[hole], &[]).expect("kept");

    let server = Server::start_on(&incomplete, folder.path(), database).await;
    let settled = |gaps: &[Value]| gaps.len() == 3 && gaps[0]["state"] == "filled";
    let second = gaps(&server, "/gaps", settled).await;
    assert_eq!((&second[0]["source"], &second[0]["symbol"]), (&json!("store"), &json!("BNBUSDT")));
    assert!(first.iter().map(story).eq(second[1..].iter().map(story)), "{first:?} {second:?}");
    kept(&home, bnb, 1, |state| matches!(state, HoleState::Filled { .. })).await;
    drop(server);
    incomplete.shutdown().await;

    // An exchange that has them now.
    let complete = exchange(klines.clone()).await;
    let server = Server::start_on(&complete, folder.path(), database).await;
    gaps(&server, "/gaps?unfilled=true", <[Value]>::is_empty).await;
    let third = gaps(&server, "/gaps", |gaps| gaps.len() == 3).await;
    assert!(second.iter().map(story).eq(third.iter().map(story)), "{second:?} {third:?}");
    assert!(third[1..].iter().all(|gap| gap["state"] == "filled" && gap["source"] == "rest"), "{third:?}");
    let is_filled = |state: &HoleState| matches!(state, HoleState::Filled { .. });
    kept(&home, btc, 3, is_filled).await;
    kept(&home, eth, 1, is_filled).await;
    drop(server);

    let server = Server::start_on(&complete, folder.path(), database).await;
    assert_eq!(gaps(&server, "/gaps", |_| true).await, third, "a restart shows the same ledger");
    drop(server);
    complete.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gap_ledger_outlives_kills_and_says_how_holes_were_filled() {
    outlives_kills(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_where_postgres_keeps_it() {
    let Some(database) = TestPostgres::shared() else { return };
    outlives_kills(Some(&database.address())).await;
}
