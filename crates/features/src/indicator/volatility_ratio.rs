//! How volatility changes: across horizons, down against up, and its own spread.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "volatility_ratio_4_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "realised_volatility_4 / realised_volatility_96",
            source: "klinecast",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "volatility_ratio_16_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "realised_volatility_16 / realised_volatility_96",
            source: "klinecast",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "volatility_ratio_96_672",
            group: Group::Volatility,
            window: 672,
            unit: Unit::Ratio,
            warm_up_bars: 673,
            definition: "realised_volatility_96 / realised_volatility_672",
            source: "klinecast",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "downside_share_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "share of the squared log returns of 96 bars that fell",
            source: "O. Barndorff-Nielsen, S. Kinnebrock, N. Shephard, Measuring downside risk: realised semivariance (2010)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "volatility_of_volatility_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "standard deviation over mean of the absolute log returns of 96 bars",
            source: "klinecast",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let volatility = bar.volatility;
    out[0] = ratio(volatility.hour, volatility.day);
    out[1] = ratio(volatility.four_hours, volatility.day);
    out[2] = ratio(volatility.day, volatility.week);
    out[3] = ratio(bar.summaries.falling_squares_96.sum(), bar.summaries.squares_96.sum());
    let moments = bar.summaries.sizes_96.moments();
    out[4] = ratio(moments.standard_deviation(), moments.mean);
}
