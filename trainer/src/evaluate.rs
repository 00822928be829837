//! The test window's figures: members, ensemble and baselines side by side.

pub mod alarms;
mod coverage;
mod deflation;
pub mod metrics;
mod page;
mod readable;
mod reliability;
mod slices;
mod value;

use std::collections::BTreeMap;

use forecast::{BaselineInputs, BaselineName, Metric, ModelMetrics, Task};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::answers::{Answers, baseline_answers, every_answer};
use crate::console::Console;
use crate::dataset::Dataset;
use crate::looks::Tried;
use crate::slice::Slice;
use crate::trained::{Trained, TrainedTask};
pub use coverage::Coverage;
pub use deflation::DeflatedTest;
use forecast::score::{
    DAY_MS, Deflated, Figure, PairedTest, Resampling, paired_test, skill, skill_block_days,
};
pub(crate) use page::FIGURES;
pub use page::page;
pub(crate) use readable::readable_figure;
pub use reliability::ReliabilityBin;
pub use value::NetValue;

use metrics::{Truth, figures, losses, scaled_qlike, variance_factor, variance_qlike};

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// One entry a task, in the order of [`Task::ALL`].
    pub tasks: Vec<TaskEvaluation>,
    /// How often bands held what came true, by task, part of the window and level.
    pub coverage: Vec<Coverage>,
    /// What following the direction would have been worth after costs.
    pub net_values: Vec<NetValue>,
    /// Figures that look like a leak.
    pub alarms: Vec<String>,
    /// How much was tried before; what is deflated is deflated by it.
    #[serde(default)]
    pub tried: Tried,
}

/// One task on the test window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEvaluation {
    /// The task.
    pub task: Task,
    /// Rows with a known outcome.
    pub rows: usize,
    /// The baseline with the least loss on the walk.
    pub best_baseline: BaselineName,
    /// Each model's figures; `NAME_low` and `NAME_high` are the ends of 95 % intervals.
    pub models: Vec<ModelMetrics>,
    /// The ensemble against the best baseline, by daily sums; `None` on too few days.
    pub paired: Option<PairedTest>,
    /// How many days in a row the interval of the ensemble's skill draws together, as many as depend on one another.
    #[serde(default)]
    pub block_days: Option<usize>,
    /// Its p of being no better, once it is known to be the best of several trials.
    #[serde(default)]
    pub deflated: Option<DeflatedTest>,
    /// The ensemble's rank correlation of returns beside that of the best of so many trials without skill.
    #[serde(default)]
    pub deflated_ic: Option<Deflated>,
    /// The ensemble beside the best baseline by symbol, month, hour and regime, then on the folds of the walk.
    pub slices: Vec<Slice>,
    /// Stated probabilities beside what happened; empty for a regression.
    pub reliability: Vec<ReliabilityBin>,
}

impl TaskEvaluation {
    /// A model's figure with its interval.
    #[must_use]
    pub fn figure(&self, model: &str, name: &str) -> Option<Figure> {
        let values = &self.models.iter().find(|entry| entry.model == model)?.values;
        let end = |suffix: &str| values.get(&format!("{name}{suffix}")).map_or(f64::NAN, |metric| metric.0);
        Some(Figure { value: values.get(name)?.0, low: end("_low"), high: end("_high") })
    }
}

impl Evaluation {
    /// The ensemble's main figures by `task.name`, for a quick look in the registry.
    #[must_use]
    pub fn headline(&self) -> BTreeMap<String, f64> {
        let mut found = BTreeMap::new();
        for task in &self.tasks {
            for name in ["loss", "skill"] {
                if let Some(figure) = task.figure("ensemble", name).filter(|figure| figure.value.is_finite())
                {
                    found.insert(format!("{}.{name}", task.task), figure.value);
                }
            }
        }
        found
    }
}

/// Scores every task on the test window by our own scorer, which is what will be served. What `tried` says deflates paired tests,
/// rank correlations and Sharpe ratios.
///
/// # Errors
/// When a booster can't be read.
pub fn evaluate(
    dataset: &Dataset,
    trained: &Trained,
    tried: Tried,
    resamples: usize,
    console: &Console,
) -> Result<Evaluation> {
    let resampling = Resampling { times: resamples, seed: trained.plan.seed };
    let bar = console.spinner("scoring the test window");
    let test = dataset.range(dataset.split.test);
    let from = dataset.lead().map_or(test.start, |lead| lead.start);
    let mut members = every_answer(dataset, trained, from..test.end)?;
    let mut ensembles: Vec<&mut Answers> = members.iter_mut().map(|[ensemble, ..]| ensemble).collect();
    let coverage = coverage::serve(dataset, &trained.bands, from, &mut ensembles);
    members.iter_mut().flatten().for_each(|answers| answers.forget_rows(test.start - from));
    bar.finish_and_clear();
    let bar = console.bar(trained.tasks.len(), "resampling the test window");
    let ensembles: Vec<&Answers> = members.iter().map(|[ensemble, ..]| ensemble).collect();
    let mut evaluation = Evaluation {
        tasks: Vec::new(),
        coverage,
        net_values: value::net_values(
            dataset,
            ensembles[Task::Direction4Step.index()],
            resampling,
            tried.of(Task::Direction4Step),
        ),
        alarms: Vec::new(),
        tried,
    };
    for (task, members) in trained.tasks.iter().zip(&members) {
        let (found, alarms) = evaluate_task(dataset, trained, (task, members), resampling);
        evaluation.tasks.push(found);
        evaluation.alarms.extend(alarms);
        bar.advance(f64::NAN);
    }
    deflation::deflate(&mut evaluation);
    Ok(evaluation)
}

