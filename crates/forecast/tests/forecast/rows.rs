//! Feature rows alone are answered with the bits of the predictions that were made from them.

use std::sync::Arc;

use features::Catalogue;
use forecast::testkit::{stacking, tiny_bundle};
use forecast::{Bundle, Event, Forecaster, LightGbmShare, REGIME_NEEDED_BARS, Role, Source, Stacking, Task};

use crate::live_is_batch::{closed, settings};
use crate::market::{M15, history, symbols};

const SYMBOLS: usize = 3;

/// The bundle's answers to every symbol's present row, compared with what stands about it; whether the cuts were known.
fn compare(forecaster: &Forecaster, bundle: &Bundle) -> bool {
    let names = symbols(SYMBOLS);
    let (mut rows, mut cuts) = (Vec::new(), Vec::new());
    for &symbol in &names {
        rows.extend_from_slice(forecaster.row(symbol).expect("a row").values);
        cuts.push(forecaster.regime_cuts(symbol));
    }
    let answers = bundle.answer_rows(&rows, &cuts);
    assert_eq!(answers.len(), names.len());
    for (&symbol, answers) in names.iter().zip(&answers) {
        let prediction = forecaster.latest(symbol).expect("a prediction");
        assert_eq!(answers.len(), Task::COUNT);
        for (answer, served) in answers.iter().zip(&prediction.tasks) {
            assert_eq!(answer.task, served.task);
            assert!(answer.lightgbm.same_bits(&served.lightgbm), "{symbol} {}", answer.task);
            assert!(answer.xgboost.same_bits(&served.xgboost), "{symbol} {}", answer.task);
            assert!(answer.ensemble.same_bits(&served.ensemble), "{symbol} {}", answer.task);
        }
    }
    cuts.iter().all(Option::is_some)
}

#[test]
fn rows_alone_have_the_bits_of_the_predictions_made_from_them() {
    let names = symbols(SYMBOLS);
    let bars = REGIME_NEEDED_BARS + 40;
    let klines = history(11, &names, bars);
    let mut builder = tiny_bundle(4, &names, M15);
    builder.stacking = stacking(4);
    for parts in builder.tasks.iter_mut().step_by(2) {
        parts.lightgbm_share = Some(LightGbmShare::nearest(0.3));
    }
    let bundle: Arc<Bundle> = Arc::new(builder.build().expect("valid"));
    assert_eq!(
        bundle.stacking().tasks().count(),
        Task::ALL.into_iter().filter(|t| Stacking::suits(*t)).count()
    );
    let mut forecaster = Forecaster::new(settings(&names));
    let mut effects = Vec::new();
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle: bundle.clone() }, &mut effects);
    let mut known = Vec::new();
    for bar in 0..bars {
        for (&symbol, klines) in &klines {
            forecaster.apply(closed(symbol, klines[bar], Source::Socket), &mut effects);
        }
        effects.clear();
        if bar % 400 == 0 || bar + 1 == bars {
            known.push(compare(&forecaster, &bundle));
        }
    }
    assert_eq!(
        (known.first(), known.last()),
        (Some(&false), Some(&true)),
        "cuts that are not known, and known ones"
    );
}

#[test]
fn rows_of_another_width_are_not_answered() {
    let bundle = tiny_bundle(4, &symbols(1), M15).build().expect("valid");
    let width = Catalogue::standard().len();
    assert!(bundle.answer_rows(&vec![0.0; width + 1], &[None]).is_empty());
    assert!(bundle.answer_rows(&vec![0.0; width], &[None, None]).is_empty());
    assert!(bundle.answer_rows(&[], &[]).is_empty());
}
