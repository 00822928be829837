//! The day's and the week's shape of volatility and volume, measured on the ten pairs (UTC).

use kline::Milliseconds;

/// Mean absolute return by hour over its mean over the day.
const VOLATILITY_BY_HOUR: [f64; 24] = [
    1.19, 1.08, 0.96, 0.88, 0.82, 0.85, 0.85, 0.90, 0.97, 0.90, 0.88, 0.86, 1.05, 1.09, 1.25, 1.20, 1.19,
    1.07, 1.03, 1.02, 1.00, 1.01, 0.99, 0.94,
];

/// Mean log volume by hour less its mean over the day.
const LOG_VOLUME_BY_HOUR: [f64; 24] = [
    0.13, -0.02, -0.15, -0.22, -0.25, -0.25, -0.17, -0.09, 0.03, -0.02, -0.05, -0.05, 0.13, 0.25, 0.42, 0.40,
    0.33, 0.13, 0.03, -0.01, -0.04, -0.21, -0.23, -0.16,
];

/// Mean absolute return by weekday, Monday first, over its mean.
const VOLATILITY_BY_WEEKDAY: [f64; 7] = [1.05, 1.08, 1.10, 1.08, 1.06, 0.82, 0.81];

/// Mean absolute return by quarter of the hour over its mean.
const VOLATILITY_BY_QUARTER: [f64; 4] = [1.045, 1.01, 1.01, 0.935];

/// The season of one bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Season {
    /// A factor on volatility.
    pub(super) volatility: f64,
    /// A summand of log volume.
    pub(super) log_volume: f64,
}

/// The season of the 15-minute bar that opens at `open_time`.
pub(super) fn at(open_time: Milliseconds) -> Season {
    let pick = |period: i64, count: i64| {
        usize::try_from(open_time.div_euclid(period).rem_euclid(count)).unwrap_or(0)
    };
    let hour = pick(3_600_000, 24);
    // 1970-01-01 was a Thursday, three days after a Monday.
    let weekday = (pick(86_400_000, 7) + 3) % 7;
    let by_day = VOLATILITY_BY_WEEKDAY[weekday];
    Season {
        volatility: VOLATILITY_BY_HOUR[hour] * by_day * VOLATILITY_BY_QUARTER[pick(900_000, 4)],
        log_volume: LOG_VOLUME_BY_HOUR[hour] + libm::log(by_day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_are_quieter_than_weekdays() {
        // 2024-01-06 14:00 (Saturday) and 2024-01-08 14:00 (Monday).
        let (saturday, monday) = (at(1_704_549_600_000), at(1_704_722_400_000));
        assert!(saturday.volatility < monday.volatility);
        assert!(saturday.log_volume < monday.log_volume);
    }
}
