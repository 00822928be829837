//! From files to a champion, twice the same, scored like the original libraries.

use forecast::{Bundle, Task};
use forest::{Booster, Limits};
use klinecast_trainer::dataset::Dataset;
use klinecast_trainer::fit::{LightGbm, Matrix, XgBoost, lightgbm_path, xgboost_path};
use klinecast_trainer::ingest::kept_klines;
use klinecast_trainer::split::{Split, Window};
use klinecast_trainer::train::single_precision;
use klinecast_trainer::trained::output_count;
use store::testkit::TestPostgres;
use store::{Home, Stage};

use crate::support::{execute, market, write_files};
use crate::{expectations, parity, promotion};

#[test]
fn a_run_and_its_stages_one_by_one_give_the_same_champion_that_scores_like_the_originals() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (files, one, two) = (at("files"), at("one"), at("two"));
    std::fs::create_dir(&files).expect("a folder");
    write_files(files.as_ref(), &market(72));

    let figures = at("trainer.prom");
    let to_file = ["--home", one.as_str(), "--metrics-file", &figures];
    let run = ["run", "--klines", &files, "--rounds", "6", "--resamples", "50", "--force"];
    execute(&[&to_file[..], &run].concat()).expect("a run");
    let figures = std::fs::read_to_string(figures).expect("a file");
    for line in [
        "data_quality_score{symbol=\"BTCUSDT\"} ",
        "feature_count{symbol=\"BTCUSDT\"} ",
        "validation_failures 0",
        "model_training_duration{task=\"return_1step\",library=\"lightgbm\"} ",
        "model_performance_rmse{task=\"volatility_4step\",model=\"ensemble\"} ",
    ] {
        assert!(figures.lines().any(|found| found.starts_with(line)), "{line} is not in {figures}");
    }
    // The second one keeps what it knows in PostgreSQL.
    let postgres = TestPostgres::shared();
    let address = postgres.as_ref().map(|postgres| postgres.address()).unwrap_or_default();
    let at_two = ["--home", two.as_str(), "--database-url", address.as_str()];
    let train = ["train", "--rounds", "6", "--threads", "1"];
    let lenient = at("lenient.toml");
    std::fs::write(&lenient, promotion::LENIENT).expect("written");
    let stages: [&[&str]; 13] = [
        &["ingest", "--klines", &files],
        &["quality"],
        &["features"],
        &["validate"],
        &["version"],
        &["audit", "causality"],
        &train,
        &["evaluate", "--resamples", "50"],
        &["evaluate", "--resamples", "50", "--test-from", "2025-03-06"],
        &["audit", "parity", "--trained"],
        &["publish"],
        &["promote", "--dry-run", "--gates", &lenient],
        &["promote", "--gates", &lenient],
    ];
    for stage in stages {
        let words = [&at_two, stage].concat();
        execute(&words).unwrap_or_else(|error| panic!("{stage:?}: {error}"));
    }

    let one = Home::open(&one).expect("a home");
    let url = postgres.as_ref().map(|_| address.parse().expect("an address"));
    let two = Home::open_with(&two, &store::Places { database: url, ..Default::default() }).expect("a home");
    assert_ne!(two.folder().join("klinecast.db").exists(), postgres.is_some());
    let champion = one.registry().champion().expect("a registry").expect("a champion");
    let other = two.registry().champion().expect("a registry").expect("a champion");
    assert_eq!(champion.bundle, other.bundle, "the same data and seed give the same bundle");
    assert_eq!((champion.version, champion.stage), (1, Stage::Production));
    assert!(champion.metrics.contains_key("volatility_4step.skill"), "{:?}", champion.metrics);

    let bundle =
        Bundle::from_files(one.objects().get(champion.bundle).expect("files")).expect("a valid bundle");
    assert_eq!(bundle.manifest().tasks.len(), Task::COUNT);
    let stacked: Vec<Task> = bundle.stacking().tasks().collect();
    assert!(stacked.contains(&Task::VolRegime4Step), "{stacked:?}");
    what_was_walked_is_recorded(&bundle);
    let version = bundle.manifest().libraries.get("xgboost").map(String::as_str);
    assert!(version.is_some_and(|version| version.starts_with("3.")), "{version:?}");
    assert!(bundle.causality().passed && bundle.files().contains_key("causality.json"));
    scores_like_the_originals(&one, &bundle);
    what_was_evaluated_is_what_is_served(&one, &bundle);
    is_audited_and_promoted(&one, &two, &bundle, &at_two);
}

