//! What happens to a frame at the moment at which it leaves: nothing, or it is dropped, held, slowed or torn.

use kline::{Milliseconds, Symbol};

use super::torn::{Rag, tear};
use super::{FaultEntry, FaultKind, Faults};
use crate::LineId;

/// The most forming frames that are held back for one connection; more are dropped. Finals are all kept: there
/// are few of them in the hour that a hold lasts.
const MOST_HELD: usize = 400;
/// The longest that a frame is slowed, in milliseconds.
const SLOWEST: Milliseconds = 45_000;

/// A frame of a kline or trade on its way to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) line: LineId,
    pub(crate) symbol: Symbol,
    pub(crate) is_kline: bool,
    pub(crate) closed: bool,
    pub(crate) text: String,
    /// Whether it has been slowed already.
    pub(crate) slowed: bool,
}

/// How a text leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tear {
    /// In one piece.
    Whole,
    /// In so many fragments.
    Fragments(usize),
}

/// What becomes of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It leaves now.
    Leaves(Letter, Tear),
    /// It leaves at the time.
    Later(Letter, Milliseconds),
    /// It never leaves, or with a flood.
    Stays,
}

impl Faults {
    /// Decides about a letter that is due.
    pub(crate) fn fate(&mut self, mut letter: Letter, now: Milliseconds) -> Fate {
        if self.silences(&letter, now) || self.silent(&letter, now) {
            return Fate::Stays;
        }
        let line = letter.line;
        if let Some(hold) = self.holds.get_mut(&line).filter(|hold| hold.until > now) {
            if hold.letters.is_empty() {
                let (start, end) = (hold.since, hold.until);
                self.log.add(FaultEntry {
                    kind: FaultKind::Flood,
                    symbol: None,
                    line: Some(line),
                    start,
                    end,
                });
            }
            hold.forming += usize::from(!letter.closed);
            if letter.closed || hold.forming <= MOST_HELD {
                hold.letters.push(letter);
            }
            return Fate::Stays;
        }
        if !letter.slowed
            && let Some(time) = self.slowed(line, now)
        {
            letter.slowed = true;
            return Fate::Later(letter, time);
        }
        let tear = self.torn(&mut letter, now);
        Fate::Leaves(letter, tear)
    }

    /// What was held back for a connection, in order; it is a flood from now on.
    pub(crate) fn release(&mut self, line: LineId, now: Milliseconds) -> Vec<Letter> {
        let Some(hold) = self.holds.remove(&line) else {
            return Vec::new();
        };
        if hold.letters.is_empty() {
            let (start, end) = (hold.since, now);
            self.log.add(FaultEntry { kind: FaultKind::Flood, symbol: None, line: Some(line), start, end });
        }
        hold.letters
    }

    fn silent(&mut self, letter: &Letter, now: Milliseconds) -> bool {
        let mut silent = false;
        for active in self.active.iter_mut().filter(|active| active.episode.kind == FaultKind::Silence) {
            if active.at(now) && active.strikes_line(letter.line) {
                silent = true;
                if let Some(entry) = active.first(Some(letter.line), now) {
                    self.log.add(entry);
                }
            }
        }
        silent
    }

    /// When a frame leaves that a slow connection keeps back, never before those in front of it.
    fn slowed(&mut self, line: LineId, now: Milliseconds) -> Option<Milliseconds> {
        let before = self.not_before.get(&line).copied().filter(|time| *time >= now);
        let active = self.active.iter_mut().find(|active| {
            active.episode.kind == FaultKind::SlowFrames && active.at(now) && active.strikes_line(line)
        });
        let time = match active {
            None => before?,
            Some(active) => {
                if let Some(entry) = active.first(Some(line), now) {
                    self.log.add(FaultEntry { end: entry.end + SLOWEST, ..entry });
                }
                (now + active.draw.spread(500, SLOWEST)).max(before.unwrap_or(now))
            }
        };
        self.not_before.insert(line, time);
        Some(time)
    }

    fn torn(&mut self, letter: &mut Letter, now: Milliseconds) -> Tear {
        let Some(torn) = self.torn.get_mut(&letter.line) else {
            return Tear::Whole;
        };
        let rag = tear(&mut torn.draw, &letter.text, self.fragments);
        torn.frames -= 1;
        if torn.frames == 0 {
            self.torn.remove(&letter.line);
        }
        let (symbol, line) = (Some(letter.symbol), Some(letter.line));
        self.log.add(FaultEntry { kind: FaultKind::TornFrames, symbol, line, start: now, end: now });
        match rag {
            Rag::Fragments(count) => Tear::Fragments(count),
            Rag::Text(text) => {
                letter.text = text;
                Tear::Whole
            }
        }
    }
}
