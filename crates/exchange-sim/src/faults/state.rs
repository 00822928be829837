//! The faults that are going on, and how they begin.

use std::collections::BTreeMap;

use kline::{Interval, Milliseconds, Symbol};

use super::active::Active;
use super::episode::{Halt, Timeline};
use super::log::Log;
use super::torn::Torn;
use super::{Draw, Episode, FaultEntry, FaultKind, FaultPlan, Letter};
use crate::LineId;

/// Every decision about faults is made here; the venue carries it out.
#[derive(Debug)]
pub(crate) struct Faults {
    timeline: Timeline,
    symbols: Vec<Symbol>,
    pub(super) interval: Interval,
    /// Exchange seconds for one of the client's, for `Retry-After`.
    pub(super) speed: f64,
    /// Whether frames can be sent in fragments.
    pub(super) fragments: bool,
    pub(super) active: Vec<Active>,
    pub(super) log: Log,
    /// What is held back for a flood, by connection.
    pub(super) holds: BTreeMap<LineId, Hold>,
    /// Frames of slow connections leave in order, none before this.
    pub(super) not_before: BTreeMap<LineId, Milliseconds>,
    pub(super) torn: BTreeMap<LineId, Torn>,
}

/// What a connection's flood is made of.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(super) since: Milliseconds,
    pub(super) until: Milliseconds,
    pub(super) letters: Vec<Letter>,
    pub(super) forming: usize,
}

/// What an episode's beginning means for the venue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Begun {
    /// Nothing leaves on the connection any more.
    Mute(LineId),
    /// The connection is dropped.
    Reset(LineId),
    /// The notice now, the close at the time.
    Shutdown { line: LineId, close_at: Milliseconds },
    /// What is held back leaves at the time, with so many forming frames.
    Flood { line: LineId, at: Milliseconds, frames: usize },
    /// At the time the forming klines go out as closed ones.
    Partial(Partial),
}

/// Forming klines that go out as closed ones before their close.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partial {
    pub(crate) at: Milliseconds,
    symbol: Option<Symbol>,
    lines: Option<Vec<LineId>>,
}

impl Partial {
    pub(crate) fn strikes(&self, symbol: Symbol, line: LineId) -> bool {
        self.symbol.is_none_or(|struck| struck == symbol)
            && self.lines.as_ref().is_none_or(|lines| lines.contains(&line))
    }
}

impl Faults {
    /// `symbols` in order.
    pub(crate) fn new(
        plan: FaultPlan,
        (interval, start): (Interval, Milliseconds),
        symbols: Vec<Symbol>,
        (speed, fragments): (f64, bool),
    ) -> Self {
        Self {
            timeline: Timeline::new(plan, interval, start),
            symbols,
            interval,
            speed,
            fragments,
            active: Vec::new(),
            log: Log::default(),
            holds: BTreeMap::new(),
            not_before: BTreeMap::new(),
            torn: BTreeMap::new(),
        }
    }

    pub(crate) fn log(&self) -> &[FaultEntry] {
        self.log.entries()
    }

    /// When the next episode may begin.
    pub(crate) fn next_at(&self) -> Milliseconds {
        if self.log.full() { Milliseconds::MAX } else { self.timeline.next_at() }
    }

    /// Begins the next episode that has begun at `now`, and forgets those that are over. `open` are the connections
    /// that are alive. One at a time: an episode may end the connections that the next would have struck.
    pub(crate) fn begin(&mut self, now: Milliseconds, open: &[LineId]) -> Vec<Begun> {
        self.active.retain(|active| active.episode.until > now);
        self.not_before.retain(|_, time| *time >= now);
        let mut begun = Vec::new();
        if let Some(episode) = self.timeline.pop(now) {
            self.begin_one(episode, open, &mut begun);
        }
        begun
    }

