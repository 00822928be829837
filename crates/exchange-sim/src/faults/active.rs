//! An episode that has begun.

use std::collections::BTreeSet;

use kline::{Milliseconds, Symbol};

use super::{Draw, Episode, FaultEntry};
use crate::LineId;

/// An episode and whom it strikes.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) episode: Episode,
    /// One symbol's klines; `None` for those of all.
    pub(crate) symbol: Option<Symbol>,
    /// Some connections; `None` for all, also those that come later.
    pub(crate) lines: Option<Vec<LineId>>,
    /// For decisions that follow one another.
    pub(crate) draw: Draw,
    logged: BTreeSet<Option<LineId>>,
}

impl Active {
    /// Half of the episodes strike one symbol and half of them one of the `open` connections; the others all.
    pub(crate) fn new(episode: Episode, symbols: &[Symbol], open: &[LineId]) -> Self {
        let mut draw = episode.draw(0);
        let symbol = symbols.get(draw.below(symbols.len())).copied().filter(|_| draw.chance(0.5));
        let one = open.get(draw.below(open.len())).copied().filter(|_| draw.chance(0.5));
        let lines = one.map(|line| vec![line]);
        Self { episode, symbol, lines, draw, logged: BTreeSet::new() }
    }

    /// Strikes these connections alone.
    pub(crate) fn only(mut self, lines: Vec<LineId>) -> Self {
        self.lines = Some(lines);
        self
    }

    pub(crate) const fn at(&self, time: Milliseconds) -> bool {
        self.episode.start <= time && time < self.episode.until
    }

    pub(crate) fn strikes_line(&self, line: LineId) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.contains(&line))
    }

    pub(crate) fn strikes_symbol(&self, symbol: Symbol) -> bool {
        self.symbol.is_none_or(|struck| struck == symbol)
    }

    /// The entry of an episode that shows on a connection, or on requests, for the first time.
    pub(crate) fn first(&mut self, line: Option<LineId>, now: Milliseconds) -> Option<FaultEntry> {
        let Episode { kind, until, .. } = self.episode;
        self.logged.insert(line).then_some(FaultEntry { kind, symbol: None, line, start: now, end: until })
    }
}
