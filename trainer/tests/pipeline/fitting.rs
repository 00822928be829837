//! The wrapper over the two C APIs.

use std::cell::Cell;
use std::sync::Arc;

use klinecast_trainer::fit::{
    Binned, Binning, Fit, FitError, LightGbm, Loss, Matrix, Parameters, Schedule, Taught, Threads, XgBoost,
    lightgbm_path, xgboost_path,
};

const COLUMNS: usize = 6;
const NAMES: [&str; COLUMNS] = ["a", "b", "c", "d", "e", "f"];
/// As many bins as XGBoost has by itself, one part.
const WHOLE: Binning<'static> = Binning { names: &NAMES, bins: 256, threads: 1, part_of: None };
const ONE: Binning<'static> = Binning { names: &["a"], ..WHOLE };
const SCHEDULE: Schedule = Schedule { rounds_max: 40, patience: 5 };

/// What one training was asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    part_of: Option<&'a [u8]>,
    is_followed: bool,
    schedule: Schedule,
    threads: usize,
}

const PLAIN: Asked<'static> = Asked { part_of: None, is_followed: true, schedule: SCHEDULE, threads: 1 };

/// Rows whose label is a step of the first column and a line of the second, with noise and holes.
fn rows(count: usize, salt: u64) -> (Vec<f64>, Vec<f32>) {
    let mut state = salt;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..count {
        let row = [(); COLUMNS].map(|()| if draw() < 0.05 { f64::NAN } else { draw() });
        let step = if row[0] > 0.5 { 1.0 } else { 0.0 };
        let line = if row[1].is_nan() { 0.0 } else { row[1] };
        labels.push((step + line + 0.1 * draw()) as f32);
        values.extend(row);
    }
    (values, labels)
}

fn matrix(values: &[f64]) -> Matrix<'_, f64> {
    Matrix::new(values, COLUMNS).expect("whole rows")
}

/// The rows in bins, and those to follow.
fn binned(
    learned: &[f64],
    followed: &[f64],
    binning: Binning<'_>,
) -> Result<(Arc<Binned>, Binned), FitError> {
    let learned = Binned::new(matrix(learned), binning)?;
    let followed = learned.like(matrix(followed), binning.threads)?;
    Ok((Arc::new(learned), followed))
}

fn mean(losses: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = losses.len() as f64;
    losses.sum::<f64>() / count
}

