//! What will happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kline::{Milliseconds, Symbol};

use crate::LineId;
use crate::faults::{Letter, Partial};

/// Something that is due at a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A kline frame.
    Letter(Letter),
    /// The answer to a command.
    Reply(LineId, String),
    /// The close after a notice of shutdown.
    Close(LineId),
    /// What was held back, and so many forming frames.
    Flood(LineId, usize),
    /// Forming klines go out as closed ones.
    Partial(Partial),
    /// The truth about a bar, which something else was answered for.
    Correct { symbol: Symbol, open_time: Milliseconds, second_frame: bool },
}

/// An item with its time and number; the heap looks at these alone.
#[derive(Debug)]
struct Due {
    at: Milliseconds,
    number: u64,
    item: Item,
}

impl Due {
    const fn key(&self) -> Reverse<(Milliseconds, u64)> {
        Reverse((self.at, self.number))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Items in order of time; those of one time in the order in which they came. It is bounded by what the faults
/// can delay: half an hour of frames.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    heap: BinaryHeap<Due>,
    number: u64,
}

impl Outbox {
    pub(super) fn push(&mut self, at: Milliseconds, item: Item) {
        self.number += 1;
        self.heap.push(Due { at, number: self.number, item });
    }

    pub(super) fn next_at(&self) -> Milliseconds {
        self.heap.peek().map_or(Milliseconds::MAX, |due| due.at)
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.heap.pop().map(|due| due.item)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_one_time_keep_their_order() {
        let mut outbox = Outbox::default();
        for (at, line) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            outbox.push(at, Item::Close(LineId(line)));
        }
        assert_eq!(outbox.next_at(), 3);
        let order: Vec<Item> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(order, [1, 3, 0, 2].map(|line| Item::Close(LineId(line))));
        assert_eq!(outbox.next_at(), Milliseconds::MAX);
    }
}
