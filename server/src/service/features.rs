//! The latest feature rows, with the catalogue's names.

use features::{Catalogue, Quality, RowHash};
use kline::{BarTime, Symbol};

use super::Service;
use crate::reason::{Reason, Refusal, shorten};
use crate::telemetry::scope::note_asked;

/// One feature's value and what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureValue {
    /// Its name in the catalogue.
    pub name: &'static str,
    /// Its group.
    pub group: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its value; NaN when it is not warm or an input was missing.
    pub value: f64,
}

/// One symbol's feature row.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureAnswer {
    /// The market.
    pub symbol: Symbol,
    /// The bar that the row is of.
    pub bar: BarTime,
    /// SHA-256 of the catalogue, in hexadecimal.
    pub catalogue_hash: String,
    /// The row's fingerprint.
    pub row_hash: RowHash,
    /// How complete the inputs were.
    pub quality: Quality,
    /// The lower and upper cut of the volatility's regimes that are known at the bar: no feature, but the ensemble of
    /// `vol_regime_4step` reads them.
    pub regime_cuts: Option<[f64; 2]>,
    /// The values in catalogue order.
    pub features: Vec<FeatureValue>,
}

impl Service {
    /// The latest feature row of one symbol, all features or those named. Needs no bundle.
    ///
    /// # Errors
    /// An unknown symbol, interval or feature; a symbol without a row.
    pub fn features<Name: AsRef<str>>(
        &self,
        symbol: &str,
        names: &[Name],
        interval: &str,
    ) -> Result<FeatureAnswer, Refusal> {
        self.check_interval(interval)?;
        let symbol = self.symbol(symbol)?;
        note_asked(1, 0);
        let catalogue = Catalogue::standard();
        for name in names.iter().map(AsRef::as_ref) {
            if catalogue.index_of(name).is_none() {
                let name = shorten(name);
                let message = format!("feature {name:?} is not in the catalogue of {}", catalogue.len());
                return Err(Refusal::new(Reason::UnknownFeature, message).with("feature", name));
            }
        }
        let engine = self.shared.engine.load();
        let Some(row) = engine.row_of(symbol) else {
            let message = format!("symbol {symbol} has no feature row yet");
            return Err(Refusal::new(Reason::NotWarm, message).with("symbol", symbol));
        };
        let wanted = |name: &str| names.is_empty() || names.iter().any(|asked| asked.as_ref() == name);
        let features = catalogue.definitions().iter().zip(row.values.iter());
        let features =
            features.filter(|(definition, _)| wanted(definition.name)).map(|(definition, &value)| {
                let (group, unit) = (definition.group.as_str(), definition.unit.as_str());
                FeatureValue { name: definition.name, group, unit, value }
            });
        Ok(FeatureAnswer {
            symbol,
            bar: row.bar,
            catalogue_hash: catalogue.hash().to_string(),
            row_hash: RowHash::of(&row.values),
            quality: row.quality,
            regime_cuts: row.regime_cuts,
            features: features.collect(),
        })
    }
}
