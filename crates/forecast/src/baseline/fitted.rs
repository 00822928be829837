//! The fitted baselines and their answers.

use serde::{Deserialize, Serialize};

use super::har_rv::HarRv;
use super::residuals::Residuals;
use super::table::{BinnedFrequencies, Frequencies};
use super::{BaselineInputs, BaselineName};
use crate::{Answer, NamedAnswer, OutcomeContext, Task, log_volatility};

/// Every baseline, fitted on one training window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {
    /// The mean outcome of the three return tasks.
    pub(super) mean_returns: [f64; 3],
    pub(super) direction: ClassTable,
    pub(super) direction_multi: ClassTable,
    /// The direction's classes given `ln(forecast / (2 sigma))` of the plain and the seasonal HAR model.
    pub(super) direction_multi_given_volatility: [BinnedFrequencies; 2],
    /// The mean of the log volatility.
    pub(super) mean_log_volatility: f64,
    pub(super) har_rv: HarRv,
    pub(super) seasonal_har_rv: HarRv,
    pub(super) regime: Frequencies,
    /// How persistence, EWMA, HAR and seasonal HAR err.
    pub(super) residuals: [Residuals; 4],
}

/// Class frequencies, and those given the class that came true last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassTable {
    pub(super) all: Frequencies,
    pub(super) given_last: Vec<Frequencies>,
}

impl ClassTable {
    fn given_last(&self, class: Option<usize>) -> Vec<f64> {
        match class.and_then(|class| self.given_last.get(class)) {
            Some(frequencies) => frequencies.probabilities(),
            None => vec![f64::NAN; self.all.classes()],
        }
    }
}

/// Why baselines could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too few samples have what a baseline needs.
    #[error("{baseline} has {found} usable samples, fewer than {needed}; give it more history")]
    TooFew {
        /// The baseline.
        baseline: BaselineName,
        /// Usable samples.
        found: usize,
        /// The least number.
        needed: usize,
    },
}

/// The volatility forecasts in the order of [`Baselines::residuals`].
pub(super) const VOLATILITY_FORECASTS: [BaselineName; 4] =
    [BaselineName::Persistence, BaselineName::Ewma, BaselineName::HarRv, BaselineName::SeasonalHarRv];

impl Baselines {
    /// One baseline's answer in the outcome's unit; `None` if it does not answer the task, NaN if it can't know.
    #[must_use]
    pub fn answer(&self, name: BaselineName, task: Task, inputs: &BaselineInputs) -> Option<Answer> {
        if !BaselineName::of(task).contains(&name) {
            return None;
        }
        Some(match task {
            Task::Return1Step => Answer::Value(self.simple_return(name, 0, inputs)),
            Task::Return4Step => Answer::Value(self.simple_return(name, 1, inputs)),
            Task::Return16Step => Answer::Value(self.simple_return(name, 2, inputs)),
            Task::Direction4Step => Answer::Probabilities(self.direction(name, inputs)),
            Task::DirectionMulti4Step => Answer::Probabilities(self.direction_multi(name, inputs)),
            Task::Volatility4Step => Answer::Value(self.volatility(name, inputs)),
            Task::VolRegime4Step => Answer::Probabilities(self.regime(name, inputs)),
        })
    }

    /// Every baseline's answer to a task, in the order of [`BaselineName::ALL`].
    #[must_use]
    pub fn answers(&self, task: Task, inputs: &BaselineInputs) -> Vec<NamedAnswer> {
        BaselineName::of(task)
            .iter()
            .filter_map(|&name| Some(NamedAnswer { name, answer: self.answer(name, task, inputs)? }))
            .collect()
    }

    fn simple_return(&self, name: BaselineName, horizon: usize, inputs: &BaselineInputs) -> f64 {
        match name {
            BaselineName::Zero => 0.0,
            BaselineName::Climatology => self.mean_returns[horizon],
            _ => inputs.context.past_returns[horizon],
        }
    }

    fn direction(&self, name: BaselineName, inputs: &BaselineInputs) -> Vec<f64> {
        match name {
            BaselineName::Climatology => self.direction.all.probabilities(),
            _ => self.direction.given_last(last_direction(&inputs.context)),
        }
    }

    fn direction_multi(&self, name: BaselineName, inputs: &BaselineInputs) -> Vec<f64> {
        let table = &self.direction_multi;
        let given_volatility = |which: usize, model: &HarRv| {
            let ratio = log_ratio(model.log_volatility(inputs), &inputs.context);
            self.direction_multi_given_volatility[which].probabilities(ratio, table.all.classes())
        };
        match name {
            BaselineName::Climatology => table.all.probabilities(),
            BaselineName::HarRv => given_volatility(0, &self.har_rv),
            BaselineName::SeasonalHarRv => given_volatility(1, &self.seasonal_har_rv),
            _ => table.given_last(inputs.context.past_direction_class.map(usize::from)),
        }
    }

    fn volatility(&self, name: BaselineName, inputs: &BaselineInputs) -> f64 {
        match name {
            BaselineName::Persistence => inputs.context.past_volatility,
            BaselineName::Ewma => inputs.context.expected_volatility(4),
            BaselineName::HarRv => libm::exp(self.har_rv.log_volatility(inputs)),
            BaselineName::SeasonalHarRv => libm::exp(self.seasonal_har_rv.log_volatility(inputs)),
            _ => libm::exp(self.mean_log_volatility),
        }
    }

    fn regime(&self, name: BaselineName, inputs: &BaselineInputs) -> Vec<f64> {
        let Some(which) = VOLATILITY_FORECASTS.iter().position(|&other| other == name) else {
            return self.regime.probabilities();
        };
        match inputs.context.regime_cuts {
            Some(cuts) => {
                let forecast = log_forecast(name, &self.har_rv, &self.seasonal_har_rv, inputs);
                self.residuals[which].regime(forecast, cuts.map(log_volatility))
            }
            None => vec![f64::NAN; self.regime.classes()],
        }
    }
}

/// The class of the last 4-step direction.
pub(super) fn last_direction(context: &OutcomeContext) -> Option<usize> {
    let change = context.past_returns[1];
    (!change.is_nan()).then_some(usize::from(change > 0.0))
}

/// The log of a 4-step volatility forecast in units of what the EWMA expects.
pub(super) fn log_ratio(log_forecast: f64, context: &OutcomeContext) -> f64 {
    log_forecast - libm::log(context.expected_volatility(4))
}

/// The log of one of [`VOLATILITY_FORECASTS`].
pub(super) fn log_forecast(
    name: BaselineName,
    har_rv: &HarRv,
    seasonal_har_rv: &HarRv,
    inputs: &BaselineInputs,
) -> f64 {
    match name {
        BaselineName::Ewma => log_volatility(inputs.context.expected_volatility(4)),
        BaselineName::HarRv => har_rv.log_volatility(inputs),
        BaselineName::SeasonalHarRv => seasonal_har_rv.log_volatility(inputs),
        _ => log_volatility(inputs.context.past_volatility),
    }
}
