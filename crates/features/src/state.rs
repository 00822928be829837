//! What the engine keeps for one symbol.

use kline::{BarTime, Interval, KlineFields};
use serde::{Deserialize, Serialize};

use crate::higher::HigherTimeframes;
use crate::history::{Column, History};
use crate::indicator::{self, Bar, Clock, Volatilities};
use crate::recursions::Recursions;
use crate::summaries::Summaries;
use crate::window::{log_return, ratio};
use crate::{FeatureDefinition, MAX_CARRIED_BARS, Quality};

/// How many of the last bars [`Quality::carried_bars`] looks at.
const CARRIED_WINDOW: u32 = 96;

/// What the other symbols' features need of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Log returns over 1, 4, 16 and 96 bars.
    pub(crate) returns: [f64; 4],
    pub(crate) volatility_4: f64,
    pub(crate) volatility_96: f64,
    pub(crate) volume_ratio: f64,
}

/// One symbol's history, recursions and last row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SymbolState {
    history: History,
    recursions: Recursions,
    /// Made anew from the history by [`Self::complete`].
    #[serde(skip, default = "Summaries::new")]
    summaries: Summaries,
    higher: HigherTimeframes,
    last: Option<BarTime>,
    /// Klines and carried bars since the symbol began or restarted.
    bars: u32,
    /// One bit a bar, the newest lowest: 1 for a carried bar.
    carried: u128,
    summary: Summary,
    values: Vec<f64>,
    quality: Quality,
}

impl SymbolState {
    /// A symbol of which nothing is known; its rows are `width` values wide.
    pub(crate) fn new(width: usize) -> Self {
        let nothing = f64::NAN;
        Self {
            history: History::new(),
            recursions: Recursions::new(),
            summaries: Summaries::new(),
            higher: HigherTimeframes::new(),
            last: None,
            bars: 0,
            carried: 0,
            summary: Summary {
                returns: [nothing; 4],
                volatility_4: nothing,
                volatility_96: nothing,
                volume_ratio: nothing,
            },
            values: vec![f64::NAN; width],
            quality: Quality::default(),
        }
    }

    /// Says whether this has the shape that [`Self::new`] makes (a snapshot's might not).
    pub(crate) fn is_well_formed(&self, width: usize) -> bool {
        self.history.is_well_formed() && self.values.len() == width
    }

    /// The bar of the last kline.
    pub(crate) const fn last(&self) -> Option<BarTime> {
        self.last
    }

    pub(crate) const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many bars were seen since the last restart, carried ones included.
    pub(crate) const fn bars(&self) -> u32 {
        self.bars
    }

    /// Makes what a snapshot leaves out.
    pub(crate) fn complete(&mut self, interval: Interval) {
        if let Some(last) = self.last {
            self.summaries.rebuild(last.index(interval), &self.history);
        }
    }

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(crate) const fn quality(&self) -> Quality {
        self.quality
    }

    /// Takes a closed kline that is after the last one, carrying a short gap before it and restarting after a long
    /// one, and computes everything that needs no other symbol.
    pub(crate) fn close(&mut self, bar: BarTime, kline: &KlineFields, interval: Interval, clock: &Clock) {
        if let Some(last) = self.last {
            let missing = bar.steps_since(last, interval) - 1;
            if missing > MAX_CARRIED_BARS {
                self.restart();
            } else {
                self.carry(last, missing, interval);
            }
        }
        self.push(bar.index(interval), kline, false);
        self.last = Some(bar);
        let volatility = Volatilities::of(&self.history, &self.summaries);
        self.summary = self.summarise(volatility);
        let (history, recursions, higher) = (&self.history, &self.recursions, &self.higher);
        let (summaries, returns) = (&self.summaries, self.summary.returns);
        let seen = Bar { kline, clock, history, recursions, higher, summaries, volatility, returns };
        indicator::compute(&seen, &mut self.values);
    }

    fn carry(&mut self, last: BarTime, missing: i64, interval: Interval) {
        let close = self.history.at(Column::Close, 0);
        for step in 1..=missing {
            let bar = last.plus(step, interval);
            let flat = KlineFields {
                close_time: bar.milliseconds(),
                ..KlineFields::flat(bar.open_time(interval), close)
            };
            self.push(bar.index(interval), &flat, true);
        }
    }

    fn push(&mut self, index: i64, bar: &KlineFields, carried: bool) {
        self.history.push(bar);
        self.summaries.push(index, &self.history);
        let (high, low) = (self.summaries.high_14.highest(), self.summaries.low_14.lowest());
        let unit = (high - low) / 100.0;
        // TA-Lib has 0 where there was no range.
        self.history.push_stochastic(if unit == 0.0 { 0.0 } else { (bar.close - low) / unit });
        let log_return = self.history.at(Column::LogReturn, 0);
        self.recursions.update(index, bar, log_return);
        self.higher.update(index, bar, log_return);
        self.carried = self.carried << 1 | u128::from(carried);
        self.bars = self.bars.saturating_add(1);
    }

    fn restart(&mut self) {
        self.history.clear();
        self.summaries.clear();
        self.recursions = Recursions::new();
        self.higher = HigherTimeframes::new();
        self.bars = 0;
        self.carried = 0;
    }

    fn summarise(&self, volatility: Volatilities) -> Summary {
        let close = self.history.at(Column::Close, 0);
        Summary {
            returns: [
                self.history.at(Column::LogReturn, 0),
                self.history.at(Column::LogReturn4, 0),
                self.history.at(Column::LogReturn16, 0),
                log_return(self.history.at(Column::Close, 96), close),
            ],
            volatility_4: volatility.hour,
            volatility_96: volatility.day,
            volume_ratio: ratio(
                self.history.at(Column::HourVolume, 0) / 4.0,
                self.summaries.volume_96.moments().mean,
            ),
        }
    }

    /// Takes the values over all symbols and finishes the row: what is not finite becomes the one NaN.
    pub(crate) fn finish(&mut self, cross: &[f64], definitions: &[FeatureDefinition]) {
        let own = self.values.len() - cross.len();
        self.values[own..].copy_from_slice(cross);
        let (mut warm, mut missing) = (0, 0);
        for (value, definition) in self.values.iter_mut().zip(definitions) {
            if value.is_finite() {
                warm += 1;
                continue;
            }
            *value = f64::NAN;
            if self.bars >= definition.warm_up_bars {
                missing += 1;
            }
        }
        let window = (1u128 << CARRIED_WINDOW) - 1;
        self.quality = Quality {
            warm_features: warm,
            total: u16::try_from(definitions.len()).unwrap_or(u16::MAX),
            carried_bars: u16::try_from((self.carried & window).count_ones()).unwrap_or(u16::MAX),
            missing_inputs: missing,
        };
    }
}

impl Clone for SymbolState {
    fn clone(&self) -> Self {
        Self {
            history: self.history.clone(),
            recursions: self.recursions.clone(),
            summaries: self.summaries.clone(),
            higher: self.higher.clone(),
            values: self.values.clone(),
            ..*self
        }
    }

    /// Reuses the memory, so that a copy allocates nothing.
    fn clone_from(&mut self, source: &Self) {
        self.history.clone_from(&source.history);
        self.recursions.clone_from(&source.recursions);
        self.summaries.clone_from(&source.summaries);
        self.higher.clone_from(&source.higher);
        self.values.clone_from(&source.values);
        self.last = source.last;
        self.bars = source.bars;
        self.carried = source.carried;
        self.summary = source.summary;
        self.quality = source.quality;
    }
}
