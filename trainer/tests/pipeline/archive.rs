//! Ingest of history: an archive, an exchange for what it lacks, holes, corrections, and a run that is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, synthetic};
use kline::{Interval, Kline, KlineFields, Symbol};
use klinecast_trainer::console::Console;
use klinecast_trainer::ingest::{Correction, Ingested, Range, Source, ingest, kept_klines};
use klinecast_trainer::quality::{self, Fault};
use store::Home;
use tokio::runtime::Runtime;

use crate::support::execute;

const STEP: Interval = Interval::M15;
const DAY: i64 = 86_400_000;
/// 2024-11-20 00:00 UTC.
const START: i64 = 1_732_060_800_000;
/// To 2025-01-05 00:00: the unit of time changes on the way.
const DAYS: usize = 46;

type Klines = BTreeMap<Symbol, Vec<Kline>>;

fn btc() -> Symbol {
    "BTCUSDT".parse().expect("a symbol")
}

/// The klines of one pair over the turn of a year.
fn klines() -> Klines {
    let mut klines = synthetic::generate(11, STEP, START, DAYS * 96).expect("a market");
    klines.retain(|symbol, _| *symbol == btc());
    klines
}

/// Bars that have closed when the exchange starts.
const CLOSED: usize = 45 * 96 + 47;

/// An exchange that starts in the middle of a bar, half a day before its klines end.
fn exchange(klines: Klines) -> (Runtime, Exchange) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let last = klines.values().flatten().map(|kline| kline.close_time).max().expect("klines");
    let start = last - DAY / 2 - STEP.milliseconds() / 2;
    let exchange = runtime.block_on(Exchange::start(ExchangeConfig::recorded(klines, start)));
    let exchange = exchange.expect("an exchange");
    (runtime, exchange)
}

fn kept_equals(home: &Home, expected: &[Kline]) {
    let kept = home.klines().range(btc(), STEP, None, None).expect("klines");
    assert_eq!(kept.len(), expected.len());
    assert!(kept.iter().zip(expected).all(|(a, b)| a.same_bits(b)));
}

fn until_end() -> Range {
    Range { from: Some(START), until: Some(START + DAYS as i64 * DAY), ..Range::default() }
}

fn run(home: &Home, source: &Source) -> Ingested {
    let found = ingest(home, source, &[btc()], STEP, &Console::silent()).expect("klines");
    found.into_iter().next().expect("one symbol")
}

#[test]
fn months_then_days_then_the_exchange_and_holes_are_listed_and_remembered() {
    let mut market = klines();
    let series = market.get_mut(&btc()).expect("one");
    // A day and some bars that nobody has.
    let lacks = |kline: &Kline| {
        let bar = (kline.open_time - START) / STEP.milliseconds();
        (96 * 3..96 * 4).contains(&bar) || (96 * 20 + 7..96 * 20 + 9).contains(&bar)
    };
    series.retain(|kline| !lacks(kline));
    let series = series.clone();
    let (runtime, exchange) = exchange(market);
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("a home");

    // What is there already is not fetched: all of November but two bars, and one of December, with another price.
    let early: Vec<Kline> =
        series.iter().filter(|kline| kline.open_time < START + 9 * DAY).copied().collect();
    home.klines().append(btc(), STEP, &early).expect("kept");
    let mut wrong = *series.iter().find(|kline| kline.open_time > START + 30 * DAY).expect("one").fields();
    wrong.volume += 1.0;
    let wrong = Kline::new(STEP, wrong).expect("valid");
    home.klines().append(btc(), STEP, &[wrong]).expect("kept");

    let place = exchange.rest_url();
    let archive = Source::Archive { place: place.clone(), rest_url: None, range: until_end() };
    let first = run(&home, &archive);
    assert_eq!(
        (first.corrected, &first.corrections[..]),
        (1, &[Correction { open_time: wrong.open_time }][..])
    );
    // Through the third of January: the fourth is not over, and the month has no file yet.
    assert_eq!(first.until.map(kline::BarTime::milliseconds), Some(START + 45 * DAY - 1));
    let holes: Vec<(i64, i64)> =
        first.holes.iter().map(|hole| ((hole.from - START) / 900_000, hole.bars)).collect();
    assert_eq!(holes, [(96 * 3, 96), (96 * 20 + 7, 2), (96 * 45, 96)]);
    assert_eq!(first.missing_bars, 96 + 2 + 96);
    // Every file that there is was read; old holes are not asked for again.
    let again = run(&home, &archive);
    assert_eq!((again.fetched, again.written, again.corrected), (0, 0, 0));

    let both = Source::Archive { place, rest_url: Some(exchange.rest_url()), range: until_end() };
    let rest = run(&home, &both);
    assert_eq!((rest.fetched, rest.missing_bars), (47, 96 + 2 + 49));
    kept_equals(&home, &series[..CLOSED - 98]);
    let noted = std::fs::read_to_string(folder.path().join("ingest-holes.json")).expect("a note");
    assert_eq!(noted.matches("\"bars\": 96").count(), 2, "by the archive and by the exchange: {noted}");
    runtime.block_on(exchange.shutdown());
}

