//! Klines of which nothing new is told, neither by frames nor by REST. Trades go on.

use kline::{Interval, Milliseconds, Symbol};

use super::{FaultKind, Faults, Letter};

/// Whose klines are not told any more, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Silent {
    symbol: Option<Symbol>,
    since: Milliseconds,
}

impl Silent {
    pub(crate) fn strikes(self, symbol: Symbol) -> bool {
        self.symbol.is_none_or(|struck| struck == symbol)
    }

    /// The opening of the last bar that REST knows: it had closed before, and opens at `to` at the latest.
    pub(crate) fn last_open(self, to: Option<Milliseconds>, interval: Interval) -> Milliseconds {
        let last = self.since - interval.milliseconds();
        to.map_or(last, |to| to.min(last))
    }
}

impl Faults {
    /// Whether nothing new is told of klines at `now`, so that a request about a pair is answered otherwise.
    pub(crate) fn klines_silent(&mut self, symbol: Option<Symbol>, now: Milliseconds) -> Option<Silent> {
        for active in &mut self.active {
            let struck = active.symbol.is_none() || active.symbol == symbol;
            if active.episode.kind != FaultKind::KlinesSilent || !active.at(now) || !struck {
                continue;
            }
            let silent = Silent { symbol: active.symbol, since: active.episode.start };
            if let Some(entry) = active.first(None, now) {
                self.log.add(super::FaultEntry { symbol: silent.symbol, ..entry });
            }
            return Some(silent);
        }
        None
    }

    /// Whether a letter is one of the frames that are not sent.
    pub(super) fn silences(&mut self, letter: &Letter, now: Milliseconds) -> bool {
        letter.is_kline && self.klines_silent(Some(letter.symbol), now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_knows_what_had_closed_before() {
        let silent = Silent { symbol: "BTCUSDT".parse().ok(), since: 2_000_000 };
        assert_eq!(silent.last_open(None, Interval::M15), 1_100_000, "the bar from 900000 to 1799999");
        assert_eq!(silent.last_open(Some(5), Interval::M15), 5);
        assert_eq!(silent.last_open(Some(i64::MAX), Interval::M15), 1_100_000);
        assert!(silent.strikes("BTCUSDT".parse().expect("a name")));
        assert!(!silent.strikes("ETHUSDT".parse().expect("a name")));
    }
}
