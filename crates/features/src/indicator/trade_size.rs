//! Number and size of trades against their past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;

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
    let (trades, size) = (bar.summaries.trades_96.moments(), bar.summaries.trade_size_96.moments());
    out[0] = trades.z_score(bar.history.at(Column::Trades, 0));
    out[1] = size.z_score(bar.history.at(Column::TradeSize, 0));
}
