//! A small valid bundle without training, for tests of whoever serves or stores bundles. Not for anything else: its
//! boosters are a few seeded stumps, and its golden answers are this build's own.

mod parity;
mod ubjson;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use features::Catalogue;
use forest::{Booster, Limits};
use kline::{BarTime, Interval, Symbol};
use serde_json::{Value, json};

use crate::{
    Answer, BaselineInputs, BaselineName, BaselineSample, Baselines, BundleBuilder, CausalityCertificate,
    Comparison, OutcomeContext, StackSample, Stacking, TargetTransform, Task, TaskKind, TaskParts,
    TrainingWindow,
};

/// How many stumps each output has.
const STUMPS: usize = 4;

/// A builder with all seven tasks whose boosters depend on `seed`; `build` makes the bundle.
#[must_use]
pub fn tiny_bundle(seed: u64, symbols: &[Symbol], interval: Interval) -> BundleBuilder {
    let bar = |index: i64| BarTime::last_closed((index + 1) * interval.milliseconds(), interval);
    let width = Catalogue::standard().len();
    let mut random = Random(seed);
    let golden_rows: Vec<Vec<f64>> = (0..3)
        .map(|_| {
            (0..width).map(|at| if at % 7 == 3 { f64::NAN } else { random.between(-1.0, 1.0) }).collect()
        })
        .collect();
    let tasks: Vec<TaskParts> = Task::ALL.map(|task| parts(task, &mut random, &golden_rows)).into();
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
        causality: causality(seed, symbols, interval),
        parity: parity::certificate(seed, &tasks, &golden_rows),
        golden_rows,
        tasks,
        model_card: format!("# A bundle for tests\n\nSeeded stumps, seed {seed}.\n"),
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

fn parts(task: Task, random: &mut Random, golden_rows: &[Vec<f64>]) -> TaskParts {
    let lightgbm = lightgbm(task, random).into_bytes();
    let xgboost = ubjson::bytes(&xgboost(task, random));
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
        rounds: [STUMPS as u64; 2],
        lightgbm_parameters: BTreeMap::new(),
        xgboost_parameters: BTreeMap::new(),
        metrics: Vec::new(),
    }
}

/// A stump's feature, threshold and leaves. Volatilities get leaves that are logs of plausible ones.
fn stump(task: Task, random: &mut Random) -> (usize, f64, [f64; 2]) {
    let feature = random.below(Catalogue::standard().len());
    let centre = if task == Task::Volatility4Step { -5.0 / STUMPS as f64 } else { 0.0 };
    let leaves = [(); 2].map(|()| centre + random.between(-0.2, 0.2));
    (feature, random.between(-0.5, 0.5), leaves)
}

fn outputs(task: Task) -> usize {
    task.class_count().saturating_sub(usize::from(task.kind() == TaskKind::Binary)).max(1)
}

/// A model in LightGBM's text format, version 4.
fn lightgbm(task: Task, random: &mut Random) -> String {
    let catalogue = Catalogue::standard();
    let outputs = outputs(task);
    let objective = match task.kind() {
        TaskKind::Regression => "regression".to_owned(),
        TaskKind::Binary => "binary sigmoid:1".to_owned(),
        TaskKind::Classes(count) => format!("multiclass num_class:{count}"),
    };
    let names: Vec<&str> = catalogue.names().collect();
    let infos = vec!["[-10:10]"; names.len()];
    let mut text = format!(
        "tree\nversion=v4\nnum_class={outputs}\nnum_tree_per_iteration={outputs}\nlabel_index=0\n\
         max_feature_idx={}\nobjective={objective}\nfeature_names={}\nfeature_infos={}\n\n",
        names.len() - 1,
        names.join(" "),
        infos.join(" "),
    );
    for tree in 0..outputs * STUMPS {
        let (feature, threshold, [left, right]) = stump(task, random);
        let _ = write!(
            text,
            "Tree={tree}\nnum_leaves=2\nnum_cat=0\nsplit_feature={feature}\nsplit_gain=1\n\
             threshold={threshold}\ndecision_type=8\nleft_child=-1\nright_child=-2\n\
             leaf_value={left} {right}\nleaf_weight=10 10\nleaf_count=10 10\ninternal_value=0\n\
             internal_weight=20\ninternal_count=20\nis_linear=0\nshrinkage=1\n\n\n",
        );
    }
    text.push_str("end of trees\n");
    text
}

/// A model as XGBoost 3 writes it.
fn xgboost(task: Task, random: &mut Random) -> Value {
    let catalogue = Catalogue::standard();
    let outputs = outputs(task);
    let (objective, classes, parameters) = match task.kind() {
        TaskKind::Regression => ("reg:squarederror", 0, ("reg_loss_param", json!({"scale_pos_weight": "1"}))),
        TaskKind::Binary => ("binary:logistic", 0, ("reg_loss_param", json!({"scale_pos_weight": "1"}))),
        TaskKind::Classes(count) => {
            let number = json!({"num_class": count.to_string()});
            ("multi:softprob", count, ("softmax_multiclass_param", number))
        }
    };
    let trees: Vec<Value> = (0..outputs * STUMPS)
        .map(|id| {
            let (feature, threshold, [left, right]) = stump(task, random);
            json!({
                "base_weights": [0.0, left, right], "categories": [], "categories_nodes": [],
                "categories_segments": [], "categories_sizes": [], "default_left": [1, 0, 0], "id": id,
                "left_children": [1, -1, -1], "loss_changes": [1.0, 0.0, 0.0],
                "parents": [i32::MAX, 0, 0], "right_children": [2, -1, -1],
                "split_conditions": [threshold, left, right], "split_indices": [feature, 0, 0],
                "split_type": [0, 0, 0], "sum_hessian": [20.0, 10.0, 10.0],
                "tree_param": {"num_deleted": "0", "num_feature": catalogue.len().to_string(),
                    "num_nodes": "3", "size_leaf_vector": "1"},
            })
        })
        .collect();
    let base: Vec<&str> = vec!["5E-1"; outputs];
    let info: Vec<usize> = (0..outputs * STUMPS).map(|tree| tree % outputs).collect();
    let names: Vec<&str> = catalogue.names().collect();
    json!({
        "learner": {
            "attributes": {}, "feature_names": names, "feature_types": vec!["float"; names.len()],
            "gradient_booster": {"model": {
                "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": trees.len().to_string()},
                "tree_info": info, "trees": trees,
            }, "name": "gbtree"},
            "learner_model_param": {"base_score": format!("[{}]", base.join(",")),
                "boost_from_average": "1", "num_class": classes.to_string(),
                "num_feature": names.len().to_string(), "num_target": "1"},
            "objective": {"name": objective, parameters.0: parameters.1},
        },
        "version": [3, 2, 0],
    })
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
