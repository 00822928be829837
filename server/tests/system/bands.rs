//! Conformal bands of a real server: on both faces, renewed from what came true, the same after a restart, in a replay and
//! after their file was damaged.

use std::path::Path;

use forecast::{Bundle, BundleDigest, Renewed, Task, has_bands, renewal_block};
use kline::{BarTime, Interval, Symbol};
use klinecast_server::stores::Stores;
use proto::v1;
use proto::v1::journal_service_client::JournalServiceClient;
use store::Home;

use crate::harness::{SYMBOLS, Server, exchange, publish_champion};

const STEP: Interval = Interval::M15;

/// Enough for the bands of every block that is served: 6,720 bars before it, and the bars that can be replayed.
const HISTORY_BARS: &str = "8000";

async fn predict(server: &Server) -> v1::Prediction {
    let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
    let answer = server.predictions().predict(request).await.expect("an answer").into_inner();
    answer.prediction.expect("a prediction")
}

fn block_of(prediction: &v1::Prediction) -> i64 {
    renewal_block(BarTime::from_close(prediction.bar_time_ms, STEP).expect("on the grid"), STEP)
}

fn kept(home: &Path, bundle: BundleDigest) -> Renewed {
    let stores = Stores::open(home, &store::Places::default()).expect("opens");
    stores.kept_renewed(bundle, STEP).expect("whole").expect("kept")
}

/// The level and the ends of each band, as bits.
fn bits(bands: impl Iterator<Item = (f64, f64, f64)>) -> Vec<[u64; 3]> {
    bands.map(|(level, low, high)| [level, low, high].map(f64::to_bits)).collect()
}

/// Every task's bands are those that the quantiles of the prediction's block give.
fn has_bands_of(prediction: &v1::Prediction, bands: &Renewed, bundle: &Bundle) {
    let symbol: Symbol = prediction.symbol.parse().expect("a name");
    let renewed = bands.of(symbol, block_of(prediction));
    let value = |task: Task| {
        let found = prediction.tasks.iter().find(|found| found.task == task.name()).expect("every task");
        match found.ensemble.as_ref().and_then(|answer| answer.answer.as_ref()) {
            Some(v1::answer::Answer::Value(value)) => *value,
            other => panic!("{task} is {other:?}"),
        }
    };
    let volatility = value(Task::Volatility4Step);
    for task in Task::ALL {
        let found = prediction.tasks.iter().find(|found| found.task == task.name()).expect("every task");
        let found = bits(found.bands.iter().map(|band| (band.level, band.low, band.high)));
        if !has_bands(task) {
            assert!(found.is_empty(), "{task}");
            continue;
        }
        let around = |quantiles: &forecast::SymbolBands| {
            let bands = quantiles.around(task, &forecast::Answer::Value(value(task)), volatility);
            bits(bands.into_iter().map(|band| (band.level, band.low, band.high)))
        };
        assert_eq!(found.len(), 2, "{task}");
        assert_eq!(found, around(&renewed.bands), "{task}: renewed");
        assert_ne!(found, around(&bundle.bands().of(symbol)), "{task}: not what is shipped");
    }
}

async fn replays_the_same(server: &Server, id: &str) {
    let request = v1::ReplayPredictionRequest { id: id.to_owned() };
    let answer = JournalServiceClient::new(server.channel()).replay_prediction(request).await;
    let found = answer.expect("an answer").into_inner();
    assert_eq!(found.verdict(), v1::ReplayVerdict::Same, "{found:?}");
}

async fn start(exchange: &exchange_sim::Exchange, home: &Path) -> Server {
    let server = Server::start_with(exchange, home, &SYMBOLS.join(","), HISTORY_BARS).await;
    server.serves().await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bands_are_renewed_and_the_same_after_a_restart_in_a_replay_and_after_a_damage() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (_, digest) = publish_champion(home.path(), 1);
    let opened = Home::open(home.path()).expect("opens");
    let bundle = Bundle::from_files(opened.objects().get(digest).expect("kept")).expect("it holds");
    let file = opened.bands(digest).path().to_owned();

    let server = start(&exchange, home.path()).await;
    let first = predict(&server).await;
    let made = kept(home.path(), digest);
    has_bands_of(&first, &made, &bundle);
    let (status, rest) = server.post("/predict/BTCUSDT", "").await;
    let task = &rest["predictions"]["return_4step"];
    assert_eq!((status, task["bands"].as_array().map(Vec::len)), (200, Some(2)), "{rest}");
    let low = |level: usize| task["bands"][level]["low"].as_f64();
    assert!(low(1) < low(0) && low(0) < task["ensemble"].as_f64(), "{task}");
    assert_eq!(rest["predictions"]["vol_regime_4step"].get("bands"), None);
    replays_the_same(&server, &first.id).await;
    assert!(server.metric("klinecast_bands_renewed_total").await.is_some_and(|blocks| blocks >= 2.0));
    let (ended, _, log) = server.terminate().await;
    assert!(ended.success() && log.contains("bands and confidence renewed"), "{log}");

    let server = start(&exchange, home.path()).await;
    has_bands_of(&predict(&server).await, &made, &bundle);
    replays_the_same(&server, &first.id).await;
    let (ended, ..) = server.terminate().await;
    assert!(ended.success());

    let bytes = std::fs::read(&file).expect("there");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("damaged");
    let server = start(&exchange, home.path()).await;
    let again = kept(home.path(), digest);
    let symbol = SYMBOLS[1].parse().expect("a name");
    assert_eq!(again.of(symbol, block_of(&first)), made.of(symbol, block_of(&first)), "made again");
    has_bands_of(&predict(&server).await, &again, &bundle);
    replays_the_same(&server, &first.id).await;
    assert!(server.metric("klinecast_bands_failures_total").await.is_some_and(|failures| failures >= 1.0));
}
