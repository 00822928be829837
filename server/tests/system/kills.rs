//! Killed at any moment, again and again: the journal is that of a process that never died.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forecast::{
    Bundle, BundleDigest, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Prediction,
    Resolution, Role, Source, Task,
};
use kline::{BarTime, Interval, Kline, Symbol};
use proto::v1;
use proto::v1::journal_service_client::JournalServiceClient;
use proto::v1::verify_journal_response::Step;
use store::testkit::TestPostgres;
use store::{DatabaseUrl, Home, JournalQuery, Places};
use tempfile::TempDir;

use crate::harness::{PATIENCE, SYMBOLS, Server, exchange, publish_champion_into, symbols};

const STEP: Interval = Interval::M15;

/// Kills of the usual test; `KLINECAST_KILLS` asks for more.
const KILLS: u64 = 6;

/// Kills of the same test with PostgreSQL.
const KILLS_WITH_POSTGRES: u64 = 3;

/// A generator of Marsaglia's xorshift family.
struct Moments(u64);

impl Moments {
    /// Up to two and a half bars of the simulated exchange, and now and then at once: while the server warms up.
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis((self.0 >> 20) % 3_750)
    }
}

type Journal<K, V> = BTreeMap<K, Vec<V>>;
type Predictions = Journal<(BarTime, Symbol), Arc<Prediction>>;
type Resolutions = Journal<(BarTime, Symbol, Task), Resolution>;

/// Where a server keeps what it knows.
struct Place {
    folder: TempDir,
    /// An address in place of the database in the folder.
    database: Option<String>,
}