#[test]
fn holes_inside_are_fetched_from_an_exchange_too() {
    let market = klines();
    let series = market[&btc()].clone();
    let (runtime, exchange) = exchange(market);
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("a home");
    let part: Vec<Kline> = series
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 1_000 > 2 && *at < 4_000)
        .map(|(_, kline)| *kline)
        .collect();
    home.klines().append(btc(), STEP, &part).expect("kept");
    let source = Source::Exchange { rest_url: exchange.rest_url(), range: until_end() };
    let found = run(&home, &source);
    assert_eq!(found.fetched, CLOSED - part.len());
    assert_eq!((found.missing_bars, found.corrected), (49, 0));
    kept_equals(&home, &series[..CLOSED]);
    // Nothing of a time to come is remembered as missing.
    let until = Some(START + 400 * DAY);
    let range = Range { from: Some(START), until, ..Range::default() };
    run(&home, &Source::Exchange { rest_url: exchange.rest_url(), range });
    assert!(!folder.path().join("ingest-holes.json").exists());
    runtime.block_on(exchange.shutdown());
}

#[test]
fn what_archive_and_exchange_have_otherwise_is_disputed_and_lowers_the_score() {
    let market = klines();
    let mut series = market[&btc()][..CLOSED].to_vec();
    let (runtime, exchange) = exchange(market);
    let (files, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    download(&runtime, &exchange, files.path(), &["2024-11-20"]);
    let home = Home::open(folder.path()).expect("a home");
    // The older one lies further back than what is compared.
    for at in [CLOSED - 2_000, CLOSED - 10] {
        let other = KlineFields { high: series[at].high * 1.001, ..*series[at].fields() };
        series[at] = Kline::new(STEP, other).expect("valid");
    }
    home.klines().append(btc(), STEP, &series).expect("kept");
    let place = files.path().to_string_lossy().into_owned();
    let source = Source::Archive { place, rest_url: Some(exchange.rest_url()), range: until_end() };
    run(&home, &source);
    let kept = kept_klines(&home, &[], STEP).expect("klines");
    assert!(kept.klines[&btc()].iter().zip(&series).all(|(a, b)| a.same_bits(b)), "what is kept stays");
    assert_eq!(kept.disputes.count(btc(), STEP), 1);
    assert!(kept.disputes.has(btc(), STEP, series[CLOSED - 10].open_time));
    let found = &quality::assess(&kept.klines, &kept.joints, &kept.disputes, STEP)[0];
    assert_eq!(found.faults.of(Fault::Disputed), 1);
    assert_eq!(found.days[found.days.len() - 2].faults.of(Fault::Disputed), 0);
    assert!(found.days.last().is_some_and(|day| day.faults.of(Fault::Disputed) == 1 && day.score < 1.0));
    runtime.block_on(exchange.shutdown());
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let market = klines();
    let series = market[&btc()].clone();
    let (runtime, exchange) = exchange(market);
    let (files, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let dates: Vec<String> = (20..=30)
        .map(|day| format!("2024-11-{day}"))
        .chain((1..=5).map(|day| format!("2024-12-0{day}")))
        .collect();
    let dates: Vec<&str> = dates.iter().map(String::as_str).collect();
    download(&runtime, &exchange, files.path(), &dates);
    // A pipe that nobody writes to holds the run up at its eleventh file.
    let (held, aside) = (files.path().join("BTCUSDT-15m-2024-11-30.zip"), files.path().join("aside"));
    std::fs::rename(&held, &aside).expect("moved");
    assert!(Command::new("mkfifo").arg(&held).status().expect("mkfifo runs").success());
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_klinecast-trainer"));
        command.env_clear().args(["ingest", "--json", "--symbols", "BTCUSDT", "--archive"]);
        command.arg(files.path()).arg("--home").arg(folder.path()).stderr(Stdio::inherit());
        command
    };
    let home = Home::open(folder.path()).expect("a home");
    let mut child = command().stdout(Stdio::null()).spawn().expect("the trainer runs");
    let began = Instant::now();
    while home.klines().last_bar(btc(), STEP).expect("readable").is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is kept");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let before = home.klines().range(btc(), STEP, None, None).expect("klines").len();
    assert!((96..=10 * 96).contains(&before), "{before} bars");

    std::fs::rename(&aside, &held).expect("moved back");
    let output = command().output().expect("the trainer runs");
    assert!(output.status.success());
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    let found = &line["report"][0];
    assert_eq!(
        (&found["fetched"], &found["written"]),
        (&(16 * 96 - before).into(), &(16 * 96 - before).into())
    );
    assert_eq!(found["missing_bars"], 0, "{line}");
    kept_equals(&home, &series[..16 * 96]);
    runtime.block_on(exchange.shutdown());
}

#[test]
fn a_damaged_file_of_a_folder_is_named_and_what_came_before_stays() {
    let market = klines();
    let series = market[&btc()].clone();
    let (runtime, exchange) = exchange(market);
    let files = tempfile::tempdir().expect("a folder");
    download(&runtime, &exchange, files.path(), &["2024-11", "2024-12", "2025-01-01", "2025-01-03"]);
    let at = files.path().join("BTCUSDT-15m-2024-12.zip");
    let good = std::fs::read(&at).expect("there");
    std::fs::write(&at, &good[..good.len() - 7]).expect("damaged");
    let folder = tempfile::tempdir().expect("a folder");
    let home_words = ["--home", &folder.path().to_string_lossy(), "--symbols", "BTCUSDT"].map(str::to_owned);
    let ingest = |words: &[&str]| {
        let common: Vec<&str> = home_words.iter().map(String::as_str).collect();
        execute(&[&common[..], &["ingest", "--archive", &files.path().to_string_lossy()], words].concat())
    };
    let told = ingest(&[]).expect_err("a damaged file");
    assert!(told.contains("BTCUSDT-15m-2024-12.zip") && told.contains("damaged"), "{told}");
    let home = Home::open(folder.path()).expect("a home");
    kept_equals(&home, &series[..11 * 96]);

    std::fs::write(&at, &good).expect("mended");
    ingest(&[]).expect("all that the folder has");
    // The second of January is not there.
    let lacking: Vec<Kline> = [&series[..43 * 96], &series[44 * 96..45 * 96]].concat();
    kept_equals(&home, &lacking);
    ingest(&["--ask-again"]).expect("nothing new");
    runtime.block_on(exchange.shutdown());
}

/// Fetches files of the exchange's archive into one flat folder.
fn download(runtime: &Runtime, exchange: &Exchange, folder: &Path, dates: &[&str]) {
    for date in dates {
        let file: market::archive::ArchiveFile = format!("BTCUSDT-15m-{date}.zip").parse().expect("a name");
        for ending in ["", ".CHECKSUM"] {
            let url = format!("{}/{}{ending}", exchange.rest_url(), file.path());
            let bytes = runtime.block_on(get(&url));
            std::fs::write(folder.join(format!("{file}{ending}")), bytes).expect("written");
        }
    }
}

async fn get(url: &str) -> Vec<u8> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(url).send().await.expect("an answer").error_for_status().expect("a file");
    answer.bytes().await.expect("a body").to_vec()
}