    fn begin_one(&mut self, episode: Episode, open: &[LineId], begun: &mut Vec<Begun>) {
        use FaultKind as Kind;
        let Episode { kind, start, until, .. } = episode;
        // One of a kind at a time, so that each can be told apart.
        if self.active.iter().any(|active| active.episode.kind == kind && active.at(start)) {
            return;
        }
        let active = Active::new(episode, &self.symbols, open);
        let struck: Vec<LineId> = open.iter().copied().filter(|line| active.strikes_line(*line)).collect();
        let on = |line, end| FaultEntry { kind, symbol: None, line: Some(line), start, end };
        match kind {
            Kind::HalfOpen | Kind::Reset | Kind::ServerShutdown => {
                for line in struck {
                    let (what, end) = match kind {
                        Kind::HalfOpen => (Begun::Mute(line), Milliseconds::MAX),
                        Kind::Reset => (Begun::Reset(line), start),
                        _ => (Begun::Shutdown { line, close_at: until }, until),
                    };
                    begun.push(what);
                    self.log.add(on(line, end));
                }
            }
            Kind::Flood => {
                for line in struck {
                    if self.holds.contains_key(&line) {
                        continue;
                    }
                    let hold = Hold { since: start, until, letters: Vec::new(), forming: 0 };
                    self.holds.insert(line, hold);
                    let frames = 200 + episode.draw(line.number()).below(300);
                    begun.push(Begun::Flood { line, at: until, frames });
                }
            }
            Kind::TornFrames => {
                for line in struck {
                    let mut draw = episode.draw(line.number());
                    let frames = 1 + draw.below(3);
                    self.torn.insert(line, Torn { frames, draw });
                }
            }
            Kind::SymbolHalt => {
                if let Some(Halt { symbol, from, until, .. }) = Halt::of(&episode, &self.symbols) {
                    let entry =
                        FaultEntry { kind, symbol: Some(symbol), line: None, start: from, end: until };
                    self.log.add(entry);
                }
            }
            Kind::PartialAsClosed => {
                let mut draw: Draw = episode.draw(1);
                if draw.chance(0.5) {
                    let before = draw.spread(500, 60_000).min(self.interval.milliseconds() / 2);
                    let at = start + self.interval.milliseconds() - before;
                    begun.push(Begun::Partial(Partial { at, symbol: active.symbol, lines: active.lines }));
                } else {
                    self.active.push(active);
                }
            }
            // An hour without a frame strikes the sockets that are open; a new one is well.
            Kind::Silence => self.active.push(active.only(struck)),
            _ => self.active.push(active),
        }
    }

    /// Forgets a connection that has gone.
    pub(crate) fn forget(&mut self, line: LineId) {
        self.holds.remove(&line);
        self.not_before.remove(&line);
        self.torn.remove(&line);
    }

    /// How far the exchange's clock is ahead of the truth.
    pub(crate) fn clock_offset(&mut self, now: Milliseconds) -> Milliseconds {
        let mut offset = 0;
        for active in self.active.iter_mut().filter(|active| active.episode.kind == FaultKind::ClockJump) {
            if active.at(now) {
                let mut draw = active.episode.draw(1);
                let jump = draw.spread(1_000, 60_000);
                offset += if draw.chance(0.5) { jump } else { -jump };
                if let Some(entry) = active.first(None, now) {
                    self.log.add(entry);
                }
            }
        }
        offset
    }

    /// Whether times are written in microseconds.
    pub(crate) fn microseconds(&mut self, now: Milliseconds) -> bool {
        let mut found = false;
        for active in &mut self.active {
            if active.episode.kind == FaultKind::MicrosecondStamps && active.at(now) {
                found = true;
                if let Some(entry) = active.first(None, now) {
                    self.log.add(entry);
                }
            }
        }
        found
    }

    /// Enters a fault of which the venue knows when it showed.
    pub(crate) fn note(&mut self, entry: FaultEntry) {
        self.log.add(entry);
    }
}
