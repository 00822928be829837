//! The ensemble beside its best baseline on parts of the test window.

use std::collections::BTreeMap;

use forecast::Task;
use kline::BarTime;

use crate::dataset::Dataset;
use crate::slice::{Cut, Days, Slice};

/// The parts by symbol, month, hour and regime, in this order; rows that lack a loss are left out.
pub(super) fn slices(dataset: &Dataset, losses: &[f64], baseline_losses: &[f64]) -> Vec<Slice> {
    let range = dataset.range(dataset.split.test);
    let names = Task::VolRegime4Step.class_names();
    let mut parts: BTreeMap<Cut, Days> = BTreeMap::new();
    for ((row, loss), baseline) in range.zip(losses).zip(baseline_losses) {
        if loss.is_nan() || baseline.is_nan() {
            continue;
        }
        let key = dataset.key(row);
        let regime = dataset.outcomes(row..row + 1)[0][Task::VolRegime4Step.index()];
        let regime = names.get(regime as usize).filter(|_| !regime.is_nan());
        let cuts = [
            Some(Cut::Symbol(dataset.symbols[usize::from(key.symbol)])),
            Some(Cut::Month(month_of(key.bar))),
            Some(Cut::Hour(hour_of(key.bar))),
            regime.map(|name| Cut::Regime((*name).to_owned())),
        ];
        for cut in cuts.into_iter().flatten() {
            parts.entry(cut).or_default().add(key.bar, *loss, *baseline);
        }
    }
    parts.into_iter().filter_map(|(cut, days)| days.slice(cut)).collect()
}

/// A bar's month, for example `2025-01`.
pub(super) fn month_of(bar: BarTime) -> String {
    crate::time::readable(bar.milliseconds()).chars().take(7).collect()
}

/// The hour of the day, UTC, in which a bar ends.
fn hour_of(bar: BarTime) -> u8 {
    (bar.milliseconds().div_euclid(3_600_000).rem_euclid(24)) as u8
}
