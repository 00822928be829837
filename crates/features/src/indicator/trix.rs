//! Rate of change of a triple smoothed average.

use serde::{Deserialize, Serialize};

use super::ema::Ema;
use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::window::Recursion;

/// The one-bar rate of change, in hundredths, of an EMA of an EMA of an EMA.
///
/// Source: TA-Lib `TRIX`, the same order of operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trix {
    averages: [Ema; 3],
    previous: f64,
}

impl Trix {
    /// A blank state.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { averages: [Ema::new(period), Ema::new(period), Ema::new(period)], previous: f64::NAN }
    }

    /// The rate of change in hundredths, NaN before the seeds.
    #[must_use]
    pub fn value(&self) -> f64 {
        (self.averages[2].value() / self.previous - 1.0) * 100.0
    }
}

impl Recursion for Trix {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        self.previous = self.averages[2].value();
        let mut input = price;
        for average in &mut self.averages {
            average.update(input);
            input = average.value();
            if input.is_nan() {
                break;
            }
        }
    }
}

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "trix_15",
        group: Group::Momentum,
        window: 15,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition: "100 * one-bar rate of change of the close's EMA(15) of EMA(15) of EMA(15)",
        source: "TA-Lib TRIX, generations of 512 bars",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.trix_15.read().map_or(f64::NAN, Trix::value);
}
