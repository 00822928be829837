//! One websocket connection as the feed sees it. Pure: the socket itself is the driver's.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::ExchangeLimits;
use crate::backoff::Backoff;

/// A connection of the feed: which of its lines, and which one after the other on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId {
    /// Which line, from 0.
    pub line: usize,
    /// How many connections the line had before.
    pub generation: u64,
}

/// What a line is doing.
#[derive(Debug)]
pub(super) enum Phase {
    /// Waits to be connected.
    Down { until: Instant },
    /// The driver connects it.
    Connecting,
    /// Open.
    Open(Open),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    /// When it is renewed.
    pub(super) renew_at: Instant,
    pub(super) last_message: Instant,
    pub(super) last_kline: Instant,
    /// Whether a kline frame has come since a missing close was last fetched.
    pub(super) heard: bool,
    /// Requests still to be sent.
    outbox: VecDeque<String>,
    send_at: Instant,
}

impl Open {
    pub(super) fn new(now: Instant, renew_at: Instant, outbox: VecDeque<String>) -> Self {
        Self { renew_at, last_message: now, last_kline: now, heard: false, outbox, send_at: now }
    }

    /// The next request that may be sent now.
    pub(super) fn outgoing(&mut self, now: Instant, limits: &ExchangeLimits) -> Option<String> {
        if now < self.send_at {
            return None;
        }
        let request = self.outbox.pop_front()?;
        self.send_at = now + limits.message_pause;
        Some(request)
    }

    /// When something is due at the latest if nothing comes.
    pub(super) fn wake_at(&self, limits: &ExchangeLimits) -> Instant {
        let due = self.renew_at.min(self.last_message + limits.silent_socket);
        if self.outbox.is_empty() { due } else { due.min(self.send_at) }
    }
}

/// A line and its past.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) phase: Phase,
    pub(super) generation: u64,
    pub(super) backoff: Backoff,
    /// Whether the present connection has brought something.
    pub(super) worked: bool,
}

impl Line {
    pub(super) fn new(now: Instant, limits: &ExchangeLimits) -> Self {
        Self {
            phase: Phase::Down { until: now },
            generation: 0,
            backoff: Backoff::new(limits.backoff),
            worked: false,
        }
    }

    pub(super) const fn open(&self) -> Option<&Open> {
        match &self.phase {
            Phase::Open(open) => Some(open),
            Phase::Down { .. } | Phase::Connecting => None,
        }
    }

    pub(super) const fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.phase {
            Phase::Open(open) => Some(open),
            Phase::Down { .. } | Phase::Connecting => None,
        }
    }
}
