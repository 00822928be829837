//! The baselines on real klines, against the figures of an independent study of the same data.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use forecast::{BaselineName, BaselineSample, Baselines, Task, for_each_row, log_volatility, score};
use kline::{Kline, KlineFields, Symbol};

use crate::market::{M15, history, symbols};

/// 2023-09-27, the end of training, and the test window 2025-01-01 to 2025-04-10, in milliseconds.
const TRAIN_UNTIL: i64 = 1_695_772_800_000;
const TEST_FROM: i64 = 1_735_689_600_000;

/// The recorded klines, or `None` on a machine without them; with `CI=true` they must be there.
fn recorded(names: &[&str]) -> Option<BTreeMap<Symbol, Vec<Kline>>> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("KLINECAST_REAL_DATA").map_or_else(default, PathBuf::from);
    if !folder.join("spot-15m").is_dir() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "real klines are missing at {}; set KLINECAST_REAL_DATA", folder.display());
        return None;
    }
    let series = names.iter().map(|name| {
        let file = std::fs::File::open(folder.join(format!("spot-15m/{name}-15m.csv.gz"))).expect("a file");
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
        (name.parse().expect("a symbol"), text.lines().skip(1).map(row).collect())
    });
    Some(series.collect())
}

fn row(line: &str) -> Kline {
    let cells: Vec<&str> = line.split(',').collect();
    let number = |at: usize| cells[at].parse::<f64>().ok();
    let required = |at: usize| number(at).expect("a number");
    let fields = KlineFields {
        open_time: cells[0].parse().expect("milliseconds"),
        close_time: cells[6].parse().expect("milliseconds"),
        open: required(1),
        high: required(2),
        low: required(3),
        close: required(4),
        volume: required(5),
        quote_volume: number(7),
        trades: cells[8].parse().ok(),
        taker_base: number(9),
        taker_quote: number(10),
    };
    Kline::new(M15, fields).expect("checked when it was recorded")
}

/// The samples of the training and of the test window.
fn samples(
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    split: [i64; 2],
) -> (Vec<BaselineSample>, Vec<BaselineSample>) {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for_each_row(klines, M15, |row| {
        let bar = row.bar.milliseconds();
        if bar < split[0] {
            train.push(row.sample());
        } else if bar >= split[1] {
            test.push(row.sample());
        }
    });
    (train, test)
}

/// R² of the log volatility, each baseline's.
fn volatility_r2(baselines: &Baselines, test: &[BaselineSample]) -> BTreeMap<BaselineName, f64> {
    let outcome = |sample: &BaselineSample| log_volatility(sample.outcomes[Task::Volatility4Step.index()]);
    let known: Vec<&BaselineSample> = test.iter().filter(|sample| !outcome(sample).is_nan()).collect();
    let outcomes: Vec<f64> = known.iter().map(|sample| outcome(sample)).collect();
    let mean = outcomes.iter().sum::<f64>() / outcomes.len() as f64;
    let of = |name: BaselineName| {
        let forecast = |sample: &&BaselineSample| {
            let answer = baselines.answer(name, Task::Volatility4Step, &sample.inputs);
            log_volatility(answer.and_then(|answer| answer.value()).expect("a value"))
        };
        let forecasts: Vec<f64> = known.iter().map(forecast).collect();
        score::r2(&forecasts, &outcomes, mean)
    };
    BaselineName::of(Task::Volatility4Step).iter().map(|&name| (name, of(name))).collect()
}

/// The mean loss of a baseline over the rows that all baselines of the task answer.
fn mean_loss(baselines: &Baselines, test: &[BaselineSample], task: Task, name: BaselineName) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for sample in test {
        let answers = baselines.answers(task, &sample.inputs);
        let outcome = sample.outcomes[task.index()];
        if outcome.is_nan() || answers.iter().any(|named| named.answer.is_missing()) {
            continue;
        }
        let answer = answers.iter().find(|named| named.name == name).expect("answers the task");
        sum += score::loss(task, &answer.answer, outcome);
        count += 1.0;
    }
    sum / count
}

#[test]
fn baselines_on_real_klines_are_those_of_the_study() {
    let names = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    let Some(klines) = recorded(&names) else {
        println!("no real klines on this machine: the same walk on a seeded market, without the figures");
        let klines = history(1, &symbols(2), 4_000);
        let middle = klines.values().next().map(|series| series[2_000].open_time).expect("not empty");
        let (train, test) = samples(&klines, [middle, middle]);
        let baselines = Baselines::fit(train.iter().copied()).expect("enough samples");
        assert!(volatility_r2(&baselines, &test)[&BaselineName::HarRv].is_finite());
        return;
    };
    let started = std::time::Instant::now();
    let (train, test) = samples(&klines, [TRAIN_UNTIL, TEST_FROM]);
    let rows: usize = klines.values().map(Vec::len).sum();
    println!("{rows} bars walked in {:.1?}", started.elapsed());
    let baselines = Baselines::fit(train.iter().copied()).expect("enough samples");

    let r2 = volatility_r2(&baselines, &test);
    println!("log volatility R²: {r2:?}");
    // The study, over all pairs: persistence .233, EWMA .372, HAR .475, seasonal HAR .491.
    for (name, expected) in [
        (BaselineName::Persistence, 0.233),
        (BaselineName::Ewma, 0.372),
        (BaselineName::HarRv, 0.475),
        (BaselineName::SeasonalHarRv, 0.491),
    ] {
        assert!((r2[&name] - expected).abs() < 0.06, "{name}: {}", r2[&name]);
    }
    assert!(r2[&BaselineName::SeasonalHarRv] > r2[&BaselineName::HarRv]);

    let loss = |task, name| mean_loss(&baselines, &test, task, name);
    let regime = |name| loss(Task::VolRegime4Step, name);
    let (usual, har) = (regime(BaselineName::Climatology), regime(BaselineName::SeasonalHarRv));
    println!("regime log loss: climatology {usual:.4}, seasonal HAR {har:.4}");
    // The study: climatology 1.0987, a logistic on HAR against the cuts .9030.
    assert!((1.08..1.13).contains(&usual) && (0.86..0.95).contains(&har), "{usual} {har}");

    let multi = |name| loss(Task::DirectionMulti4Step, name);
    let (usual, har) = (multi(BaselineName::Climatology), multi(BaselineName::SeasonalHarRv));
    println!("five classes log loss: climatology {usual:.4}, seasonal HAR {har:.4}");
    // The study: climatology 1.5760, a logistic on HAR over sigma 1.5656.
    assert!((1.54..1.60).contains(&usual) && har < usual, "{usual} {har}");

    let up: Vec<bool> =
        test.iter().map(|sample| sample.outcomes[Task::Direction4Step.index()] == 1.0).collect();
    let share = up.iter().filter(|up| **up).count() as f64 / up.len() as f64;
    assert!((0.45..0.55).contains(&share), "{share}");
}
