//! What Bitcoin returned, and how the symbol hangs on it.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "bitcoin_return_1",
            group: Group::CrossSymbol,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 2,
            definition: "Bitcoin's log return over 1 bar",
            source: "klinecast",
            inputs: &[Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_return_4",
            group: Group::CrossSymbol,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "Bitcoin's log return over 4 bars",
            source: "klinecast",
            inputs: &[Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_return_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "Bitcoin's log return over 16 bars",
            source: "klinecast",
            inputs: &[Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_beta_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "slope of the log return on Bitcoin's over 96 bars",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_beta_672",
            group: Group::CrossSymbol,
            window: 672,
            unit: Unit::Ratio,
            warm_up_bars: 673,
            definition: "slope of the log return on Bitcoin's over 672 bars",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_correlation_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Correlation,
            warm_up_bars: 97,
            definition: "correlation of the log return with Bitcoin's over 96 bars",
            source: "Pearson correlation of log returns",
            inputs: &[Input::Close, Input::Bitcoin],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    let Some(bitcoin) = bar.bitcoin else { return };
    out[..3].copy_from_slice(&bitcoin.state.summary().returns[..3]);
    out[3] = bitcoin.day.beta();
    out[4] = bitcoin.pairs.week.comoments().beta();
    out[5] = bitcoin.day.correlation();
}
