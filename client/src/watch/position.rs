//! Where a reader is, and what it was told.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::wire;

/// How many predictions are remembered as told; beyond, the oldest is forgotten.
const REMEMBERED: usize = 8_192;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// With the latest prediction of each symbol.
    Latest,
    /// With the journal's predictions of later bars than this, in Unix milliseconds.
    AfterBar(i64),
    /// After the event that carried this token.
    AfterToken(&'a str),
}

/// Where a reader is.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    token: Option<String>,
    /// The latest bar that was told; 0 before the first.
    latest_bar_ms: i64,
    /// Whether a token was refused, so that all that is left has to be asked for.
    has_lost: bool,
    told: Told,
}

impl Position {
    /// After an event of an earlier reader, or at the beginning.
    pub(super) fn after(token: Option<String>) -> Self {
        Self { token, ..Self::default() }
    }

    /// The token that goes on from here.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// How to go on from here. The latest bar told is asked for whole, because not all of its symbols may have been told.
    pub(super) fn start(&self) -> Start<'_> {
        match (&self.token, self.latest_bar_ms) {
            (Some(token), _) => Start::AfterToken(token),
            (None, bar) if bar > 0 => Start::AfterBar((bar - 1).max(1)),
            // 0 would ask for nothing of the past.
            (None, _) if self.has_lost => Start::AfterBar(1),
            (None, _) => Start::Latest,
        }
    }

    /// Whether a prediction was not told yet; notes it. A nowcast is always new: it is sent once, and remembering it would
    /// push out what may come again.
    pub(super) fn tell(&mut self, prediction: &wire::Prediction) -> bool {
        if prediction.provisional {
            return true;
        }
        self.latest_bar_ms = self.latest_bar_ms.max(prediction.bar_time_ms);
        self.told.insert(prediction)
    }

    /// Everything up to the event of a token was told. An empty one says nothing: the journal had no event yet.
    pub(super) fn reach(&mut self, token: String) {
        if !token.is_empty() {
            self.token = Some(token);
        }
    }

    /// The token was refused; answers the latest bar that was told.
    pub(super) fn lose_token(&mut self) -> i64 {
        self.token = None;
        self.has_lost = true;
        self.latest_bar_ms
    }
}

/// What names a prediction and its content, whichever server made it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    symbol: String,
    bar_time_ms: i64,
    bundle: String,
    revision: u32,
    row_hash: String,
}

/// The predictions that were told last.
#[derive(Debug, Clone, Default)]
struct Told {
    known: HashSet<Arc<Key>>,
    in_order: VecDeque<Arc<Key>>,
}

impl Told {
    /// Whether it is new; notes it.
    fn insert(&mut self, prediction: &wire::Prediction) -> bool {
        let key = Arc::new(Key {
            symbol: prediction.symbol.clone(),
            bar_time_ms: prediction.bar_time_ms,
            bundle: prediction.bundle_digest.clone(),
            revision: prediction.revision,
            row_hash: prediction.row_hash.clone(),
        });
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.in_order.push_back(key);
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
