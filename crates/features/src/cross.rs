//! The features that look over all symbols: computed when a bar is sealed, from the symbols that have it.

mod bitcoin;
mod breadth;
mod dispersion;
mod lead_lag;
mod market_return;
mod market_volatility;
mod rank;
mod residual;
mod which_bitcoin;

pub(crate) mod market;
pub(crate) mod pairs;

use crate::definition::FeatureDefinition;
use crate::state::SymbolState;
use crate::window::Comoments;
use market::Market;
use pairs::Pairs;

pub use which_bitcoin::bitcoin_of;

/// The features of one file: definitions, and the function that fills in as many values.
pub(crate) struct CrossIndicator {
    pub(crate) definitions: &'static [FeatureDefinition],
    /// Gets an output of NaN; what it cannot tell it leaves.
    pub(crate) compute: fn(&CrossBar<'_>, &mut [f64]),
}

/// What a cross-symbol indicator sees at a sealed bar.
pub(crate) struct CrossBar<'a> {
    pub(crate) own: &'a SymbolState,
    /// Bitcoin, if the market has it and its kline of the bar has come.
    pub(crate) bitcoin: Option<Bitcoin<'a>>,
    pub(crate) market: &'a Market,
}

/// Bitcoin, and the symbol beside it.
#[derive(Clone, Copy)]
pub(crate) struct Bitcoin<'a> {
    pub(crate) state: &'a SymbolState,
    pub(crate) pairs: &'a Pairs,
    /// `pairs.day`; shared by several files.
    pub(crate) day: Comoments,
}

/// Every cross-symbol indicator, in the order of the catalogue.
pub(crate) const ALL: &[&CrossIndicator] = &[
    &market_return::INDICATOR,
    &breadth::INDICATOR,
    &dispersion::INDICATOR,
    &rank::INDICATOR,
    &market_volatility::INDICATOR,
    &bitcoin::INDICATOR,
    &residual::INDICATOR,
    &lead_lag::INDICATOR,
];

/// Fills in every cross-symbol value, in order.
pub(crate) fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    let mut rest = out;
    for indicator in ALL {
        let Some((values, after)) = rest.split_at_mut_checked(indicator.definitions.len()) else {
            return;
        };
        values.fill(f64::NAN);
        (indicator.compute)(bar, values);
        rest = after;
    }
}
