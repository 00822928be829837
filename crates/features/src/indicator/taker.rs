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
    out[0] = imbalance(bar.history.at(Column::TakerBase, 0), bar.kline.volume);
    out[1] = imbalance(sum(bar.history.last(Column::TakerBase, 4)), bar.history.at(Column::HourVolume, 0));
    out[2] = imbalance(bar.summaries.taker_16.sum(), bar.summaries.volume_16.sum());
    out[3] = imbalance(bar.summaries.taker_96.sum(), bar.summaries.volume_96.sum());
}
