//! What has to hold for every file: refused with a short error that names its place, or scored in every way, the same
//! bits in each, within memory and time.

use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use forest::{Booster, Ensemble, Limits, LoadError, Model, Place};

use crate::case::Case;
use crate::random::Random;
use crate::seeds::Seed;

/// Far above what any of these small files takes, on a busy machine too.
const TIME_MAX: Duration = Duration::from_secs(2);
const ROWS: usize = 9;
/// Explanations of more values are left out: their room is the caller's.
const CONTRIBUTIONS_MAX: usize = 200_000;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Explained,
    Scored,
    Malformed,
    Contradictory,
    Unsupported,
    TooLarge,
}

/// Panics if something doesn't hold.
pub(crate) fn check(case: &Case<'_>, seeds: &[Seed], random: &mut Random) -> Fate {
    let started = Instant::now();
    let mut read = None;
    let taken = measure(|| read = Some(case.format.read(&case.bytes, &case.limits)));
    assert!(taken.bytes_max <= memory_allowed(case.bytes.len(), &case.limits), "reading took {taken:?}");
    let fate = match read.unwrap() {
        Ok(model) => score(&model, case, seeds, random),
        Err(error) => refused(&error),
    };
    let time = started.elapsed();
    assert!(time <= TIME_MAX, "it took {time:?}");
    fate
}

/// The promise of [`Limits`], and room for the rest of a small file.
pub(crate) fn memory_allowed(bytes: usize, limits: &Limits) -> u64 {
    (32 * (bytes + limits.features_max + limits.outputs_max) + (64 << 10)) as u64
}

fn refused(error: &LoadError) -> Fate {
    let message = error.to_string();
    assert!(message.len() < 400, "a message of {} bytes: {message}", message.len());
    match error {
        LoadError::Malformed { place, .. } | LoadError::Contradictory { place, .. } => {
            assert_ne!(*place, Place::default(), "{message}");
            if matches!(error, LoadError::Malformed { .. }) { Fate::Malformed } else { Fate::Contradictory }
        }
        LoadError::Unsupported { .. } => Fate::Unsupported,
        LoadError::TooLarge { .. } => Fate::TooLarge,
    }
}

/// One model's answers to some rows, by the plain scorer.
struct Answers {
    rows: Vec<f64>,
    margins: Vec<f64>,
    predictions: Vec<f64>,
}

impl Answers {
    fn new(model: &Model, rows: Vec<f64>) -> Answers {
        let (width, outputs) = (model.feature_count(), model.output_count());
        let mut answers =
            Answers { margins: vec![0.0; ROWS * outputs], predictions: vec![0.0; ROWS * outputs], rows };
        let trees = model.tree_count();
        let (mut leaves, mut values) = (vec![0; ROWS * trees], vec![0.0; ROWS * trees]);
        model.leaves_batch(&answers.rows, &mut leaves).unwrap();
        model.tree_values_batch(&answers.rows, &mut values).unwrap();
        let answers_of_rows =
            answers.margins.chunks_exact_mut(outputs).zip(answers.predictions.chunks_exact_mut(outputs));
        for (row, (margin, prediction)) in answers.rows.chunks_exact(width).zip(answers_of_rows) {
            model.margin(row, margin).unwrap();
            model.predict(row, prediction).unwrap();
        }
        answers
    }
}

fn score(model: &Model, case: &Case<'_>, seeds: &[Seed], random: &mut Random) -> Fate {
    let rows = random.row(ROWS * model.feature_count(), &case.of.thresholds);
    let answers = Answers::new(model, rows);
    let mut booster = None;
    let taken = measure(|| booster = Some(Booster::new(model)));
    check_form(model, taken, "the form");
    check_booster(&booster.unwrap(), &answers);
    check_ensemble(model, &answers, seeds, random);
    if explain(model, &answers.rows) { Fate::Explained } else { Fate::Scored }
}

/// A form is about as large as its model.
fn check_form(model: &Model, taken: AllocationInfo, what: &str) {
    let allowed = 512 * model.node_count() + 256 * model.feature_count() + (256 << 10);
    assert!(taken.bytes_max <= allowed as u64, "{what} took {taken:?} for {} nodes", model.node_count());
}