#[test]
fn real_klines_come_through_the_archive_as_they_are() {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder =
        std::env::var_os("KLINECAST_REAL_DATA").map_or_else(default, PathBuf::from).join("full-columns");
    let path = folder.join("BTCUSDT-15m-spot.csv.gz");
    if !path.is_file() {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "real klines are missing at {}; set KLINECAST_REAL_DATA", path.display());
        println!("no real klines at {}; not compared", path.display());
        return;
    }
    let series = market::files::read_file(&path, STEP).expect("real klines");
    let first = series[0].open_time;
    let last = series[series.len() - 1].open_time - DAY;
    let closed = series.partition_point(|kline| kline.open_time < last);
    let (runtime, exchange) = exchange(Klines::from([(btc(), series.clone())]));
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("a home");
    let range = Range { from: Some(first), until: Some(last), ..Range::default() };
    let place = exchange.rest_url();
    let rest_url = Some(place.clone());
    let found = run(&home, &Source::Archive { place, rest_url, range });
    kept_equals(&home, &series[..closed]);
    let expected = (last - first) / STEP.milliseconds() - closed as i64;
    assert_eq!(found.missing_bars, expected, "what the exchange did not have");
    println!(
        "{} real klines, {} missing in {} holes",
        series.len() - 1,
        found.missing_bars,
        found.holes.len()
    );
    runtime.block_on(exchange.shutdown());
}
