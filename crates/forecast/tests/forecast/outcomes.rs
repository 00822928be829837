//! Outcomes against their definitions, with gaps.

use forecast::{Outcome, OutcomeMachine, Task};
use kline::{BarTime, Interval};
use proptest::prelude::*;
use std::collections::BTreeMap;

const M15: Interval = Interval::M15;

fn bar(index: i64) -> BarTime {
    BarTime::last_closed((index + 1) * M15.milliseconds(), M15)
}

/// The closes and sigmas of the bars that are there, by bar index.
type Series = BTreeMap<i64, (f64, f64)>;

/// The outcome by the design's table; NaN if a bar of the window is missing.
fn naive(series: &Series, task: Task, at: i64) -> f64 {
    let horizon = i64::from(task.horizon_steps());
    let window: Option<Vec<f64>> = (at..=at + horizon).map(|bar| series.get(&bar).map(|b| b.0)).collect();
    let Some(closes) = window else { return f64::NAN };
    let (first, last) = (closes[0], closes[closes.len() - 1]);
    let sigma = series[&at].1;
    let volatility = || closes.windows(2).map(|pair| (pair[1] / pair[0]).ln().powi(2)).sum::<f64>().sqrt();
    match task {
        Task::Return1Step | Task::Return4Step | Task::Return16Step => last / first - 1.0,
        Task::Direction4Step => f64::from(last > first),
        Task::DirectionMulti4Step => {
            let units = (last / first).ln() / (sigma * 2.0);
            if units.is_nan() || sigma == 0.0 {
                f64::NAN
            } else {
                [-1.0, -0.25, 0.25, 1.0].iter().filter(|&&cut| cut < units).count() as f64
            }
        }
        Task::Volatility4Step => volatility(),
        Task::VolRegime4Step => {
            let known = |end: i64| {
                let closes: Option<Vec<f64>> =
                    (end - 4..=end).map(|bar| series.get(&bar).map(|b| b.0)).collect();
                closes.map(|c| c.windows(2).map(|p| (p[1] / p[0]).ln().powi(2)).sum::<f64>().sqrt())
            };
            let mut trailing: Vec<f64> = (at - 2_879..=at).filter_map(known).collect();
            if trailing.len() < 1_440 {
                return f64::NAN;
            }
            trailing.sort_by(f64::total_cmp);
            let cut = |third: usize| {
                let place = (trailing.len() - 1) as f64 * third as f64 / 3.0;
                let (below, above) = (trailing[place.floor() as usize], trailing[place.ceil() as usize]);
                below + (above - below) * place.fract()
            };
            f64::from(u8::from(volatility() > cut(1)) + u8::from(volatility() > cut(2)))
        }
    }
}

fn run(series: &Series) -> BTreeMap<(Task, i64), f64> {
    let mut machine = OutcomeMachine::new(M15);
    let (mut resolved, mut answers) = (Vec::new(), BTreeMap::new());
    for (&index, &(close, sigma)) in series {
        let context = machine.push(bar(index), close, sigma, &mut resolved);
        assert_eq!(context.close, close);
        for Outcome { task, bar, value } in resolved.drain(..) {
            let at = bar.index(M15);
            assert!(answers.insert((task, at), value).is_none(), "{task} at {at} was resolved twice");
        }
    }
    answers
}

/// A seeded walk in which about one bar in `gap_one_in` is missing.
fn walk(seed: u64, bars: i64, gap_one_in: usize) -> Series {
    let mut random = forecast::testkit::Random(seed);
    let mut close = 100.0;
    let mut series = Series::new();
    for index in 0..bars {
        let calm = if index / 300 % 2 == 0 { 0.001 } else { 0.004 };
        close *= 1.0 + random.between(-calm, calm);
        if random.below(gap_one_in) > 0 {
            let sigma = if random.below(50) == 0 { f64::NAN } else { calm * 0.58 };
            series.insert(index, (close, sigma));
        }
    }
    series
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn every_outcome_is_its_definition_and_gaps_make_it_missing(seed in 1u64..10_000, gaps in 8usize..400) {
        let series = walk(seed, 2_400, gaps);
        let answers = run(&series);
        let last = *series.keys().last().expect("not empty");
        let mut known = 0;
        for &at in series.keys() {
            for task in Task::ALL {
                // The naive regime sorts 2,880 values a bar, so only some bars are checked.
                let skipped = task == Task::VolRegime4Step && at % 23 != 0;
                if skipped || at + i64::from(task.horizon_steps()) > last {
                    continue;
                }
                let expected = naive(&series, task, at);
                let found = answers.get(&(task, at)).copied();
                let found = found.ok_or_else(|| TestCaseError::fail(format!("{task} at {at} is open")))?;
                prop_assert_eq!(found.is_nan(), expected.is_nan(), "{} at {}", task, at);
                if !expected.is_nan() {
                    known += 1;
                    let close = (found - expected).abs() <= 1e-12;
                    prop_assert!(close, "{task} at {at}: {found}, by definition {expected}");
                }
            }
        }
        prop_assert!(known > 1_000);
    }

    #[test]
    fn where_a_series_starts_does_not_matter(seed in 1u64..10_000, cut in 0i64..600) {
        let series = walk(seed, 3_800, 200);
        let (whole, late) = (run(&series), run(&series.range(cut..).map(|(k, v)| (*k, *v)).collect()));
        // The regime looks back 2,880 bars and four more for the first volatility; the direction four.
        for (&(task, at), value) in &late {
            if at >= cut + 2_884 {
                prop_assert_eq!(whole[&(task, at)].to_bits(), value.to_bits(), "{} at {}", task, at);
            }
        }
    }
}

#[test]
fn a_missing_bar_is_never_a_wrong_outcome() {
    let mut series: Series = (0..40).map(|index| (index, (100.0 + index as f64, 0.01))).collect();
    series.remove(&20);
    let answers = run(&series);
    assert!(answers[&(Task::Return1Step, 19)].is_nan());
    assert!(answers[&(Task::Return4Step, 16)].is_nan() && answers[&(Task::Return4Step, 19)].is_nan());
    assert!(!answers[&(Task::Return4Step, 15)].is_nan() && !answers[&(Task::Return4Step, 21)].is_nan());
    assert!(answers[&(Task::Return16Step, 4)].is_nan() && !answers[&(Task::Return16Step, 21)].is_nan());
}

#[test]
fn a_market_that_stands_still_has_outcomes() {
    let series: Series = (0..1_500).map(|index| (index, (100.0, 0.0))).collect();
    let answers = run(&series);
    assert_eq!(answers[&(Task::Direction4Step, 100)], 0.0);
    assert_eq!(answers[&(Task::Volatility4Step, 100)], 0.0);
    assert_eq!(answers[&(Task::VolRegime4Step, 1_490)], 0.0, "no volatility is low, not high");
    assert!(answers[&(Task::DirectionMulti4Step, 100)].is_nan(), "nothing to scale by");
}
