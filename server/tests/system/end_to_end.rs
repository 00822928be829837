//! The whole path on real klines: the trainer's binary learns from the early part, the exchange replays the later
//! part through the server's binary, and everything that the server said is compared, to the last bit, with a batch
//! run over the same klines and with the original libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, MarketSource, synthetic};
use forecast::{
    Answer, Bundle, DatasetRow, GoldenLibrary, OutcomeContext, Prediction, Resolution, Signals,
    TargetTransform, Task, TaskKind, for_each_row,
};
use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use klinecast_trainer::fit::{LightGbm, Matrix, XgBoost, lightgbm_path, xgboost_path};
use store::{Home, JournalQuery};

use crate::binaries;
use crate::harness::Server;

const STEP: Interval = Interval::M15;

/// 2022-11-01, 2023-02-01 and 2023-02-04, 00:00 UTC: all ten pairs are complete between them.
const FROM: Milliseconds = 1_667_260_800_000;
const LIVE_FROM: Milliseconds = 1_675_209_600_000;
const UNTIL: Milliseconds = 1_675_468_800_000;

/// The bars that are replayed: three days.
const LIVE_BARS: i64 = (UNTIL - LIVE_FROM) / STEP.milliseconds();

/// Boosting rounds at most: what is compared does not depend on how good the models are.
const ROUNDS: &str = "24";

/// How long the replay may take; it runs as fast as the server reads.
const PATIENCE: Duration = Duration::from_secs(600);

type History = BTreeMap<Symbol, Vec<Kline>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_live_is_what_a_batch_run_and_the_original_libraries_say() {
    let home = tempfile::tempdir().expect("a folder");
    let history = klines();
    train(home.path(), &history);

    let symbols: Vec<&str> = history.keys().map(Symbol::as_str).collect();
    let exchange = Exchange::start(ExchangeConfig {
        market: MarketSource::Recorded(history.clone()),
        speed: 0.0,
        ..ExchangeConfig::recorded(BTreeMap::new(), LIVE_FROM)
    })
    .await
    .expect("the exchange starts");
    let server = Server::start_with(&exchange, home.path(), &symbols.join(","), "4000").await;
    let (predictions, resolutions) = replayed(home.path(), &symbols, &server).await;
    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");

    let batch = Batch::run(&history);
    every_bar_was_answered(&history, &predictions);
    let rows = rows_equal_the_batch_run(&batch, &predictions);
    let answers = answers_equal_the_original_libraries(home.path(), &batch, &predictions);
    let outcomes = outcomes_equal_the_labels(&batch, &resolutions);
    println!("equal to the last bit: {rows} feature rows, {answers} boosters' answers, {outcomes} outcomes");
}

