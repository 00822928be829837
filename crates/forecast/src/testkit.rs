//! Valid bundles without training, for tests and measurements of whoever serves or stores bundles. Not for anything else:
//! their boosters are seeded trees that know nothing, and their golden answers are this build's own.

mod parity;
mod trees;
mod ubjson;

use std::collections::{BTreeMap, BTreeSet};

use features::Catalogue;
use forest::{Booster, Limits};
use kline::{BarTime, Interval, Symbol};

use crate::{
    Answer, BandScores, Bands, BaselineInputs, BaselineName, BaselineSample, Baselines, BundleBuilder,
    Calibration, CausalityCertificate, Comparison, OutcomeContext, StackSample, Stacking, TargetTransform,
    Task, TaskParts, TrainingWindow, VarianceModel, VarianceSample, has_bands,
};

/// How large a booster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many trees each output has.
    pub rounds: usize,
    /// How many leaves each tree has, 2 at least.
    pub leaves: usize,
}

/// Four stumps for each output.
const TINY: Size = Size { rounds: 4, leaves: 2 };

/// A builder with all seven tasks whose boosters are a few stumps that depend on `seed`; `build` makes the bundle.
#[must_use]
pub fn tiny_bundle(seed: u64, symbols: &[Symbol], interval: Interval) -> BundleBuilder {
    bundle(seed, symbols, interval, [TINY; 2])
}

