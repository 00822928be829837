//! Fits the baselines in two walks over the samples.

use super::fitted::{
    Baselines, ClassTable, FitError, VOLATILITY_FORECASTS, last_direction, log_forecast, log_ratio,
};
use super::har_rv::{HarRv, HarRvFit};
use super::residuals::Residuals;
use super::table::{BinnedFrequencies, Counts};
use super::{BaselineName, BaselineSample};
use crate::score::class_index;
use crate::{Task, log_volatility};

/// The least number of samples for HAR.
const SAMPLES_NEEDED: usize = 100;

/// Into how many bins a volatility ratio is cut.
const RATIO_BINS: usize = 20;

impl Baselines {
    /// Fits every baseline on the samples, in their order; walks them twice.
    ///
    /// # Errors
    /// If fewer than 100 samples have a volatility and everything that HAR reads.
    pub fn fit(samples: impl Iterator<Item = BaselineSample> + Clone) -> Result<Self, FitError> {
        fit(samples)
    }
}

fn fit(samples: impl Iterator<Item = BaselineSample> + Clone) -> Result<Baselines, FitError> {
    let mut first = FirstWalk::new();
    for sample in samples.clone() {
        first.push(&sample);
    }
    let found = first.har.rows();
    if found < SAMPLES_NEEDED {
        return Err(FitError::TooFew { baseline: BaselineName::HarRv, found, needed: SAMPLES_NEEDED });
    }
    let (har_rv, seasonal_har_rv) = first.har.solve();
    let mut second = SecondWalk { residuals: Default::default(), ratios: Default::default() };
    for sample in samples {
        second.push(&sample, &har_rv, &seasonal_har_rv);
    }
    let classes = Task::DirectionMulti4Step.class_count();
    Ok(Baselines {
        mean_returns: first.returns.map(Mean::value),
        direction: first.direction.table(),
        direction_multi: first.direction_multi.table(),
        direction_multi_given_volatility: second
            .ratios
            .map(|mut rows| BinnedFrequencies::fit(&mut rows, classes, RATIO_BINS)),
        mean_log_volatility: first.log_volatility.value(),
        har_rv,
        seasonal_har_rv,
        regime: first.regime.frequencies(),
        residuals: second.residuals.map(|mut residuals| Residuals::fit(&mut residuals)),
    })
}

/// A mean of what is not missing.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn push(&mut self, value: f64) {
        if !value.is_nan() {
            self.sum += value;
            self.count += 1;
        }
    }

    /// Zero of nothing.
    fn value(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// Counts of classes, and of classes after each class.
struct ClassCounts {
    all: Counts,
    given_last: Vec<Counts>,
}

impl ClassCounts {
    fn new(task: Task) -> Self {
        let classes = task.class_count();
        Self { all: Counts::new(classes), given_last: vec![Counts::new(classes); classes] }
    }

    fn push(&mut self, last: Option<usize>, outcome: f64) {
        if let Some(class) = class_index(outcome) {
            self.all.push(class);
            if let Some(counts) = last.and_then(|last| self.given_last.get_mut(last)) {
                counts.push(class);
            }
        }
    }

    fn table(&self) -> ClassTable {
        let given_last = self.given_last.iter().map(Counts::frequencies).collect();
        ClassTable { all: self.all.frequencies(), given_last }
    }
}

struct FirstWalk {
    returns: [Mean; 3],
    direction: ClassCounts,
    direction_multi: ClassCounts,
    log_volatility: Mean,
    har: HarRvFit,
    regime: Counts,
}

impl FirstWalk {
    fn new() -> Self {
        Self {
            returns: [Mean::default(); 3],
            direction: ClassCounts::new(Task::Direction4Step),
            direction_multi: ClassCounts::new(Task::DirectionMulti4Step),
            log_volatility: Mean::default(),
            har: HarRvFit::new(),
            regime: Counts::new(Task::VolRegime4Step.class_count()),
        }
    }

    fn push(&mut self, sample: &BaselineSample) {
        let outcome = |task: Task| sample.outcomes[task.index()];
        let context = &sample.inputs.context;
        for (mean, task) in
            self.returns.iter_mut().zip([Task::Return1Step, Task::Return4Step, Task::Return16Step])
        {
            mean.push(outcome(task));
        }
        self.direction.push(last_direction(context), outcome(Task::Direction4Step));
        let last = context.past_direction_class.map(usize::from);
        self.direction_multi.push(last, outcome(Task::DirectionMulti4Step));
        let volatility = outcome(Task::Volatility4Step);
        self.log_volatility.push(log_volatility(volatility));
        self.har.push(&sample.inputs, volatility);
        if let Some(class) = class_index(outcome(Task::VolRegime4Step)) {
            self.regime.push(class);
        }
    }
}

struct SecondWalk {
    residuals: [Vec<f64>; 4],
    ratios: [Vec<(f64, u8)>; 2],
}

impl SecondWalk {
    fn push(&mut self, sample: &BaselineSample, har_rv: &HarRv, seasonal_har_rv: &HarRv) {
        let inputs = &sample.inputs;
        let forecasts = VOLATILITY_FORECASTS.map(|name| log_forecast(name, har_rv, seasonal_har_rv, inputs));
        let outcome = log_volatility(sample.outcomes[Task::Volatility4Step.index()]);
        for (residuals, forecast) in self.residuals.iter_mut().zip(forecasts) {
            let residual = outcome - forecast;
            if !residual.is_nan() {
                residuals.push(residual);
            }
        }
        if let Some(class) = class_index(sample.outcomes[Task::DirectionMulti4Step.index()]) {
            for (rows, forecast) in self.ratios.iter_mut().zip([forecasts[2], forecasts[3]]) {
                let ratio = log_ratio(forecast, &inputs.context);
                if ratio.is_finite() {
                    rows.push((ratio, class as u8));
                }
            }
        }
    }
}
