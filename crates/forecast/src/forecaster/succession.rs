//! One Forecaster after another: what is followed changes while predictions go on.
//!
//! A Forecaster follows the same symbols for life. To follow others, a second one is warmed up with their history beside
//! the first, and takes over from it.

use std::sync::Arc;

use super::Forecaster;
use crate::{Effect, Journalled, Received, Role};

impl Forecaster {
    /// Goes on where `before` stands: its clock, what it has heard of the symbols that both follow, what it has said,
    /// its bundles and what was renewed for them. What comes out with other bits than before is said as the next revision, and what it could not say,
    /// being about symbols that it did not follow, is said for the bars that its bundles have answered: the same as after
    /// a restart with other symbols. Predictions about symbols that are not followed any more are not resolved here.
    ///
    /// Both have the same interval; this one has been warmed up and has no bundle yet.
    pub fn take_over(&mut self, before: &Self, effects: &mut Vec<Effect>) {
        if let Some(clock) = before.event_time() {
            self.inbox.advance(clock);
        }
        self.remember(before.said());
        for (index, &symbol) in before.symbols.iter().enumerate() {
            if self.index_of(symbol).is_none() {
                continue;
            }
            for received in before.received(index) {
                // What is too old to be replayed was in the history.
                if self.history.can_replay(received.kline.bar_time(self.interval)) {
                    self.take(symbol, received, true, effects);
                }
            }
        }
        for (symbol, forming) in before.symbols.iter().zip(&before.forming) {
            if let Some((index, kline)) = self.index_of(*symbol).zip(*forming)
                && self.inbox.is_after_last(index, kline.bar_time(self.interval))
            {
                self.forming[index] = Some(kline);
            }
        }
        self.settle(effects);
        self.renewed = before.renewed.clone();
        for role in [Role::Champion, Role::Challenger] {
            for bundle in before.bundles(role) {
                self.take_up(role, Arc::clone(bundle), effects);
            }
        }
    }

    /// The last revisions of what was said about bars that can still change, and what came of it.
    fn said(&self) -> Journalled {
        let mut said = Journalled::default();
        for kept in self.history.records().iter().flat_map(|record| record.announced.iter().flatten()) {
            said.predictions.push(Arc::clone(&kept.prediction));
            said.resolutions.extend(kept.resolutions.iter().cloned());
        }
        for told in self.told.values() {
            said.predictions.extend(told.predictions.iter().cloned());
            said.resolutions.extend(told.resolutions.iter().cloned());
        }
        said
    }

    /// A symbol's klines that can still change, in the order of the bars, the waiting ones last.
    fn received(&self, index: usize) -> impl Iterator<Item = Received> + '_ {
        let sealed = self.history.records().iter().filter_map(move |record| record.klines[index]);
        sealed.chain(self.inbox.waiting(index))
    }
}
