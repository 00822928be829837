//! Klines that are missing, and when they are asked for.
//!
//! A hole is asked for when a later kline shows it, when its bar is sealed without it, and again when the bars sealed
//! since are 1, 2, 4 and so on up to 256.

use kline::BarTime;

use super::{Forecaster, history};
use crate::Effect;

impl Forecaster {
    /// Asks for the bars between a symbol's last kline and the one that has just arrived.
    pub(super) fn ask_for_gap(&self, index: usize, bar: BarTime, effects: &mut Vec<Effect>) {
        let Some((_, last)) = self.inbox.seen(index) else { return };
        if bar.steps_since(last, self.interval) > 1 {
            let reach = bar.plus(-(Self::HISTORY_BARS as i64), self.interval);
            let from = last.plus(1, self.interval).max(reach);
            let to = bar.plus(-1, self.interval);
            effects.push(Effect::Fetch { symbol: self.symbols[index], from, to });
        }
    }

    /// Asks for one bar of several symbols.
    pub(super) fn ask_for(&self, indices: &[usize], bar: BarTime, effects: &mut Vec<Effect>) {
        for &index in indices {
            effects.push(Effect::Fetch { symbol: self.symbols[index], from: bar, to: bar });
        }
    }

    /// Asks again for holes whose last bar is as old as the rule says.
    pub(super) fn ask_again(&self, effects: &mut Vec<Effect>) {
        let Some(sealed) = self.watermark() else { return };
        let mut age = 1;
        while age < history::REPLAY_BARS {
            let bar = sealed.plus(-age, self.interval);
            for index in 0..self.symbols.len() {
                if self.is_hole(index, bar) && !self.is_hole(index, bar.plus(1, self.interval)) {
                    let mut from = bar;
                    while self.is_hole(index, from.plus(-1, self.interval)) {
                        from = from.plus(-1, self.interval);
                    }
                    effects.push(Effect::Fetch { symbol: self.symbols[index], from, to: bar });
                }
            }
            age *= 2;
        }
    }

    /// Whether a symbol's kline of a bar is missing that could still be taken in.
    pub(super) fn is_hole(&self, index: usize, bar: BarTime) -> bool {
        let begun = self.inbox.seen(index).is_some_and(|(first, _)| first < bar);
        let sealed = self.watermark().is_some_and(|sealed| bar <= sealed);
        if !begun || !sealed || !self.inbox.is_active(index, bar) || !self.history.can_replay(bar) {
            return false;
        }
        match self.history.find(bar) {
            Some(at) => self.history.records()[at].klines[index].is_none(),
            None => true,
        }
    }
}
