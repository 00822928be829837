//! What was renewed for a bundle's answers.

use kline::{BarTime, Interval, Symbol};

use super::history::KEPT_BARS;
use crate::{Bundle, BundleDigest, Renewed, SymbolRenewal, renewal_block};

/// What was renewed for more bundles than can answer at a time is not kept.
const BUNDLES_MOST: usize = 8;

/// What was renewed by bundle, the one that was last told of at the end.
#[derive(Debug, Clone)]
pub(super) struct RenewedByBundle {
    interval: Interval,
    renewed: Vec<(BundleDigest, Renewed)>,
}

impl RenewedByBundle {
    pub(super) const fn new(interval: Interval) -> Self {
        Self { interval, renewed: Vec::new() }
    }

    /// Adds blocks to those of a bundle, and lets go of those that no bar before `last` can be replayed with.
    pub(super) fn renew(&mut self, bundle: BundleDigest, told: Renewed, last: Option<BarTime>) {
        let place = self.renewed.iter().position(|(known, _)| *known == bundle);
        let mut kept = place.map(|place| self.renewed.remove(place).1).unwrap_or_default();
        kept.extend(told);
        if let Some(last) = last {
            kept.let_go_before(renewal_block(last.plus(-KEPT_BARS, self.interval), self.interval));
        }
        if self.renewed.len() == BUNDLES_MOST {
            self.renewed.remove(0);
        }
        self.renewed.push((bundle, kept));
    }

    /// Whether the block of a bar has been renewed for a bundle.
    pub(super) fn has(&self, bundle: BundleDigest, bar: BarTime) -> bool {
        self.find(bundle).is_some_and(|renewed| renewed.has(renewal_block(bar, self.interval)))
    }

    /// What was renewed for a symbol at a bar, and where nothing was, what the bundle ships.
    pub(super) fn of(&self, bundle: &Bundle, symbol: Symbol, bar: BarTime) -> SymbolRenewal {
        let found = self.find(bundle.digest());
        let found = found.map(|renewed| renewed.of(symbol, renewal_block(bar, self.interval)));
        let SymbolRenewal { confidence, bands } = found.unwrap_or_default();
        SymbolRenewal { confidence, bands: bands.or(bundle.bands().of(symbol)) }
    }

    fn find(&self, bundle: BundleDigest) -> Option<&Renewed> {
        self.renewed.iter().find(|(known, _)| *known == bundle).map(|(_, renewed)| renewed)
    }
}