#[test]
fn lightgbm_learns_stops_early_and_reads_its_own_file() {
    let library = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let (train, tune) = (rows(3_000, 1), rows(1_000, 2));
    let weights = vec![1.0; 3_000];
    let parameters = Parameters::default()
        .with("learning_rate", 0.5)
        .with("verbosity", -1)
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("bagging_fraction", 0.7)
        .with("bagging_freq", 1)
        .with("feature_fraction", 0.6)
        .with("seed", 3);
    let fit = |asked: Asked<'_>| -> Result<Fit, FitError> {
        let threads = Cell::new(asked.threads);
        let binning = Binning { part_of: asked.part_of, threads: asked.threads, ..WHOLE };
        let (learned, followed) = binned(&train.0, &tune.0, binning)?;
        let rows = library.rows(&learned, asked.threads)?;
        library.train(
            &Taught { rows: &rows, labels: &train.1, weights: &weights },
            asked.is_followed.then_some(&Taught {
                rows: &followed,
                labels: &tune.1,
                weights: &weights[..1_000],
            }),
            (Loss::SquaredError, &parameters),
            (asked.schedule, Threads { most: asked.threads, now: &|| threads.get() }),
            // Another number of threads at every round.
            &mut |round, _| threads.set(1 + round % asked.threads),
        )
    };
    let halves: Vec<u8> = (0..3_000).map(|row| u8::from(row % 3 == 1)).collect();
    for part_of in [None, Some(halves.as_slice())] {
        let asked = Asked { part_of, schedule: Schedule { rounds_max: 200, ..SCHEDULE }, ..PLAIN };
        let (first, second) = (fit(asked).expect("a model"), fit(asked).expect("a model"));
        assert_eq!(first.file, second.file);
        assert_eq!(first.file, fit(Asked { threads: 3, ..asked }).expect("a model").file);
        assert!(first.rounds < first.rounds_trained, "{} of {}", first.rounds, first.rounds_trained);
        let best = library.first_rounds(&first.file, first.rounds).expect("fewer rounds");
        let answers =
            library.model(&best).expect("its file").predict(matrix(&tune.0), false, 1).expect("answers");
        // So many rounds from the start, with nothing to follow, are the same trees.
        let schedule = Schedule { rounds_max: first.rounds, ..SCHEDULE };
        let fixed = fit(Asked { is_followed: false, schedule, ..asked }).expect("a model");
        assert!(fixed.rounds == first.rounds && fixed.tune_loss.is_nan());
        let same = library.model(&fixed.file).expect("its own file");
        assert_eq!(same.predict(matrix(&tune.0), false, 1).expect("answers"), answers);
        // What is missing is answered as the least value there is, and single precision as double.
        let as_least = |value: &f64| if value.is_nan() { -1e37 } else { f64::from(*value as f32) };
        let least: Vec<f64> = tune.0.iter().map(as_least).collect();
        assert_eq!(same.predict(matrix(&least), false, 1).expect("answers"), answers);
        let loss = loss_of(Loss::SquaredError, &answers, &tune.1);
        assert!((loss - first.tune_loss).abs() < 1e-6 && loss < 0.13, "{loss} {}", first.tune_loss);
        assert!(String::from_utf8_lossy(&first.file).contains("[num_threads: 0]"));
        let narrow = Matrix::new(&tune.0[..COLUMNS - 1], COLUMNS - 1).expect("a row");
        assert!(matches!(same.predict(narrow, false, 1), Err(FitError::Shape { expected: COLUMNS, .. })));
        // But for how numbers are written the file is as the library writes it.
        let again = library.first_rounds(&first.file, first.rounds_trained).expect("all rounds");
        let parts = |file: &[u8]| {
            let text = String::from_utf8_lossy(file).into_owned();
            let (head, trees) = text.split_once("\ntree_sizes=").expect("a head");
            let (trees, tail) = trees.split_once("end of trees").expect("trees");
            let lines =
                trees.lines().skip(1).map(|line| line.split('=').next().unwrap_or_default().to_owned());
            (head.to_owned(), lines.collect::<Vec<_>>(), tail.trim_end().to_owned())
        };
        assert_eq!(parts(&first.file), parts(&again));
    }
    let turns = fit(Asked { part_of: Some(&halves), ..PLAIN }).expect("a model");
    assert_ne!(turns.file, fit(PLAIN).expect("a model").file);
}

