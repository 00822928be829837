//! Expectations on klines, rows and outcomes: reported one by one, read by Great Expectations, and what they forbid ends a
//! run before anything is trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use kline::{Interval, Kline, KlineFields, Symbol};
use serde_json::Value;
use store::Home;

use crate::support::{START, execute, market, write_files};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(klines: &BTreeMap<Symbol, Vec<Kline>>) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        place.ingest(klines).expect("klines");
        place
    }

    fn ingest(&self, klines: &BTreeMap<Symbol, Vec<Kline>>) -> Result<(), String> {
        let files = self.folder.path().join("files");
        std::fs::create_dir_all(&files).expect("a folder");
        write_files(&files, klines);
        self.stage(&["ingest", "--klines", &files.to_string_lossy()])
    }

    fn stage(&self, words: &[&str]) -> Result<(), String> {
        let home = self.folder.path().join("home").to_string_lossy().into_owned();
        execute(&[&["--home", &home][..], words].concat())
    }

    fn left(&self, name: &str) -> PathBuf {
        self.folder.path().join("home/training").join(name)
    }

    fn validation(&self) -> Value {
        json(&self.left("validation.json"))
    }

    fn suite(&self, text: &str) -> String {
        let path = self.folder.path().join("suite.toml");
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a report")).expect("JSON")
}

/// Great Expectations' own judgement of what `validate` left.
fn great_expectations(folder: &Path) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../.tools/great-expectations/bin/python");
    assert!(python.exists(), "Great Expectations is not installed; run scripts/setup tests");
    let output = Command::new(python)
        .arg(here.join("tests/pipeline/expectations_peer.py"))
        .arg(folder)
        .env("GX_ANALYTICS_ENABLED", "false")
        .output()
        .expect("Python starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

fn verdict<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["verdicts"].as_array().expect("a list");
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} is not in {report}"))
}

/// A suite that the synthetic market does not meet, by values that no other judge counts otherwise.
const DEMANDING: &str = "
name = 'demanding'
[[expectation]]
name = 'features are small'
of = 'feature.greatest'
min = 0
max = 2
mostly = 0.99
severity = 'error'
remedy = 'take smaller ones'
[[expectation]]
name = 'there are some rows'
of = 'window.rows'
min = 1
severity = 'error'
[[expectation]]
name = 'days are perfect'
of = 'day.score'
min = 1.0
mostly = 0.9
severity = 'warn'
";

#[test]
fn great_expectations_reads_a_passed_and_a_failed_suite_and_judges_as_we_do() {
    let mut klines = market(72);
    let changed =
        |kline: &Kline| KlineFields { open: 1.0, high: 1.0, low: 1.0, close: 1.0, ..*kline.fields() };
    for series in klines.values_mut() {
        // A quarter of the last day is missing, and one bar is far out.
        series.drain(71 * 96 + 10..71 * 96 + 34);
        let wild = KlineFields { quote_volume: None, taker_quote: None, ..changed(&series[70 * 96]) };
        series[70 * 96] = Kline::new(Interval::M15, wild).expect("valid");
    }
    let place = Place::with(&klines);
    place.stage(&["quality"]).expect("assessed");
    place.stage(&["validate"]).expect("the standard suite is met");
    let report = place.validation();
    assert_eq!((&report["passed"], &report["errors"]), (&Value::from(true), &Value::from(0)), "{report}");
    assert_eq!(
        verdict(&report, "features are spread as before")["checked"],
        0,
        "there is no last version yet"
    );
    let told = great_expectations(&place.left("great_expectations"));
    assert!(told.contains(" expectations, "), "{told}");

    let suite = place.suite(DEMANDING);
    let told = place.stage(&["validate", "--suite", &suite]).expect_err("it demands too much");
    assert!(
        told.contains("features are small: from 0 to 2 for 99 %") && told.contains("take smaller ones"),
        "{told}"
    );
    let report = place.validation();
    let small = verdict(&report, "features are small");
    assert_eq!((&small["passed"], &report["errors"]), (&Value::from(false), &Value::from(1)));
    assert!(
        small["unexpected"].as_u64() > Some(2) && small["samples"][0]["value"].as_f64() > Some(2.0),
        "{small}"
    );
    assert!(verdict(&report, "there are some rows")["passed"].as_bool() == Some(true));
    let readable = std::fs::read_to_string(place.left("validation.txt")).expect("a report");
    assert!(readable.contains("features are small") && readable.contains("FAILED"), "{readable}");
    let told = great_expectations(&place.left("great_expectations"));
    assert!(told.ends_with("success False\n"), "{told}");

    // More klines are another data version: it is compared with the first, which passed.
    place.ingest(&market(80)).expect("klines");
    place.stage(&["validate"]).expect("the same market");
    let report = place.validation();
    let psi = verdict(&report, "features are not all spread otherwise");
    assert!(psi["checked"].as_u64() > Some(100), "{psi}");
    assert!(report["change"]["before"].as_str().is_some_and(|before| before.starts_with("sha256:")));
    assert_eq!(report["change"]["symbols"], Value::Array(Vec::new()));
    great_expectations(&place.left("great_expectations"));
    let quality = json(&place.left("quality.json"));
    let days = quality[0]["days"].as_array().expect("days");
    let last = days.last().expect("a day");
    assert_eq!(
        (days.len(), &last["missing_bars"], &last["good_bars"]),
        (72, &Value::from(24), &Value::from(72))
    );
    assert_eq!(days[70]["faults"]["outlier"], 2, "there and back: {}", days[70]);
}

