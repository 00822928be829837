//! The recursive indicators that one symbol keeps, two generations of each.

mod average_true_range;
mod directional_movement;
mod ema;
mod kama;
mod macd;
mod stochastic_rsi;
mod trix;
mod wilder_gains;

use kline::KlineFields;
use serde::{Deserialize, Serialize};

pub use average_true_range::{AverageTrueRange, HighLowClose};
pub use directional_movement::DirectionalMovement;
pub use ema::Ema;
pub use kama::Kama;
pub use macd::Macd;
pub use stochastic_rsi::StochasticRsi;
pub use trix::Trix;
pub use wilder_gains::WilderGains;

use crate::window::{Anchored, AnchoredEwmaVariance};

/// Holds no memory of its own, so a copy allocates nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Recursions {
    pub(crate) ewma_variance_94: AnchoredEwmaVariance,
    pub(crate) ewma_variance_99: AnchoredEwmaVariance,
    pub(crate) ema_20: Anchored<Ema>,
    pub(crate) ema_96: Anchored<Ema>,
    pub(crate) ema_200: Anchored<Ema>,
    pub(crate) kama_10: Anchored<Kama>,
    /// RSI(14) and where it stands in its own range.
    pub(crate) rsi_14: Anchored<StochasticRsi>,
    pub(crate) gains_28: Anchored<WilderGains>,
    pub(crate) gains_56: Anchored<WilderGains>,
    pub(crate) macd: Anchored<Macd>,
    pub(crate) trix_15: Anchored<Trix>,
    pub(crate) atr_10: Anchored<AverageTrueRange>,
    pub(crate) atr_14: Anchored<AverageTrueRange>,
    pub(crate) directional_14: Anchored<DirectionalMovement>,
}

impl Recursions {
    pub(crate) const fn new() -> Self {
        Self {
            ewma_variance_94: AnchoredEwmaVariance::new(AnchoredEwmaVariance::RISK_METRICS),
            ewma_variance_99: AnchoredEwmaVariance::new(0.99),
            ema_20: Anchored::new(Ema::new(20)),
            ema_96: Anchored::new(Ema::new(96)),
            ema_200: Anchored::new(Ema::new(200)),
            kama_10: Anchored::new(Kama::new()),
            rsi_14: Anchored::new(StochasticRsi::new()),
            gains_28: Anchored::new(WilderGains::for_cmo(28)),
            gains_56: Anchored::new(WilderGains::for_rsi(56)),
            macd: Anchored::new(Macd::new(12, 26, 9)),
            trix_15: Anchored::new(Trix::new(15)),
            atr_10: Anchored::new(AverageTrueRange::new(10)),
            atr_14: Anchored::new(AverageTrueRange::new(14)),
            directional_14: Anchored::new(DirectionalMovement::new(14)),
        }
    }

    /// Takes a bar, carried or real.
    pub(crate) fn update(&mut self, index: i64, bar: &KlineFields, log_return: f64) {
        let close = bar.close;
        let prices = HighLowClose { high: bar.high, low: bar.low, close };
        self.ewma_variance_94.update(index, log_return);
        self.ewma_variance_99.update(index, log_return);
        self.ema_20.update(index, close);
        self.ema_96.update(index, close);
        self.ema_200.update(index, close);
        self.kama_10.update(index, close);
        self.rsi_14.update(index, close);
        self.gains_28.update(index, close);
        self.gains_56.update(index, close);
        self.macd.update(index, close);
        self.trix_15.update(index, close);
        self.atr_10.update(index, prices);
        self.atr_14.update(index, prices);
        self.directional_14.update(index, prices);
    }
}
