//! The wrapper over the two C APIs.

use std::cell::Cell;

use klinecast_trainer::fit::{
    Binning, FitError, LightGbm, Loss, Matrix, Parameters, Schedule, XgBoost, XgBoostBins, lightgbm_path,
    xgboost_path,
};

const COLUMNS: usize = 4;
const NAMES: [&str; COLUMNS] = ["a", "b", "c", "d"];
/// XGBoost's own number of bins, one part.
const WHOLE: Binning<'static> = Binning { bins: 256, threads: 1, part_of: None };
const SCHEDULE: Schedule = Schedule { rounds_max: 40, patience: 5 };

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

#[test]
fn lightgbm_learns_stops_early_and_reads_its_own_file() {
    let library = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let (train, tune) = (rows(3_000, 1), rows(1_000, 2));
    let parameters = Parameters::default()
        .with("learning_rate", 0.3)
        .with("num_threads", 1)
        .with("verbosity", -1)
        .with("deterministic", true)
        .with("bagging_fraction", 0.5)
        .with("bagging_freq", 1)
        .with("seed", 3);
    let fit = |followed: bool, schedule: Schedule| {
        let mut train_data = library.data(matrix(&train.0), &NAMES, &parameters, None)?;
        let mut tune_data = library.data(matrix(&tune.0), &NAMES, &parameters, Some(&train_data))?;
        train_data.set_labels(&train.1)?;
        tune_data.set_labels(&tune.1)?;
        library.train(
            (&train_data, followed.then_some(&tune_data)),
            Loss::SquaredError,
            &parameters,
            schedule,
            &mut |_, _| (),
        )
    };
    let (first, second) = (fit(true, SCHEDULE).expect("a model"), fit(true, SCHEDULE).expect("a model"));
    assert_eq!(first.file, second.file);
    assert!(first.rounds < first.rounds_trained, "{} of {}", first.rounds, first.rounds_trained);
    let best = library.first_rounds(&first.file, first.rounds).expect("fewer rounds");
    let model = library.model(&best).expect("its own file");
    let answers = model.predict(matrix(&tune.0), false, 1).expect("answers");
    // So many rounds from the start, with nothing to follow, are the same trees.
    let fixed = fit(false, Schedule { rounds_max: first.rounds, ..SCHEDULE }).expect("a model");
    assert!(fixed.rounds == first.rounds && fixed.tune_loss.is_nan());
    let same = library.model(&fixed.file).expect("its own file");
    assert_eq!(same.predict(matrix(&tune.0), false, 1).expect("answers"), answers);
    let squares = answers.iter().zip(&tune.1).map(|(answer, label)| (answer - f64::from(*label)).powi(2));
    let loss = squares.sum::<f64>() / answers.len() as f64;
    assert!((loss - first.tune_loss).abs() < 1e-6 && loss < 0.02, "{loss} {}", first.tune_loss);
    assert!(!String::from_utf8_lossy(&first.file).contains("[num_threads: 1]"));
    let narrow = Matrix::new(&tune.0[..COLUMNS - 1], COLUMNS - 1).expect("a row");
    assert!(matches!(model.predict(narrow, false, 1), Err(FitError::Shape { expected: COLUMNS, .. })));
}

#[test]
fn xgboost_learns_stops_early_and_reads_its_own_file() {
    let library = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let (train, tune) = (rows(3_000, 1), rows(1_000, 2));
    let tune_rows = single(&tune.0);
    let up =
        |labels: &[f32]| labels.iter().map(|label| f32::from(u8::from(*label > 1.0))).collect::<Vec<f32>>();
    let parameters = Parameters::default()
        .with("eta", 0.5)
        .with("nthread", 1)
        .with("verbosity", 0)
        .with("tree_method", "hist")
        .with("subsample", 0.5)
        .with("seed", 3);
    let fit_in = |parts: &Option<Vec<u8>>, followed: bool, schedule: Schedule, threads_most: usize| {
        let threads = Cell::new(threads_most);
        let mut train_data =
            library.binned(matrix(&train.0), Binning { part_of: parts.as_deref(), ..WHOLE }, None)?;
        let mut tune_data = library.binned(matrix(&tune.0), WHOLE, Some(&train_data))?;
        train_data.set_labels(&up(&train.1))?;
        tune_data.set_labels(&up(&tune.1))?;
        let loss = Loss::BinaryLogLoss;
        library.train(
            (&train_data, followed.then_some(&tune_data)),
            &NAMES,
            loss,
            &parameters,
            (schedule, &|| threads.get()),
            // Another number of threads at every round.
            &mut |round, _| threads.set(1 + round % threads_most),
        )
    };
    let fit_with = |followed, schedule, threads| fit_in(&None, followed, schedule, threads);
    let fit = |followed, schedule| fit_with(followed, schedule, 1);
    let (first, second) = (fit(true, SCHEDULE).expect("a model"), fit(true, SCHEDULE).expect("a model"));
    assert_eq!(first.file, second.file);
    assert_eq!(first.file, fit_with(true, SCHEDULE, 3).expect("a model").file);
    assert!(first.rounds < first.rounds_trained, "{} of {}", first.rounds, first.rounds_trained);
    let best = library.first_rounds(&first.file, first.rounds).expect("fewer rounds");
    let model = library.model(&best).expect("its own file");
    // What is missing is answered as the least value there is.
    let least: Vec<f32> = tune_rows.iter().map(|value| if value.is_nan() { -1e37 } else { *value }).collect();
    let least = library.data(Matrix::new(&least, COLUMNS).expect("rows"), 1).expect("rows");
    let data = library.data(Matrix::new(&tune_rows, COLUMNS).expect("rows"), 1).expect("rows");
    let fixed = fit(false, Schedule { rounds_max: first.rounds, ..SCHEDULE }).expect("a model");
    assert!(fixed.rounds == first.rounds && fixed.tune_loss.is_nan());
    let same = library.model(&fixed.file).expect("its own file").predict(&data, false).expect("answers");
    assert_eq!(same, model.predict(&data, false).expect("answers"));
    assert_eq!(same, model.predict(&least, false).expect("answers"));
    let (answers, raw) =
        (model.predict(&data, false).expect("answers"), model.predict(&data, true).expect("answers"));
    assert!(answers.iter().zip(&raw).all(|(p, x)| (p - 1.0 / (1.0 + (-x).exp())).abs() < 1e-6));
    let losses =
        answers.iter().zip(up(&tune.1)).map(|(p, y)| -f64::from(if y == 1.0 { *p } else { 1.0 - p }).ln());
    let loss = losses.sum::<f64>() / answers.len() as f64;
    assert!((loss - first.tune_loss).abs() < 1e-5 && loss < 0.3, "{loss} {}", first.tune_loss);

    // By turns from two halves: another model, as good, and what is followed is what it answers.
    let halves = Some((0..3_000).map(|row| u8::from(row % 3 == 1)).collect::<Vec<u8>>());
    let turns = fit_in(&halves, true, SCHEDULE, 2).expect("a model");
    assert!(turns.file != first.file && turns.file == fit_in(&halves, true, SCHEDULE, 1).expect("same").file);
    assert!(turns.tune_loss < 1.2 * first.tune_loss, "{} {}", turns.tune_loss, first.tune_loss);
    let best = library.first_rounds(&turns.file, turns.rounds).expect("fewer rounds");
    let answers = library.model(&best).expect("its file").predict(&data, false).expect("answers");
    let losses =
        answers.iter().zip(up(&tune.1)).map(|(p, y)| -f64::from(if y == 1.0 { *p } else { 1.0 - p }).ln());
    let loss = losses.sum::<f64>() / answers.len() as f64;
    assert!((loss - turns.tune_loss).abs() < 1e-5, "{loss} {}", turns.tune_loss);
    // A part between others that is empty, and a list of another length, are refused.
    for wrong in [vec![2; 3_000], vec![0; 2]] {
        let part_of = Some(wrong.as_slice());
        assert!(library.binned(matrix(&train.0), Binning { part_of, ..WHOLE }, None).is_err());
    }
}

