//! Who takes: buyers or sellers.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{ratio, sum};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "taker_imbalance_1",
            group: Group::VolumeAndFlow,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "(2 * volume bought by takers - volume) / volume over 1 bars",
            source: "klinecast",
            inputs: &[Input::Volume, Input::TakerBase],
        },
        FeatureDefinition {
            name: "taker_imbalance_4",
            group: Group::VolumeAndFlow,
            window: 4,
            unit: Unit::Ratio,
            warm_up_bars: 4,
            definition: "(2 * volume bought by takers - volume) / volume over 4 bars",
            source: "klinecast",
            inputs: &[Input::Volume, Input::TakerBase],
        },
        FeatureDefinition {
            name: "taker_imbalance_16",
            group: Group::VolumeAndFlow,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 16,
            definition: "(2 * volume bought by takers - volume) / volume over 16 bars",
            source: "klinecast",
            inputs: &[Input::Volume, Input::TakerBase],
        },
        FeatureDefinition {
            name: "taker_imbalance_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "(2 * volume bought by takers - volume) / volume over 96 bars",
            source: "klinecast",
            inputs: &[Input::Volume, Input::TakerBase],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let imbalance = |bought: f64, volume: f64| ratio(2.0 * bought - volume, volume);
    for (value, window) in out.iter_mut().zip([1, 4, 16]) {
        let volume = sum(bar.history.last(Column::Volume, window));
        *value = imbalance(sum(bar.history.last(Column::TakerBase, window)), volume);
    }
    out[3] = imbalance(bar.summaries.taker_96.sum(), bar.summaries.volume_96.sum());
}
