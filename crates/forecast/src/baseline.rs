//! What a model has to beat.

mod fit;
mod fitted;
mod har_rv;
mod least_squares;
mod residuals;
mod table;

use std::fmt;

use features::Catalogue;
use kline::BarTime;
use serde::{Deserialize, Serialize};

pub use fitted::{Baselines, FitError};

use crate::{OutcomeContext, Task};

/// A simple forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineName {
    /// No change.
    Zero,
    /// What was usual in the training window.
    Climatology,
    /// What was last, goes on.
    Persistence,
    /// The exponentially weighted volatility (lambda 0.94).
    Ewma,
    /// The heterogeneous autoregressive model of the log volatility.
    HarRv,
    /// The same with terms for the hour of the day and the weekend.
    SeasonalHarRv,
}

impl BaselineName {
    /// Every baseline, in the order of every table.
    pub const ALL: [Self; 6] =
        [Self::Zero, Self::Climatology, Self::Persistence, Self::Ewma, Self::HarRv, Self::SeasonalHarRv];

    /// The name on every wire, for example `har_rv`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Climatology => "climatology",
            Self::Persistence => "persistence",
            Self::Ewma => "ewma",
            Self::HarRv => "har_rv",
            Self::SeasonalHarRv => "seasonal_har_rv",
        }
    }

    /// The baselines that answer a task.
    #[must_use]
    pub const fn of(task: Task) -> &'static [Self] {
        match task {
            Task::Return1Step | Task::Return4Step | Task::Return16Step => {
                &[Self::Zero, Self::Climatology, Self::Persistence]
            }
            Task::Direction4Step => &[Self::Climatology, Self::Persistence],
            Task::DirectionMulti4Step => {
                &[Self::Climatology, Self::Persistence, Self::HarRv, Self::SeasonalHarRv]
            }
            Task::Volatility4Step | Task::VolRegime4Step => {
                &[Self::Climatology, Self::Persistence, Self::Ewma, Self::HarRv, Self::SeasonalHarRv]
            }
        }
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the baselines know at t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineInputs {
    /// t.
    pub bar: BarTime,
    /// What the outcomes' scale knows at t.
    pub context: OutcomeContext,
    /// The root mean squared log return over the last 4, 96 and 672 steps (an hour, a day and a week of 15-minute
    /// steps).
    pub realised: [f64; 3],
}

impl BaselineInputs {
    /// All that is known but the bar, as numbers; NaN is unknown.
    #[must_use]
    pub fn numbers(&self) -> [f64; 12] {
        let OutcomeContext { sigma, regime_cuts, close, past_returns, past_volatility, past_direction_class } =
            self.context;
        let [low, high] = regime_cuts.unwrap_or([f64::NAN; 2]);
        let [one, four, sixteen] = past_returns;
        let [hour, day, week] = self.realised;
        let class = past_direction_class.map_or(f64::NAN, f64::from);
        [sigma, low, high, close, one, four, sixteen, past_volatility, class, hour, day, week]
    }
}

/// One row to fit baselines on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineSample {
    /// What was known.
    pub inputs: BaselineInputs,
    /// What came true, in the order of [`Task::ALL`]; NaN if missing.
    pub outcomes: [f64; Task::COUNT],
}

/// Where the feature row holds what the baselines and outcomes read; looked up once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    sigma: Option<usize>,
    realised: [Option<usize>; 3],
}

impl Columns {
    pub(crate) fn standard() -> Self {
        let index = |name| Catalogue::standard().index_of(name);
        Self {
            sigma: index("ewma_volatility_94"),
            realised: ["realised_volatility_4", "realised_volatility_96", "realised_volatility_672"]
                .map(index),
        }
    }

    /// The EWMA volatility known at the row's bar.
    pub(crate) fn sigma(&self, row: &[f64]) -> f64 {
        read(row, self.sigma)
    }

    /// What the baselines know at the row's bar.
    pub(crate) fn inputs(&self, bar: BarTime, context: OutcomeContext, row: &[f64]) -> BaselineInputs {
        BaselineInputs { bar, context, realised: self.realised.map(|column| read(row, column)) }
    }
}

fn read(row: &[f64], column: Option<usize>) -> f64 {
    column.and_then(|column| row.get(column)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_column_that_is_read() {
        let columns = Columns::standard();
        assert!(columns.sigma.is_some() && columns.realised.iter().all(Option::is_some));
    }
}
