//! Which bands a bundle's answers get.

use kline::{BarTime, Interval, Symbol};

use super::history::KEPT_BARS;
use crate::{Bundle, BundleDigest, RenewedBands, SymbolBands, band_block};

/// Bands of more bundles than can answer at a time are not kept.
const BUNDLES_MOST: usize = 8;

/// The renewed bands by bundle, the one that was last told of at the end.
#[derive(Debug, Clone)]
pub(super) struct BandsByBundle {
    interval: Interval,
    renewed: Vec<(BundleDigest, RenewedBands)>,
}

impl BandsByBundle {
    pub(super) const fn new(interval: Interval) -> Self {
        Self { interval, renewed: Vec::new() }
    }

    /// Adds blocks to those of a bundle, and lets go of those that no bar before `last` can be replayed with.
    pub(super) fn renew(&mut self, bundle: BundleDigest, bands: RenewedBands, last: Option<BarTime>) {
        let place = self.renewed.iter().position(|(known, _)| *known == bundle);
        let mut kept = place.map(|place| self.renewed.remove(place).1).unwrap_or_default();
        kept.extend(bands);
        if let Some(last) = last {
            kept.let_go_before(band_block(last.plus(-KEPT_BARS, self.interval), self.interval));
        }
        if self.renewed.len() == BUNDLES_MOST {
            self.renewed.remove(0);
        }
        self.renewed.push((bundle, kept));
    }

    /// Whether the block of a bar has been renewed for a bundle.
    pub(super) fn has(&self, bundle: BundleDigest, bar: BarTime) -> bool {
        self.find(bundle).is_some_and(|bands| bands.has(band_block(bar, self.interval)))
    }

    /// What was renewed for a symbol at a bar, and where nothing was, what the bundle ships.
    pub(super) fn of(&self, bundle: &Bundle, symbol: Symbol, bar: BarTime) -> SymbolBands {
        let shipped = bundle.bands().of(symbol);
        match self.find(bundle.digest()) {
            Some(bands) => bands.of(symbol, band_block(bar, self.interval)).or(shipped),
            None => shipped,
        }
    }

    fn find(&self, bundle: BundleDigest) -> Option<&RenewedBands> {
        self.renewed.iter().find(|(known, _)| *known == bundle).map(|(_, bands)| bands)
    }
}
