//! Everything at once.

use kline::Milliseconds;

use super::frames::letter;
use super::lines::{Follower, Route};
use super::{Parcel, Venue};
use crate::LineId;

impl Venue {
    /// Sends what was held back for a connection, then so many frames of the running bars.
    pub(super) fn flood(&mut self, line: LineId, frames: usize, out: &mut Vec<Parcel>) {
        if !self.lines.speaks(line) {
            return;
        }
        let routes = self.routes();
        let of_line = |route: &&Route| route.followers.iter().any(|follower| follower.line == line);
        let followed: Vec<&Route> = routes.iter().filter(of_line).collect();
        if followed.is_empty() {
            self.faults.forget(line);
            return;
        }
        for held in self.faults.release(line, self.now) {
            self.post(held, out);
        }
        let combined = self.lines.combined(line).unwrap_or(false);
        let (now, mut moment) = (self.now, self.interval.floor(self.now));
        let rounds = frames / followed.len() + 1;
        let step = (now - moment) / Milliseconds::try_from(rounds).unwrap_or(1);
        for _ in 0..rounds {
            moment += step;
            for route in &followed {
                if let Some(candle) = self.forming_candle(route, moment) {
                    let event = self.event(route, &candle, moment);
                    self.post(letter(route, Follower { line, combined }, &event, false), out);
                }
            }
        }
    }
}