fn check_booster(booster: &Booster, answers: &Answers) {
    let (width, outputs) = (booster.feature_count(), booster.output_count());
    let mut found = vec![f64::NAN; ROWS * outputs];
    let mut single = vec![f64::NAN; outputs];
    let scoring = measure(|| {
        for size in [1, 3, ROWS] {
            let batches = answers.rows.chunks_exact(size * width);
            for (rows, out) in batches.clone().zip(found.chunks_exact_mut(size * outputs)) {
                booster.margin_batch(rows, out).unwrap();
            }
            assert_same("margins in batches", &found, &answers.margins);
            for (rows, out) in batches.zip(found.chunks_exact_mut(size * outputs)) {
                booster.predict_batch(rows, out).unwrap();
            }
            assert_same("predictions in batches", &found, &answers.predictions);
        }
        for (index, row) in answers.rows.chunks_exact(width).enumerate() {
            let of_row = index * outputs..(index + 1) * outputs;
            booster.margin(row, &mut single).unwrap();
            assert_same("a margin", &single, &answers.margins[of_row.clone()]);
            booster.predict(row, &mut single).unwrap();
            assert_same("a prediction", &single, &answers.predictions[of_row]);
        }
    });
    assert_eq!(scoring.count_total, 0, "scoring allocates: {scoring:?}");
}

/// Asks the model together with a whole one of the same width, if there is one.
fn check_ensemble(model: &Model, answers: &Answers, seeds: &[Seed], random: &mut Random) {
    let width = model.feature_count();
    let of_width = |other: &&Model| other.feature_count() == width;
    let whole: Vec<&Model> = seeds.iter().filter_map(|seed| seed.model.as_ref()).filter(of_width).collect();
    let mut models = vec![model.clone()];
    models.extend(whole.get(random.below(whole.len())).map(|whole| (*whole).clone()));
    if random.one_in(2) {
        models.reverse();
    }
    let ensemble = Ensemble::new(&models).unwrap();
    let outputs = ensemble.output_count();
    let expected: Vec<Vec<f64>> =
        models.iter().map(|model| Answers::new(model, answers.rows.clone()).predictions).collect();
    let mut found = vec![f64::NAN; ROWS * outputs];
    let mut single = vec![f64::NAN; outputs];
    let batch = [1, 3, ROWS][random.below(3)];
    let scoring = measure(|| {
        let batches = answers.rows.chunks_exact(batch * width);
        for (rows, out) in batches.zip(found.chunks_exact_mut(batch * outputs)) {
            ensemble.predict_batch(rows, out).unwrap();
        }
        for (row, of_batch) in answers.rows.chunks_exact(width).zip(found.chunks_exact(outputs)) {
            ensemble.predict(row, &mut single).unwrap();
            assert_same("an ensemble's row", &single, of_batch);
        }
    });
    assert_eq!(scoring.count_total, 0, "an ensemble's scoring allocates: {scoring:?}");
    for (member, expected) in expected.iter().enumerate() {
        let own = ensemble.outputs(member);
        for (found, expected) in found.chunks_exact(outputs).zip(expected.chunks_exact(own.len())) {
            assert_same("an ensemble's member", &found[own.clone()], expected);
        }
    }
}

/// Explains the rows, if the file's covers allow it.
fn explain(model: &Model, rows: &[f64]) -> bool {
    let mut made = None;
    let taken = measure(|| made = Some(model.explainer()));
    let mut explainer = match made.unwrap() {
        Ok(explainer) => explainer,
        Err(error) => {
            assert!(error.to_string().len() < 400, "a long message: {error}");
            return false;
        }
    };
    check_form(model, taken, "the explainer");
    let count = explainer.contribution_count();
    if ROWS * count > CONTRIBUTIONS_MAX {
        return true;
    }
    let mut batch = vec![f64::NAN; ROWS * count];
    explainer.contributions_batch(rows, &mut batch).unwrap();
    let mut single = vec![f64::NAN; count];
    for (row, of_batch) in rows.chunks_exact(model.feature_count()).zip(batch.chunks_exact(count)) {
        explainer.contributions(row, &mut single).unwrap();
        assert_same("an explanation", &single, of_batch);
    }
    true
}

/// Equal bits; any NaN equals any other.
fn assert_same(what: &str, found: &[f64], expected: &[f64]) {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let is_same = found.len() == expected.len() && found.iter().zip(expected).all(same);
    assert!(is_same, "{what} differs: {found:?}, expected {expected:?}");
}
