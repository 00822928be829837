//! Which bundles answer.

use std::sync::Arc;

use kline::BarTime;

use super::Forecaster;
use crate::{Alarm, Bundle, BundleError, Effect, JournalRecord, Prediction, Role};

/// At most so many challengers answer in shadow.
const CHALLENGERS_MAX: usize = 4;

/// The champion and the challengers.
#[derive(Debug, Default)]
pub(super) struct Roster {
    champion: Option<Arc<Bundle>>,
    challengers: Vec<Arc<Bundle>>,
}

impl Roster {
    pub(super) const fn champion(&self) -> Option<&Arc<Bundle>> {
        self.champion.as_ref()
    }

    pub(super) fn in_role(&self, role: Role) -> impl Iterator<Item = &Arc<Bundle>> {
        let (champion, challengers) = match role {
            Role::Champion => (self.champion.as_ref(), &[][..]),
            Role::Challenger => (None, &self.challengers[..]),
        };
        champion.into_iter().chain(challengers)
    }

    /// Every bundle, the champion first.
    pub(super) fn bundles(&self) -> Vec<Arc<Bundle>> {
        self.champion.iter().chain(&self.challengers).cloned().collect()
    }

    pub(super) fn is_champion(&self, bundle: &Bundle) -> bool {
        self.champion.as_ref().is_some_and(|champion| champion.digest() == bundle.digest())
    }

    pub(super) fn remove(&mut self, role: Role) {
        match role {
            Role::Champion => self.champion = None,
            Role::Challenger => self.challengers.clear(),
        }
    }

    /// A bundle has one role: as champion it is no longer a challenger, and the other way round it stays champion.
    fn add(&mut self, role: Role, bundle: &Arc<Bundle>) -> Result<(), BundleError> {
        match role {
            Role::Champion => {
                self.challengers.retain(|other| other.digest() != bundle.digest());
                self.champion = Some(Arc::clone(bundle));
            }
            Role::Challenger => {
                let known = self.bundles().iter().any(|other| other.digest() == bundle.digest());
                if !known && self.challengers.len() == CHALLENGERS_MAX {
                    return Err(BundleError::TooManyChallengers { limit: CHALLENGERS_MAX });
                }
                if !known {
                    self.challengers.push(Arc::clone(bundle));
                }
            }
        }
        Ok(())
    }
}

impl Forecaster {
    /// Takes a bundle up and lets it answer the last sealed bar, or says why not and goes on as before.
    pub(super) fn take_up(&mut self, role: Role, bundle: Arc<Bundle>, effects: &mut Vec<Effect>) {
        let checked = self.check(&bundle).and_then(|()| self.roster.add(role, &bundle));
        if let Err(error) = checked {
            let (digest, reason) = (bundle.digest(), Arc::new(error));
            effects.push(Effect::Alarm(Alarm::BundleRefused { digest, reason }));
            return;
        }
        self.compare_symbols(&bundle, effects);
        let told = self.history.first_told(bundle.digest());
        self.join(&bundle, told);
        let Some(last) = self.history.len().checked_sub(1) else { return };
        if role == Role::Champion {
            self.publish_shadow(last, &bundle, effects);
        }
        match told {
            Some(bar) => self.catch_up(bar, effects),
            None => {
                self.answer(last, effects);
            }
        }
    }

    /// Names the symbols that only the bundle has, or only this Forecaster.
    fn compare_symbols(&self, bundle: &Bundle, effects: &mut Vec<Effect>) {
        let digest = bundle.digest();
        let uncovered: Vec<_> =
            self.symbols.iter().copied().filter(|symbol| !bundle.covers(*symbol)).collect();
        if !uncovered.is_empty() {
            effects.push(Effect::Alarm(Alarm::SymbolsNotInBundle { digest, symbols: uncovered }));
        }
        let trained_on = bundle.manifest().symbols.iter().copied();
        let unfollowed: Vec<_> = trained_on.filter(|symbol| self.index_of(*symbol).is_none()).collect();
        if !unfollowed.is_empty() {
            effects.push(Effect::Alarm(Alarm::MarketIncomplete { digest, symbols: unfollowed }));
        }
    }