/// The real klines, or, where they are not and nobody promised them, the synthetic market.
fn klines() -> History {
    let folder = env::var_os("KLINECAST_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let folder = folder.join("spot-15m");
    let mut history = if folder.is_dir() {
        market::files::read_folder(&folder, STEP).expect("the real klines are readable")
    } else {
        let ci = env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{folder:?} is missing; set KLINECAST_REAL_DATA");
        println!("{folder:?} is missing: on the synthetic market instead");
        let bars = (UNTIL - FROM) / STEP.milliseconds();
        synthetic::generate(7, STEP, FROM, usize::try_from(bars).expect("positive")).expect("a market")
    };
    for klines in history.values_mut() {
        klines.retain(|kline| (FROM..UNTIL).contains(&kline.open_time));
    }
    assert!(history.len() >= 10, "ten pairs");
    history
}

/// Puts the early part into the store and runs the trainer's binary over it.
fn train(home: &Path, history: &History) {
    {
        let home = Home::open(home).expect("the home opens");
        for (symbol, klines) in history {
            let early = klines.partition_point(|kline| kline.open_time < LIVE_FROM);
            home.klines().append(*symbol, STEP, &klines[..early]).expect("kept");
        }
    }
    let output = Command::new(binaries::binary("klinecast-trainer", "klinecast-trainer"))
        // So few rounds and days prove nothing, which is not what is tested here.
        .args(["run", "--force", "--rounds", ROUNDS, "--json", "--resamples", "20", "--home"])
        .arg(home)
        .output()
        .expect("the trainer runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the trainer failed: {said}");
}

/// Waits until the last bar is journalled for every symbol; everything that the server kept of the replay.
async fn replayed(home: &Path, symbols: &[&str], server: &Server) -> (Vec<Arc<Prediction>>, Vec<Resolution>) {
    let home = Home::open(home).expect("the home opens");
    let last = BarTime::from_close(UNTIL - 1, STEP).expect("on the grid");
    let began = Instant::now();
    loop {
        let query = JournalQuery { from: Some(last), ..JournalQuery::default() };
        if home.journal().predictions(&query).expect("readable").len() >= symbols.len() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the replay does not end: {}", server.log());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let live = JournalQuery { from: BarTime::from_open(LIVE_FROM, STEP), ..JournalQuery::default() };
    let predictions = home.journal().predictions(&live).expect("readable");
    (predictions, home.journal().resolutions(&live).expect("readable"))
}

/// One row of the batch run.
struct BatchRow {
    values: Vec<f64>,
    context: OutcomeContext,
    outcomes: [f64; Task::COUNT],
}

/// The batch run, from a start months before the server's.
struct Batch(BTreeMap<(Symbol, BarTime), BatchRow>);

impl Batch {
    fn run(history: &History) -> Self {
        let mut rows = BTreeMap::new();
        let live = BarTime::from_open(LIVE_FROM, STEP).expect("on the grid");
        for_each_row(history, STEP, |row: DatasetRow<'_>| {
            if row.bar >= live {
                let (values, context) = (row.values.to_vec(), row.inputs.context);
                rows.insert((row.symbol, row.bar), BatchRow { values, context, outcomes: *row.outcomes });
            }
        });
        Self(rows)
    }

    fn row(&self, symbol: Symbol, bar: BarTime) -> &BatchRow {
        self.0.get(&(symbol, bar)).unwrap_or_else(|| panic!("the batch run has no row for {symbol} at {bar}"))
    }
}

fn every_bar_was_answered(history: &History, predictions: &[Arc<Prediction>]) {
    let answered: BTreeSet<(Symbol, BarTime)> = predictions.iter().map(|p| (p.symbol, p.bar_time)).collect();
    let expected: BTreeSet<(Symbol, BarTime)> = history
        .iter()
        .flat_map(|(symbol, klines)| {
            let live = klines.iter().filter(|kline| kline.open_time >= LIVE_FROM);
            live.map(|kline| (*symbol, kline.bar_time(STEP)))
        })
        .collect();
    assert_eq!(expected.len(), history.len() * usize::try_from(LIVE_BARS).expect("positive"));
    let unanswered: Vec<_> = expected.difference(&answered).take(5).collect();
    let unexpected: Vec<_> = answered.difference(&expected).take(5).collect();
    assert!(
        unanswered.is_empty() && unexpected.is_empty(),
        "not answered {unanswered:?}, {unexpected:?} not asked"
    );
    assert_eq!(answered.len(), predictions.len(), "one revision each: nothing came late");
}

fn rows_equal_the_batch_run(batch: &Batch, predictions: &[Arc<Prediction>]) -> usize {
    for prediction in predictions {
        let row = &batch.row(prediction.symbol, prediction.bar_time).values;
        assert_eq!(row.len(), prediction.row.len());
        for (column, (batch, live)) in row.iter().zip(prediction.row.iter()).enumerate() {
            let name = features::Catalogue::standard().definitions()[column].name;
            assert_eq!(
                batch.to_bits(),
                live.to_bits(),
                "{name} of {} at {}: batch {batch}, live {live}",
                prediction.symbol,
                prediction.bar_time
            );
        }
        assert!(row.iter().filter(|value| value.is_finite()).count() > row.len() / 2, "rows are warm");
    }
    predictions.len()
}

fn answers_equal_the_original_libraries(
    home: &Path,
    batch: &Batch,
    predictions: &[Arc<Prediction>],
) -> usize {
    let home = Home::open(home).expect("the home opens");
    let champion = home.registry().champion().expect("readable").expect("the trainer promoted one");
    let bundle = Bundle::from_files(home.objects().get(champion.bundle).expect("kept")).expect("it holds");
    let width = bundle.manifest().features.len();
    let rows: Vec<f64> = predictions.iter().flat_map(|prediction| prediction.row.iter().copied()).collect();
    let mut compared = 0;
    for entry in &bundle.manifest().tasks {
        for library in [GoldenLibrary::LightGbm, GoldenLibrary::XgBoost] {
            let outputs = original_answers(&bundle, entry, library, &rows, width);
            let each = outputs.len() / predictions.len();
            for (prediction, outputs) in predictions.iter().zip(outputs.chunks(each)) {
                assert_eq!(prediction.bundle, bundle.digest());
                let context = &batch.row(prediction.symbol, prediction.bar_time).context;
                let expected = in_the_outcomes_unit(entry.task, entry.transform, outputs, context);
                let task = prediction.task(entry.task).expect("every task is answered");
                let served = match library {
                    GoldenLibrary::LightGbm => &task.lightgbm,
                    GoldenLibrary::XgBoost => &task.xgboost,
                };
                assert!(
                    served.same_bits(&expected),
                    "{library:?} {} of {} at {}: served {served:?}, original {expected:?}",
                    entry.task,
                    prediction.symbol,
                    prediction.bar_time
                );
                let volatility =
                    prediction.task(Task::Volatility4Step).and_then(|task| task.ensemble.value());
                let volatility = volatility.expect("every task is answered");
                assert!(
                    task.ensemble.same_bits(&ensemble(&bundle, prediction, entry.task, volatility, context))
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, predictions.len() * Task::COUNT * 2);
    compared
}

/// A task's members combined, calibrated and stacked as the bundle says.
fn ensemble(
    bundle: &Bundle,
    prediction: &Prediction,
    task: Task,
    volatility: f64,
    context: &OutcomeContext,
) -> Answer {
    let means = Task::ALL.map(|task| {
        let found = prediction.task(task).expect("every task is answered");
        let share = bundle.manifest().task(task).and_then(|entry| entry.lightgbm_share);
        together(share.map(f64::from), &found.lightgbm, &found.xgboost)
    });
    let signals = Signals::of(|task| Some(&means[task.index()]), context);
    let calibrated = bundle.calibration().answer(task, means[task.index()].clone(), &signals, context);
    bundle.stacking().answer(task, calibrated, volatility, context)
}

/// What the original library answers, after its link function, row after row.
fn original_answers(
    bundle: &Bundle,
    entry: &forecast::TaskEntry,
    library: GoldenLibrary,
    rows: &[f64],
    width: usize,
) -> Vec<f64> {
    let file = |name: &str| bundle.files().get(name).expect("the manifest names its files");
    match library {
        GoldenLibrary::LightGbm => {
            let library = LightGbm::load(&lightgbm_path().expect("scripts/setup fetched it")).expect("loads");
            let model = library.model(file(&entry.lightgbm.file)).expect("LightGBM reads it");
            model.predict(Matrix::new(rows, width).expect("whole rows"), false, 1).expect("answers")
        }
        GoldenLibrary::XgBoost => {
            #[expect(clippy::cast_possible_truncation, reason = "XGBoost takes f32")]
            let rows: Vec<f32> = rows.iter().map(|value| *value as f32).collect();
            let library = XgBoost::load(&xgboost_path().expect("scripts/setup fetched it")).expect("loads");
            let data = library.data(Matrix::new(&rows, width).expect("whole rows"), 1).expect("taken");
            let model = library.model(file(&entry.xgboost.file)).expect("XGBoost reads it");
            model.predict(&data, false).expect("answers").into_iter().map(f64::from).collect()
        }
    }
}

fn in_the_outcomes_unit(
    task: Task,
    transform: TargetTransform,
    outputs: &[f64],
    context: &OutcomeContext,
) -> Answer {
    match task.kind() {
        TaskKind::Regression => Answer::Value(transform.invert(task, outputs[0], context)),
        TaskKind::Binary => Answer::Probabilities(vec![1.0 - outputs[0], outputs[0]]),
        TaskKind::Classes(_) => Answer::Probabilities(outputs.to_vec()),
    }
}

/// The mean of both, or the first's share and the rest of the second.
fn together(share: Option<f64>, a: &Answer, b: &Answer) -> Answer {
    let number = |(a, b): (&f64, &f64)| match share {
        Some(share) => share * a + (1.0 - share) * b,
        None => (a + b) / 2.0,
    };
    let values = a.as_slice().iter().zip(b.as_slice()).map(number).collect::<Vec<_>>();
    match a {
        Answer::Value(_) => Answer::Value(values[0]),
        Answer::Probabilities(_) => Answer::Probabilities(values),
    }
}

fn outcomes_equal_the_labels(batch: &Batch, resolutions: &[Resolution]) -> usize {
    for resolution in resolutions {
        let label = batch.row(resolution.symbol, resolution.bar_time).outcomes[resolution.task.index()];
        assert_eq!(label.to_bits(), resolution.outcome.to_bits(), "{resolution:?}, label {label}");
        assert!(resolution.loss.is_finite() && resolution.baseline_loss.is_finite(), "{resolution:?}");
    }
    let per_pair = |task: Task| LIVE_BARS - i64::from(task.horizon_steps());
    let expected = Task::ALL.map(per_pair).iter().sum::<i64>() * 10;
    assert_eq!(i64::try_from(resolutions.len()), Ok(expected), "every outcome that came true is journalled");
    resolutions.len()
}