/// What only certificates and evidence let through.
fn is_audited_and_promoted(one: &Home, two: &Home, bundle: &Bundle, at_two: &[&str]) {
    publishing_needs_a_certificate(two, at_two);
    parity::bundles_carry_a_certificate(bundle);
    parity::kept_bundles_are_audited(one, bundle);
    parity::publishing_needs_a_certificate(two, at_two);
    expectations::failure_leaves_the_champion(one);
    promotion::is_by_evidence_or_recorded_force(one, two, at_two);
}

/// Folds, choices and coverage stand in the manifest; what was kept is in the bundle, and what was left is not.
fn what_was_walked_is_recorded(bundle: &Bundle) {
    let walk = &bundle.manifest().parameters["walk"];
    let list = |name: &str| walk[name].as_array().cloned().unwrap_or_default();
    let (folds, choices) = (list("folds"), list("choices"));
    assert_eq!(folds.len(), 3);
    for fold in &folds {
        assert_eq!(fold["best_rounds"].as_array().map(Vec::len), Some(Task::COUNT));
    }
    let shared = bundle.manifest().tasks.iter().filter(|entry| entry.lightgbm_share.is_some());
    for (what, kept) in [
        ("shares", shared.map(|entry| entry.task).collect::<Vec<_>>()),
        ("calibration", bundle.calibration().tasks().collect::<Vec<_>>()),
        ("stacking", bundle.stacking().tasks().collect()),
    ] {
        let of = choices
            .iter()
            .filter(|choice| choice["what"].as_str().is_some_and(|text| text.starts_with(what)));
        let of_kept = of.filter(|choice| choice["kept"] == true);
        let recorded: Vec<&str> = of_kept.filter_map(|choice| choice["task"].as_str()).collect();
        assert_eq!(recorded, kept.iter().map(|task| task.name()).collect::<Vec<_>>());
    }
    for choice in &choices {
        let loss = |name: &str| choice[name].as_f64().expect("a loss");
        // What is renewed is served in any case; nothing of what is kept else may lose.
        let always = choice["what"] == "renewal" && loss("loss_with").is_finite();
        assert!(always || choice["kept"] == false || loss("loss_with") < loss("loss_without"), "{choice}");
    }
    assert!(!bundle.bands().is_empty() && list("coverage").len() == 8, "{walk}");
}

/// The figures of the evaluation are those of the bundle's own answers, calibrated and stacked.
fn what_was_evaluated_is_what_is_served(home: &Home, bundle: &Bundle) {
    let klines = kept_klines(home, &[], bundle.manifest().interval).expect("klines").klines;
    let training = bundle.manifest().training;
    let (from, until) = (training.test_from.expect("a test"), training.test_until.expect("a test"));
    let test = Window { from, until };
    let split = Split { train: test, tune: test, test };
    let dataset =
        Dataset::build(&klines, bundle.manifest().interval, split, (1, home.folder()), || ()).expect("rows");
    let mut outputs = Vec::new();
    let rows = dataset.range(test);
    let (mut sums, mut counts) = ([0.0; Task::COUNT], [0_u32; Task::COUNT]);
    let answers =
        bundle.answer_batch(dataset.values(rows.clone()), dataset.inputs(rows.clone()), &mut outputs);
    for (answers, outcomes) in answers.zip(dataset.outcomes(rows)) {
        for answer in answers {
            let task = answer.task.index();
            let loss = forecast::score::loss(answer.task, &answer.ensemble, outcomes[task]);
            if !loss.is_nan() {
                sums[task] += loss;
                counts[task] += 1;
            }
        }
    }
    for entry in &bundle.manifest().tasks {
        let ensemble = entry.metrics.iter().find(|model| model.model == "ensemble").expect("an ensemble");
        let (told, task) = (ensemble.values["loss"].0, entry.task.index());
        let found = sums[task] / f64::from(counts[task]);
        assert!((found - told).abs() <= 1e-12 * told.abs(), "{}: {found} {told}", entry.task);
    }
    let page = std::fs::read_to_string(home.folder().join("training/evaluation.html")).expect("a page");
    for task in Task::ALL {
        assert!(page.contains(&format!("<h2>{task}</h2>")), "{task} is not on the page");
    }
    assert!(page.contains("<svg") && !page.contains("http"), "nothing is fetched");
}