#[test]
fn xgboost_learns_stops_early_and_reads_its_own_file() {
    let library = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let (train, tune) = (rows(3_000, 1), rows(1_000, 2));
    let tune_rows = single(&tune.0);
    let up =
        |labels: &[f32]| labels.iter().map(|label| f32::from(u8::from(*label > 1.0))).collect::<Vec<f32>>();
    let (train_labels, tune_labels, weights) = (up(&train.1), up(&tune.1), vec![1.0; 3_000]);
    let parameters = Parameters::default()
        .with("eta", 0.5)
        .with("nthread", 1)
        .with("verbosity", 0)
        .with("tree_method", "hist")
        .with("subsample", 0.5)
        .with("seed", 3);
    let fit = |asked: Asked<'_>| -> Result<Fit, FitError> {
        let threads = Cell::new(asked.threads);
        let binning = Binning { part_of: asked.part_of, threads: asked.threads, ..WHOLE };
        let (learned, followed) = binned(&train.0, &tune.0, binning)?;
        let rows = library.rows(&learned, WHOLE.bins, asked.threads)?;
        let weights = &weights;
        library.train(
            &Taught { rows: &rows, labels: &train_labels, weights },
            asked.is_followed.then_some(&Taught {
                rows: &followed,
                labels: &tune_labels,
                weights: &weights[..1_000],
            }),
            (Loss::BinaryLogLoss, &parameters),
            (asked.schedule, Threads { most: asked.threads, now: &|| threads.get() }),
            // Another number of threads at every round.
            &mut |round, _| threads.set(1 + round % asked.threads),
        )
    };
    let (first, second) = (fit(PLAIN).expect("a model"), fit(PLAIN).expect("a model"));
    assert_eq!(first.file, second.file);
    assert_eq!(first.file, fit(Asked { threads: 3, ..PLAIN }).expect("a model").file);
    assert!(first.rounds < first.rounds_trained, "{} of {}", first.rounds, first.rounds_trained);
    let best = library.first_rounds(&first.file, first.rounds).expect("fewer rounds");
    let model = library.model(&best).expect("its own file");
    // What is missing is answered as the least value there is.
    let least: Vec<f32> = tune_rows.iter().map(|value| if value.is_nan() { -1e37 } else { *value }).collect();
    let least = library.data(Matrix::new(&least, COLUMNS).expect("rows"), 1).expect("rows");
    let data = library.data(Matrix::new(&tune_rows, COLUMNS).expect("rows"), 1).expect("rows");
    let schedule = Schedule { rounds_max: first.rounds, ..SCHEDULE };
    let fixed = fit(Asked { is_followed: false, schedule, ..PLAIN }).expect("a model");
    assert!(fixed.rounds == first.rounds && fixed.tune_loss.is_nan());
    let same = library.model(&fixed.file).expect("its own file").predict(&data, false).expect("answers");
    assert_eq!(same, model.predict(&data, false).expect("answers"));
    assert_eq!(same, model.predict(&least, false).expect("answers"));
    let (answers, raw) =
        (model.predict(&data, false).expect("answers"), model.predict(&data, true).expect("answers"));
    assert!(answers.iter().zip(&raw).all(|(p, x)| (p - 1.0 / (1.0 + (-x).exp())).abs() < 1e-6));
    let loss_of = |answers: &[f32]| {
        let answers: Vec<f64> = answers.iter().map(|answer| f64::from(*answer)).collect();
        loss_of(Loss::BinaryLogLoss, &answers, &tune_labels)
    };
    let loss = loss_of(&answers);
    assert!((loss - first.tune_loss).abs() < 1e-5 && loss < 0.3, "{loss} {}", first.tune_loss);

    // By turns from two halves: another model, as good, and what is followed is what it answers.
    let halves: Vec<u8> = (0..3_000).map(|row| u8::from(row % 3 == 1)).collect();
    let asked = Asked { part_of: Some(&halves), ..PLAIN };
    let turns = fit(Asked { threads: 2, ..asked }).expect("a model");
    assert!(turns.file != first.file && turns.file == fit(asked).expect("same").file);
    assert!(turns.tune_loss < 1.2 * first.tune_loss, "{} {}", turns.tune_loss, first.tune_loss);
    let best = library.first_rounds(&turns.file, turns.rounds).expect("fewer rounds");
    let loss = loss_of(&library.model(&best).expect("its file").predict(&data, false).expect("answers"));
    assert!((loss - turns.tune_loss).abs() < 1e-5, "{loss} {}", turns.tune_loss);
}

/// The mean loss of answers, row after row, as a training tells it.
fn loss_of(loss: Loss, answers: &[f64], labels: &[f32]) -> f64 {
    let losses =
        answers.chunks_exact(answers.len() / labels.len()).zip(labels).map(|(answer, label)| match loss {
            Loss::SquaredError => (answer[0] - f64::from(*label)).powi(2),
            Loss::BinaryLogLoss => -(if *label == 1.0 { answer[0] } else { 1.0 - answer[0] }).ln(),
            Loss::ClassesLogLoss(_) => -answer[*label as usize].ln(),
        });
    if loss == Loss::SquaredError { mean(losses).sqrt() } else { mean(losses) }
}

