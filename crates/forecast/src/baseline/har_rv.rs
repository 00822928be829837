//! The heterogeneous autoregressive model of realised volatility, on logs (Corsi 2009): the next hour's log
//! volatility is linear in those of the last hour, day and week. The seasonal form adds the hour of the day that the
//! forecast is about, and the weekend.

use serde::{Deserialize, Serialize};

use super::BaselineInputs;
use super::least_squares::LeastSquares;
use crate::log_volatility;

const HOUR_MS: i64 = 3_600_000;
const HOURS: usize = 24;

/// Intercept, hour, day, week.
const TERMS: usize = 4;

/// The terms of [`TERMS`], the hours and the weekend.
const SEASONAL_TERMS: usize = TERMS + HOURS + 1;

/// A fitted HAR model of the log of the 4-step volatility.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HarRv {
    intercept: f64,
    hour: f64,
    day: f64,
    week: f64,
    season: Option<Season>,
}

/// What the time of the forecast window adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Season {
    /// By the UTC hour in which the forecast window begins.
    hours: [f64; HOURS],
    weekend: f64,
}

impl HarRv {
    /// The log of the 4-step volatility to expect; NaN if a term is not known.
    pub(super) fn log_volatility(&self, inputs: &BaselineInputs) -> f64 {
        let x = terms(inputs);
        let mut sum = self.intercept + self.hour * x[1] + self.day * x[2] + self.week * x[3];
        if let Some(season) = &self.season {
            let (hour, weekend) = season_of(inputs);
            sum += season.hours[hour];
            if weekend {
                sum += season.weekend;
            }
        }
        sum
    }
}

/// The sums from which both forms are solved.
#[derive(Debug, Clone)]
pub(super) struct HarRvFit {
    plain: LeastSquares<TERMS>,
    seasonal: LeastSquares<SEASONAL_TERMS>,
}

impl HarRvFit {
    pub(super) fn new() -> Self {
        Self { plain: LeastSquares::new(), seasonal: LeastSquares::new() }
    }

    /// Takes a row, unless a term or the outcome is missing.
    pub(super) fn push(&mut self, inputs: &BaselineInputs, volatility: f64) {
        let x = terms(inputs);
        let y = log_volatility(volatility);
        if y.is_nan() || x.iter().any(|value| value.is_nan()) {
            return;
        }
        self.plain.push(&x, y);
        let mut seasonal = [0.0; SEASONAL_TERMS];
        seasonal[..TERMS].copy_from_slice(&x);
        let (hour, weekend) = season_of(inputs);
        seasonal[TERMS + hour] = 1.0;
        seasonal[TERMS + HOURS] = f64::from(u8::from(weekend));
        self.seasonal.push(&seasonal, y);
    }

    pub(super) const fn rows(&self) -> usize {
        self.plain.rows()
    }

    /// The plain and the seasonal model. Each season term is held back by one pseudo-row, which also settles that
    /// the hours and the intercept say the same thing twice.
    pub(super) fn solve(&self) -> (HarRv, HarRv) {
        let [intercept, hour, day, week] = self.plain.solve(&[0.0; TERMS]);
        let plain = HarRv { intercept, hour, day, week, season: None };
        let mut ridge = [1.0; SEASONAL_TERMS];
        ridge[..TERMS].fill(0.0);
        let solution = self.seasonal.solve(&ridge);
        let mut hours = [0.0; HOURS];
        hours.copy_from_slice(&solution[TERMS..TERMS + HOURS]);
        let season = Season { hours, weekend: solution[TERMS + HOURS] };
        let seasonal = HarRv {
            intercept: solution[0],
            hour: solution[1],
            day: solution[2],
            week: solution[3],
            season: Some(season),
        };
        (plain, seasonal)
    }
}

/// One and the logs of the last hour's, day's and week's volatility, all scaled to four steps.
fn terms(inputs: &BaselineInputs) -> [f64; TERMS] {
    let [hour, day, week] = inputs.realised.map(|realised| log_volatility(2.0 * realised));
    [1.0, hour, day, week]
}

/// The UTC hour that begins with or holds the first millisecond after the bar, and whether it is on a weekend.
fn season_of(inputs: &BaselineInputs) -> (usize, bool) {
    let hours = (inputs.bar.milliseconds() + 1).div_euclid(HOUR_MS);
    // Day 0 of the epoch was a Thursday, 2 and 3 were Saturday and Sunday.
    let weekday = hours.div_euclid(HOURS as i64).rem_euclid(7);
    (hours.rem_euclid(HOURS as i64) as usize, matches!(weekday, 2 | 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutcomeContext;
    use kline::{BarTime, Interval};

    fn at(close_ms: i64, realised: [f64; 3]) -> BaselineInputs {
        let bar = BarTime::last_closed(close_ms + 1, Interval::M15);
        BaselineInputs { bar, context: OutcomeContext::unknown(), realised }
    }

    #[test]
    fn season_reads_the_window_that_begins_after_the_bar() {
        // 2024-01-06 was a Saturday; the bar that ends at 23:59:59.999 on Friday forecasts Saturday's first hour.
        let friday_end = 1_704_499_199_999;
        assert_eq!(season_of(&at(friday_end, [0.0; 3])), (0, true));
        assert_eq!(season_of(&at(friday_end - 900_000, [0.0; 3])), (23, false));
    }

    #[test]
    fn a_season_in_the_data_is_found() {
        let mut fit = HarRvFit::new();
        for bar in 0..4_000i64 {
            let wave = f64::from((bar * 37 % 101) as i32) / 1e5 + 1e-3;
            let inputs = at(bar * 900_000 - 1, [wave, 1.5 * wave, 2e-3]);
            let evening = if season_of(&inputs).0 >= 12 { 2.0 } else { 1.0 };
            fit.push(&inputs, 2.0 * wave * evening);
        }
        let (plain, seasonal) = fit.solve();
        let noon = at(12 * 3_600_000 - 1, [1e-3, 1.5e-3, 2e-3]);
        let error = |model: &HarRv| (model.log_volatility(&noon) - (4e-3f64).ln()).abs();
        assert!(error(&seasonal) < 0.01, "{}", error(&seasonal));
        assert!(error(&plain) > 0.3, "{}", error(&plain));
        assert!(seasonal.log_volatility(&at(0, [f64::NAN, 1.0, 1.0])).is_nan());
    }
}