fn evaluate_task(
    dataset: &Dataset,
    trained: &Trained,
    (one, members): (&TrainedTask, &[Answers; 3]),
    resampling: Resampling,
) -> (TaskEvaluation, Vec<String>) {
    let task = one.task;
    let range = dataset.range(dataset.split.test);
    let inputs = dataset.inputs(range.clone());
    let outcomes: Vec<f64> =
        dataset.outcomes(range.clone()).iter().map(|outcomes| outcomes[task.index()]).collect();
    let days: Vec<i64> = inputs.iter().map(|inputs| inputs.bar.milliseconds().div_euclid(DAY_MS)).collect();
    let truth = Truth { task, outcomes: &outcomes, days: &days, resampling };
    let baselines: Vec<Answers> = BaselineName::of(task)
        .iter()
        .map(|name| baseline_answers(&trained.baselines, *name, task, inputs))
        .collect();
    let losses_of = |name: BaselineName| {
        let answers = baselines.iter().find(|answers| answers.model == name.name());
        answers.map(|answers| losses(truth, answers))
    };
    let references = [
        ("skill", losses_of(one.best_baseline)),
        ("skill_climatology", losses_of(BaselineName::Climatology)),
    ];
    let factors = variance_factors(dataset, trained, one);
    let mut models = Vec::new();
    let (mut alarms, mut slices, mut reliability) = (Vec::new(), Vec::new(), Vec::new());
    let (mut paired, mut block_days) = (None, None);
    for (place, answers) in members.iter().chain(&baselines).enumerate() {
        let losses = losses(truth, answers);
        let mut found = figures(truth, answers, &losses);
        for (name, reference) in &references {
            if let Some(reference) = reference {
                found.insert((*name).to_owned(), skill(&losses, reference, &days, resampling));
            }
        }
        if let Some(factor) = factors.get(place) {
            variances(trained, (truth, inputs), answers, *factor, &mut found);
        }
        if answers.model == "ensemble" {
            alarms = alarms::alarms(task, &found);
            let baseline = references[0].1.as_deref().unwrap_or_default();
            paired = paired_test(&losses, baseline, &days);
            block_days = Some(skill_block_days(&losses, baseline, &days));
            slices = slices::slices(dataset, &losses, baseline);
            slices.extend(trained.walk.folds.iter().filter_map(|fold| fold.skills.get(&task).cloned()));
            reliability = reliability::reliability(task, answers, &outcomes);
        }
        models.push(ModelMetrics { model: answers.model.clone(), values: flatten(found) });
    }
    let rows = outcomes.iter().filter(|outcome| !outcome.is_nan()).count();
    let best_baseline = one.best_baseline;
    let (deflated, deflated_ic) = (None, None);
    let found = TaskEvaluation {
        task,
        rows,
        best_baseline,
        models,
        paired,
        block_days,
        deflated,
        deflated_ic,
        slices,
        reliability,
    };
    (found, alarms)
}

/// QLIKE of a volatility model: scaled by a factor, and of the ensemble by its root mean square, which is served.
fn variances(
    trained: &Trained,
    (truth, inputs): (Truth<'_>, &[BaselineInputs]),
    answers: &Answers,
    factor: f64,
    found: &mut BTreeMap<String, Figure>,
) {
    found.insert("qlike_scaled".to_owned(), scaled_qlike(truth, answers, factor));
    if let Some(model) = trained.variance.as_ref().filter(|_| answers.model == "ensemble") {
        found.insert("qlike".to_owned(), variance_qlike(truth, inputs, answers, model));
    }
}

/// Every volatility model's factor for QLIKE: the members' and the ensemble's from the walk, the baselines' from the tuning
/// window; none for other tasks.
fn variance_factors(dataset: &Dataset, trained: &Trained, one: &TrainedTask) -> Vec<f64> {
    if one.task != Task::Volatility4Step {
        return Vec::new();
    }
    let range = dataset.range(dataset.split.tune);
    let inputs = dataset.inputs(range.clone());
    let outcomes: Vec<f64> =
        dataset.outcomes(range).iter().map(|outcomes| outcomes[one.task.index()]).collect();
    let of_baseline = |name: &BaselineName| {
        let answers = baseline_answers(&trained.baselines, *name, one.task, inputs);
        variance_factor(&answers, &outcomes)
    };
    let of_members = [trained.walk.variance_factor; 3];
    of_members.into_iter().chain(BaselineName::of(one.task).iter().map(of_baseline)).collect()
}

fn flatten(figures: BTreeMap<String, Figure>) -> BTreeMap<String, Metric> {
    let mut values = BTreeMap::new();
    for (name, figure) in figures {
        if !figure.low.is_nan() {
            values.insert(format!("{name}_low"), Metric(figure.low));
            values.insert(format!("{name}_high"), Metric(figure.high));
        }
        values.insert(name, Metric(figure.value));
    }
    values
}