    /// Lets the features over all symbols look at the symbols that a bundle was trained on, whatever else is followed: the
    /// market of training is the market that is served.
    pub(super) fn look_at_market_of(&mut self, bundle: &Bundle) {
        self.work.members.clear();
        self.work.members.extend(self.symbols.iter().map(|symbol| bundle.covers(*symbol)));
        self.state.panel.measure_over(&self.work.members);
    }

    /// The same for the champion; without one all symbols are looked at.
    pub(super) fn look_at_champions_market(&mut self) {
        if let Some(champion) = self.roster.champion().cloned() {
            self.look_at_market_of(&champion);
        } else {
            self.work.members.clear();
            self.work.members.resize(self.symbols.len(), true);
            self.state.panel.measure_over(&self.work.members);
        }
    }

    /// Says what an earlier process has not said since `bar`, because it ended before.
    fn catch_up(&mut self, bar: BarTime, effects: &mut Vec<Effect>) {
        let (replayed, amended) = self.replay(bar, effects);
        if amended > 0 {
            effects.push(Effect::Alarm(Alarm::CaughtUp { bar, replayed, amended }));
        }
    }

    /// Whether a bundle can answer here at all.
    fn check(&self, bundle: &Bundle) -> Result<(), BundleError> {
        let manifest = bundle.manifest();
        if manifest.interval != self.interval {
            return Err(BundleError::Interval { found: manifest.interval, expected: self.interval });
        }
        if !self.symbols.iter().any(|symbol| bundle.covers(*symbol)) {
            return Err(BundleError::Symbols { symbols: manifest.symbols.clone() });
        }
        Ok(())
    }

    /// Makes a bundle answer the last sealed bar, those that it has answered in an earlier process, and since the first of
    /// them those that nobody has answered: others were not its turn.
    fn join(&mut self, bundle: &Arc<Bundle>, first: Option<BarTime>) {
        let count = self.history.len();
        for at in 0..count {
            let record = self.history.record_mut(at);
            let mut said = record.announced.iter().flatten().map(|kept| kept.prediction.bundle).peekable();
            let was_its_turn = said.peek().is_none() || said.any(|said| said == bundle.digest());
            let is_due = first.is_some_and(|first| first <= record.bar) && was_its_turn || at + 1 == count;
            let answers = record.answering.iter().any(|other| other.digest() == bundle.digest());
            if is_due && !answers {
                record.answering.push(Arc::clone(bundle));
            }
        }
    }

    /// Publishes what the new champion has already said about the last sealed bar in shadow.
    fn publish_shadow(&mut self, last: usize, bundle: &Bundle, effects: &mut Vec<Effect>) {
        let record = &self.history.records()[last];
        for index in 0..self.symbols.len() {
            if let Some(kept) = record.find(index, bundle.digest()) {
                self.latest[index] = Some(Arc::clone(&kept.prediction));
                effects.push(Effect::Publish(Arc::clone(&kept.prediction)));
            }
        }
    }

    /// Journals a prediction, and publishes it if it is the champion's.
    pub(super) fn announce(
        &mut self,
        symbol_index: usize,
        bundle: &Bundle,
        prediction: &Arc<Prediction>,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Journal(JournalRecord::Prediction(Arc::clone(prediction))));
        if !self.roster.is_champion(bundle) {
            return;
        }
        effects.push(Effect::Publish(Arc::clone(prediction)));
        let latest = &mut self.latest[symbol_index];
        let other = |kept: &Prediction| kept.bundle != prediction.bundle;
        if latest.as_ref().is_none_or(|kept| kept.bar_time <= prediction.bar_time || other(kept)) {
            *latest = Some(Arc::clone(prediction));
        }
    }
}
