//! What is left of the symbol's return without Bitcoin's.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "residual_return_1",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "log return over 1 bar less bitcoin_beta_96 times Bitcoin's",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
        FeatureDefinition {
            name: "residual_return_4",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "log return over 4 bars less bitcoin_beta_96 times Bitcoin's",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
        FeatureDefinition {
            name: "residual_return_16",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "log return over 16 bars less bitcoin_beta_96 times Bitcoin's",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    let Some(bitcoin) = bar.bitcoin else { return };
    let (own, theirs) = (bar.own.summary().returns, bitcoin.state.summary().returns);
    let beta = bitcoin.day.beta();
    for (place, value) in out.iter_mut().enumerate() {
        *value = own[place] - beta * theirs[place];
    }
}
