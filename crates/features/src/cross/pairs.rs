//! A symbol's log returns beside Bitcoin's.

use kline::{BarTime, Interval};

use crate::MAX_CARRIED_BARS;
use crate::history::Column;
use crate::state::SymbolState;
use crate::window::Sliding;
use crate::window::terms::Products;

/// Second moments of pairs of log returns, kept up to date when bars are sealed. Holds nothing that the two histories do
/// not.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// The index of the last bar, and Bitcoin's place: the sums are of that one.
    last: Option<(i64, usize)>,
    /// Bitcoin's as x, over 96 bars.
    pub(crate) day: Sliding<Products>,
    /// Bitcoin's as x, over 672 bars.
    pub(crate) week: Sliding<Products>,
    /// Bitcoin's of one bar before as x, over 96 bars.
    pub(crate) leads: Sliding<Products>,
    /// Bitcoin's as y, the symbol's of one bar before as x, over 96 bars.
    pub(crate) lags: Sliding<Products>,
}

impl Pairs {
    pub(crate) fn new() -> Self {
        Self {
            last: None,
            day: Sliding::new(96),
            week: Sliding::new(672),
            leads: Sliding::new(96),
            lags: Sliding::new(96),
        }
    }

    /// Catches up with two symbols that both have the bar. A bar at which only one of them had come is taken now, as it
    /// was carried.
    pub(crate) fn update(
        &mut self,
        bar: BarTime,
        interval: Interval,
        own: &SymbolState,
        (place, bitcoin): (usize, &SymbolState),
    ) {
        let index = bar.index(interval);
        let pair = |back: usize| (return_of(bitcoin, back), return_of(own, back));
        let leads = |back: usize| (return_of(bitcoin, back + 1), return_of(own, back));
        let lags = |back: usize| (return_of(own, back + 1), return_of(bitcoin, back));
        match self.last.filter(|(_, of)| *of == place).map(|(last, _)| index - last) {
            // Neither has restarted since, and there is no more to catch up with than a carried gap.
            Some(steps)
                if steps <= MAX_CARRIED_BARS + 1
                    && steps < i64::from(own.bars())
                    && steps < i64::from(bitcoin.bars()) =>
            {
                for ago in (0..steps).rev() {
                    let (index, ago) = (index - ago, ago as usize);
                    self.day.push(index, |back| pair(back + ago));
                    self.week.push(index, |back| pair(back + ago));
                    self.leads.push(index, |back| leads(back + ago));
                    self.lags.push(index, |back| lags(back + ago));
                }
            }
            _ => {
                self.day.rebuild(index, pair);
                self.week.rebuild(index, pair);
                self.leads.rebuild(index, leads);
                self.lags.rebuild(index, lags);
            }
        }
        self.last = Some((index, place));
    }
}

fn return_of(state: &SymbolState, back: usize) -> f64 {
    state.history().at(Column::LogReturn, back)
}

impl Clone for Pairs {
    fn clone(&self) -> Self {
        Self {
            last: self.last,
            day: self.day.clone(),
            week: self.week.clone(),
            leads: self.leads.clone(),
            lags: self.lags.clone(),
        }
    }

    /// Reuses the memory, so that a copy allocates nothing.
    fn clone_from(&mut self, source: &Self) {
        self.last = source.last;
        self.day.clone_from(&source.day);
        self.week.clone_from(&source.week);
        self.leads.clone_from(&source.leads);
        self.lags.clone_from(&source.lags);
    }
}
