//! A state that outlives the process: saved, and taken up again if the klines behind it are still the same.
//!
//! A saved state is only ever a short cut. What it was made of is compared with the history at hand; where one bit
//! differs, a state is made from the history as if there were no snapshot.

use std::collections::BTreeMap;

use features::{Envelope, HISTORY_BARS, SnapshotError};
use kline::{BarTime, Interval, Kline, Symbol};
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::{Forecaster, State, history};
use crate::OutcomeMachine;
use crate::panel::Panel;

const SNAPSHOT: Envelope = Envelope { magic: b"klcstate", version: 1 };

/// Every bar that can still be answered depends on so many bars before the last one.
const REACH_BARS: i64 = HISTORY_BARS as i64 + history::KEPT_BARS;

/// Why a snapshot was not taken up. The Forecaster is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The Forecaster has sealed bars.
    #[error("a snapshot is taken up before any kline; the last sealed bar is {sealed}")]
    Begun {
        /// The last sealed bar.
        sealed: BarTime,
    },
    /// The bytes are no snapshot of this program's.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The snapshot follows other symbols.
    #[error(
        "the snapshot is of {} other or more symbols: {}; it holds for exactly the symbols that are followed",
        difference.len(), list(difference)
    )]
    Symbols {
        /// The symbols that only one of the two has.
        difference: Vec<Symbol>,
    },
    /// The snapshot has another step.
    #[error("the snapshot is of interval {found}, this Forecaster's is {expected}")]
    Interval {
        /// In the snapshot.
        found: Interval,
        /// Of this Forecaster.
        expected: Interval,
    },
    /// The history at hand has nothing after the snapshot, or nothing of what it was made of.
    #[error(
        "the snapshot is of bar {after}, the history ends with {end}: it has to end at most {} bars later", REACH_BARS - 1
    )]
    Time {
        /// The snapshot's last bar.
        after: BarTime,
        /// The history's last bar.
        end: BarTime,
    },
    /// A kline behind the snapshot differs from the one in the history, or only one of them has it.
    #[error("the snapshot was made of other klines of {symbol} than the history has, from bar {block} on")]
    Klines {
        /// The market.
        symbol: Symbol,
        /// The first bar of the block of bars that differs.
        block: BarTime,
    },
}

fn list(symbols: &[Symbol]) -> String {
    let names: Vec<&str> = symbols.iter().take(8).map(Symbol::as_str).collect();
    names.join(", ")
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    after: BarTime,
    /// The feature engine in its own envelope.
    engine: Vec<u8>,
    machines: Vec<OutcomeMachine>,
    fingerprints: Vec<Fingerprint>,
}

impl Forecaster {
    /// The bar of the state that [`Forecaster::snapshot`] would save: the oldest one that can still be gone back to, since
    /// what comes later may still be corrected. `None` until there is one.
    #[must_use]
    pub fn snapshot_bar(&self) -> Option<BarTime> {
        self.history.oldest_state().map(|(bar, _)| bar)
    }

    /// A state of all symbols as bytes: versioned, with the catalogue's hash, what it was made of and a checksum.
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        let (after, State { panel, fingerprints, .. }) = self.history.oldest_state()?;
        let saved = Saved {
            after,
            engine: panel.engine().snapshot(),
            machines: panel.machines().to_vec(),
            fingerprints: fingerprints.clone(),
        };
        Some(SNAPSHOT.seal(&saved))
    }

    /// Takes up what [`Forecaster::snapshot`] saved, if `history` has the same klines up to its bar; [`Forecaster::warm_up`]
    /// with that history then replays only what came after. Answers the snapshot's bar.
    ///
    /// # Errors
    /// A snapshot that is not this Forecaster's, is damaged, or was made of other klines.
    pub fn resume(
        &mut self,
        snapshot: &[u8],
        history: &BTreeMap<Symbol, Vec<Kline>>,
    ) -> Result<BarTime, ResumeError> {
        if let Some(sealed) = self.watermark() {
            return Err(ResumeError::Begun { sealed });
        }
        let Saved { after, engine, machines, fingerprints } = SNAPSHOT.open(snapshot)?;
        let panel = Panel::restore(&engine, machines)?;
        let (found, expected) = (panel.engine().interval(), self.interval);
        if found != expected {
            return Err(ResumeError::Interval { found, expected });
        }
        let saved_symbols = panel.engine().symbols();
        if saved_symbols != self.symbols {
            let only = |symbols: &[Symbol], others: &[Symbol]| -> Vec<Symbol> {
                symbols.iter().copied().filter(|symbol| !others.contains(symbol)).collect()
            };
            let mut difference = only(saved_symbols, &self.symbols);
            difference.extend(only(&self.symbols, saved_symbols));
            return Err(ResumeError::Symbols { difference });
        }
        if fingerprints.len() != self.symbols.len() || panel.engine().sealed() != Some(after) {
            let reason = "the parts of the state do not fit together".to_owned();
            return Err(SnapshotError::Malformed { reason }.into());
        }
        self.compare(after, &fingerprints, history)?;
        self.state = State { panel, fingerprints, ..self.state.clone() };
        self.history.begin_after(after, self.state.clone());
        Ok(after)
    }

    /// Whether the klines that a state up to `after` depends on are those of the history.
    fn compare(
        &self,
        after: BarTime,
        fingerprints: &[Fingerprint],
        history: &BTreeMap<Symbol, Vec<Kline>>,
    ) -> Result<(), ResumeError> {
        let series = |symbol: &Symbol| history.get(symbol).map(Vec::as_slice).unwrap_or_default();
        let bar_of = |kline: &Kline| kline.bar_time(self.interval);
        let end = self.symbols.iter().filter_map(|symbol| series(symbol).last()).map(bar_of).max();
        let end = end.unwrap_or(after);
        let needed = end.plus(-REACH_BARS, self.interval);
        if end <= after || after <= needed {
            return Err(ResumeError::Time { after, end });
        }
        for (&symbol, saved) in self.symbols.iter().zip(fingerprints) {
            let mut present = Fingerprint::default();
            for kline in series(&symbol).iter().take_while(|kline| bar_of(kline) <= after) {
                present.push(bar_of(kline), kline, self.interval);
            }
            if let Some(block) = saved.difference(&present, needed, self.interval) {
                return Err(ResumeError::Klines { symbol, block });
            }
        }
        Ok(())
    }
}
