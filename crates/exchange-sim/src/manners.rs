//! What a subscriber has to do: answer pings, and not talk too much.

use std::collections::VecDeque;

use kline::Milliseconds;

/// A connection that has not answered a ping for this many pings is closed (a minute of the usual 20 seconds).
const UNANSWERED_PINGS: u32 = 3;
/// More messages than this in one second, control frames counted, close a connection.
const MESSAGES_A_SECOND: usize = 5;

pub(crate) const GOING_AWAY: u16 = 1001;
pub(crate) const POLICY: u16 = 1008;

/// Why a connection ends from the exchange's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// How one connection has behaved; times are the client's.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    unanswered: u32,
    recent: VecDeque<Milliseconds>,
}

impl Manners {
    /// A message has come.
    ///
    /// # Errors
    /// It was one too many.
    pub(crate) fn message(&mut self, now: Milliseconds) -> Result<(), Ending> {
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|time| now - time >= 1_000) {
            self.recent.pop_front();
        }
        if self.recent.len() > MESSAGES_A_SECOND {
            return Err(Ending { code: POLICY, reason: "Too many requests" });
        }
        Ok(())
    }

    /// A ping has been answered.
    pub(crate) const fn pong(&mut self) {
        self.unanswered = 0;
    }

    /// A ping is due.
    ///
    /// # Errors
    /// Too many have not been answered.
    pub(crate) const fn ping(&mut self) -> Result<(), Ending> {
        self.unanswered += 1;
        if self.unanswered > UNANSWERED_PINGS {
            return Err(Ending { code: POLICY, reason: "pings are not answered" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_pings_and_five_messages_a_second_are_borne() {
        let mut manners = Manners::default();
        assert!((0..3).all(|_| manners.ping().is_ok()));
        manners.pong();
        assert!((0..3).all(|_| manners.ping().is_ok()) && manners.ping().is_err());
        assert!((0..5).all(|at| manners.message(at * 100).is_ok()));
        assert!(manners.message(1_000).is_ok(), "the first is a second ago");
        assert!(manners.message(1_050).is_err());
    }
}
