//! The frames of aggregated trades. They are made only while someone follows them.

use super::frames::addressed;
use super::{Item, Venue};
use crate::faults::Letter;
use crate::trades;

impl Venue {
    /// When trades are sent next; `None` while nobody follows them.
    pub(super) fn next_trades_at(&self) -> Option<kline::Milliseconds> {
        self.lines.follow_trades().then(|| trades::next_moment(self.interval, self.traded))
    }

    /// Sends the trades of this moment.
    pub(super) fn send_trades(&mut self, at: kline::Milliseconds) {
        self.traded = at;
        for route in self.lines.trade_routes().iter() {
            for trade in self.tape.trades_at(route.symbol, at) {
                let shown = self.now + self.faults.clock_offset(self.now);
                let event = trades::event(route.symbol, &trade, shown, self.stamps());
                for follower in &route.followers {
                    let text = addressed(&route.name, *follower, &event);
                    let letter = Letter {
                        line: follower.line,
                        symbol: route.symbol,
                        is_kline: false,
                        closed: false,
                        text,
                        slowed: false,
                    };
                    self.outbox.push(self.now, Item::Letter(letter));
                }
            }
        }
    }
}