#[test]
fn what_is_followed_is_what_the_library_answers_whatever_is_minimised() {
    let lightgbm = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let xgboost = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let (train, tune) = (rows(3_000, 1), rows(1_000, 2));
    let weights = vec![1.0; 3_000];
    let halves: Vec<u8> = (0..3_000).map(|row| u8::from(row % 3 == 1)).collect();
    let binning = Binning { bins: 32, part_of: Some(&halves), ..WHOLE };
    let (learned, followed) = binned(&train.0, &tune.0, binning).expect("bins");
    let single: Vec<f32> = tune.0.iter().map(|value| *value as f32).collect();
    let asked = xgboost.data(Matrix::new(&single, COLUMNS).expect("rows"), 1).expect("rows");
    let schedule: (Schedule, Threads<'_>) =
        (Schedule { rounds_max: 9, patience: 9 }, Threads { most: 2, now: &|| 2 });
    for loss in [Loss::SquaredError, Loss::BinaryLogLoss, Loss::ClassesLogLoss(3)] {
        let labels = |labels: &[f32]| -> Vec<f32> {
            let class = |label: &f32| match loss {
                Loss::SquaredError => *label,
                Loss::BinaryLogLoss => f32::from(u8::from(*label > 1.0)),
                Loss::ClassesLogLoss(_) => f32::from(u8::from(*label > 0.5) + u8::from(*label > 1.3)),
            };
            labels.iter().map(class).collect()
        };
        let (labels, tune_labels) = (labels(&train.1), labels(&tune.1));
        let followed = Taught { rows: &followed, labels: &tune_labels, weights: &weights[..1_000] };
        // How many classes there are is told by the loss, whatever the parameters say.
        let told = Parameters::default().with("verbosity", -1).with("seed", 3).with("learning_rate", 0.3);
        let told = told.with("num_class", 7);
        let rows = lightgbm.rows(&learned, 2).expect("rows");
        let taught = Taught { rows: &rows, labels: &labels, weights: &weights };
        let fit = lightgbm.train(&taught, Some(&followed), (loss, &told), schedule, &mut |_, _| ());
        let fit = fit.expect("a model");
        let best = lightgbm.first_rounds(&fit.file, fit.rounds).expect("fewer rounds");
        let answers = lightgbm.model(&best).expect("its file").predict(matrix(&tune.0), false, 1);
        let expected = loss_of(loss, &answers.expect("answers"), &tune_labels);
        assert!((fit.tune_loss - expected).abs() < 1e-6, "{loss:?}: {} {expected}", fit.tune_loss);

        let rows = xgboost.rows(&learned, 32, 2).expect("rows");
        let taught = Taught { rows: &rows, labels: &labels, weights: &weights };
        // All columns to each tree, and a third of them.
        for share in [1.0, 0.3] {
            let told = Parameters::default().with("verbosity", 0).with("seed", 3).with("max_bin", 32);
            let told = told.with("colsample_bytree", share);
            let fit = xgboost.train(&taught, Some(&followed), (loss, &told), schedule, &mut |_, _| ());
            let fit = fit.expect("a model");
            let alone: (Schedule, Threads<'_>) = (schedule.0, Threads { most: 1, now: &|| 1 });
            let same = xgboost.train(&taught, Some(&followed), (loss, &told), alone, &mut |_, _| ());
            assert!(
                same.expect("a model").file == fit.file,
                "{loss:?} {share}: with another number of threads"
            );
            let best = xgboost.first_rounds(&fit.file, fit.rounds).expect("fewer rounds");
            let model = xgboost.model(&best).expect("its file");
            let answers = model.predict(&asked, false).expect("answers");
            let answers: Vec<f64> = answers.into_iter().map(f64::from).collect();
            let expected = loss_of(loss, &answers, &tune_labels);
            assert!(
                (fit.tune_loss - expected).abs() < 1e-5,
                "{loss:?} {share}: {} {expected}",
                fit.tune_loss
            );
            // Every column is known by its own name, and what tells most is found.
            let gains = model.gains(&NAMES).expect("gains");
            assert!(gains[0] > gains[4] + gains[5], "{loss:?} {share}: {gains:?}");
        }
    }
}

#[test]
fn all_columns_alike_and_a_class_that_never_occurs_are_learned_from_as_far_as_can_be() {
    let lightgbm = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let xgboost = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let (values, weights) = (vec![3.0; 400 * COLUMNS], vec![1.0; 400]);
    let (other_values, _) = rows(400, 5);
    let schedule: (Schedule, Threads<'_>) =
        (Schedule { rounds_max: 6, patience: 6 }, Threads { most: 1, now: &|| 1 });
    // The third of three classes never occurs.
    let labels: Vec<f32> = (0..400).map(|row| f32::from(u8::from(row % 4 == 0))).collect();
    for values in [&values, &other_values] {
        let binned = Arc::new(Binned::new(matrix(values), WHOLE).expect("bins"));
        for loss in [Loss::SquaredError, Loss::BinaryLogLoss, Loss::ClassesLogLoss(3)] {
            let told =
                Parameters::default().with("verbosity", -1).with("min_data_in_leaf", 20).with("seed", 1);
            let rows = lightgbm.rows(&binned, 1).expect("rows");
            let taught = Taught { rows: &rows, labels: &labels, weights: &weights };
            let fit =
                lightgbm.train(&taught, None, (loss, &told), schedule, &mut |_, _| ()).expect("a model");
            let model = lightgbm.model(&fit.file).expect("its file");
            let first = model.predict(matrix(values), false, 1).expect("answers");
            let told = Parameters::default().with("verbosity", 0).with("max_bin", 256).with("seed", 1);
            let rows = xgboost.rows(&binned, 256, 1).expect("rows");
            let taught = Taught { rows: &rows, labels: &labels, weights: &weights };
            let fit = xgboost.train(&taught, None, (loss, &told), schedule, &mut |_, _| ()).expect("a model");
            let model = xgboost.model(&fit.file).expect("its file");
            let single: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            let asked = xgboost.data(Matrix::new(&single, COLUMNS).expect("rows"), 1).expect("rows");
            let second = model.predict(&asked, false).expect("answers");
            let outputs = first.len() / 400;
            for answers in [first, second.into_iter().map(f64::from).collect()] {
                let mean = |output: usize| mean(answers.iter().skip(output).step_by(outputs).copied());
                let expected: &[f64] = if outputs == 3 { &[0.75, 0.25, 0.0] } else { &[0.25] };
                for (output, expected) in expected.iter().enumerate() {
                    let found = mean(output);
                    assert!((found - expected).abs() < 0.03, "{loss:?} {output}: {found} {expected}");
                }
            }
        }
    }
}

/// LightGBM's model and its answers, with so many threads at every step. Mostly empty columns are binned in buffers by thread,
/// and rows are answered in such.
fn lightgbm_alone(salt: u64, threads: usize, progress: &mut dyn FnMut(usize, f64)) -> (Vec<u8>, Vec<f64>) {
    let library = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let parameters = Parameters::default()
        .with("num_leaves", 63)
        .with("verbosity", -1)
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("seed", 3);
    let (mut values, labels) = rows(20_000, salt);
    for row in values.chunks_exact_mut(COLUMNS).skip(1).step_by(20).flat_map(|row| &mut row[2..]) {
        *row += 1.0;
    }
    for row in values.chunks_exact_mut(COLUMNS) {
        row[2..].iter_mut().filter(|value| **value < 1.0).for_each(|value| *value = 0.0);
    }
    let binned = Arc::new(Binned::new(matrix(&values), Binning { threads, ..WHOLE }).expect("bins"));
    let rows = library.rows(&binned, threads).expect("rows");
    let taught = Taught { rows: &rows, labels: &labels, weights: &[1.0; 20_000] };
    let told = (Loss::SquaredError, &parameters);
    let fit =
        library.train(&taught, None, told, (SCHEDULE, Threads { most: threads, now: &|| threads }), progress);
    let file = fit.expect("a model").file;
    let model = library.model(&file).expect("its own file");
    let ask = || model.predict(matrix(&values), false, threads).expect("answers");
    let answers = ask();
    assert!((0..40).all(|_| ask() == answers), "other answers to the same rows");
    (file, answers)
}

#[test]
fn trainings_in_several_threads_take_turns_and_give_what_they_give_alone() {
    // Numbers of threads that differ: without turns one training changes the other's while it works.
    let kinds = [(1, 1), (2, 6), (3, 3)];
    let alone = kinds.map(|(salt, threads)| lightgbm_alone(salt, threads, &mut |_, _| ()));
    assert_ne!(alone[0], alone[1]);
    std::thread::scope(|scope| {
        let trainings = [0, 1, 2, 0, 1, 2].map(|at| {
            let (salt, threads) = kinds[at];
            (at, scope.spawn(move || lightgbm_alone(salt, threads, &mut |_, _| ())))
        });
        for (at, training) in trainings {
            assert!(training.join().expect("no panic") == alone[at], "{:?} differs", kinds[at]);
        }
    });
}

#[test]
fn a_trainings_progress_that_calls_a_library_is_refused_and_does_not_wait_for_ever() {
    let other = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let mut told = None;
    lightgbm_alone(1, 2, &mut |_, _| told = other.model(b"no model").err().map(|error| error.to_string()));
    let told = told.unwrap_or_default();
    assert!(told.contains("LightGBM is asked while this thread trains"), "{told}");
    // The turn has ended with the training.
    assert!(matches!(other.model(b"no model"), Err(FitError::Refused { .. })));
}

#[test]
fn what_a_library_refuses_is_an_error_that_quotes_it() {
    let library = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let told = library.model(b"no model").err().map(|error| error.to_string());
    assert!(told.is_some_and(|text| text.starts_with("LightGBM refused LGBM_BoosterLoadModelFromString: ")));
    let library = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let told = library.model(b"no model").err().map(|error| error.to_string());
    assert!(told.is_some_and(|text| text.starts_with("XGBoost refused XGBoosterLoadModelFromBuffer: ")));
    let infinite = [f32::INFINITY];
    let told = library.data(Matrix::new(&infinite, 1).expect("a row"), 1).err();
    assert!(told.is_some_and(|error| error.to_string().contains("inf")));
}

#[test]
fn what_cannot_be_binned_or_learned_is_told() {
    // What single precision can't hold, and what would not lie above the missing.
    for value in [f64::INFINITY, f64::NEG_INFINITY, 1e39, -1e38] {
        let told = Binned::new(Matrix::new(&[value], 1).expect("a row"), ONE).err();
        let told = told.map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(&value.to_string()), "{value}: {told}");
    }
    let values = [1.0, 2.0];
    let rows = Matrix::new(&values, 1).expect("rows");
    let many = Binning { bins: 257, ..ONE };
    assert!(matches!(Binned::new(rows, many), Err(FitError::TooLarge { value: 257, .. })));
    assert!(matches!(Binned::new(rows, WHOLE), Err(FitError::Shape { found: COLUMNS, expected: 1, .. })));
    // A part between others that is empty, and a list of another length.
    for wrong in [[0, 2].as_slice(), &[0; 3]] {
        let told = Binned::new(rows, Binning { part_of: Some(wrong), ..ONE });
        assert!(matches!(told, Err(FitError::Shape { .. })), "{wrong:?}");
    }
    let binned = Arc::new(Binned::new(rows, ONE).expect("bins"));
    let wide = Matrix::new(&values, 2).expect("a row");
    assert!(matches!(binned.like(wide, 1), Err(FitError::Shape { found: 2, expected: 1, .. })));

    let lightgbm = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let xgboost = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let (first, second) =
        (lightgbm.rows(&binned, 1).expect("rows"), xgboost.rows(&binned, 256, 1).expect("rows"));
    // Both say the same.
    let told = |labels: &[f32], weights: &[f32], followed: Option<&Binned>, loss: Loss| {
        let none = Parameters::default().with("verbosity", -1);
        let [one, two] = [&[1.0_f32; 2], &[1.0_f32; 2]];
        let followed = followed.map(|rows| Taught { rows, labels: one, weights: two });
        let schedule: (Schedule, Threads<'_>) = (SCHEDULE, Threads { most: 1, now: &|| 1 });
        let taught = Taught { rows: &first, labels, weights };
        let told = lightgbm.train(&taught, followed.as_ref(), (loss, &none), schedule, &mut |_, _| ()).err();
        let none = Parameters::default();
        let taught = Taught { rows: &second, labels, weights };
        let other = xgboost.train(&taught, followed.as_ref(), (loss, &none), schedule, &mut |_, _| ()).err();
        let [told, other] = [told, other].map(|told| told.map(|error| error.to_string()).unwrap_or_default());
        assert_eq!(told, other);
        told
    };
    let ones = [1.0, 1.0];
    let found = told(&[1.0], &ones, None, Loss::SquaredError);
    assert_eq!(found, "the list of labels has 1 values, but 2 are needed");
    let found = told(&ones, &[], None, Loss::SquaredError);
    assert_eq!(found, "the list of weights has 0 values, but 2 are needed");
    let found = told(&[1.0, 2.0], &ones, None, Loss::ClassesLogLoss(2));
    assert_eq!(found, "the label 2 can't be learned by the log loss of several classes");
    // What is followed has the bins of what is learned from, and is in one part.
    let alone = Binned::new(rows, ONE).expect("bins");
    let found = told(&ones, &ones, Some(&alone), Loss::SquaredError);
    assert!(found.contains("not binned like those"), "{found}");
    let parts = Binned::new(rows, Binning { part_of: Some(&[0, 1]), ..ONE }).expect("bins");
    let found = told(&ones, &ones, Some(&parts), Loss::SquaredError);
    assert!(found.contains("what is followed has 2 values"), "{found}");
}