/// LightGBM's model and its answers, with so many threads at every step. Mostly empty columns are binned in buffers by thread,
/// and rows are answered in such.
fn lightgbm_alone(salt: u64, threads: usize, progress: &mut dyn FnMut(usize, f64)) -> (Vec<u8>, Vec<f64>) {
    let library = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let parameters = Parameters::default()
        .with("num_threads", threads)
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
    let mut data = library.data(matrix(&values), &NAMES, &parameters, None).expect("rows");
    data.set_labels(&labels).expect("labels");
    let fit = library.train((&data, None), Loss::SquaredError, &parameters, SCHEDULE, progress);
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
    // What single precision can't hold, and what would not lie above the missing.
    for value in [f64::INFINITY, f64::NEG_INFINITY, 1e39, -1e38] {
        let told = library.binned(Matrix::new(&[value], 1).expect("a row"), WHOLE, None).err();
        let told = told.map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(&value.to_string()), "{value}: {told}");
    }
    let values = [1.0, 2.0];
    let rows = Matrix::new(&values, 1).expect("rows");
    let mut data = library.binned(rows, WHOLE, None).expect("rows");
    assert!(matches!(data.set_labels(&[1.0]), Err(FitError::Shape { found: 1, expected: 2, .. })));
    let many = Binning { bins: 257, ..WHOLE };
    assert!(matches!(library.binned(rows, many, None), Err(FitError::TooLarge { value: 257, .. })));
    let wide = Matrix::new(&values, 2).expect("a row");
    assert!(matches!(
        library.binned(wide, WHOLE, Some(&data)),
        Err(FitError::Shape { found: 2, expected: 1, .. })
    ));
    let train = |data: &XgBoostBins, loss, parameters: &Parameters| {
        let told =
            library.train((data, None), &["a"], loss, parameters, (SCHEDULE, &|| 1), &mut |_, _| ()).err();
        told.map(|error| error.to_string()).unwrap_or_default()
    };
    let told = train(&data, Loss::SquaredError, &Parameters::default());
    assert_eq!(told, "the list of labels has 0 values, but 2 are needed");
    data.set_labels(&[1.0, 2.0]).expect("labels");
    let told = train(&data, Loss::ClassesLogLoss(2), &Parameters::default());
    assert_eq!(told, "XGBoost can't learn the label 2 by multi:softprob");
    let told = train(&data, Loss::SquaredError, &Parameters::default().with("base_score", "[1,2]"));
    assert!(told.contains("base_score [1,2]"), "{told}");
    // What is followed has the bins of what is learned from.
    let mut alone = library.binned(rows, WHOLE, None).expect("rows");
    alone.set_labels(&[1.0, 2.0]).expect("labels");
    let none = Parameters::default();
    let sets = (&data, Some(&alone));
    let told =
        library.train(sets, &["a"], Loss::SquaredError, &none, (SCHEDULE, &|| 1), &mut |_, _| ()).err();
    assert!(matches!(told, Some(FitError::Unlike { .. })), "{told:?}");
    // What is only followed can't be learned from.
    let mut followed = library.binned(rows, WHOLE, Some(&data)).expect("rows");
    followed.set_labels(&[1.0, 2.0]).expect("labels");
    let told = train(&followed, Loss::SquaredError, &Parameters::default());
    assert!(told.contains("what is only followed"), "{told}");
}