/// The same with boosters of these sizes, LightGBM's and XGBoost's.
#[must_use]
pub fn bundle(seed: u64, symbols: &[Symbol], interval: Interval, sizes: [Size; 2]) -> BundleBuilder {
    let bar = |index: i64| BarTime::last_closed((index + 1) * interval.milliseconds(), interval);
    let width = Catalogue::standard().len();
    let mut random = Random(seed);
    let golden_rows: Vec<Vec<f64>> = (0..3)
        .map(|_| {
            (0..width).map(|at| if at % 7 == 3 { f64::NAN } else { random.between(-1.0, 1.0) }).collect()
        })
        .collect();
    let tasks: Vec<TaskParts> = Task::ALL.map(|task| parts(task, sizes, &mut random, &golden_rows)).into();
    BundleBuilder {
        interval,
        symbols: symbols.to_vec(),
        training: TrainingWindow {
            train_from: bar(0),
            train_until: bar(9_983),
            tune_until: bar(12_000),
            test_from: None,
            test_until: None,
            embargo_bars: 16,
            rows: [10_000, 2_000, 0],
        },
        data_version: format!("tiny-{seed}"),
        libraries: BTreeMap::from([("klinecast".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        seed,
        parameters: BTreeMap::new(),
        baselines: baselines(&mut random, interval),
        stacking: Stacking::default(),
        calibration: Calibration::default(),
        bands: bands(seed),
        variance: variance(seed),
        causality: causality(seed, symbols, interval),
        parity: parity::certificate(seed, &tasks, &golden_rows),
        leaks: None,
        golden_rows,
        tasks,
        model_card: format!("# A bundle for tests\n\nSeeded trees, seed {seed}.\n"),
    }
}

/// Stacks of both class tasks that can have one, fitted on seeded rows: with it a bundle's ensembles are no means.
#[must_use]
pub fn stacking(seed: u64) -> Stacking {
    let mut random = Random(seed);
    let mut stacking = Stacking::default();
    for task in Task::ALL.into_iter().filter(|task| Stacking::suits(*task)) {
        let sample = |_| {
            let weights: Vec<f64> = (0..task.class_count()).map(|_| random.between(0.1, 1.0)).collect();
            let sum: f64 = weights.iter().sum();
            let low = random.between(0.001, 0.01);
            let context = OutcomeContext {
                sigma: random.between(0.001, 0.01),
                regime_cuts: Some([low, 2.0 * low]),
                ..OutcomeContext::unknown()
            };
            StackSample {
                mean: Answer::Probabilities(weights.into_iter().map(|weight| weight / sum).collect()),
                volatility: random.between(0.001, 0.02),
                context,
                outcome: random.below(task.class_count()) as f64,
            }
        };
        let samples: Vec<StackSample> = (0..200).map(sample).collect();
        // `suits` was asked before.
        let _ = stacking.fit(task, &samples);
    }
    stacking
}

/// Bands of every task that has them, pooled, from seeded scores.
#[must_use]
pub fn bands(seed: u64) -> Bands {
    let mut random = Random(seed ^ 0xba2d);
    let mut scores = BandScores::new();
    // 500 scores a symbol are too few for bands of its own: all are pooled.
    let symbols = ["AUSDT", "BUSDT"].map(|name| match name.parse::<Symbol>() {
        Ok(symbol) => symbol,
        Err(error) => unreachable!("the name of a symbol: {error}"),
    });
    for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
        for turn in 0..1_000 {
            let outcome = 0.01 * libm::exp(random.between(-1.0, 1.0)) * random.between(-1.0, 1.0).signum();
            let outcome = if task == Task::Volatility4Step { outcome.abs() } else { outcome };
            scores.push(symbols[turn % 2], task, 0.01, 0.01, outcome);
        }
    }
    Bands::fit(&scores)
}

/// What the squared volatility is expected by, fitted on seeded rows.
#[must_use]
pub fn variance(seed: u64) -> Option<VarianceModel> {
    let mut random = Random(seed ^ 0x5a9e);
    let sample = |_| {
        let mut scale = || random.between(0.001, 0.01);
        VarianceSample { forecast: scale(), realised: [scale(), scale(), scale()], outcome: scale() }
    };
    VarianceModel::fit(&(0..200).map(sample).collect::<Vec<_>>())
}

/// A certificate that claims the least that a bundle needs.
fn causality(seed: u64, symbols: &[Symbol], interval: Interval) -> CausalityCertificate {
    let catalogue = Catalogue::standard();
    let definitions = catalogue.definitions();
    let inputs = definitions.iter().map(|definition| definition.inputs.len() as u64).sum();
    let compared = Comparison { copies: 1, rows: 1, bits: 64 };
    let bars = vec![BarTime::last_closed(10_000 * interval.milliseconds(), interval)];
    CausalityCertificate {
        passed: true,
        catalogue_hash: catalogue.hash().to_string(),
        data_version: format!("tiny-{seed}"),
        interval,
        symbols: BTreeSet::from_iter(symbols.iter().copied()).into_iter().collect(),
        seed,
        cut_bars: bars.clone(),
        input_bars: bars,
        ahead: compared,
        back: compared,
        inputs: compared,
        features: catalogue.len() as u64,
        features_alive: catalogue.len() as u64,
        inputs_declared: inputs,
        inputs_proven: inputs,
        filled_columns: Vec::new(),
        stand_ins: Vec::new(),
        offences: Vec::new(),
    }
}

fn parts(task: Task, sizes: [Size; 2], random: &mut Random, golden_rows: &[Vec<f64>]) -> TaskParts {
    let lightgbm = trees::lightgbm(task, sizes[0], random).into_bytes();
    let xgboost = ubjson::bytes(&trees::xgboost(task, sizes[1], random));
    let limits = Limits::default();
    let golden = |booster: Option<Booster>| -> Vec<Vec<f64>> {
        let answer = |row: &Vec<f64>| {
            let booster = booster.as_ref()?;
            let mut outputs = vec![f64::NAN; booster.output_count()];
            booster.predict(row, &mut outputs).ok().map(|()| outputs)
        };
        golden_rows.iter().filter_map(answer).collect()
    };
    TaskParts {
        task,
        transform: TargetTransform::standard(task),
        best_baseline: BaselineName::Climatology,
        lightgbm_golden: golden(Booster::from_lightgbm_text(&lightgbm, &limits).ok()),
        xgboost_golden: golden(Booster::from_xgboost_ubjson(&xgboost, &limits).ok()),
        lightgbm,
        xgboost,
        rounds: sizes.map(|size| size.rounds as u64),
        lightgbm_share: None,
        lightgbm_parameters: BTreeMap::new(),
        xgboost_parameters: BTreeMap::new(),
        metrics: Vec::new(),
    }
}

/// Baselines fitted on seeded noise.
fn baselines(random: &mut Random, interval: Interval) -> Baselines {
    let samples: Vec<BaselineSample> = (0..400)
        .map(|index| {
            let bar = BarTime::last_closed((index + 1) * interval.milliseconds(), interval);
            let mut scale = || random.between(0.001, 0.01);
            let (sigma, low, past_volatility) = (scale(), scale(), scale());
            let context = OutcomeContext {
                sigma,
                regime_cuts: Some([low, 2.0 * low]),
                close: 100.0,
                past_returns: [low - 0.005; 3],
                past_volatility,
                past_direction_class: Some((index % 5) as u8),
            };
            let realised = [scale(), scale(), scale()];
            let (change, volatility) = (scale() - 0.005, scale());
            let up = f64::from(u8::from(change > 0.0));
            let outcomes = [change, change, change, up, (index % 5) as f64, volatility, (index % 3) as f64];
            BaselineSample { inputs: BaselineInputs { bar, context, realised }, outcomes }
        })
        .collect();
    match Baselines::fit(samples.into_iter()) {
        Ok(baselines) => baselines,
        Err(error) => unreachable!("every sample is usable: {error}"),
    }
}

/// A small generator (Marsaglia's xorshift64*), for tests only.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// A number from `low` up to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (self.next() >> 11) as f64 / (1u64 << 53) as f64 * (high - low)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn next(&mut self) -> u64 {
        let mut x = self.0 ^ 0x9e37_79b9_7f4a_7c15;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x ^ 0x9e37_79b9_7f4a_7c15;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_of_larger_trees_holds_and_differs_by_its_seed() {
        let symbols = ["BTCUSDT".parse().expect("a symbol")];
        let sizes = [Size { rounds: 3, leaves: 29 }, Size { rounds: 2, leaves: 26 }];
        let built =
            [1, 2].map(|seed| bundle(seed, &symbols, Interval::M15, sizes).build().expect("a bundle"));
        assert_ne!(built[0].digest(), built[1].digest());
    }
}
