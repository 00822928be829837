use proptest::prelude::*;

use super::*;

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

/// Scores of one task whose values are spread evenly, and the same as seen by [`Bands`].
fn fitted(task: Task, outcomes: impl Iterator<Item = f64>) -> Bands {
    let mut scores = BandScores::new();
    for outcome in outcomes {
        scores.push(symbol("BTCUSDT"), task, 0.0, 0.02, outcome);
    }
    Bands::fit(&scores)
}

proptest! {
    #[test]
    fn an_outcome_with_the_score_of_an_end_lies_on_that_end(
        answer in 1e-4f64..0.05,
        volatility in 1e-4f64..0.05,
        low in -3.0f64..-0.5,
        wider in 0.0f64..2.0,
        high in 0.5f64..3.0,
    ) {
        let mut bands = SymbolBands::NONE;
        let quantiles = BandQuantiles([[low, high], [low - wider, high + wider]]);
        prop_assert!(quantiles.is_sound());
        for task in BANDED_TASKS {
            bands.set(task, quantiles);
            let found = bands.around(task, &Answer::Value(answer), volatility);
            prop_assert_eq!(found.len(), BAND_LEVELS.len());
            for (band, ends) in found.iter().zip(quantiles.0) {
                prop_assert!(band.low <= answer && answer <= band.high);
                for (outcome, score) in [band.low, band.high].into_iter().zip(ends) {
                    let back = band_score(task, answer, volatility, outcome);
                    // Below the floor of volatilities all have the score of the floor.
                    let floored = task == Task::Volatility4Step && outcome <= VOLATILITY_FLOOR;
                    prop_assert!(floored || (back - score).abs() < 1e-9, "{task} {back} {score}");
                }
            }
        }
    }

    #[test]
    fn scores_that_come_in_any_order_are_held_as_often_as_was_said(seed in 0u64..1_000) {
        // What conformal prediction promises of exchangeable scores: each of them is held as often as the level says.
        let mut random = crate::testkit::Random(seed);
        let drawn: Vec<f64> = (0..6_000).map(|_| random.between(-1.0, 1.0) * random.between(0.0, 0.1)).collect();
        let (past, next) = drawn.split_at(3_000);
        let bands = fitted(Task::Return4Step, past.iter().copied()).of(symbol("ETHUSDT"));
        let found = bands.around(Task::Return4Step, &Answer::Value(0.0), 0.02);
        for band in found {
            let held = next.iter().filter(|outcome| band.holds(**outcome) == Some(true)).count();
            let share = held as f64 / next.len() as f64;
            prop_assert!((share - band.level).abs() < 0.035, "{share} of {}", band.level);
        }
    }
}

#[test]
fn ends_are_the_order_statistics_of_split_conformal_prediction() {
    let bands = fitted(Task::Return4Step, (1..=999).map(|rank| f64::from(rank) * 0.02));
    let quantiles = *bands.of(symbol("BTCUSDT")).of(Task::Return4Step).expect("enough scores");
    // (n + 1) times 0.1, 0.9, 0.05 and 0.95.
    for (found, rank) in quantiles.0.as_flattened().iter().zip([100.0, 900.0, 50.0, 950.0]) {
        assert!((found - rank).abs() < 1e-9, "{quantiles:?}");
    }
}

#[test]
fn a_symbol_with_few_scores_has_the_pooled_bands_and_no_scores_give_none() {
    let mut scores = BandScores::new();
    for turn in 0..1_200 {
        scores.push(symbol("BTCUSDT"), Task::Return1Step, 0.0, 0.02, f64::from(turn) * 1e-5);
    }
    scores.push(symbol("ETHUSDT"), Task::Return1Step, 0.0, 0.02, -1.0);
    scores.push(symbol("ETHUSDT"), Task::Return4Step, 0.0, 0.02, 0.01);
    scores.push(symbol("ETHUSDT"), Task::Return1Step, f64::NAN, 0.02, 0.01);
    scores.push(symbol("ETHUSDT"), Task::VolRegime4Step, 0.0, 0.02, 1.0);
    let bands = Bands::fit(&scores);
    let of = |name: &str| bands.of(symbol(name));
    assert_eq!(of("ETHUSDT"), of("SOLUSDT"));
    assert_ne!(of("BTCUSDT"), of("SOLUSDT"));
    assert_eq!(of("ETHUSDT").of(Task::Return4Step), None);
    assert_eq!(bands.tasks().collect::<Vec<_>>(), [Task::Return1Step]);
    assert!(Bands::fit(&BandScores::new()).is_empty());
}

#[test]
fn what_is_missing_has_no_band() {
    let bands = fitted(Task::Return4Step, (0..1_000).map(|at| f64::from(at) * 1e-5)).of(symbol("BTCUSDT"));
    let around = |answer: Answer, volatility| bands.around(Task::Return4Step, &answer, volatility);
    assert!(around(Answer::Value(f64::NAN), 0.02).is_empty());
    assert!(around(Answer::Value(0.0), f64::NAN).is_empty());
    assert!(around(Answer::Probabilities(vec![0.5, 0.5]), 0.02).is_empty());
    assert_eq!(around(Answer::Value(0.0), 0.02).len(), 2);
    let band = Band { level: 0.8, low: -1.0, high: f64::NAN };
    assert_eq!((band.holds(0.0), band.holds(f64::NAN)), (None, None));
}

#[test]
fn bands_from_a_file_that_can_not_be_are_named() {
    let problem = |json: &str| serde_json::from_str::<Bands>(json).expect("well-formed").problem();
    let task = |name: &str, ends: &str| format!("{{\"{name}\": {{\"pooled\": {ends}, \"symbols\": {{}}}}}}");
    assert_eq!(problem(&task("return_1step", "[[-1,1],[-2,2]]")), None);
    let found = problem(&task("return_1step", "[[-1,1],[-0.5,2]]")).unwrap_or_default();
    assert!(found.contains("return_1step") && found.contains("out of order"), "{found}");
    assert!(problem(&task("vol_regime_4step", "[[-1,1],[-2,2]]")).is_some());
}
