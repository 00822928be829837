//! Whether the symbol follows Bitcoin or goes before it.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "bitcoin_leads_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Correlation,
            warm_up_bars: 98,
            definition: "correlation over 96 bars of the log return with Bitcoin's of one bar before",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
        FeatureDefinition {
            name: "bitcoin_lags_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Correlation,
            warm_up_bars: 98,
            definition: "correlation over 96 bars of Bitcoin's log return with the symbol's of one bar before",
            source: "klinecast",
            inputs: &[Input::Close, Input::Bitcoin],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    let Some(bitcoin) = bar.bitcoin else { return };
    out[0] = bitcoin.pairs.leads.comoments().correlation();
    out[1] = bitcoin.pairs.lags.comoments().correlation();
}
