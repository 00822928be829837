//! How much older rows count: half as much for every half-life that they lie before the newest one learned from.

use std::ops::Range;

use crate::dataset::Dataset;
use crate::half_life::HalfLife;

const DAY_MS: f64 = 86_400_000.0;

/// Multiplies the weights of the rows that are learned from by what their age says.
pub(super) fn weigh(
    dataset: &Dataset,
    half_life: Option<HalfLife>,
    learned: Range<usize>,
    weights: &mut [f32],
) {
    let Some(half_life) = half_life else { return };
    let times = dataset.keys(learned).iter().map(|key| key.bar.milliseconds() as f64);
    let newest = times.clone().next_back().unwrap_or_default();
    let by_age = half_life.weights(times.map(|time| (newest - time) / DAY_MS));
    for (weight, by_age) in weights.iter_mut().zip(by_age) {
        *weight *= by_age;
    }
}