impl Place {
    fn new(database: Option<String>) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), database }
    }

    fn open(&self) -> Home {
        let url = self.database.as_ref().map(|text| text.parse::<DatabaseUrl>().expect("an address"));
        let places = Places { database: url, ..Places::default() };
        Home::open_with(self.folder.path(), &places).expect("the home opens")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_double_nothing_and_change_no_bit() {
    let kills = std::env::var("KLINECAST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    nothing_is_lost(&Place::new(None), kills).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_do_they_where_postgres_keeps_the_journal() {
    let Some(database) = TestPostgres::shared() else { return };
    let logs = nothing_is_lost(&Place::new(Some(database.address())), KILLS_WITH_POSTGRES).await;
    assert!(!logs.contains(database.password()) && !logs.contains("p%40ss"), "{logs}");
}

/// Kills a server so many times, then holds what it has kept against a run that was never interrupted. Answers what the
/// last server has logged.
async fn nothing_is_lost(place: &Place, kills: u64) -> String {
    let exchange = exchange().await;
    let (_, bundle) = publish_champion_into(&place.open(), 1);
    let mut logged = String::new();
    let mut moments = Moments(0x9e37_79b9_7f4a_7c15);
    let mut slowest = Duration::ZERO;
    for kill in 0..=kills {
        let began = Instant::now();
        let server = Server::start_on(&exchange, place.folder.path(), place.database.as_deref()).await;
        if kill == 0 || kill == kills || !moments.0.is_multiple_of(5) {
            server.serves().await;
            slowest = slowest.max(if kill == 0 { Duration::ZERO } else { began.elapsed() });
        }
        tokio::time::sleep(moments.next()).await;
        if kill == kills {
            until_answered(&place.open(), 3).await;
            let (status, answer) = server.post("/predict/BTCUSDT", "").await;
            assert_eq!((status, &answer["bundle"]), (200, &bundle.to_string().into()), "{answer}");
            holds(&server).await;
            let (status, _, log) = server.terminate().await;
            assert!(status.success(), "{log}");
            logged = log;
        }
        // Dropped: killed without a word.
    }
    let home = place.open();
    let verification = home.journal().verify(&mut |_, _| {}).expect("readable");
    assert_eq!(verification.fault_count, 0, "{verification:?}");

    let (predictions, resolutions) = journal(&home);
    let (expected, outcomes) = never_died(&home, bundle, *predictions.keys().next().expect("some"));
    let keys = |predictions: &Predictions| predictions.keys().copied().collect::<Vec<_>>();
    assert_eq!(keys(&predictions), keys(&expected), "no bar is lost, for no symbol");
    for (key, revisions) in &predictions {
        let numbers: Vec<u32> = revisions.iter().map(|prediction| prediction.revision).collect();
        assert!(numbers.iter().copied().eq(1..=revisions.len() as u32), "{key:?}: {numbers:?}");
        let last = revisions.last().expect("one at least");
        assert!(expected[key].last().expect("one").same_bits(last), "{key:?}");
    }
    let bits = |resolution: &Resolution| {
        [resolution.outcome, resolution.loss, resolution.baseline_loss].map(f64::to_bits)
    };
    assert!(resolutions.keys().eq(outcomes.keys()), "no outcome is lost");
    for (key, revisions) in &resolutions {
        let numbers: Vec<u32> = revisions.iter().map(|resolution| resolution.revision).collect();
        assert!(numbers.iter().copied().eq(1..=revisions.len() as u32), "{key:?}: {numbers:?}");
        assert_eq!(bits(revisions.last().expect("one")), bits(outcomes[key].last().expect("one")), "{key:?}");
    }
    let (predictions, resolutions) = (predictions.len(), resolutions.len());
    println!(
        "{kills} kills: {predictions} predictions and {resolutions} outcomes, none lost, none doubled, all bits equal; \
         slowest start {slowest:.2?}"
    );
    logged
}

/// The running server says that its journal is as it was written.
async fn holds(server: &Server) {
    let mut client = JournalServiceClient::new(server.channel());
    let mut steps = client.verify_journal(v1::VerifyJournalRequest {}).await.expect("an answer").into_inner();
    let mut found = None;
    while let Some(step) = steps.message().await.expect("no error") {
        found = step.step;
    }
    let Some(Step::Verification(found)) = found else { panic!("{found:?} came last") };
    assert!(found.fault_count == 0 && found.record_count > 0 && found.head.len() == 64, "{found:?}");
}

/// Waits until so many bars more are answered.
async fn until_answered(home: &Home, bars: i64) {
    let last = || home.journal().last_predicted_bar(STEP).expect("readable");
    let wanted = last().map(|bar| bar.plus(bars, STEP));
    let began = Instant::now();
    while last() < wanted {
        assert!(began.elapsed() < PATIENCE, "no more bars are answered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn journal(home: &Home) -> (Predictions, Resolutions) {
    let query = JournalQuery::default();
    let mut predictions = Predictions::new();
    for prediction in home.journal().predictions(&query).expect("readable") {
        predictions.entry((prediction.bar_time, prediction.symbol)).or_default().push(prediction);
    }
    let mut resolutions = Resolutions::new();
    for resolution in home.journal().resolutions(&query).expect("readable") {
        let key = (resolution.bar_time, resolution.symbol, resolution.task);
        resolutions.entry(key).or_default().push(resolution);
    }
    (predictions, resolutions)
}

/// One clean pass over the stored klines, answering from `first` on, up to the last bar that all symbols have.
fn never_died(
    home: &Home,
    bundle: BundleDigest,
    (first, _): (BarTime, Symbol),
) -> (Predictions, Resolutions) {
    let stored = |symbol: Symbol| home.klines().range(symbol, STEP, None, None).expect("readable");
    let klines: BTreeMap<Symbol, Vec<Kline>> =
        symbols().into_iter().map(|symbol| (symbol, stored(symbol))).collect();
    let part = |is_past: bool| -> BTreeMap<Symbol, Vec<Kline>> {
        let of = |klines: &Vec<Kline>| {
            klines.iter().filter(|kline| (kline.bar_time(STEP) <= first) == is_past).copied().collect()
        };
        klines.iter().map(|(symbol, klines)| (*symbol, of(klines))).collect()
    };
    let settings = ForecasterSettings { symbols: symbols(), interval: STEP, max_lateness_ms: 30_000 };
    let mut forecaster = Forecaster::new(settings);
    let mut effects = Vec::new();
    forecaster.warm_up(&part(true), &mut effects);
    let files = home.objects().get(bundle).expect("kept");
    let bundle = Arc::new(Bundle::from_files(files).expect("holds"));
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
    let live = part(false);
    let bars = live.values().map(Vec::len).min().unwrap_or_default();
    assert!(live.len() == SYMBOLS.len() && bars > 3);
    for place in 0..bars {
        let of_bar = live.iter().map(|(symbol, klines)| (*symbol, klines[place]));
        let event = |(symbol, kline)| Event::Kline {
            symbol,
            kline,
            closed: true,
            source: Source::Store,
            heard: None,
        };
        forecaster.apply_all(of_bar.map(event), &mut effects);
    }
    let (mut predictions, mut resolutions) = (Predictions::new(), Resolutions::new());
    for effect in effects {
        match effect {
            Effect::Journal(JournalRecord::Prediction(prediction)) => {
                predictions.entry((prediction.bar_time, prediction.symbol)).or_default().push(prediction);
            }
            Effect::Journal(JournalRecord::Resolution(resolution)) => {
                let key = (resolution.bar_time, resolution.symbol, resolution.task);
                resolutions.entry(key).or_default().push(resolution);
            }
            _ => {}
        }
    }
    (predictions, resolutions)
}
