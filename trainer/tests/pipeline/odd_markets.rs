//! Markets and recipes that leave a task next to nothing to learn: models whose figures are finite, or a sentence that says why not,
//! and the champion who it was.

use std::collections::BTreeMap;
use std::ops::Range;

use features::Catalogue;
use forecast::{Bundle, Task};
use kline::{Interval, Kline, KlineFields, Symbol};
use klinecast_trainer::dataset::Dataset;
use klinecast_trainer::ingest::kept_klines;
use klinecast_trainer::split::{Split, Window};
use klinecast_trainer::trained::{self, Trained};
use store::Home;

use crate::support::{execute, market, write_files};

type Klines = BTreeMap<Symbol, Vec<Kline>>;

const DAYS: usize = 72;
/// Training ends in the day of the first one, for features are warm after a month; tuning in the day before the second.
const TUNE_FROM: usize = 59;
const TEST_FROM: usize = 66;

/// What the standard suite refuses to train on, and a suite of one's own may not.
const SUITE: &str = "
name = 'next to nothing'
[[expectation]]
name = 'there are rows'
of = 'window.rows'
min = 1
severity = 'error'
";

/// Bars of these days in which every price goes up and down by a thousandth: nothing comes of any four steps.
fn stand_still(klines: &mut Klines, days: Range<usize>) {
    let bars = days.start * 96..days.end * 96;
    for series in klines.values_mut() {
        let level = series[bars.start].close;
        for at in bars.clone() {
            let [before, now] = [at + 1, at].map(|at| if at % 2 == 0 { level } else { level * 1.001 });
            let old = *series[at];
            let fields = KlineFields {
                open: before,
                close: now,
                high: level * 1.0012,
                low: level * 0.9998,
                quote_volume: Some(old.volume * level),
                taker_quote: old.taker_base.map(|base| base * level),
                ..old
            };
            series[at] = Kline::new(Interval::M15, fields).expect("valid");
        }
    }
}

/// Takes every twelfth bar of these days away: no sixteen steps are whole.
pub(crate) fn make_holes(klines: &mut Klines, days: Range<usize>) {
    for series in klines.values_mut() {
        let mut bar = 0;
        series.retain(|_| {
            bar += 1;
            !days.contains(&(bar / 96)) || bar % 12 != 0
        });
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(change: impl FnOnce(&mut Klines)) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        let files = place.folder.path().join("files");
        std::fs::create_dir(&files).expect("a folder");
        let mut klines = market(DAYS);
        change(&mut klines);
        write_files(&files, &klines);
        std::fs::write(place.folder.path().join("suite.toml"), SUITE).expect("written");
        place.stage(&["ingest", "--klines", &files.to_string_lossy()]).expect("klines");
        place
    }

    fn stage(&self, words: &[&str]) -> Result<(), String> {
        let home = self.folder.path().join("home").to_string_lossy().into_owned();
        execute(&[&["--home", home.as_str()], words].concat())
    }

    fn train(&self, more: &[&str]) -> Result<(), String> {
        let suite = self.folder.path().join("suite.toml").to_string_lossy().into_owned();
        self.stage(&[&["train", "--rounds", "5", "--suite", &suite], more].concat())
    }

    fn home(&self) -> Home {
        Home::open(self.folder.path().join("home")).expect("a home")
    }

    /// What training left, read back; then all that is between it and a version, and whether every answer on the test window is a number.
    fn is_published_and_sound(&self) -> Trained {
        let trained = trained::load(&self.folder.path().join("home/training")).expect("what training left");
        for choice in &trained.walk.choices {
            assert!(choice.loss_with.is_finite() && choice.loss_without.is_finite(), "{choice:?}");
        }
        for stage in [
            &["audit", "causality", "--bars", "4"][..],
            &["evaluate", "--resamples", "20"],
            &["audit", "parity", "--trained"],
            &["publish"],
        ] {
            self.stage(stage).unwrap_or_else(|error| panic!("{stage:?}: {error}"));
        }
        let home = self.home();
        let model = home.registry().versions().expect("a registry").into_iter().next().expect("a version");
        let files = home.objects().get(model.bundle).expect("files");
        answers_are_numbers(&home, &Bundle::from_files(files).expect("a valid bundle"));
        trained
    }
}

fn answers_are_numbers(home: &Home, bundle: &Bundle) {
    let interval = bundle.manifest().interval;
    let klines = kept_klines(home, &[], interval).expect("klines").klines;
    let training = bundle.manifest().training;
    let test =
        Window { from: training.test_from.expect("a test"), until: training.test_until.expect("a test") };
    let dataset =
        Dataset::build(&klines, interval, Split { train: test, tune: test, test }, (1, home.folder()), || ())
            .expect("rows");
    let (rows, mut outputs) = (dataset.range(test), Vec::new());
    assert!(rows.len() > 1_000, "{} rows", rows.len());
    for answers in bundle.answer_batch(dataset.values(rows.clone()), dataset.inputs(rows), &mut outputs) {
        assert_eq!(answers.len(), Task::COUNT);
        for one in answers {
            for answer in [&one.lightgbm, &one.xgboost, &one.ensemble] {
                let numbers = answer.as_slice();
                assert!(numbers.iter().all(|number| number.is_finite()), "{} {answer:?}", one.task);
                let sum: f64 = numbers.iter().sum();
                assert!(answer.value().is_some() || (sum - 1.0).abs() < 1e-6, "{} {answer:?}", one.task);
            }
        }
    }
}

