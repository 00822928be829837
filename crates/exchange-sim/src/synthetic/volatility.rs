//! Volatility with memory on several scales.

use rand_chacha::ChaCha8Rng;

use super::noise::normal;

/// One autoregression of a log volatility.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    /// In bars; 0 is a part that lasts one bar.
    pub(super) half_life: f64,
    /// Stationary variance of the log volatility.
    pub(super) variance: f64,
}

const fn component(half_life: f64, variance: f64) -> Component {
    Component { half_life, variance }
}

/// The market's volatility.
pub(super) const MARKET: [Component; 5] = [
    component(0.0, 0.10),
    component(2.5, 0.15),
    component(14.0, 0.09),
    component(150.0, 0.08),
    component(2_000.0, 0.11),
];

/// The part of a pair's volatility that is its own.
pub(super) const OWN: [Component; 5] = [
    component(0.0, 0.07),
    component(2.5, 0.06),
    component(14.0, 0.04),
    component(150.0, 0.03),
    component(3_000.0, 0.03),
];

/// How much of the market's log volatility a pair's own part takes over.
pub(super) const FOLLOWS: f64 = 0.8;

/// A sum of autoregressions.
#[derive(Debug, Clone)]
pub(super) struct Cascade<const N: usize> {
    persistence: [f64; N],
    innovation: [f64; N],
    level: [f64; N],
    total_variance: f64,
}

impl<const N: usize> Cascade<N> {
    /// Starts from the stationary law.
    pub(super) fn new(components: &[Component; N], random: &mut ChaCha8Rng) -> Self {
        let persistence = components.map(|part| {
            if part.half_life > 0.0 { libm::exp(-std::f64::consts::LN_2 / part.half_life) } else { 0.0 }
        });
        let mut innovation = [0.0; N];
        for ((slot, part), phi) in innovation.iter_mut().zip(components).zip(persistence) {
            *slot = (part.variance * (1.0 - phi * phi)).sqrt();
        }
        let level = components.map(|part| part.variance.sqrt() * normal(random));
        let total_variance = components.iter().map(|part| part.variance).sum();
        Self { persistence, innovation, level, total_variance }
    }

    pub(super) fn step(&mut self, random: &mut ChaCha8Rng) {
        for ((level, phi), innovation) in self.level.iter_mut().zip(self.persistence).zip(self.innovation) {
            *level = phi * *level + innovation * normal(random);
        }
    }

    /// The log volatility, with mean 0.
    pub(super) fn log_volatility(&self) -> f64 {
        self.level.iter().sum()
    }

    /// The log volatility's variance.
    pub(super) const fn variance(&self) -> f64 {
        self.total_variance
    }

    /// The volatility, scaled so that its mean square is 1.
    pub(super) fn scale(&self) -> f64 {
        libm::exp(self.log_volatility() - self.total_variance)
    }
}
