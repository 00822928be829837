//! Two predictions, number by number.

use features::Catalogue;
use forecast::{Answer, BaselineName, Prediction, TaskPrediction};

/// One number that came out otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where: `feature`, `close`, `quality`, or the task's name.
    pub part: &'static str,
    /// Which number there.
    pub name: String,
    /// As it was journalled; NaN also where there was none.
    pub journalled: f64,
    /// As it is made now; NaN also where there is none.
    pub replayed: f64,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) compared: usize,
    pub(crate) differences: Vec<Difference>,
}

type Number = (&'static str, String, f64);

/// Compares every number of two predictions, to the bit.
pub(crate) fn compare(journalled: &Prediction, replayed: &Prediction) -> Comparison {
    let (before, now) = (numbers(journalled), numbers(replayed));
    let mut found = Comparison { compared: before.len(), differences: Vec::new() };
    for (at, (part, name, value)) in before.iter().enumerate() {
        // Both lists have the same order, but for parts that only one of them has.
        let is_it = |other: &&Number| other.0 == *part && other.1 == *name;
        let other = now.get(at).filter(is_it).or_else(|| now.iter().find(is_it));
        let replayed = other.map(|other| other.2);
        if replayed.map(f64::to_bits) != Some(value.to_bits()) {
            let (name, replayed) = (name.clone(), replayed.unwrap_or(f64::NAN));
            found.differences.push(Difference { part, name, journalled: *value, replayed });
        }
    }
    let is_new = |number: &&Number| !before.iter().any(|other| other.0 == number.0 && other.1 == number.1);
    if now.len() != before.len() || !found.differences.is_empty() {
        for (part, name, replayed) in now.iter().filter(is_new) {
            found.differences.push(Difference {
                part,
                name: name.clone(),
                journalled: f64::NAN,
                replayed: *replayed,
            });
        }
    }
    found
}

fn numbers(prediction: &Prediction) -> Vec<Number> {
    let definitions = Catalogue::standard().definitions();
    let mut list: Vec<Number> = Vec::with_capacity(prediction.row.len() + 128);
    for (at, value) in prediction.row.iter().enumerate() {
        let name = definitions.get(at).map_or_else(|| format!("column {at}"), |known| known.name.to_owned());
        list.push(("feature", name, *value));
    }
    list.push(("close", "close".to_owned(), prediction.close));
    let quality = prediction.quality;
    let counts = [
        ("warm_features", quality.warm_features),
        ("total_features", quality.total),
        ("carried_bars", quality.carried_bars),
        ("missing_inputs", quality.missing_inputs),
    ];
    list.extend(counts.map(|(name, count)| ("quality", name.to_owned(), f64::from(count))));
    for answer in &prediction.tasks {
        task(answer, &mut list);
    }
    list
}

fn task(answer: &TaskPrediction, list: &mut Vec<Number>) {
    let members =
        [("lightgbm", &answer.lightgbm), ("xgboost", &answer.xgboost), ("ensemble", &answer.ensemble)];
    let baselines = answer.baselines.iter().map(|named| (named.name.name(), &named.answer));
    for (name, given) in members.into_iter().chain(baselines) {
        for (class, value) in given.as_slice().iter().enumerate() {
            let class = match given {
                Answer::Value(_) => None,
                Answer::Probabilities(_) => answer.task.class_names().get(class),
            };
            let name = class.map_or_else(|| name.to_owned(), |class| format!("{name}.{class}"));
            list.push((answer.task.name(), name, *value));
        }
    }
    for band in &answer.bands {
        for (end, value) in [("low", band.low), ("high", band.high)] {
            list.push((answer.task.name(), format!("band_{:.0}.{end}", band.level * 100.0), value));
        }
    }
    if let Some(value) = answer.root_mean_square {
        list.push((answer.task.name(), "root_mean_square".to_owned(), value));
    }
    let compared_with = BaselineName::ALL.iter().position(|name| *name == answer.compared_with);
    list.push((
        answer.task.name(),
        "compared_with".to_owned(),
        compared_with.map_or(f64::NAN, |at| at as f64),
    ));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::prediction;

    #[test]
    fn every_number_is_compared_to_the_bit_and_named() {
        let journalled = prediction("BTCUSDT", 5, 1);
        let same = compare(&journalled, &Prediction { revision: 2, ..journalled.clone() });
        // 2 features, close, 4 of quality; 3 members and a baseline of each task's 1, 1, 1, 2, 5, 1, 3 numbers; 7 names;
        // both ends of 2 bands of 4 tasks; the volatility's root mean square.
        assert_eq!((same.compared, same.differences), (2 + 1 + 4 + 4 * 14 + 7 + 16 + 1, vec![]));

        let mut other = journalled.clone();
        other.row = Arc::from([0.5, 0.0]);
        other.quality.missing_inputs = 0;
        other.tasks[3].ensemble = Answer::Probabilities(vec![0.375, f64::from_bits(0.625_f64.to_bits() + 1)]);
        other.tasks.pop();
        let found = compare(&journalled, &other).differences;
        let named: Vec<(&str, &str)> = found.iter().map(|d| (d.part, d.name.as_str())).collect();
        let second = Catalogue::standard().definitions()[1].name;
        assert_eq!(
            named[..3],
            [("feature", second), ("quality", "missing_inputs"), ("direction_4step", "ensemble.up")]
        );
        // What only one of them has differs too.
        assert!(
            named[3..].iter().all(|(part, _)| *part == "vol_regime_4step") && named.len() == 3 + 13,
            "{named:?}"
        );
        let other_way = compare(&other, &journalled).differences;
        assert_eq!(other_way.len(), found.len());
    }

    #[test]
    fn an_end_of_a_band_that_differs_by_a_bit_is_named() {
        let journalled = prediction("BTCUSDT", 5, 1);
        let mut other = journalled.clone();
        other.tasks[0].bands.clear();
        other.tasks[5].bands[1].low = f64::from_bits((-1.0_f64).to_bits() + 1);
        let found = compare(&journalled, &other).differences;
        let named: Vec<(&str, &str)> = found.iter().map(|d| (d.part, d.name.as_str())).collect();
        let gone = ["band_80.low", "band_80.high", "band_90.low", "band_90.high"];
        assert_eq!(named[..4], gone.map(|name| ("return_1step", name)));
        assert_eq!(named[4..], [("volatility_4step", "band_90.low")]);
    }
}
