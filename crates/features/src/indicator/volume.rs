//! Volume against its past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "volume_z_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::StandardDeviations,
            warm_up_bars: 96,
            definition: "standard deviations of the volume above its mean over 96 bars",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
        FeatureDefinition {
            name: "volume_z_672",
            group: Group::VolumeAndFlow,
            window: 672,
            unit: Unit::StandardDeviations,
            warm_up_bars: 672,
            definition: "standard deviations of the volume above its mean over 672 bars",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
        FeatureDefinition {
            name: "volume_ratio_4_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "mean volume of 4 bars over that of 96",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
        FeatureDefinition {
            name: "volume_ratio_96_672",
            group: Group::VolumeAndFlow,
            window: 672,
            unit: Unit::Ratio,
            warm_up_bars: 672,
            definition: "mean volume of 96 bars over that of 672",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
        FeatureDefinition {
            name: "volume_spread_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "standard deviation over mean of the volume of 96 bars",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
        FeatureDefinition {
            name: "volume_return_correlation_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::Correlation,
            warm_up_bars: 97,
            definition: "correlation of volume and log return over 96 bars",
            source: "TA-Lib CORREL of volume and log return",
            inputs: &[Input::Volume, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let (day, week) = (bar.summaries.volume_96.moments(), bar.summaries.volume_672.moments());
    out[0] = day.z_score(bar.kline.volume);
    out[1] = week.z_score(bar.kline.volume);
    out[2] = ratio(bar.history.at(Column::HourVolume, 0) / 4.0, day.mean);
    out[3] = ratio(day.mean, week.mean);
    out[4] = ratio(day.standard_deviation(), day.mean);
    out[5] = bar.summaries.volume_and_return_96.comoments().correlation();
}
