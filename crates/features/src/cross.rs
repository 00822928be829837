//! The features that look over all symbols: computed when a bar is sealed, from the symbols that have it.

mod bitcoin;
mod breadth;
mod dispersion;
mod lead_lag;
mod market_return;
mod market_volatility;
mod rank;
mod residual;

pub(crate) mod market;

use kline::Symbol;

use crate::definition::FeatureDefinition;
use crate::history::Column;
use crate::state::SymbolState;
use crate::window::Comoments;
use market::Market;

/// The features of one file: definitions, and the function that fills in as many values.
pub(crate) struct CrossIndicator {
    pub(crate) definitions: &'static [FeatureDefinition],
    /// Gets an output of NaN; what it cannot tell it leaves.
    pub(crate) compute: fn(&CrossBar<'_>, &mut [f64]),
}

/// What a cross-symbol indicator sees at a sealed bar.
pub(crate) struct CrossBar<'a> {
    pub(crate) own: &'a SymbolState,
    /// Bitcoin's state, if the engine has it and its kline of the bar has come.
    pub(crate) bitcoin: Option<&'a SymbolState>,
    /// Log returns of 96 bars, Bitcoin's as x; shared by several files.
    pub(crate) with_bitcoin: Option<Comoments>,
    pub(crate) market: &'a Market,
}

impl<'a> CrossBar<'a> {
    pub(crate) fn new(own: &'a SymbolState, bitcoin: Option<&'a SymbolState>, market: &'a Market) -> Self {
        let with_bitcoin = bitcoin.map(|bitcoin| comoments(own, bitcoin, 96));
        Self { own, bitcoin, with_bitcoin, market }
    }
}

/// Second moments of the log returns over a window, Bitcoin's as x.
fn comoments(own: &SymbolState, bitcoin: &SymbolState, window: usize) -> Comoments {
    let theirs = bitcoin.history().last(Column::LogReturn, window);
    Comoments::of(theirs, own.history().last(Column::LogReturn, window))
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

/// The place of Bitcoin: the first symbol whose name begins with `BTC`.
pub(crate) fn place_of_bitcoin(symbols: &[Symbol]) -> Option<usize> {
    symbols.iter().position(|symbol| symbol.as_str().starts_with("BTC"))
}

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
