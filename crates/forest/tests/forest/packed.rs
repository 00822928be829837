//! The packed scorer against the plain one, on models and rows made at random.

use forest::{Booster, Ensemble, Limits, Model};
use proptest::prelude::*;

use crate::golden;
use crate::random::{model, value};
use crate::seeded::Random;

fn check(seed: u64, features: usize, trees: usize, outputs: usize) {
    let mut random = Random(seed);
    let text = model(&mut random, features, trees, outputs);
    let specification = Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap();
    let booster = Booster::new(&specification);
    let row_count = 11;
    let rows: Vec<f64> = (0..row_count * features)
        .map(|_| if random.below(8) == 0 { f64::NAN } else { value(&mut random) })
        .collect();
    let mut batch = vec![0.0; row_count * outputs];
    booster.margin_batch(&rows, &mut batch).unwrap();
    let (mut plain, mut single) = (vec![0.0; outputs], vec![0.0; outputs]);
    for (row, batch) in rows.chunks(features).zip(batch.chunks(outputs)) {
        specification.margin(row, &mut plain).unwrap();
        booster.margin(row, &mut single).unwrap();
        assert!(golden::is_same(&single, &plain), "seed {seed}: {single:?}, plain {plain:?}");
        assert!(golden::is_same(batch, &plain), "seed {seed}: batch {batch:?}, plain {plain:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn packed_and_plain_answer_the_same_bits(seed: u64, features in 1..9_usize, trees in 0..150_usize, outputs in 1..4_usize) {
        check(seed, features, trees, outputs);
    }
}

#[test]
fn wide_models_answer_the_same_bits() {
    // Below and above each size of the packed form's ranks, and too wide to be packed.
    for (seed, features, trees) in [(1, 60, 60), (2, 200, 100), (3, 900, 300), (4, 3_000, 1_200)] {
        check(seed, features, trees, 1);
    }
}

#[test]
fn an_ensemble_answers_members_of_few_and_of_many_outputs() {
    let features = 6;
    let models = [1, 17, 40, 3].map(|outputs| {
        let text = model(&mut Random(outputs as u64), features, 20, outputs);
        Model::from_lightgbm_text(text.as_bytes(), &Limits::default()).unwrap()
    });
    let ensemble = Ensemble::new(&models).unwrap();
    let mut random = Random(9);
    for count in [1, 7, 8, 9, 23] {
        let rows: Vec<f64> = (0..count * features).map(|_| value(&mut random)).collect();
        let mut answers = vec![f64::NAN; count * ensemble.output_count()];
        ensemble.predict_batch(&rows, &mut answers).unwrap();
        for (row, answers) in rows.chunks(features).zip(answers.chunks(ensemble.output_count())) {
            for (member, model) in models.iter().enumerate() {
                let mut plain = vec![0.0; model.output_count()];
                model.predict(row, &mut plain).unwrap();
                assert!(
                    golden::is_same(&answers[ensemble.outputs(member)], &plain),
                    "{count} rows, {member}"
                );
            }
        }
    }
}
