//! Number and size of trades against their past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::Moments;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "trades_z_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::StandardDeviations,
            warm_up_bars: 96,
            definition: "standard deviations of the number of trades above its mean over 96 bars",
            source: "klinecast",
            inputs: &[Input::Trades],
        },
        FeatureDefinition {
            name: "trade_size_z_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::StandardDeviations,
            warm_up_bars: 96,
            definition: "standard deviations of the volume a trade above its mean over 96 bars",
            source: "klinecast",
            inputs: &[Input::Volume, Input::Trades],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    for (value, column) in out.iter_mut().zip([Column::Trades, Column::TradeSize]) {
        *value = Moments::of(bar.history.last(column, 96)).z_score(bar.history.at(column, 0));
    }
}
