//! Rows and outputs of the wrong width, and batches.

use forest::{Booster, RowError};

use crate::golden;

fn booster() -> Booster {
    Booster::new(&golden::load(&golden::folder().join("lightgbm-multiclass.txt")).unwrap())
}

#[test]
fn wrong_widths_are_errors_that_say_both_numbers() {
    let booster = booster();
    let mut out = [0.0; 3];
    assert_eq!(booster.margin(&[0.0; 4], &mut out), Err(RowError::RowWidth { expected: 5, found: 4 }));
    assert_eq!(booster.predict(&[], &mut out), Err(RowError::RowWidth { expected: 5, found: 0 }));
    let narrow = booster.predict(&[0.0; 5], &mut out[..1]);
    assert_eq!(narrow, Err(RowError::OutputWidth { expected: 3, found: 1 }));
    let batch = booster.margin_batch(&[0.0; 11], &mut out);
    assert_eq!(batch, Err(RowError::BatchWidth { expected: 5, found: 11 }));
    let batch = booster.predict_batch(&[0.0; 10], &mut out);
    assert_eq!(batch, Err(RowError::OutputWidth { expected: 6, found: 3 }));
    let message = booster.margin(&[0.0; 4], &mut out).unwrap_err().to_string();
    assert_eq!(message, "the row has 4 values, but the model reads 5 features");
}

#[test]
fn a_batch_answers_what_its_rows_answer() {
    for path in golden::models() {
        let booster = Booster::new(&golden::load(&path).unwrap());
        let outputs = booster.output_count();
        let golden = golden::rows(&path);
        let rows: Vec<f64> = golden.iter().flat_map(|golden| golden.row.clone()).collect();
        let mut margins = vec![0.0; golden.len() * outputs];
        let mut predictions = margins.clone();
        booster.margin_batch(&rows, &mut margins).unwrap();
        booster.predict_batch(&rows, &mut predictions).unwrap();
        for (index, golden) in golden.iter().enumerate() {
            let range = index * outputs..(index + 1) * outputs;
            assert!(golden::is_same(&margins[range.clone()], &golden.margin), "{path:?} row {index}");
            assert!(golden::is_same(&predictions[range], &golden.prediction), "{path:?} row {index}");
        }
    }
}

#[test]
fn an_empty_batch_is_answered_by_nothing() {
    assert_eq!(booster().predict_batch(&[], &mut []), Ok(()));
}
