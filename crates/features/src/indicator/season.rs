//! What the coming four bars were like at the same time on each of the last seven days (of 96 bars).

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "seasonal_volatility_7",
            group: Group::Volatility,
            window: 672,
            unit: Unit::LogReturn,
            warm_up_bars: 673,
            definition: "root of the mean squared log return of the four bars that followed this time of day on each of the last 7 days of 96 bars",
            source: "klinecast, after T. Andersen, T. Bollerslev, Intraday periodicity and volatility persistence (1997)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "seasonal_volatility_ratio_7",
            group: Group::Volatility,
            window: 672,
            unit: Unit::Ratio,
            warm_up_bars: 673,
            definition: "seasonal_volatility_7 / realised_volatility_672",
            source: "klinecast, after T. Andersen, T. Bollerslev, Intraday periodicity and volatility persistence (1997)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "seasonal_volume_ratio_7",
            group: Group::Volatility,
            window: 672,
            unit: Unit::Ratio,
            warm_up_bars: 672,
            definition: "mean volume of the same bars over the mean volume of 672 bars",
            source: "klinecast",
            inputs: &[Input::Volume],
        },
    ],
    compute,
};

const DAY: usize = 96;
const DAYS: usize = 7;
const AHEAD: usize = 4;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let (mut squares, mut volume) = (0.0, 0.0);
    for day in 1..=DAYS {
        // The bar one day before the fourth bar ahead is the latest of the four.
        let latest = day * DAY - AHEAD;
        squares += bar.history.at(Column::HourSquares, latest);
        volume += bar.history.at(Column::HourVolume, latest);
    }
    let bars = (DAYS * AHEAD) as f64;
    out[0] = (squares / bars).sqrt();
    out[1] = ratio(out[0], bar.volatility.week);
    out[2] = ratio(volume / bars, bar.summaries.volume_672.moments().mean);
}