/// None, or one of other klines, is refused with the command that makes one.
fn publishing_needs_a_certificate(home: &Home, at: &[&str]) {
    let file = home.folder().join("training/causality.json");
    let publish = [at, &["publish"]].concat();
    let refused = || execute(&publish).expect_err("no valid certificate");
    let valid = std::fs::read_to_string(&file).expect("a certificate");
    let (stale, failed) =
        (valid.replace("sha256:", "sha256:00"), valid.replace("\"passed\": true", "\"passed\": false"));
    for (text, named) in [(&stale, "data version sha256:00"), (&failed, "did not pass")] {
        assert_ne!(text, &valid);
        std::fs::write(&file, text).expect("written");
        let told = refused();
        assert!(told.contains(named) && told.contains("klinecast-trainer audit causality"), "{told}");
    }
    std::fs::remove_file(&file).expect("removed");
    let told = refused();
    assert!(told.contains("causality.json") && told.contains("klinecast-trainer audit causality"), "{told}");
    std::fs::write(&file, valid).expect("written");
    execute(&publish).expect("a valid certificate");
}

/// Every row of the test window, every booster, every output, to the bit.
fn scores_like_the_originals(home: &Home, bundle: &Bundle) {
    let interval = bundle.manifest().interval;
    let klines = kept_klines(home, &[], interval).expect("klines").klines;
    let training = bundle.manifest().training;
    let (from, until) = (training.test_from.expect("a test"), training.test_until.expect("a test"));
    let test = Window { from, until };
    let dataset =
        Dataset::build(&klines, interval, Split { train: test, tune: test, test }, (1, home.folder()), || ())
            .expect("rows");
    let rows = dataset.values(dataset.range(test));
    let count = rows.len() / dataset.width();
    assert_eq!(count as u64, training.rows[2]);
    assert!(count > 1_000, "{count} rows");

    let lightgbm = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let xgboost = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let single = single_precision(rows);
    let data = xgboost.data(Matrix::new(&single, dataset.width()).expect("rows"), 1).expect("rows");
    for task in Task::ALL {
        let file = |entry: &forecast::BoosterEntry| bundle.files()[&entry.file].to_vec();
        let entry = bundle.manifest().task(task).expect("an entry");
        let limits = Limits::default();
        let ours_lightgbm = Booster::from_lightgbm_text(&file(&entry.lightgbm), &limits).expect("LightGBM's");
        let ours_xgboost = Booster::from_xgboost_ubjson(&file(&entry.xgboost), &limits).expect("XGBoost's");
        let mut ours = vec![0.0; count * output_count(task)];

        ours_lightgbm.predict_batch(rows, &mut ours).expect("rows");
        let matrix = Matrix::new(rows, dataset.width()).expect("rows");
        let theirs = lightgbm.model(&file(&entry.lightgbm)).and_then(|model| model.predict(matrix, false, 1));
        assert_same(task, "LightGBM", &ours, &theirs.expect("answers"));

        ours_xgboost.predict_batch(rows, &mut ours).expect("rows");
        let theirs = xgboost.model(&file(&entry.xgboost)).and_then(|model| model.predict(&data, false));
        let theirs: Vec<f64> = theirs.expect("answers").into_iter().map(f64::from).collect();
        assert_same(task, "XGBoost", &ours, &theirs);
    }
}

fn assert_same(task: Task, library: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    let differing = ours.iter().zip(theirs).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    assert_eq!(differing, 0, "{task} of {library}: {differing} of {} answers differ", ours.len());
    assert!(ours.iter().any(|answer| *answer != ours[0]), "{task} of {library} always says the same");
}
