//! How far each symbol is from being forecast.

use kline::{BarTime, Symbol};

use super::{Forecaster, history};

/// How far one symbol is from being forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolReadiness {
    /// The market.
    pub symbol: Symbol,
    /// The last bar whose closed kline arrived.
    pub last_bar: Option<BarTime>,
    /// How many features are known at the last sealed bar; 0 if the symbol has no row there.
    pub warm_features: u16,
    /// How many features there are.
    pub total_features: u16,
    /// How many features are not known at the last sealed bar although the history is long enough: the source lacks
    /// an input.
    pub missing_inputs: u16,
    /// Bars without a kline among those that can be replayed, from the symbol's first on.
    pub bars_missing: usize,
    /// Bars of the trailing 30 days with a known 4-step volatility; `vol_regime_4step` needs 1,440.
    pub regime_bars_known: usize,
    /// Whether the symbol has a row at the last sealed bar in which everything is known that the source has inputs for.
    pub ready: bool,
}

impl Forecaster {
    /// How far each symbol is, in the order of [`Forecaster::symbols`].
    #[must_use]
    pub fn readiness(&self) -> Vec<SymbolReadiness> {
        (0..self.symbols.len()).map(|index| self.readiness_of(index)).collect()
    }

    fn readiness_of(&self, index: usize) -> SymbolReadiness {
        let quality = self.state.panel.row(index).map(|(row, _)| row.quality);
        let known = quality.unwrap_or_default();
        let total = features::Catalogue::standard().len();
        SymbolReadiness {
            symbol: self.symbols[index],
            last_bar: self.inbox.seen(index).map(|(_, last)| last),
            warm_features: known.warm_features,
            total_features: u16::try_from(total).unwrap_or(u16::MAX),
            missing_inputs: known.missing_inputs,
            bars_missing: self.bars_missing(index),
            regime_bars_known: self.state.panel.regime_bars_known(index),
            ready: quality.is_some_and(|quality| {
                quality.warm_features > 0
                    && quality.warm_features.saturating_add(quality.missing_inputs) >= quality.total
            }),
        }
    }

    fn bars_missing(&self, index: usize) -> usize {
        let Some(sealed) = self.watermark() else { return 0 };
        (0..history::REPLAY_BARS).filter(|&age| self.is_hole(index, sealed.plus(-age, self.interval))).count()
    }
}
