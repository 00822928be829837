//! When faults happen: episodes, drawn day by day.

use std::collections::VecDeque;

use kline::{Interval, Milliseconds, Symbol};

use super::{Draw, FaultKind, FaultPlan};

const SECOND: Milliseconds = 1_000;
const MINUTE: Milliseconds = 60 * SECOND;
const HOUR: Milliseconds = 60 * MINUTE;
const DAY: Milliseconds = 24 * HOUR;

/// One time during which one fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) kind: FaultKind,
    pub(crate) start: Milliseconds,
    pub(crate) until: Milliseconds,
    pub(crate) seed: u64,
}

impl Episode {
    /// Random numbers of the episode, a sequence for each purpose.
    pub(crate) fn draw(&self, purpose: u64) -> Draw {
        Draw::of(&[self.seed, purpose])
    }
}

/// The plan's episodes in order of time, from `start` on.
#[derive(Debug)]
pub(crate) struct Timeline {
    plan: FaultPlan,
    interval: Interval,
    start: Milliseconds,
    next_day: i64,
    drawn: VecDeque<Episode>,
}

impl Timeline {
    pub(crate) fn new(plan: FaultPlan, interval: Interval, start: Milliseconds) -> Self {
        Self { plan, interval, start, next_day: start.div_euclid(DAY), drawn: VecDeque::new() }
    }

    /// When there is something to do: an episode begins, or the next day has to be drawn.
    pub(crate) fn next_at(&self) -> Milliseconds {
        if self.quiet() {
            return Milliseconds::MAX;
        }
        let day = self.next_day * DAY;
        self.drawn.front().map_or(day, |episode| episode.start.min(day))
    }

    fn quiet(&self) -> bool {
        self.plan.kinds.is_empty() || self.plan.per_day == 0.0
    }

    /// The next episode that has begun at `now`.
    pub(crate) fn pop(&mut self, now: Milliseconds) -> Option<Episode> {
        while !self.quiet() && self.next_at() <= now {
            if let Some(episode) = self.drawn.pop_front_if(|episode| episode.start <= now) {
                return Some(episode);
            }
            let mut day: Vec<Episode> = FaultKind::ALL
                .into_iter()
                .filter(|kind| self.plan.has(*kind))
                .flat_map(|kind| of_day(&self.plan, self.interval, kind, self.next_day))
                .filter(|episode| episode.start >= self.start)
                .filter(|episode| self.plan.until.is_none_or(|until| episode.start < until))
                .collect();
            day.sort_by_key(|episode| episode.start);
            self.drawn.extend(day);
            self.next_day += 1;
        }
        None
    }
}

/// The kind's episodes that begin on a day (counted from 1970-01-01), in order of time.
fn of_day(plan: &FaultPlan, interval: Interval, kind: FaultKind, day: i64) -> Vec<Episode> {
    let mut draw = Draw::of(&[plan.seed, kind as u64, day.cast_unsigned()]);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rate is bounded")]
    let whole = plan.per_day as usize;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let count = whole + usize::from(draw.chance(plan.per_day - whole as f64));
    let mut episodes: Vec<Episode> = (0..count)
        .map(|_| {
            let mut start = draw.between(day * DAY, day * DAY + DAY - 1);
            if by_bars(kind) {
                start = interval.floor(start);
            }
            let until = start.saturating_add(length(kind, interval, &mut draw));
            Episode { kind, start, until, seed: draw.next() }
        })
        .collect();
    episodes.sort_by_key(|episode| episode.start);
    episodes
}

/// Whether the kind strikes whole bars, and so begins at the end of one.
const fn by_bars(kind: FaultKind) -> bool {
    use FaultKind as Kind;
    matches!(
        kind,
        Kind::LateFinal
            | Kind::MissingFinal
            | Kind::DuplicateFinal
            | Kind::ReorderedFinals
            | Kind::CorrectedFinal
            | Kind::PartialAsClosed
            | Kind::SymbolHalt
    )
}

