//! Time of day and of week at the start of the next bar, UTC.

use kline::Milliseconds;

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use std::f64::consts::TAU;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "hour_sin",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "sine of the time of day",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "hour_cos",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "cosine of the time of day",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "half_day_sin",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "sine of twice the time of day",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "half_day_cos",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "cosine of twice the time of day",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "day_of_week_sin",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "sine of the time of week, from Monday",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "day_of_week_cos",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "cosine of the time of week, from Monday",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "is_weekend",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "1 on Saturday and Sunday, else 0",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "minute_of_hour",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "share of the hour that has passed",
            source: "klinecast",
            inputs: &[Input::Time],
        },
        FeatureDefinition {
            name: "funding_clock",
            group: Group::Calendar,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "share of the 8 hours between funding times (00, 08, 16 UTC) that has passed",
            source: "klinecast",
            inputs: &[Input::Time],
        },
    ],
    compute,
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// What the clock says at a bar's end: the same for every symbol, so read once a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clock {
    close_time: Milliseconds,
    values: [f64; 9],
}

impl Clock {
    pub(crate) fn at(close_time: Milliseconds) -> Self {
        let now = close_time + 1;
        // 1 January 1970 was a Thursday.
        let week = now + 3 * DAY;
        let (day, week_share) = (share(now, DAY) * TAU, share(week, WEEK) * TAU);
        let values = [
            libm::sin(day),
            libm::cos(day),
            libm::sin(2.0 * day),
            libm::cos(2.0 * day),
            libm::sin(week_share),
            libm::cos(week_share),
            if week.rem_euclid(WEEK) >= 5 * DAY { 1.0 } else { 0.0 },
            share(now, HOUR),
            share(now, 8 * HOUR),
        ];
        Self { close_time, values }
    }

    /// Moves on, if the time is another.
    pub(crate) fn turn(&mut self, close_time: Milliseconds) {
        if self.close_time != close_time {
            *self = Self::at(close_time);
        }
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out.copy_from_slice(&bar.clock.values);
}

/// How much of the running period has passed, 0 to below 1.
fn share(time: i64, period: i64) -> f64 {
    time.rem_euclid(period) as f64 / period as f64
}
