//! How much of the variance came in jumps.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "jump_share_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "share of the squared log returns of 96 bars above (pi/2) times the sum of products of neighbouring absolute ones, at least 0",
            source: "O. Barndorff-Nielsen, N. Shephard, Power and Bipower Variation with Stochastic Volatility and Jumps (2004)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "largest_move_share_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "largest squared log return of 96 bars over their sum",
            source: "klinecast",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let realised = bar.summaries.squares_96.sum();
    let bipower = bar.summaries.neighbours_96.sum();
    let share = 1.0 - ratio(std::f64::consts::FRAC_PI_2 * bipower, realised);
    out[0] = if realised == 0.0 || share < 0.0 { 0.0 } else { share };
    out[1] = ratio(bar.summaries.largest_square_96.highest(), realised);
}
