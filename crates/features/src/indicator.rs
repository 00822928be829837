//! The indicators of one symbol: one definition, one source, one file.
//!
//! To add one: write a file with an `INDICATOR`, list it in [`ALL`], and give it a naive twin in `tests/`.

mod adx;
mod aroon;
mod atr;
mod average_price;
mod bars_since_extreme;
mod bollinger;
mod calendar;
mod candle;
mod cci;
mod chaikin_money_flow;
mod cmo;
mod distribution;
mod donchian;
mod efficiency;
mod ema;
mod ewma_volatility;
mod garman_klass;
mod higher_closed;
mod higher_running;
mod illiquidity;
mod jumps;
mod kama;
mod keltner;
mod linear_regression;
mod macd;
mod mfi;
mod momentum;
mod month;
mod on_balance_volume;
mod parkinson;
mod realised_volatility;
mod returns;
mod roc;
mod rogers_satchell;
mod rsi;
mod scaled_returns;
mod season;
mod stochastic;
mod stochastic_rsi;
mod streak;
mod taker;
mod trade_size;
mod trix;
mod ultimate;
mod volatility_ratio;
mod volume;
mod vwap;
mod williams;
mod yang_zhang;

use kline::KlineFields;

pub(crate) use calendar::Clock;
pub(crate) use realised_volatility::Volatilities;

pub(crate) use crate::definition::{FeatureDefinition, Group, Input, Unit};
use crate::higher::HigherTimeframes;
use crate::history::History;
use crate::recursions::Recursions;
use crate::summaries::Summaries;

/// A recursive value is there once a generation that was seen from its anchor is 512 bars old; a start right after an
/// anchor waits longest.
pub(crate) const RECURSIVE_WARM_UP: u32 = 2 * crate::BLOCK as u32;

/// The features of one file: definitions, and the function that fills in as many values.
pub(crate) struct Indicator {
    pub(crate) definitions: &'static [FeatureDefinition],
    /// Gets an output of NaN; what it cannot tell it leaves.
    pub(crate) compute: fn(&Bar<'_>, &mut [f64]),
}

/// What an indicator sees: the bar that has just closed, and what the symbol remembers, that bar included.
pub(crate) struct Bar<'a> {
    pub(crate) kline: &'a KlineFields,
    pub(crate) clock: &'a Clock,
    pub(crate) history: &'a History,
    pub(crate) recursions: &'a Recursions,
    pub(crate) summaries: &'a Summaries,
    pub(crate) higher: &'a HigherTimeframes,
    /// Shared by several files, so measured once.
    pub(crate) volatility: Volatilities,
    /// Log returns over 1, 4, 16 and 96 bars.
    pub(crate) returns: [f64; 4],
}

/// Every indicator, in the order of the catalogue.
pub(crate) const ALL: &[&Indicator] = &[
    &returns::INDICATOR,
    &scaled_returns::INDICATOR,
    &ewma_volatility::INDICATOR,
    &realised_volatility::INDICATOR,
    &month::INDICATOR,
    &volatility_ratio::INDICATOR,
    &parkinson::INDICATOR,
    &garman_klass::INDICATOR,
    &rogers_satchell::INDICATOR,
    &yang_zhang::INDICATOR,
    &jumps::INDICATOR,
    &season::INDICATOR,
    &distribution::INDICATOR,
    &atr::INDICATOR,
    &rsi::INDICATOR,
    &stochastic_rsi::INDICATOR,
    &cmo::INDICATOR,
    &macd::INDICATOR,
    &roc::INDICATOR,
    &momentum::INDICATOR,
    &efficiency::INDICATOR,
    &stochastic::INDICATOR,
    &williams::INDICATOR,
    &cci::INDICATOR,
    &adx::INDICATOR,
    &aroon::INDICATOR,
    &trix::INDICATOR,
    &ultimate::INDICATOR,
    &linear_regression::INDICATOR,
    &ema::INDICATOR,
    &kama::INDICATOR,
    &average_price::INDICATOR,
    &bollinger::INDICATOR,
    &keltner::INDICATOR,
    &donchian::INDICATOR,
    &bars_since_extreme::INDICATOR,
    &volume::INDICATOR,
    &on_balance_volume::INDICATOR,
    &mfi::INDICATOR,
    &chaikin_money_flow::INDICATOR,
    &vwap::INDICATOR,
    &illiquidity::INDICATOR,
    &taker::INDICATOR,
    &trade_size::INDICATOR,
    &candle::INDICATOR,
    &streak::INDICATOR,
    &higher_closed::INDICATOR,
    &higher_running::INDICATOR,
    &calendar::INDICATOR,
];

/// Fills in every indicator's values, in order.
pub(crate) fn compute(bar: &Bar<'_>, out: &mut [f64]) {
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