/// How long an episode is.
fn length(kind: FaultKind, interval: Interval, draw: &mut Draw) -> Milliseconds {
    use FaultKind as Kind;
    let bars = |count: Milliseconds| count * interval.milliseconds();
    match kind {
        Kind::LateFinal | Kind::MissingFinal | Kind::DuplicateFinal => bars(draw.between(1, 4)),
        Kind::ReorderedFinals | Kind::CorrectedFinal | Kind::PartialAsClosed => bars(draw.between(1, 2)),
        Kind::SymbolHalt => {
            let hours = draw.between(1, 8) * HOUR;
            (hours / interval.milliseconds()).max(1) * interval.milliseconds()
        }
        Kind::HalfOpen | Kind::Reset | Kind::TornFrames => 0,
        Kind::SlowFrames => draw.spread(30 * SECOND, 20 * MINUTE),
        Kind::ServerShutdown => draw.spread(10 * SECOND, 10 * MINUTE),
        Kind::TooManyRequests => draw.spread(5 * SECOND, 2 * MINUTE),
        Kind::Banned => draw.spread(2 * MINUTE, HOUR),
        Kind::LegalBlock => draw.spread(5 * MINUTE, 2 * HOUR),
        Kind::ServerErrors | Kind::HtmlAnswers => draw.spread(10 * SECOND, 10 * MINUTE),
        Kind::MicrosecondStamps => draw.spread(MINUTE, 2 * HOUR),
        Kind::ClockJump => draw.spread(MINUTE, HOUR),
        Kind::Silence => draw.between(50 * MINUTE, 70 * MINUTE),
        // Longer than a bar of a quarter of an hour, and over within the hour.
        Kind::KlinesSilent => draw.between(16 * MINUTE, 55 * MINUTE),
        // Every other flood comes alone: nothing was held back before it.
        Kind::Flood => {
            let alone = draw.chance(0.5);
            let held = draw.spread(MINUTE, HOUR);
            if alone { 0 } else { held }
        }
    }
}

/// A time without trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halt {
    pub(crate) symbol: Symbol,
    pub(crate) from: Milliseconds,
    pub(crate) until: Milliseconds,
    /// Whether `exchangeInfo` says HALT; else BREAK.
    pub(crate) halt: bool,
}

impl Halt {
    /// What an episode means, `symbols` in order.
    pub(crate) fn of(episode: &Episode, symbols: &[Symbol]) -> Option<Self> {
        let mut draw = episode.draw(0);
        let symbol = *symbols.get(draw.below(symbols.len()))?;
        Some(Self { symbol, from: episode.start, until: episode.until, halt: draw.chance(0.5) })
    }
}

/// The halts that begin on a day (counted from 1970-01-01).
pub(crate) fn halts_of_day(plan: &FaultPlan, interval: Interval, day: i64, symbols: &[Symbol]) -> Vec<Halt> {
    if !plan.has(FaultKind::SymbolHalt) {
        return Vec::new();
    }
    let episodes = of_day(plan, interval, FaultKind::SymbolHalt, day);
    episodes.iter().filter_map(|episode| Halt::of(episode, symbols)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_come_in_order_at_the_rate_that_was_asked_for_from_the_start_on() {
        let start = 1_748_736_000_000 + 5 * HOUR;
        let mut timeline = Timeline::new(FaultPlan::all(3, 2.5), Interval::M15, start);
        let mut episodes = Vec::new();
        while let Some(episode) = timeline.pop(start + 200 * DAY) {
            episodes.push(episode);
        }
        assert!(episodes.iter().all(|episode| episode.start >= start && episode.until >= episode.start));
        assert!(episodes.windows(2).all(|pair| pair[0].start <= pair[1].start));
        for kind in FaultKind::ALL {
            let count = episodes.iter().filter(|episode| episode.kind == kind).count();
            assert!((430..=570).contains(&count), "{kind}: {count}");
        }
        let mut none = Timeline::new(FaultPlan::none(), Interval::M15, start);
        assert_eq!((none.next_at(), none.pop(Milliseconds::MAX)), (Milliseconds::MAX, None));
    }
}