#[test]
fn classes_that_occur_in_one_window_only() {
    for (name, still) in [("the test window", [0..TEST_FROM, 0..0]), ("the last fold", [0..60, 65..DAYS])] {
        let place = Place::with(|klines| still.into_iter().for_each(|days| stand_still(klines, days)));
        let told = place.stage(&["train"]).expect_err("the standard suite has every class occur");
        assert!(told.contains("every class occurs") && told.contains("direction_4step up"), "{name}: {told}");
        place.train(&[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        place.is_published_and_sound();
        let told = place.stage(&["promote"]).expect_err("it knows nothing");
        assert!(told.contains("does not pass") && told.contains("baseline"), "{name}: {told}");
        assert_eq!(place.home().registry().champion().expect("a registry"), None);
    }
}

#[test]
fn outcomes_that_are_missing_in_a_fold_or_where_choices_are_judged() {
    // The last fold has no outcome of sixteen steps: the others stand for it.
    let place = Place::with(|klines| make_holes(klines, TUNE_FROM..TEST_FROM + 2));
    let told = place.stage(&["train"]).expect_err("the standard suite has outcomes in every window");
    assert!(told.contains("return_16step tune 0"), "{told}");
    place.train(&[]).expect("the other folds");
    let trained = place.is_published_and_sound();
    assert_eq!((trained.plan.folds, trained.walk.folds.len()), (3, 2));

    // One fold, whose last third has none, so that nothing can be judged on it.
    let place = Place::with(|klines| make_holes(klines, 60..DAYS + 1));
    place.train(&["--folds", "1"]).expect("one fold");
    let trained = place.is_published_and_sound();
    let judged = |task: Task| trained.walk.choices.iter().filter(|choice| choice.task == task).count();
    assert_eq!(judged(Task::Return16Step), 0, "{:?}", trained.walk.choices);
    assert!(judged(Task::Return4Step) > 0);

    // No fold is left; a part alone says the same.
    let place = Place::with(|klines| make_holes(klines, 0..DAYS + 1));
    for part in [&[][..], &["--part", "0"]] {
        let told = place.train(part).expect_err("no outcome of sixteen steps at all");
        assert!(told.contains("every fold") && told.contains("klinecast-trainer quality"), "{told}");
    }
}

#[test]
fn half_lives_that_leave_the_newest_rows_only_and_a_single_feature() {
    let place = Place::with(|_| ());
    place.train(&["--half-life", "1"]).expect("weights of the last days");
    place.is_published_and_sound();
    let lenient = place.folder.path().join("gates.toml").to_string_lossy().into_owned();
    std::fs::write(&lenient, crate::promotion::LENIENT).expect("written");
    place.stage(&["promote", "--gates", &lenient]).expect("a champion");
    let champion = || place.home().registry().champion().expect("a registry").map(|model| model.version);
    assert_eq!(champion(), Some(1));

    // A minute and a half: all but the newest bar weigh nothing.
    place.train(&["--half-life", "0.001"]).expect("weights of one bar");
    place.is_published_and_sound();
    let all: Vec<&str> = Catalogue::standard().names().collect();
    let told = place.train(&["--leave-out", &all.join(",")]).expect_err("nothing to learn from");
    assert!(told.contains("nothing would be left"), "{told}");
    let but_one: Vec<&str> = all.into_iter().filter(|name| *name != "rsi_14").collect();
    place.train(&["--leave-out", &but_one.join(",")]).expect("one feature");
    let trained = place.is_published_and_sound();
    assert_eq!(trained.plan.left_out.len(), but_one.len());
    assert!(place.stage(&["promote"]).is_err_and(|told| told.contains("does not pass")));
    assert_eq!(champion(), Some(1));
}

/// Canaries that can't be heard: nothing is trained, and what they showed is kept.
#[test]
fn a_run_that_audits_leaks_stops_where_nothing_can_be_shown() {
    let place = Place::with(|klines| stand_still(klines, 50..DAYS));
    let suite = place.folder.path().join("suite.toml").to_string_lossy().into_owned();
    let run = ["run", "--suite", &suite, "--rounds", "5", "--resamples", "20", "--audit-leaks", "--force"];
    let told = place.stage(&run).expect_err("canaries without an outcome");
    assert!(
        told.contains("a leak, or an alarm that is not heard") && told.contains("direction_4step"),
        "{told}"
    );
    let left = |name: &str| place.folder.path().join("home/training").join(name);
    assert!(left("leaks.json").exists() && !left("boosters").exists(), "nothing was trained");
    assert_eq!(place.home().registry().versions().expect("a registry"), []);
}
