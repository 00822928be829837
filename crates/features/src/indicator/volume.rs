//! Volume against its past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{Comoments, Moments, ratio};

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
    let day = bar.history.last(Column::Volume, 96);
    let (hour_moments, day_moments) = (Moments::of(bar.history.last(Column::Volume, 4)), Moments::of(day));
    let week_moments = Moments::of(bar.history.last(Column::Volume, 672));
    out[0] = day_moments.z_score(bar.kline.volume);
    out[1] = week_moments.z_score(bar.kline.volume);
    out[2] = ratio(hour_moments.mean, day_moments.mean);
    out[3] = ratio(day_moments.mean, week_moments.mean);
    out[4] = ratio(day_moments.standard_deviation(), day_moments.mean);
    out[5] = Comoments::of(day, bar.history.last(Column::LogReturn, 96)).correlation();
}