#[test]
fn bad_data_is_told_before_anything_is_trained() {
    let place = Place::with(&market(72));
    let told = place.stage(&["--symbols", "BTCUSDT,DOTUSDT", "validate"]).expect_err("DOT has no klines");
    assert!(told.contains("every symbol that was asked for has klines: at least 1, DOTUSDT 0"), "{told}");

    let mut half = market(72);
    for series in half.values_mut() {
        series.retain(|kline| (kline.open_time - START) / 900_000 % 5 == 0);
    }
    let told = Place::with(&half).stage(&["train"]).expect_err("four bars of five are missing");
    assert!(told.contains("symbols are not in ruins: at least 0.25"), "{told}");

    let flat = |price: fn(i64) -> f64| {
        let kline = |bar: i64| {
            let (open, close) = (price(bar), price(bar + 1));
            let fields = KlineFields {
                open,
                close,
                high: open.max(close),
                low: open.min(close),
                volume: 5.0 + (bar % 7) as f64,
                quote_volume: None,
                trades: None,
                taker_base: None,
                taker_quote: None,
                ..KlineFields::flat(START + bar * 900_000, 1.0)
            };
            Kline::new(Interval::M15, fields).expect("valid")
        };
        let series: Vec<Kline> = (0..72 * 96).map(kline).collect();
        ["BTCUSDT", "ETHUSDT"].map(|name| (name.parse().expect("a symbol"), series.clone())).into()
    };
    let constant = Place::with(&flat(|_| 100.0));
    let told = constant.stage(&["train"]).expect_err("nothing moves");
    assert!(told.contains("enough rows to train on: at least 1000, train 0"), "{told}");
    assert!(told.contains("no series stands still"), "{told}");

    let rising = Place::with(&flat(|bar| 100.0 + 0.01 * bar as f64 + 0.002 * ((bar * bar) % 5) as f64));
    let told = rising.stage(&["train"]).expect_err("it only rises");
    assert!(
        told.contains("every class occurs: at least 0.001") && told.contains("direction_4step"),
        "{told}"
    );
    assert!(!rising.left("plan.json").exists(), "nothing was trained");

    let mut hole = market(72);
    for series in hole.values_mut() {
        series.retain(|kline| !(58..66).contains(&((kline.open_time - START) / 86_400_000)));
    }
    let words = ["train", "--train-until", "2025-02-27", "--tune-until", "2025-03-07"];
    let told = Place::with(&hole).stage(&words).expect_err("the tuning window is a hole");
    assert!(told.contains("enough rows to tune on: at least 200, tune 0"), "{told}");
}

/// In a home with a champion.
pub(crate) fn failure_leaves_the_champion(home: &Home) {
    let champion = || home.registry().champion().expect("a registry").expect("a champion");
    let trained = || std::fs::read(home.folder().join("training/evaluation.json")).expect("an evaluation");
    let (before, evaluation) = (champion(), trained());
    let suite = home.folder().join("demanding.toml");
    std::fs::write(&suite, DEMANDING).expect("written");
    let at = home.folder().to_string_lossy().into_owned();
    let told = execute(&["--home", &at, "run", "--rounds", "2", "--suite", &suite.to_string_lossy()]);
    let told = told.expect_err("it demands too much");
    assert!(told.contains("features are small"), "{told}");
    let after = champion();
    assert_eq!((before.version, before.bundle), (after.version, after.bundle));
    assert_eq!(evaluation, trained(), "nothing was trained");
    assert_eq!(home.registry().history().expect("a history").iter().map(|of| of.version).max(), Some(1));
    let told = execute(&["--home", &at, "run", "--suite", "none.toml"]).expect_err("no such file");
    assert!(told.contains("none.toml"), "{told}");
}
