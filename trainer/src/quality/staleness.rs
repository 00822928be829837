//! Bars that a source repeats for want of new ones.

use kline::{Interval, Kline};

/// So many bars in a row that say the same are stale: a single one may be a quiet quarter of an hour.
const RUN_LEAST: usize = 3;

/// The places of klines in runs of at least three adjacent bars that say the same: all columns repeat the bar before's,
/// or the price stood still through all of them.
pub(super) fn stale(klines: &[Kline], interval: Interval) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 0;
    for at in 1..=klines.len() {
        if at < klines.len() && goes_on(&klines[at - 1], &klines[at], interval) {
            continue;
        }
        if at - start >= RUN_LEAST {
            found.extend(start..at);
        }
        start = at;
    }
    found
}

fn goes_on(before: &Kline, kline: &Kline, interval: Interval) -> bool {
    let adjacent = kline.open_time - before.open_time == interval.milliseconds();
    let prices = |kline: &Kline| [kline.open, kline.high, kline.low, kline.close];
    let same_prices = prices(before) == prices(kline);
    let repeats = same_prices && before.volume == kline.volume && before.trades == kline.trades;
    let stands_still = same_prices && kline.high == kline.low;
    adjacent && (repeats || stands_still)
}
